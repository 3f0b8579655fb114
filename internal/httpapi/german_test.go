package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rapport/internal/pipeline"
	"rapport/internal/wording"
	"rapport/internal/wording/wordingtest"
)

// foreign tells rooms whose errors the own API and the console never show: other
// clients' paths answer in the shape of these, and the rest stops a process.
func foreign(pkg string) bool {
	for _, room := range []string{"dialect", "store", "disk", "backup"} {
		if pkg == room || strings.HasPrefix(pkg, room+"/") {
			return true
		}
	}
	return false
}

func TestGerman_HasEveryCode(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, c := range codes(t) {
		there[c.name] = true
		if strings.Contains(c.name, "{}") { // put together at run time
			c.name = strings.ReplaceAll(c.name, "{}", "something")
		} else if !foreign(c.pkg) && germanOf[c.name] == "" {
			t.Errorf("%s of %s has no German: add it to germanOf", c.name, c.pkg)
		}
		if said := germanSentence("x is wrong", c.name); !foreign(c.pkg) && (!strings.HasSuffix(said, "„x is wrong“") || len(said) < 40) {
			t.Errorf("%s: %q", c.name, said)
		}
	}
	for code := range germanOf {
		if !there[code] {
			t.Errorf("germanOf has %s, which is no code", code)
		}
	}
	for _, a := range answers() {
		if titles[a.status] == "" {
			t.Errorf("the status %d has no German", a.status)
		}
	}
}

// TestGerman_HasWhatFormsAreToldOfFields reads the messages of the library that
// holds requests against the API's description.
func TestGerman_HasWhatFormsAreToldOfFields(t *testing.T) {
	t.Parallel()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "github.com/danielgtaylor/huma/v2/validation").Output()
	if err != nil {
		t.Fatal(err)
	}
	said := wordingtest.Sentences(t, filepath.Join(strings.TrimSpace(string(folder)), "messages.go"))
	if len(said) < 40 {
		t.Fatalf("found %d messages", len(said))
	}
	for _, r := range refusals {
		said = append(said, r.detail)
	}
	wordingtest.Holds(t, germanProblems, said)
}

// TestGerman_HasEverySentence holds the catalogs against every sentence of an error
// that the source has. What is put together at run time is filled in.
func TestGerman_HasEverySentence(t *testing.T) {
	t.Parallel()
	forms := problemForms()
	for sentence, pkg := range sentences(t) {
		if _, ok := forms[sentence]; !ok && !foreign(pkg) && words.MatchString(verbs.ReplaceAllString(sentence, "")) {
			t.Errorf("%s says %q and has no German for it: add it to a catalog of german*.go", pkg, sentence)
		}
	}
}

var (
	verbs = regexp.MustCompile(`%[.0-9]*[a-z]`)
	words = regexp.MustCompile(`[a-z]{2}`)
)

// sentences are all of the source's, with the room that says each.
func sentences(t *testing.T) map[string]string {
	t.Helper()
	all, err := readCodes()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for sentence, pkg := range all.sentences {
		out[strings.ReplaceAll(sentence, "{}", "%s")] = pkg
	}
	if len(out) < 500 {
		t.Fatalf("found %d sentences", len(out))
	}
	return out
}

