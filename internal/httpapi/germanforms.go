package httpapi

import (
	"maps"

	"rapport/internal/wording"
)

// problemForms are all sentences of problems that have a German of their own.
func problemForms() wording.Catalog {
	all := maps.Clone(germanProblems)
	maps.Copy(all, germanForms)
	return all
}

// germanForms are what people meet most in the console: signing in, members, keys,
// sources, and the forms of privacy, broadcasts and alerts.
var germanForms = wording.Catalog{
	"no source %q: list the sources to see which there are":                                         "Es gibt keine Quelle %q: Die Liste der Quellen zeigt, welche es gibt.",
	"this secret key exists already as %s: use that one":                                            "Diesen geheimen Schlüssel gibt es schon als %s: Nehmen Sie ihn.",
	"name has %d bytes: give at most 200":                                                           "Der Name hat %d Bytes: Geben Sie höchstens 200.",
	"%s is the last key with the scope admin: make another one first":                               "%s ist der letzte Schlüssel mit dem Recht admin: Machen Sie erst einen anderen.",
	"no secret key %q: list the keys to see which there are":                                        "Es gibt keinen geheimen Schlüssel %q: Die Liste zeigt, welche es gibt.",
	"the overlap is %s: give 0 to 90 days":                                                          "Die Überlappung ist %s: Geben Sie 0 bis 90 Tage.",
	"the key %s may not be used from %s: ask an admin to add the network to the key":                "Der Schlüssel %s darf von %s nicht verwendet werden: Bitten Sie die Verwaltung, das Netz beim Schlüssel einzutragen.",
	"the key %s ended at %s: use the one that took its place, or make one with rapport keys create": "Der Schlüssel %s endete am %s: Nehmen Sie den, der an seine Stelle trat, oder machen Sie einen mit rapport keys create.",
	"%q is no network: give CIDR, such as 192.0.2.0/24 or 2001:db8::1/128":                          "%q ist kein Netz: Geben Sie eines an wie 192.0.2.0/24 oder 2001:db8::1/128.",
	"%q is no time: give RFC 3339, such as 2027-01-01T00:00:00Z":                                    "%q ist keine Zeit: Geben Sie eine an wie 2027-01-01T00:00:00Z.",
	"%s: limits.per_second is %d: give 1 to %d, or leave it out":                                    "%s: limits.per_second ist %d: Geben Sie 1 bis %d, oder lassen Sie es weg.",
	"%s: limits.burst is %d: give 1 to %d beside per_second, or leave it out":                       "%s: limits.burst ist %d: Geben Sie 1 bis %d neben per_second, oder lassen Sie es weg.",
	"%s: limits.per_day is %d: give 1 to %d, or leave it out":                                       "%s: limits.per_day ist %d: Geben Sie 1 bis %d, oder lassen Sie es weg.",

	"%q is no e-mail address: give one such as ada@example.com":                           "%q ist keine E-Mail-Adresse: Geben Sie eine an wie ada@example.com.",
	"the name has %d bytes: give 1 to 200":                                                "Der Name hat %d Bytes: Geben Sie 1 bis 200.",
	"%d hidden traits are too many: give at most 200":                                     "%d verborgene Merkmale sind zu viele: Geben Sie höchstens 200.",
	"there is a member with the address %s already: change that one":                      "Ein Mitglied mit der Adresse %s gibt es schon: Ändern Sie dieses.",
	"no roles: give some of %s":                                                           "Es fehlt eine Rolle: Geben Sie welche von %s.",
	"unknown role %q: give some of %s":                                                    "Die Rolle %q gibt es nicht: Geben Sie welche von %s.",
	"you have %d passkeys: take one away that you do not use":                             "Sie haben %d Passkeys: Nehmen Sie einen weg, den Sie nicht benutzen.",
	"the passkey has too much in it: make another one":                                    "Der Passkey enthält zu viel: Legen Sie einen anderen an.",
	"the password has %d characters: give at least %d, a few words for instance":          "Das Passwort hat %d Zeichen: Geben Sie mindestens %d, zum Beispiel ein paar Wörter.",
	"the password has %d bytes: give at most %d":                                          "Das Passwort hat %d Bytes: Geben Sie höchstens %d.",
	"too many wrong passwords: try again in %d minutes, or ask an admin for a link":       "Zu viele falsche Passwörter: Versuchen Sie es in %d Minuten wieder, oder bitten Sie die Verwaltung um einen Link.",
	"this sign-in took longer than %d minutes, was used, or began elsewhere: begin again": "Diese Anmeldung dauerte länger als %d Minuten, wurde schon benutzt oder begann anderswo: Beginnen Sie noch einmal.",
	"addresses of %q do not come in here: sign in with another account, or ask whoever runs this instance to add the domain to oidc.domains": "Adressen von %q kommen hier nicht herein: Melden Sie sich mit einem anderen Konto an, oder bitten Sie, wer diese Instanz betreibt, die Domain in oidc.domains aufzunehmen.",
	"nobody with the address %s is a member: ask an admin to invite you":                                                                     "Niemand mit der Adresse %s ist Mitglied: Bitten Sie die Verwaltung um eine Einladung.",
	"you have %d saved views, and %d are possible: delete one first":                                                                         "Sie haben %d gespeicherte Ansichten, %d sind möglich: Löschen Sie erst eine.",
	"the view %q is somebody else's: make one of your own":                                                                                   "Die Ansicht %q gehört jemand anderem: Speichern Sie eine eigene.",

	"source key %q will not do: give 1 to 64 lower-case letters, digits, - or _":                       "Der Schlüssel %q geht nicht: Geben Sie 1 bis 64 Kleinbuchstaben, Ziffern, - oder _.",
	"source %q: name has %d bytes: give 1 to 200":                                                      "Quelle %q: Der Name hat %d Bytes: Geben Sie 1 bis 200.",
	"source %q: %q is no currency: give three capital letters of ISO 4217":                             "Quelle %q: %q ist keine Währung: Geben Sie drei Großbuchstaben nach ISO 4217.",
	"source %q: %q is no time zone: give one such as Europe/Berlin":                                    "Quelle %q: %q ist keine Zeitzone: Geben Sie eine an wie Europe/Berlin.",
	"source %q: sessions end after %d minutes of silence: give 1 to %d, or leave it out for %d":        "Quelle %q: Sitzungen enden nach %d Minuten der Stille: Geben Sie 1 bis %d, oder lassen Sie es weg, dann sind es %d.",
	"source %q: %d points of sale are too many: give at most %d, those that differ from the source":    "Quelle %q: %d Verkaufsstellen sind zu viele: Geben Sie höchstens %d, nur die, an denen es anders ist.",
	"source %q: the name of a point of sale has %d bytes: give 1 to %d":                                "Quelle %q: Der Name einer Verkaufsstelle hat %d Bytes: Geben Sie 1 bis %d.",
	"source %q: sessions at %q end after %d minutes of silence: give 1 to %d":                          "Quelle %q: Sitzungen bei %q enden nach %d Minuten der Stille: Geben Sie 1 bis %d.",
	"source %q: the point of sale %q is there twice: name it once":                                     "Quelle %q: Die Verkaufsstelle %q steht zweimal da: Nennen Sie sie einmal.",
	"source %q has no version %d: list its versions to see which there are":                            "Die Quelle %q hat keine Version %d: Ihr Verlauf zeigt, welche es gibt.",
	"the source %q is made at every start: disable it, or revoke its keys":                             "Die Quelle %q entsteht bei jedem Start: Schalten Sie sie ab, oder widerrufen Sie ihre Schlüssel.",
	"%q is no origin: give scheme and host, such as https://shop.example.com or https://*.example.com": "%q ist keine Herkunft: Geben Sie Schema und Host an, wie https://shop.example.com oder https://*.example.com.",

	"the retention policy cannot be read: %v": "Die Aufbewahrungsregel lässt sich nicht lesen: %v",
	"policy: a run takes out what live policies say; PUT /api/v1/retention-policies/{key} keeps this one, and dry_run tries it": "policy: Ein Lauf entfernt, was Regeln in Kraft sagen; PUT /api/v1/retention-policies/{key} setzt diese in Kraft, und dry_run zählt nach ihr.",
	"keep_days is %d: give 1 to %d days; without a policy events are kept for ever":                                             "Die Frist ist %d: Geben Sie 1 bis %d Tage; ohne Regel bleiben Ereignisse für immer.",
	"%q is no type of event: give track, page, screen, identify, group or alias":                                                "%q ist keine Art von Ereignissen: Es gibt track, page, screen, identify, group und alias.",
	"there are %d entries, %d are possible: make two policies":                                                                  "Es sind %d Einträge, %d sind möglich: Machen Sie zwei Regeln daraus.",
	"an entry is empty: take it out; a list that is left out means all":                                                         "Ein Eintrag ist leer: Nehmen Sie ihn heraus; eine Liste, die fehlt, meint alle.",
	"a text is too long: name has up to 200 bytes, purpose and legal_basis up to %d":                                            "Ein Text ist zu lang: Der Name hat bis zu 200 Bytes, Zweck und Rechtsgrundlage bis zu %d.",
	"the statement cannot be read: %v":                                                                                          "Die Angaben lassen sich nicht lesen: %v",
	"there are %d entries, %d are possible":                                                                                     "Es sind %d Einträge, %d sind möglich.",
	"an entry is empty or longer than %d bytes":                                                                                 "Ein Eintrag ist leer oder länger als %d Bytes.",
	"there are %d parties, %d are possible":                                                                                     "Es sind %d Beteiligte, %d sind möglich.",
	"a name has up to 200 bytes, a contact up to %d":                                                                            "Ein Name hat bis zu 200 Bytes, ein Kontakt bis zu %d.",
	"description has up to %d bytes":                                                                                            "Die Beschreibung hat bis zu %d Bytes.",

	"segment is missing: give the key of the segment whose members get it":                       "Das Segment fehlt: Wählen Sie, wessen Mitglieder die Aussendung bekommen.",
	"destination is missing: give the key of the destination it goes through":                    "Das Ziel fehlt: Wählen Sie, über welches Ziel die Aussendung geht.",
	"hold_out %v: give 0 to 99 percent":                                                          "Zurückgehalten werden %v: Geben Sie 0 bis 99 Prozent.",
	"per_second %v: give 0 to 1000000":                                                           "In der Sekunde %v: Geben Sie 0 bis 1000000.",
	"the broadcast is %s: %s":                                                                    "Die Aussendung ist im Stand %s: %s",
	"version %d is yours: somebody else has to approve it, signed in or with a key of their own": "Version %d ist von Ihnen: Jemand anderes muss sie freigeben, angemeldet oder mit einem eigenen Schlüssel.",
	"version %d is not approved: somebody else than its author has to, with POST …/approve":      "Version %d ist nicht freigegeben: Das muss jemand anderes als ihr Verfasser tun.",
	"%s %q is no time of the day: give it like 21:00":                                            "%s: %q ist keine Uhrzeit: Geben Sie sie an wie 21:00.",
	"from and to are the same: leave quiet_hours out where there are none":                       "Beginn und Ende der Ruhezeit sind gleich: Lassen Sie sie weg, wo es keine gibt.",
	"there is no time zone %q: give one such as Europe/Berlin":                                   "Die Zeitzone %q gibt es nicht: Geben Sie eine an wie Europe/Berlin.",

	"the alert cannot be read: %v":                                        "Die Warnung lässt sich nicht lesen: %v",
	"nobody is told: name destinations that have alerts: true":            "Niemand erfährt es: Nennen Sie Ziele, die Warnungen nehmen.",
	"when has %d conditions: give exactly one, and an alert for each":     "Die Warnung hat %d Bedingungen: Geben Sie genau eine, und eine Warnung für jede.",
	"rise is %d: give at least 1":                                         "Der Anstieg ist %d: Geben Sie mindestens 1.",
	"free_below is %v: give a share between 0 and 1":                      "Der freie Anteil ist %v: Geben Sie einen Anteil zwischen 0 und 1.",
	"below is %v: give a share of the usual, below 1":                     "Zu wenig ist %v: Geben Sie einen Anteil vom Üblichen, unter 1.",
	"above is %v: give a multiple of the usual, more than 1":              "Zu viel ist %v: Geben Sie ein Vielfaches vom Üblichen, mehr als 1.",
	"below and above are both 0: nothing would be too little or too much": "Beide Grenzen sind 0: Nichts wäre zu wenig oder zu viel.",
	"at_least is %d: give at least 1":                                     "Die Mindestzahl ist %d: Geben Sie mindestens 1.",
	"%s: %q will not do: give a time span such as 15m or 1h, %s to %s":    "%s: %q geht nicht: Geben Sie eine Zeitspanne an wie 15m oder 1h, %s bis %s.",

	"version %d is %s and cannot become %s: %s":                                                              "Version %d ist im Stand %s und kann nicht %s werden: %s",
	"key %q: give 1 to 128 letters, digits, dots, hyphens and underscores, beginning with a letter or digit": "Schlüssel %q: Geben Sie 1 bis 128 Buchstaben, Ziffern, Punkte, - und _, beginnend mit einem Buchstaben oder einer Ziffer.",
	"the document has %d bytes, %d are possible: split it":                                                   "Das Dokument hat %d Bytes, %d sind möglich: Teilen Sie es.",
	"a new version cannot be archived at once: give draft, test or live":                                     "Eine neue Version kann nicht gleich archiviert sein.",
	"the definition %q exists already; leave If-None-Match out to add a version":                             "%q gibt es schon: Wählen Sie einen anderen Namen, oder ändern Sie, was da ist.",
	"the definition %q was changed since; read it again and repeat the change on what it is now":             "%q wurde inzwischen geändert: Laden Sie neu, und ändern Sie es dann.",
	"%q has no version %d: it has 1 to %d":                                                                   "%q hat keine Version %d, sondern 1 bis %d.",
	"purpose %q comes twice: leave one of them":                                                              "Der Zweck %q steht zweimal da: Lassen Sie einen.",
}
