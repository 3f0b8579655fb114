package condition

import "rapport/internal/wording"

// voice says conditions in a language.
type voice struct{ in wording.Language }

func (v voice) say(format string, args ...any) string { return german.Say(v.in, format, args...) }

// german are the words of conditions. Names that people gave stay as they are.
var german = wording.Catalog{
	"and": "und", "or": "oder", "not": "nicht", "everybody": "alle",
	"is in the segment %q": "ist im Segment %q", "the expression %s holds": "der Ausdruck %s gilt", "the value of %s": "der Wert von %s",
	"the trait %s": "das Merkmal %s", "an identifier %s": "eine Kennung %s", "the consent to %s": "die Einwilligung zu %s",
	"the computed trait %s": "das berechnete Merkmal %s", "the %s of a %s": "%s von %s", "the first %s": "der erste Wert von %s", "the %s": "%s",
	"first seen": "der erste Besuch", "last seen": "der letzte Besuch", "first order at": "die erste Bestellung", "last order at": "die letzte Bestellung",
	"event count": "die Anzahl der Events", "session count": "die Anzahl der Besuche", "order count": "die Anzahl der Bestellungen", "account": "das Konto",
	"anonymous": "anonym",
	"is":        "ist", "is not": "ist nicht", "known": "bekannt", "%d more": "%d weitere", "one of %s or %s": "%s oder %s",
	"is like %q": "ist wie %q", "is not like %q": "ist nicht wie %q", "contains %q": "enthält %q", "does not contain %q": "enthält nicht %q",
	"begins with %q": "beginnt mit %q", "does not begin with %q": "beginnt nicht mit %q", "ends with %q": "endet mit %q", "does not end with %q": "endet nicht mit %q",
	"between %s and %s": "zwischen %s und %s", "more than %s": "mehr als %s", "at least %s": "mindestens %s", "less than %s": "weniger als %s", "at most %s": "höchstens %s",
	"after %s": "nach %s", "not before %s": "nicht vor %s", "before %s": "vor %s", "not after %s": "nicht nach %s", "%s (not included)": "%s (nicht eingeschlossen)",
	"now": "jetzt", "%s ago": "dem Zeitpunkt vor %s", "%s from now": "dem Zeitpunkt in %s", "in the last %s": "in den letzten %s", "in the next %s": "in den nächsten %s",

	"1 week": "7 Tagen", "%d weeks": "%d Wochen", "1 day": "24 Stunden", "%d days": "%d Tagen", "1 hour": "60 Minuten", "%d hours": "%d Stunden",
	"1 minute": "60 Sekunden", "%d minutes": "%d Minuten", "1 second": "1 Sekunde", "%d seconds": "%d Sekunden",

	"the number of %s": "die Anzahl von %s", "the first of %s": "der erste Zeitpunkt von %s", "the last of %s": "der letzte Zeitpunkt von %s",
	"the %s of the first of %s": "%s beim ersten Mal von %s", "the %s of the last of %s": "%s beim letzten Mal von %s",
	"the number of different %s of %s": "die Anzahl verschiedener %s von %s", "%s in %s": "%s in %s",
	"the sum of %s of %s": "die Summe von %s bei %s", "the average of %s of %s": "der Durchschnitt von %s bei %s", "the smallest %s of %s": "der kleinste Wert von %s bei %s",
	"the largest %s of %s": "der größte Wert von %s bei %s", "the most frequent %s of %s": "der häufigste Wert von %s bei %s",

	"orders": "Bestellungen", "order items": "Bestellpositionen", "events": "Events", "pages": "Seiten", "screens": "Ansichten", "%s events": "Events der Art %s",
	"%s whose item's %s %s": "%s (%s des Artikels %s)", "%s whose item id %s": "%s (die Kennung des Artikels %s)", "%s that %q": "%s mit der Aktion %q",
	"context %s": "Kontext %s", "channel": "der Kanal", "source": "die Quelle", "where %s": "(%s)",

	"more than %s ago": "vor mehr als %s", "between %s and %s ago": "im Zeitraum von vor %s bis vor %s", "since %s": "seit %s", "from %s until before %s": "von %s bis vor %s",
	"in this day": "an diesem Tag", "in this week": "in dieser Woche", "in this month": "in diesem Monat", "in this quarter": "in diesem Quartal", "in this year": "in diesem Jahr",
	"in the previous day": "am Tag davor", "in the previous week": "in der Woche davor", "in the previous month": "im Monat davor", "in the previous quarter": "im Quartal davor", "in the previous year": "im Jahr davor",
	"in the last %d days of the calendar, this one included,":      "in den letzten %d Kalendertagen, der laufende eingeschlossen,",
	"in the last %d weeks of the calendar, this one included,":     "in den letzten %d Kalenderwochen, die laufende eingeschlossen,",
	"in the last %d months of the calendar, this one included,":    "in den letzten %d Kalendermonaten, der laufende eingeschlossen,",
	"in the last %d quarters of the calendar, this one included,":  "in den letzten %d Quartalen, das laufende eingeschlossen,",
	"in the last %d years of the calendar, this one included,":     "in den letzten %d Kalenderjahren, das laufende eingeschlossen,",
	"in the %d days of the calendar up to %d before this one,":     "in %d Kalendertagen bis %d vor dem laufenden,",
	"in the %d weeks of the calendar up to %d before this one,":    "in %d Kalenderwochen bis %d vor der laufenden,",
	"in the %d months of the calendar up to %d before this one,":   "in %d Kalendermonaten bis %d vor dem laufenden,",
	"in the %d quarters of the calendar up to %d before this one,": "in %d Quartalen bis %d vor dem laufenden,",
	"in the %d years of the calendar up to %d before this one,":    "in %d Kalenderjahren bis %d vor dem laufenden,",

	"and then": "und danach", "and then none of": "und danach keines von", "within %s": "innerhalb von %s", ", all %s": ", alles %s",
	"among the first %d": "unter den ersten %d", "of a share in percent that %s": "ein Anteil in Prozent, für den gilt: er %s", "above nothing": "mehr als nichts",
	"the affinity %s to %q is %s": "die Neigung %s zu %q ist %s",
}