func TestGerman_SaysWhatWasKeptAsTheReaderAsks(t *testing.T) {
	t.Parallel()
	german := pipeline.InLanguage(t.Context(), wording.German)
	for english, want := range map[string]string{
		"":                         "",
		"something of Kafka's own": "something of Kafka's own",
		"it answers 404 Not Found": "Die Antwort ist 404 Not Found.",
		"it is no time as 2006":    "der Wert ist keine Zeit wie 2006",
		"nothing listens at its address; check the server's user and password": "Unter der Adresse nimmt niemand an. Prüfen Sie Benutzer und Passwort des Servers.",
	} {
		if got := told(german, english); got != want || told(t.Context(), english) != english {
			t.Errorf("%q becomes %q, want %q", english, got, want)
		}
	}
	report := "line,column,value,code,reason,mend\n2,Age,x,invalid_value,it is no number,\"write it as number, or change the type, the format or the transforms of the column in the mapping\"\n"
	var inGerman, plain strings.Builder
	if err := errors.Join(copyReport(german, &inGerman, strings.NewReader(report)), copyReport(t.Context(), &plain, strings.NewReader(report))); err != nil || plain.String() != report {
		t.Fatal(err, plain.String())
	}
	if want := "line,column,value,code,reason,mend\n2,Age,x,invalid_value,der Wert ist keine Zahl,\"als number schreiben oder in der Zuordnung Typ, Format oder Umformungen der Spalte ändern\"\n"; inGerman.String() != want {
		t.Errorf("%s", inGerman.String())
	}
}

// TestGerman_OfSentencesThatThereAre finds forms whose English was changed. Some are
// put together at run time: then their parts are looked for.
func TestGerman_OfSentencesThatThereAre(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, room := range []string{
		"access", "retention", "broadcast", "alert", "definition", "policy", "pipeline", "httpapi", "dialect/segment", "feed", "tablefile", "source/imports",
		"schedule", "outbox", "destination", "destination/*",
	} {
		files, err := filepath.Glob("../" + room + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(room, err)
		}
		for _, file := range files {
			if strings.HasPrefix(filepath.Base(file), "german") {
				continue
			}
			for _, text := range wordingtest.Sentences(t, file) {
				there[text] = true
			}
		}
	}
	for sentence := range sentences(t) {
		there[sentence] = true
	}
	put := func(form string) bool {
		return !slices.ContainsFunc(regexp.MustCompile(`%[sv]`).Split(form, -1), func(part string) bool {
			return strings.Contains(strings.TrimSpace(part), " ") && !there[part]
		})
	}
	all := problemForms()
	maps.DeleteFunc(all, func(english, _ string) bool { _, other := germanProblems[english]; return other }) // mostly a library's
	for english := range all {
		if !there[english] && !put(english) {
			t.Errorf("nobody says %q", english)
		}
	}
	wordingtest.Holds(t, problemForms(), nil)
}

func TestGerman_ProblemsAreSaidAsTheReaderAsks(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, c := range []struct{ method, path, body, title, detail string }{
		{"PUT", "/api/v1/retention-policies/pages", `{"keep_days":0}`, "Ungültige Anfrage", "Die Frist ist 0: Geben Sie 1 bis 36500 Tage; ohne Regel bleiben Ereignisse für immer."},
		{"POST", "/api/v1/retention/runs", `{"dry_run":"yes"}`, "Ungültige Anfrage", "/dry_run: muss true oder false sein"},
		{"GET", "/api/v1/jobs?limit=0", "", "Ungültige Anfrage", "limit: muss mindestens 1 sein"},
		{"GET", "/api/v1/nothing", "", "Nicht gefunden", "Diese Adresse gibt es nicht: GET /api/v1/openapi.json zeigt, welche es gibt; schreiben Sie Werte in einem Pfad prozent-kodiert (/ ist %2F)."},
	} {
		res, text := d.ask(t, c.method, c.path, c.body, "Accept-Language", "de")
		var p Problem
		if err := json.Unmarshal([]byte(text), &p); err != nil || p.Title != c.title || p.Detail != c.detail {
			t.Errorf("%s %s: %d %s", c.method, c.path, res.StatusCode, text)
		}
	}
	english := newProblem(http.StatusForbidden, "sign_in_again", "a new passkey needs a sign-in of the last 10 minutes: sign out, sign in again and make it then")
	if got := english.in(wording.German); got.Detail != "Ein neuer Passkey braucht eine Anmeldung der letzten 10 Minuten: Melden Sie sich ab und wieder an, und legen Sie ihn dann an." || english.in(wording.English).Detail != english.Detail {
		t.Errorf("%+v", got)
	}
}
