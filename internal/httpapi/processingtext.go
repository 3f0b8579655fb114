package httpapi

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"rapport/internal/access"
)

// german are the words of the document in German, by those in English.
func german() map[string]string {
	return map[string]string{
		"Record of processing activities": "Verzeichnis von Verarbeitungstätigkeiten",
		"Article 30 GDPR. Made at":        "Artikel 30 DSGVO. Erstellt am",
		"Still to be said":                "Noch zu ergänzen",
		"Controller":                      "Verantwortlicher",
		"Jointly with":                    "Gemeinsam mit",
		"Data protection officer":         "Datenschutzbeauftragter",
		"Purposes":                        "Zwecke",
		"Key":                             "Schlüssel",
		"Name":                            "Name",
		"Basis":                           "Grundlage",
		"Categories of people":            "Kategorien betroffener Personen",
		"Categories of personal data":     "Kategorien personenbezogener Daten",
		"Where data comes from":           "Herkunft der Daten",
		"Kind":                            "Art",
		"Provider":                        "Anbieter",
		"Purpose":                         "Zweck",
		"Without consent":                 "Ohne Einwilligung",
		"Recipients":                      "Empfänger",
		"Transfers to third countries":    "Übermittlungen in Drittländer",
		"Time limits":                     "Löschfristen",
		"Events":                          "Ereignisse",
		"Sources":                         "Quellen",
		"Days":                            "Tage",
		"Legal basis":                     "Rechtsgrundlage",
		"all":                             "alle",
		"What no policy is about is kept until somebody is erased.": "Was keine Regel betrifft, bleibt, bis jemand gelöscht wird.",
		"Who may see what":   "Wer was sehen darf",
		"Role":               "Rolle",
		"Members":            "Mitglieder",
		"May":                "Darf",
		"Secret keys":        "Geheime Schlüssel",
		"Number":             "Anzahl",
		"Measures":           "Maßnahmen",
		"nobody has said it": "noch nicht angegeben",
		"sees everything that is not personal, and people with what is personal masked":   "sieht alles Nichtpersönliche, und Personen mit verdeckten persönlichen Angaben",
		"builds segments and reads results; people stay masked":                           "baut Segmente und liest Ergebnisse; Personen bleiben verdeckt",
		"builds what people get, and may look at a person":                                "gestaltet, was Personen bekommen, und darf eine Person ansehen",
		"connects sources and destinations and keeps the plumbing":                        "verbindet Quellen und Ziele und hält den Betrieb am Laufen",
		"answers what people ask for about themselves":                                    "beantwortet Anliegen von Personen zu ihren eigenen Daten",
		"may do everything, keys and members included":                                    "darf alles, auch Schlüssel und Mitglieder verwalten",
		"Payloads of the log are sealed with a key per identifier; erasing destroys it.":  "Inhalte des Protokolls sind je Kennung verschlüsselt; Löschen vernichtet den Schlüssel.",
		"Every change is in the audit log.":                                               "Jede Änderung steht im Prüfprotokoll.",
		"Secret keys are kept as hashes, secrets of destinations and connections sealed.": "Geheime Schlüssel liegen nur als Hash vor, Geheimnisse von Zielen und Verbindungen verschlüsselt.",
	}
}

// mayOf is what a role may, in a sentence.
func mayOf(r access.Role) string {
	switch r {
	case access.Viewer:
		return "sees everything that is not personal, and people with what is personal masked"
	case access.Analyst:
		return "builds segments and reads results; people stay masked"
	case access.Marketer:
		return "builds what people get, and may look at a person"
	case access.Developer:
		return "connects sources and destinations and keeps the plumbing"
	case access.Privacy:
		return "answers what people ask for about themselves"
	}
	return "may do everything, keys and members included"
}

// processingSheet is a document in Markdown that is being written.
type processingSheet struct {
	bytes.Buffer
	words map[string]string // nil: English
}

func (s *processingSheet) say(text string) string { return cmp.Or(s.words[text], text) }

// markdownText makes text of people harmless: one line, and nothing that Markdown reads.
func markdownText(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "&", "&amp;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "#", `\#`, "!", `\!`).Replace(text)
}

func (s *processingSheet) heading(text string) { fmt.Fprintf(s, "\n## %s\n\n", s.say(text)) }

func (s *processingSheet) list(heading string, lines []string) {
	s.heading(heading)
	if len(lines) == 0 {
		fmt.Fprintf(s, "%s\n", s.say("nobody has said it"))
	}
	for _, l := range lines {
		fmt.Fprintf(s, "- %s\n", markdownText(l))
	}
}

// table writes rows of plain text below headings of ours.
func (s *processingSheet) table(head []string, rows [][]string) {
	for _, h := range head {
		fmt.Fprintf(s, "| %s ", s.say(h))
	}
	fmt.Fprintf(s, "|\n%s|\n", strings.Repeat("| --- ", len(head)))
	for _, r := range rows {
		for _, cell := range r {
			fmt.Fprintf(s, "| %s ", cell)
		}
		s.WriteString("|\n")
	}
}

