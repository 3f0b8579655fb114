package alert

import (
	"maps"
	"sync"

	"rapport/internal/health"
	"rapport/internal/wording"
)

// In says what is wrong in a language. The title is people's own.
func (s StandingAlert) In(l wording.Language) StandingAlert {
	s.Message, s.Mend = say(l, s.Message), say(l, s.Mend)
	return s
}

// In says what was said in another language.
func (s SaidAlert) In(l wording.Language) SaidAlert {
	s.Message, s.Mend = say(l, s.Message), say(l, s.Mend)
	return s
}

func say(l wording.Language, text string) string {
	said, _ := retold().Say(l, text)
	return said
}

var retold = sync.OnceValue(func() *wording.Retold { return german().Retold() })

// german is what alerts say. Findings are told in the words of the report that
// they come from.
func german() wording.Catalog {
	all := health.German()
	maps.Copy(all, wording.Catalog{
		"Profiles are %s behind what came in; %d events wait.":                                        "Profile sind %s hinter dem zurück, was hereinkam; %d Ereignisse warten.",
		"Look at what GET /api/v1/health says is stuck; else give the machine more cores.":            "Sehen Sie unter „Zustand“ nach, was feststeckt; geben Sie sonst der Maschine mehr Kerne.",
		"Nothing came from the source %s since %s.":                                                   "Von der Quelle %s kam nichts seit %s.",
		"Check whether it still sends and with which key; pause it if it never will.":                 "Prüfen Sie, ob sie noch sendet und mit welchem Schlüssel; halten Sie sie an, wenn sie es nie mehr tut.",
		"The destination %s is failing: %s (%d messages wait).":                                       "Das Ziel %s fällt aus: %s (%d Nachrichten warten).",
		"The destination %s is stopped: %s (%d messages wait).":                                       "Das Ziel %s hat angehalten: %s (%d Nachrichten warten).",
		"Mend what it says; one that stopped is released by a person.":                                "Beheben Sie, was es nennt; eines, das angehalten hat, gibt ein Mensch frei.",
		"At this rate the disk under %s is full at %s.":                                               "Geht es so weiter, ist die Platte unter %s voll am %s.",
		"A newer certificate cannot be had: %s.":                                                      "Ein neueres Zertifikat ist nicht zu bekommen: %s.",
		"Look at the files or at what the authority says.":                                            "Sehen Sie die Dateien an, oder was die Stelle sagt.",
		"Put a newer one in its place, or see why the authority gives none.":                          "Ersetzen Sie es durch ein neueres, oder sehen Sie nach, warum die Stelle keines ausstellt.",
		"%d events were not understood within %s.":                                                    "%d Ereignisse wurden innerhalb von %s nicht verstanden.",
		"Look at the dead letters: mend the sender or the mapping, then replay them.":                 "Sehen Sie unter „Unzustellbares“ nach: Beheben Sie es beim Sender oder in der Zuordnung, und spielen Sie sie noch einmal ein.",
		"%d messages were given up within %s.":                                                        "%d Nachrichten wurden innerhalb von %s aufgegeben.",
		"In the last whole hour only %d events came from the source %s; usual at this time are %.0f.": "In der letzten vollen Stunde kamen nur %d Ereignisse von der Quelle %s; üblich sind um diese Zeit %.0f.",
		"In the last whole hour %d events came from the source %s; usual at this time are %.0f.":      "In der letzten vollen Stunde kamen %d Ereignisse von der Quelle %s; üblich sind um diese Zeit %.0f.",
		"See what changed at the sender: a release, a campaign, a broken tag, a loop.":                "Sehen Sie nach, was sich beim Sender geändert hat: ein Release, eine Kampagne, ein defektes Tag, eine Schleife.",
		"This is a test: somebody tried whether you are told. Nothing is wrong.":                      "Dies ist eine Probe: Jemand wollte sehen, ob Sie es erfahren. Alles ist in Ordnung.",
	})
	return all
}
