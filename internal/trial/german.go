package trial

import "rapport/internal/wording"

// say says a sentence in the language of the reader.
func (j *judge) say(format string, args ...any) string {
	return german.Say(j.Language, format, args...)
}

// german are verdicts and warnings. Names of variants and metrics stay as they are.
var german = wording.Catalog{
	"There is no primary metric, so there is nothing to decide by.":                                          "Es gibt keine Hauptmetrik, also nichts, wonach zu entscheiden wäre.",
	"Do not trust this: people are not divided by the weights (p = %s), so the variants are not comparable.": "Trauen Sie dem nicht: Die Personen sind nicht nach den Gewichten verteilt (p = %s), die Varianten sind also nicht vergleichbar.",
	"Too early: the smallest variant has %d people, %d are needed before there is a verdict.":                "Zu früh: Die kleinste Variante hat %d Personen, für ein Urteil sind %d nötig.",
	"%s beats %s on %s: %s.": "%s ist besser als %s bei %s: %s.",
	"%s beats %s on %s (%s), but it harms %s more than is tolerated.": "%s ist besser als %s bei %s (%s), schadet aber %s mehr, als geduldet wird.",
	"%s is worse than %s on %s: %s.":                                  "%s ist schlechter als %s bei %s: %s.",
	"No variant differs from %s on %s so far.":                        "Bisher unterscheidet sich keine Variante von %s bei %s.",
	"%s does not differ from %s on %s so far: %s.":                    "%s unterscheidet sich bisher nicht von %s bei %s: %s.",
	"%s cannot be compared with %s on %s yet: %s.":                    "%s lässt sich noch nicht mit %s bei %s vergleichen: %s.",
	" To find %s it takes about %.0f more days.":                      " Um %s zu finden, braucht es noch etwa %.0f Tage.",
	"and":                         "und",
	"no bound":                    "ohne Grenze",
	"%s, %s %% interval %s to %s": "%s, %s-%%-Intervall %s bis %s",
	"nobody was shown it":         "niemand hat sie gesehen",
	"the variance is zero or negative: every unit has the same value": "alle Personen haben denselben Wert",
	"there is no mean: the denominator is zero":                       "es gibt keinen Mittelwert: der Nenner ist null",

	"People are not divided as the weights say (p = %s): look for what keeps some of them out of a variant.":                                                                              "Die Personen sind nicht so verteilt, wie die Gewichte es sagen (p = %s): Suchen Sie, was einige von einer Variante fernhält.",
	"%s %% of the people were shown more than one variant, mostly before they were known on a second device; they count for the first.":                                                   "%s %% der Personen haben mehr als eine Variante gesehen, meist bevor sie auf einem zweiten Gerät erkannt wurden; sie zählen für die erste.",
	"Who gets what changed %d times while it ran: phases are judged apart and put together by how many people came in each.":                                                              "Wer was bekommt, hat sich im Lauf %d-mal geändert: Die Phasen werden einzeln beurteilt und danach zusammengefügt, wie viele Personen in jeder kamen.",
	"%d people are still to be counted by the definition as it is now.":                                                                                                                   "%d Personen sind nach der jetzigen Definition noch zu zählen.",
	"The fixed method holds only if it is looked at once, at the end: looking again and again finds differences that are not there. The sequential figures may be looked at at any time.": "Die feste Methode gilt nur, wenn man einmal hinsieht, am Ende: Wer immer wieder hinsieht, findet Unterschiede, die es nicht gibt. Die sequenziellen Zahlen darf man jederzeit ansehen.",
	"It has people of 1 day: a whole week shows what weekends change.":                                                                                                                    "Es hat Personen von 1 Tag: Eine ganze Woche zeigt, was Wochenenden ändern.",
	"It has people of %d days: a whole week shows what weekends change.":                                                                                                                  "Es hat Personen von %d Tagen: Eine ganze Woche zeigt, was Wochenenden ändern.",
	"The windows of %d people are not over yet: what they still do changes the results.":                                                                                                  "Die Zeitfenster von %d Personen sind noch nicht zu Ende: Was sie noch tun, ändert die Ergebnisse.",
	"A bandit moves people to what does better: its variants had different people at different times, so intervals are rough.":                                                            "Ein Bandit lenkt Personen zu dem, was besser läuft: Seine Varianten hatten zu verschiedenen Zeiten verschiedene Personen, die Intervalle sind also grob.",
	"%s of %s: %.0f of %d people is too near to none or all for intervals to be right.":                                                                                                   "%s von %s: %.0f von %d Personen ist zu nah an niemandem oder allen, als dass Intervalle stimmten.",
}