func (r *ProcessingRecord) markdown(language string) []byte {
	s := &processingSheet{}
	if language == "de" {
		s.words = german()
	}
	fmt.Fprintf(s, "# %s\n\n%s %s.\n", s.say("Record of processing activities"), s.say("Article 30 GDPR. Made at"), r.Made)
	if len(r.Missing) > 0 {
		fmt.Fprintf(s, "\n**%s:** %s\n", s.say("Still to be said"), strings.Join(r.Missing, ", "))
	}
	t := &r.Statement
	if t.Description != "" {
		fmt.Fprintf(s, "\n%s\n", markdownText(t.Description))
	}
	s.list("Controller", texts(t.Controller.Name, t.Controller.Contact))
	if len(t.JointWith) > 0 {
		var lines []string
		for _, p := range t.JointWith {
			lines = append(lines, strings.Join(texts(p.Name, p.Contact), ", "))
		}
		s.list("Jointly with", lines)
	}
	if t.Officer.Name+t.Officer.Contact != "" {
		s.list("Data protection officer", texts(t.Officer.Name, t.Officer.Contact))
	}
	r.purposes(s)
	s.list("Categories of people", t.People)
	s.list("Categories of personal data", t.Data)
	r.origins(s)
	s.heading("Recipients")
	var rows [][]string
	for _, to := range r.Recipients {
		rows = append(rows, []string{markdownText(to.Key), markdownText(to.Name), markdownText(to.Type)})
	}
	s.table([]string{"Key", "Name", "Kind"}, rows)
	for _, l := range t.Recipients {
		fmt.Fprintf(s, "\n- %s", markdownText(l))
	}
	s.WriteString("\n")
	s.list("Transfers to third countries", t.Transfers)
	r.periods(s)
	r.seen(s)
	s.list("Measures", append([]string{
		s.say("Payloads of the log are sealed with a key per identifier; erasing destroys it."), s.say("Every change is in the audit log."),
		s.say("Secret keys are kept as hashes, secrets of destinations and connections sealed."),
	}, t.Security...))
	return s.Bytes()
}

func texts(all ...string) (out []string) {
	for _, t := range all {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

func (r *ProcessingRecord) purposes(s *processingSheet) {
	s.heading("Purposes")
	var rows [][]string
	for i := range r.Purposes {
		p := &r.Purposes[i]
		rows = append(rows, []string{markdownText(p.Key), markdownText(p.Name), markdownText(cmp.Or(p.Basis, "consent"))})
	}
	s.table([]string{"Key", "Name", "Basis"}, rows)
}

func (r *ProcessingRecord) origins(s *processingSheet) {
	s.heading("Where data comes from")
	var rows [][]string
	for i := range r.Sources {
		x := &r.Sources[i]
		rows = append(rows, []string{markdownText(x.Key), markdownText(x.Name), markdownText(x.Kind), markdownText(x.Provider), markdownText(x.Purpose), markdownText(string(x.Mode))})
	}
	s.table([]string{"Key", "Name", "Kind", "Provider", "Purpose", "Without consent"}, rows)
}

func (r *ProcessingRecord) periods(s *processingSheet) {
	s.heading("Time limits")
	var rows [][]string
	for i := range r.Kept {
		k := &r.Kept[i]
		about := strings.Join(append(append([]string{}, k.Types...), k.Names...), ", ")
		rows = append(rows, []string{
			markdownText(k.Policy), markdownText(cmp.Or(about, s.say("all"))), markdownText(cmp.Or(strings.Join(k.Sources, ", "), s.say("all"))), strconv.Itoa(k.KeepDays), markdownText(k.Purpose), markdownText(k.LegalBasis),
		})
	}
	s.table([]string{"Key", "Events", "Sources", "Days", "Purpose", "Legal basis"}, rows)
	for _, l := range r.Statement.Kept {
		fmt.Fprintf(s, "\n- %s", markdownText(l))
	}
	fmt.Fprintf(s, "\n%s\n", s.say("What no policy is about is kept until somebody is erased."))
}

func (r *ProcessingRecord) seen(s *processingSheet) {
	s.heading("Who may see what")
	var rows [][]string
	for _, x := range r.Access {
		rows = append(rows, []string{string(x.Role), strconv.Itoa(x.Members), s.say(mayOf(x.Role))})
	}
	s.table([]string{"Role", "Members", "May"}, rows)
	s.WriteString("\n")
	rows = nil
	for _, x := range r.Keys {
		rows = append(rows, []string{x.Scope, strconv.Itoa(x.Keys)})
	}
	s.table([]string{"Secret keys", "Number"}, rows)
}
