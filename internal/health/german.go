package health

import (
	"slices"
	"sync"

	"rapport/internal/wording"
)

// In says the sentences of a report in a language. Names, and what other programs
// say, stay as they are.
func (r HealthReport) In(l wording.Language) HealthReport {
	say := func(text string) string {
		said, _ := retold().Say(l, text)
		return said
	}
	r.Summary, r.Findings = say(r.Summary), slices.Clone(r.Findings)
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Message, f.Mend = say(f.Message), say(f.Mend)
	}
	return r
}

var retold = sync.OnceValue(func() *wording.Retold { return German().Retold() })

// German is what a report says.
func German() wording.Catalog {
	return wording.Catalog{
		"All is well.":                     "Alles ist gut.",
		"The instance does not serve: %s.": "Die Instanz antwortet nicht: %s.",
		"Wait where it says how far it is; else read the log of the process.":                                                                   "Warten Sie, wo sie sagt, wie weit sie ist; lesen Sie sonst das Protokoll des Prozesses.",
		"Events cannot be written: %s.":                                                                                                         "Ereignisse können nicht geschrieben werden: %s.",
		"Free space on the disk, or mend it: senders hear that they shall come again, and it goes on by itself.":                                "Schaffen Sie Platz auf der Platte, oder beheben Sie den Schaden: Sender hören, dass sie wiederkommen sollen, und es geht von selbst weiter.",
		"The instance is read-only: nothing is taken in and nothing changed.":                                                                   "Die Instanz ist schreibgeschützt: Nichts wird angenommen und nichts geändert.",
		"Take the setting read_only away and start again.":                                                                                      "Nehmen Sie die Einstellung read_only weg, und starten Sie neu.",
		"%d events within %s were not understood.":                                                                                              "%d Ereignisse innerhalb von %s wurden nicht verstanden.",
		"Look at GET /api/v1/dead-letters or the console's dead letters: mend the sender or the mapping, then replay them.":                     "Sehen Sie unter „Unzustellbares“ nach (GET /api/v1/dead-letters): Beheben Sie es beim Sender oder in der Zuordnung, und spielen Sie sie noch einmal ein.",
		"Of the index of people %d columns do not fit into memory: %s. Searches for these find fewer people, and counts by them are estimates.": "Vom Index der Personen passen %d Spalten nicht in den Arbeitsspeicher: %s. Suchen danach finden weniger Personen, und Zählungen damit sind Schätzungen.",
		"Set memory to %s or more and start again, or send less that is different for everybody.":                                               "Setzen Sie memory auf %s oder mehr, und starten Sie neu, oder senden Sie weniger, was bei allen verschieden ist.",
		"The node %s was not heard of for %.0f s.":                                                                                              "Vom Knoten %s kam seit %.0f s nichts.",
		"Start it again, or see whether it reaches the database. A node that is gone for good leaves the list after a day.":                     "Starten Sie ihn neu, oder sehen Sie nach, ob er die Datenbank erreicht. Ein Knoten, der für immer fort ist, verlässt die Liste nach einem Tag.",
		"The background job %s failed: %s.":                                                                                                     "Der Hintergrundauftrag %s ist fehlgeschlagen: %s.",
		"Mend what it says, then ask for it again.":                                                                                             "Beheben Sie, was er nennt, und stoßen Sie ihn dann noch einmal an.",
		"What follows from events of %s cannot be kept: %s.":                                                                                    "Was aus Ereignissen von %s folgt, kann nicht gespeichert werden: %s.",
		"Free space or mend the database, then start again: nothing is lost, the log has it.":                                                   "Schaffen Sie Platz, oder bringen Sie die Datenbank in Ordnung, und starten Sie neu: Nichts ist verloren, das Protokoll hat es.",
		"%d records of %s wait and none is folded.":                                                                                             "%d Einträge von %s warten, und keiner wird verarbeitet.",
		"Read the log for the reason; rapport doctor looks at the disk and the store.":                                                          "Der Grund steht im Protokoll; rapport doctor sieht nach Platte und Speicher.",
		"Profiles are %s behind what came in.":                                                                                                  "Profile sind %s hinter dem zurück, was hereinkam.",
		"Wait where a rebuild or an import runs; else give the machine more cores, or look at what is stuck.":                                   "Warten Sie, wo neu aufgebaut oder importiert wird; geben Sie sonst der Maschine mehr Kerne, oder sehen Sie nach, was feststeckt.",
		"%.1f%% of the disk under %s are free.":                                                                                                 "%.1f %% der Platte unter %s sind frei.",
		"%.1f%% of the disk under %s are free; at this rate it is full in %.1f days.":                                                           "%.1f %% der Platte unter %s sind frei; geht es so weiter, ist sie in %.1f Tagen voll.",
		"Free space or give the disk more: what cannot be written is refused, and its senders come again.":                                      "Schaffen Sie Platz, oder vergrößern Sie die Platte: Was nicht geschrieben werden kann, wird abgelehnt, und die Sender kommen wieder.",
		"What the source %s sent last was not understood.":                                                                                      "Was die Quelle %s zuletzt sandte, wurde nicht verstanden.",
		"Look at its dead letters.":                                                                                                             "Sehen Sie ihr Unzustellbares an.",
		"Nothing came from the source %s for a day.":                                                                                            "Von der Quelle %s kam seit einem Tag nichts.",
		"Check whether it still sends; pause or remove it if it never will.":                                                                    "Prüfen Sie, ob sie noch sendet; halten Sie sie an, oder entfernen Sie sie, wenn sie es nie mehr tut.",
		"The licence of the source %s is over: its events are refused.":                                                                         "Die Lizenz der Quelle %s ist abgelaufen: Ihre Ereignisse werden abgelehnt.",
		"Renew the licence and set its new end, or remove the source.":                                                                          "Erneuern Sie die Lizenz und tragen Sie ihr neues Ende ein, oder entfernen Sie die Quelle.",
		"The destination %s does not take what it is told: %s. %d messages wait.":                                                               "Das Ziel %s nimmt nicht, was ihm gesagt wird: %s. %d Nachrichten warten.",
		"Mend what it says; it is tried again by itself.":                                                                                       "Beheben Sie, was es nennt; es wird von selbst wieder versucht.",
		"The destination %s stopped: %s.":                                                                                                       "Das Ziel %s hat angehalten: %s.",
		"See whether so many messages are right, then release it.":                                                                              "Sehen Sie nach, ob so viele Nachrichten richtig sind, und geben Sie es dann frei.",
		"%d messages to %s were given up.":                                                                                                      "%d Nachrichten an %s wurden aufgegeben.",
		"Look at its deliveries with the outcome dead, then replay or discard them.":                                                            "Sehen Sie seine aufgegebenen Zustellungen an, und senden Sie sie noch einmal, oder verwerfen Sie sie.",
		"The data lake is behind: %s.":                                                                                                          "Der Data Lake ist im Rückstand: %s.",
		"The data lake is behind: rows have waited for %s.":                                                                                     "Der Data Lake ist im Rückstand: Zeilen warten seit %s.",
		"The tables for analysts are behind: %s.":                                                                                               "Die Tabellen für Analysen sind im Rückstand: %s.",
		"The tables for analysts are behind: rows have waited for %s.":                                                                          "Die Tabellen für Analysen sind im Rückstand: Zeilen warten seit %s.",
		"Look whether the database of tables.url takes them; nothing is lost, the log has it.":                                                  "Sehen Sie nach, ob die Datenbank aus tables.url sie annimmt; nichts ist verloren, das Protokoll hat es.",
		"Look whether the folder or bucket can be written; nothing is lost, the log has it.":                                                    "Sehen Sie nach, ob sich Ordner oder Bucket beschreiben lassen; nichts ist verloren, das Protokoll hat es.",
		"The certificate ends at %s.":                                                                                                           "Das Zertifikat endet am %s.",
		"The certificate ends at %s, and a newer one cannot be had: %s.":                                                                        "Das Zertifikat endet am %s, und ein neueres ist nicht zu bekommen: %s.",
		"Put a newer certificate in the place of the file, or look why the authority refuses one.":                                              "Ersetzen Sie die Datei durch ein neueres Zertifikat, oder sehen Sie nach, warum die Stelle keines ausstellt.",
		"No backups are made.": "Es werden keine Sicherungen gemacht.",
		"Set backup.url to a folder on another disk or to a bucket.":                 "Setzen Sie backup.url auf einen Ordner auf einer anderen Platte oder auf einen Bucket.",
		"A backup is due: none was made yet.":                                        "Eine Sicherung ist fällig: Es gibt noch keine.",
		"A backup is due: the newest is of %s.":                                      "Eine Sicherung ist fällig: Die neueste ist vom %s.",
		"Look at the jobs of the kind backup for the reason, or run rapport backup.": "Den Grund nennen die Aufträge der Art backup; oder rufen Sie rapport backup auf.",
	}
}
