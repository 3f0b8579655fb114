package httpapi

import (
	"context"
	"encoding/csv"
	"errors"
	"io"

	"rapport/internal/pipeline"
	"rapport/internal/tablefile"
	"rapport/internal/wording"
)

// told says a sentence that was kept, or comes from beyond a boundary, to whoever
// asks. What has no German is said as it was.
func told(ctx context.Context, text string) string {
	said, _ := retold().Say(pipeline.Language(ctx), text)
	return said
}

// flawsIn says what is wrong with rows, and the mend, to whoever asks.
func flawsIn(ctx context.Context, flaws []tablefile.RowError) []tablefile.RowError {
	out := make([]tablefile.RowError, len(flaws))
	for i, f := range flaws {
		f.Reason, f.Mend = told(ctx, f.Reason), told(ctx, f.Mend)
		out[i] = f
	}
	return out
}

// The columns of a report of an import with words of the server.
const (
	reasonColumn = 4
	mendColumn   = 5
	// sameWords is how many different sentences of a report are remembered: most
	// rows say what others say.
	sameWords = 2000
)

// copyReport copies the report of an import as whoever asks reads it.
func copyReport(ctx context.Context, to io.Writer, from io.Reader) error {
	if pipeline.Language(ctx) == wording.English {
		_, err := io.Copy(to, from)
		return err
	}
	known := map[string]string{}
	say := func(text string) string {
		said, ok := known[text]
		if !ok {
			if said = told(ctx, text); len(known) < sameWords {
				known[text] = said
			}
		}
		return said
	}
	in, out := csv.NewReader(from), csv.NewWriter(to)
	in.ReuseRecord = true
	for first := true; ; first = false {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			out.Flush()
			return out.Error()
		}
		if err != nil {
			return err
		}
		if !first && len(row) > mendColumn {
			row[reasonColumn], row[mendColumn] = say(row[reasonColumn]), say(row[mendColumn])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
}

// germanRows are why rows of tables are not taken, and files not read.
var germanRows = wording.Catalog{
	"it has no type": "es fehlt der Typ",
	"each row has to be a call: track, identify, page, screen, group or alias; for other tables name another kind": "jede Zeile muss ein Aufruf sein: track, identify, page, screen, group oder alias; für andere Tabellen eine andere Art nennen",
	"it has no event or no distinct_id": "event oder distinct_id fehlt",
	"export the events of PostHog as they are, with event, distinct_id, properties and timestamp":   "die Ereignisse aus PostHog so exportieren, wie sie sind, mit event, distinct_id, properties und timestamp",
	"it says another person, time, currency or total than the row of this order before it":          "sie nennt eine andere Person, Zeit, Währung oder Summe als die Zeile davor zu dieser Bestellung",
	"say the same of an order on each of its rows":                                                  "in jeder Zeile einer Bestellung dasselbe angeben",
	"other orders stand between it and the rows of its order":                                       "zwischen ihr und den anderen Zeilen ihrer Bestellung stehen andere Bestellungen",
	"sort the file by the id of the order":                                                          "die Datei nach der Nummer der Bestellung sortieren",
	"write it as %s, or change the type, the format or the transforms of the column in the mapping": "als %s schreiben oder in der Zuordnung Typ, Format oder Umformungen der Spalte ändern",
	"it is empty":                                  "der Wert fehlt",
	"fill it; the mapping requires it":             "ausfüllen; die Zuordnung verlangt den Wert",
	"it has no %s":                                 "es fehlt: %s",
	"fill one of the columns that say it":          "eine der Spalten ausfüllen, die es sagen",
	"it is an object or a list, and names nothing": "der Wert ist ein Objekt oder eine Liste und benennt nichts",
	"it is neither true nor false":                 "der Wert ist weder wahr noch falsch",
	"it is no JSON: %s":                            "der Wert ist kein JSON: %s",
	"it is no number":                              "der Wert ist keine Zahl",
	"it is no whole number":                        "der Wert ist keine ganze Zahl",
	"it is no time as %s":                          "der Wert ist keine Zeit wie %s",
	"its year is out of range":                     "das Jahr liegt außerhalb des Möglichen",
	"it was refused":                               "sie wurde abgelehnt",
	"send the row again later":                     "die Zeile später noch einmal senden",
	"mend the row and send it again":               "die Zeile berichtigen und noch einmal senden",
	"its identifiers belonged to different people; it was taken, and the identity rules decide who they are": "ihre Kennungen gehörten verschiedenen Personen; sie wurde übernommen, und die Identitätsregeln entscheiden, wer es ist",
	"look at GET /api/v1/profiles/%s/identity, and mend the row where it is wrong":                           "bei GET /api/v1/profiles/%s/identity nachsehen und die Zeile berichtigen, wo sie falsch ist",
	"the mapping names it and the first row does not have it":                                                "die Zuordnung nennt sie, und die erste Zeile hat sie nicht",
	"name the column as it is in the file":                                                                   "die Spalte so nennen, wie sie in der Datei heißt",
	"the rows before it were taken; send the whole file again, what is known stays as it is":                 "die Zeilen davor wurden übernommen; die ganze Datei noch einmal senden, Bekanntes bleibt, wie es ist",

	"column %d has no name":                                                                                       "die Spalte %d hat keinen Namen",
	"give it one; until then it is called %s":                                                                     "einen geben; bis dahin heißt sie %s",
	"column %d has the name of another one":                                                                       "die Spalte %d heißt wie eine andere",
	"name each column once; until then it is called %s":                                                           "jeden Namen nur einmal geben; bis dahin heißt sie %s",
	"it has %d cells and the header has %d":                                                                       "sie hat %d Zellen und die Kopfzeile %d",
	"%s; it is the last one and has no end of line: the file was perhaps not written to its end":                  "%s; sie ist die letzte und hat kein Zeilenende: Die Datei wurde vielleicht nicht zu Ende geschrieben",
	"give it a cell for every column, and put cells with a delimiter in them into double quotes":                  "für jede Spalte eine Zelle schreiben, und Zellen mit einem Trennzeichen darin in doppelte Anführungszeichen setzen",
	"send the whole file":                                                                                         "die ganze Datei senden",
	"a quoted cell does not come to its end":                                                                      "eine Zelle in Anführungszeichen endet nicht",
	"close the quote, and write a quote within a quoted cell twice":                                               "das Anführungszeichen schließen und eines innerhalb der Zelle doppelt schreiben",
	"there is something between a closing quote and the next delimiter":                                           "zwischen dem schließenden Anführungszeichen und dem nächsten Trennzeichen steht etwas",
	"it has a cell in column %s that the header does not have":                                                    "sie hat eine Zelle in Spalte %s, die es in der Kopfzeile nicht gibt",
	"name the column in the header, or clear the cell":                                                            "die Spalte in der Kopfzeile benennen oder die Zelle leeren",
	"its text is not in the file":                                                                                 "ihr Text steht nicht in der Datei",
	"save the spreadsheet again":                                                                                  "die Tabelle noch einmal speichern",
	"its formula came to an error":                                                                                "ihre Formel ergab einen Fehler",
	"mend the formula, or clear the cell":                                                                         "die Formel berichtigen oder die Zelle leeren",
	"write one JSON object on the line":                                                                           "ein JSON-Objekt in die Zeile schreiben",
	"it is the last one and no JSON: the file was perhaps not written to its end":                                 "sie ist die letzte und kein JSON: Die Datei wurde vielleicht nicht zu Ende geschrieben",
	"it brings one more member than a table may have":                                                             "sie bringt eine Angabe mehr, als eine Tabelle haben darf",
	"use at most %d names in a file; put the others into an object":                                               "höchstens %d Namen in einer Datei verwenden; die anderen in ein Objekt legen",
	"there is a NUL byte in it":                                                                                   "sie enthält ein NUL-Byte",
	"take the byte out; where the whole file is UTF-16, name it in the mapping as encoding: utf-16le or utf-16be": "das Byte herausnehmen; ist die ganze Datei UTF-16, sie in der Zuordnung als encoding: utf-16le oder utf-16be nennen",
	"it is not UTF-8": "sie ist kein UTF-8",
	"write the file as UTF-8, or name its encoding, such as windows-1252, in the mapping": "die Datei als UTF-8 schreiben, oder ihre Kodierung, etwa windows-1252, in der Zuordnung nennen",
	"it has more bytes than a row may have":                                               "sie hat mehr Bytes, als eine Zeile haben darf",
	"keep a row below %s":                                                                 "eine Zeile unter %s halten",
	"a file of the archive has a path that leads out of it; it was left out":              "eine Datei des Archivs hat einen Pfad, der hinausführt; sie wurde ausgelassen",
	"pack the table by its name alone":                                                    "die Tabelle nur unter ihrem Namen packen",
	"declare the column as a string and write it as UTF-8, or leave it out":               "die Spalte als Text (UTF-8) anlegen oder weglassen",
	"the file is empty; send one with a header and rows":                                  "Die Datei ist leer; senden Sie eine mit Kopfzeile und Zeilen.",
	"the file has nothing but white space; send one with a header and rows":               "In der Datei ist nichts als Leerraum; senden Sie eine mit Kopfzeile und Zeilen.",
	"the file is text and not %s; name the format that it has, or none":                   "Die Datei ist Text und nicht %s; nennen Sie das Format, das sie hat, oder keines.",
	"the lines end with carriage returns alone; write the file with line feeds, as CSV (Comma delimited) does and CSV (Macintosh) does not":                        "Die Zeilen enden nur mit Wagenrücklauf; schreiben Sie die Datei mit Zeilenvorschub, wie CSV (Trennzeichen-getrennt) es tut und CSV (Macintosh) nicht.",
	"the file has no header; begin it with the names of its columns":                                                                                               "Die Datei hat keine Kopfzeile; beginnen Sie sie mit den Namen der Spalten.",
	"the sheet is empty; begin it with the names of its columns":                                                                                                   "Das Blatt ist leer; beginnen Sie es mit den Namen der Spalten.",
	"the header cannot be read: %s; %s":                                                                                                                            "Die Kopfzeile lässt sich nicht lesen: %s; %s",
	"the table has %d columns; at most %d are read":                                                                                                                "Die Tabelle hat %d Spalten; höchstens %d werden gelesen.",
	"the encoding %.40q is not known; name one such as utf-8, utf-16le or windows-1252":                                                                            "Die Kodierung %.40q ist nicht bekannt; nennen Sie eine wie utf-8, utf-16le oder windows-1252.",
	"the file is a JSON array; send one object on each line":                                                                                                       "Die Datei ist eine JSON-Liste; senden Sie je Zeile ein Objekt.",
	"the file holds no table but %s, whatever its name says; send CSV, JSON lines, Excel or Parquet":                                                               "Die Datei enthält keine Tabelle, sondern %s, wie immer sie heißt; senden Sie CSV, JSON-Zeilen, Excel oder Parquet.",
	"the archive holds %q, whose path leads out of it, and no other table; pack the table by its name alone":                                                       "Im Archiv ist %q, dessen Pfad hinausführt, und keine andere Tabelle; packen Sie die Tabelle nur unter ihrem Namen.",
	"the file is an OpenDocument spreadsheet (.ods) or a binary one (.xlsb); save it as Excel (.xlsx) or CSV":                                                      "Die Datei ist eine OpenDocument-Tabelle (.ods) oder eine binäre (.xlsb); speichern Sie sie als Excel (.xlsx) oder CSV.",
	"the file is a spreadsheet as Excel 97 wrote it (.xls), or has a password; save it as Excel (.xlsx) or CSV, without a password":                                "Die Datei ist eine Tabelle, wie Excel 97 sie schrieb (.xls), oder hat ein Passwort; speichern Sie sie als Excel (.xlsx) oder CSV, ohne Passwort.",
	"the archive is encrypted; send it without a password":                                                                                                         "Das Archiv ist verschlüsselt; senden Sie es ohne Passwort.",
	"the archive holds no table; pack one CSV or JSON lines file by its name alone":                                                                                "Im Archiv ist keine Tabelle; packen Sie eine Datei mit CSV oder JSON-Zeilen nur unter ihrem Namen.",
	"the archive holds %q and %q; send each table in a file of its own":                                                                                            "Im Archiv sind %q und %q; senden Sie jede Tabelle in einer eigenen Datei.",
	"the mapping cannot be read: %s":                                                                                                                               "Die Zuordnung lässt sich nicht lesen: %s",
	"the file does not say what its columns are: name its kind, or make a mapping and name it: %s; its columns are %.300s":                                         "Die Datei sagt nicht, was ihre Spalten sind: Nennen Sie ihre Art, oder machen Sie eine Zuordnung und nennen Sie sie: %s; ihre Spalten sind %.300s",
	"the file could not be taken whole; send it again: %w":                                                                                                         "Die Datei kam nicht ganz an; senden Sie sie noch einmal: %w",
	"the file could not be kept; send it again later: %w":                                                                                                          "Die Datei ließ sich nicht aufheben; senden Sie sie später noch einmal: %w",
	"the column %.80q has times such as %q: whether the day or the month comes first cannot be told from the first rows; make a mapping that names its format, %s": "Die Spalte %.80q hat Zeiten wie %q: Ob der Tag oder der Monat vorn steht, zeigen die ersten Zeilen nicht; machen Sie eine Zuordnung, die das Format nennt, %s",
	"the column %.80q has %q where a time is wanted; make a mapping that names its format, or another column":                                                      "Die Spalte %.80q hat %q, wo eine Zeit stehen soll; machen Sie eine Zuordnung, die ihr Format oder eine andere Spalte nennt.",
	"%.100q was not imported: %s":                     "%.100q wurde nicht importiert: %s",
	"it was not begun; send the file again":           "Er wurde nicht begonnen; senden Sie die Datei noch einmal.",
	"an error of the server: the log says which":      "Ein Fehler des Servers: Im Log steht, welcher.",
	"the job was cancelled":                           "Der Auftrag wurde abgebrochen.",
	"there are no jobs of kind %q":                    "Aufträge der Art %q gibt es nicht.",
	"there is no job %q: GET /api/v1/jobs lists them": "Den Auftrag %q gibt es nicht: GET /api/v1/jobs zeigt, welche es gibt.",
	"the job is %s: there is nothing to cancel":       "Der Auftrag ist %s: Es gibt nichts abzubrechen.",
}

// germanDeliveries are what became of messages to destinations.
var germanDeliveries = wording.Catalog{
	"there is no answer in time":                        "Es kam rechtzeitig keine Antwort.",
	"the attempt was broken off":                        "Der Versuch wurde abgebrochen.",
	"the connection was cut before there was an answer": "Die Verbindung brach ab, bevor eine Antwort kam.",
	"its certificate is not valid for this address":     "Das Zertifikat gilt für diese Adresse nicht.",
	"its host name is not known":                        "Der Name des Hosts ist nicht bekannt.",
	"nothing listens at its address":                    "Unter der Adresse nimmt niemand an.",
	"it cannot be reached":                              "Das Ziel ist nicht erreichbar.",
	"it does not answer":                                "Das Ziel antwortet nicht.",
	"it answers %d with a redirect, which is not followed: give the address it leads to": "Die Antwort ist %d, eine Weiterleitung; ihr wird nicht gefolgt: Geben Sie die Adresse an, zu der sie führt.",
	"it answers %d: check the credentials and what they may do":                          "Die Antwort ist %d: Prüfen Sie die Zugangsdaten und was man mit ihnen darf.",
	"it answers %d %s":                                        "Die Antwort ist %d %s.",
	"the server answers %d":                                   "Der Server antwortet %d.",
	"the address cannot be asked":                             "Die Adresse lässt sich nicht anfragen.",
	"the address cannot be asked as it is written":            "Die Adresse lässt sich so, wie sie geschrieben ist, nicht anfragen.",
	"the address of tokens cannot be asked":                   "Die Adresse für Token lässt sich nicht anfragen.",
	"the server of tokens: %s":                                "Der Server für Token: %s",
	"the server of tokens answers %d without an access_token": "Der Server für Token antwortet %d ohne access_token.",
	"the %s cannot be written: %s":                            "%s lässt sich nicht schreiben: %s",
	"the payload is no JSON: mend the mapping document":       "Der Inhalt ist kein JSON: Berichtigen Sie das Dokument, das ihn formt.",
	"the payload cannot be made: %s":                          "Der Inhalt lässt sich nicht machen: %s",
	"the mapping gives null":                                  "Die Form ergibt null.",
	"the mapping gives null for it: it would not be sent":     "Die Form ergibt dafür null: Es würde nicht gesendet.",
	"the payload is no object: let the mapping document make one, or name the columns in the settings":     "Der Inhalt ist kein Objekt: Lassen Sie die Form eines machen, oder nennen Sie die Spalten in den Einstellungen.",
	"the message has no value for the key %q":                                                              "Die Nachricht hat keinen Wert für den Schlüssel %q.",
	"the settings are not taken: %s":                                                                       "Die Einstellungen werden nicht angenommen: %s",
	"the settings of the server are not taken: %s":                                                         "Die Einstellungen des Servers werden nicht angenommen: %s",
	"the server does not offer what the settings want: %s":                                                 "Der Server bietet nicht an, was die Einstellungen verlangen: %s",
	"%s; check the server's user and password":                                                             "%s Prüfen Sie Benutzer und Passwort des Servers.",
	"there is no recipient: the person has no address where the setting to looks for it":                   "Es gibt keinen Empfänger: Die Person hat keine Adresse, wo die Einstellung to sie sucht.",
	"there is no recipient: the person has nothing where the setting to looks for it":                      "Es gibt keinen Empfänger: Die Person hat nichts, wo die Einstellung to es sucht.",
	"the recipient %.100q is no address":                                                                   "Der Empfänger %.100q ist keine Adresse.",
	"the recipient %.40q is no phone number with its country, such as +4915112345678":                      "Der Empfänger %.40q ist keine Telefonnummer mit Land wie +4915112345678.",
	"the request cannot be written: %v":                                                                    "Die Anfrage lässt sich nicht schreiben: %v",
	"the text is empty":                                                                                    "Der Text ist leer.",
	"the text has %d characters; max_length allows %d":                                                     "Der Text hat %d Zeichen; max_length erlaubt %d.",
	"the subject cannot be published to: it may hold no blanks, *, > or empty parts, and not begin with $": "Unter dem Betreff lässt sich nichts veröffentlichen: Er darf keine Leerzeichen, *, > oder leeren Teile enthalten und nicht mit $ beginnen.",
	"the payload is larger than the server takes":                                                          "Der Inhalt ist größer, als der Server annimmt.",
	"this server cannot write: %s":                                                                         "Dieser Server kann nicht schreiben: %s",
	"the value of %q cannot be written":                                                                    "Der Wert von %q lässt sich nicht schreiben.",
	"%s: check the endpoint, the bucket, the region and the keys":                                          "%s Prüfen Sie Adresse, Bucket, Region und Schlüssel.",
	"the person has neither an e-mail address nor a phone number with its country, so %s cannot find them": "Die Person hat weder eine E-Mail-Adresse noch eine Telefonnummer mit Land, %s kann sie also nicht finden.",
	"the payload is no event: leave the mapping document out, or let it make a call with a type":           "Der Inhalt ist kein Ereignis: Lassen Sie die Form weg, oder lassen Sie sie einen Aufruf mit einem Typ machen.",
	"an alias call cannot be forwarded: the payload does not say which of the person's identifiers is the former one; leave its type out of the destination's events": "Ein alias-Aufruf lässt sich nicht weitergeben: Der Inhalt sagt nicht, welche Kennung der Person die frühere ist; lassen Sie diesen Typ bei den Ereignissen des Ziels weg.",
	"a group call cannot be forwarded: the payload does not say which account it is about":                                                                            "Ein group-Aufruf lässt sich nicht weitergeben: Der Inhalt sagt nicht, um welches Konto es geht.",
	"the person has no identifier in the namespaces %s and %s: choose others in the settings":                                                                         "Die Person hat keine Kennung in den Namensräumen %s und %s: Wählen Sie in den Einstellungen andere.",
	"the event has more than 32 KiB: send fewer traits or properties":                                                                                                 "Das Ereignis hat mehr als 32 KiB: Senden Sie weniger Merkmale oder Eigenschaften.",
	"the body that the template writes is no JSON: write {{ name }} outside of quotes for a value and within them for a text":                                         "Was die Vorlage schreibt, ist kein JSON: Schreiben Sie {{ name }} für einen Wert außerhalb von Anführungszeichen, für einen Text innerhalb.",
	"the blocks that the template writes are no JSON":                                                                                                                 "Die Blöcke, die die Vorlage schreibt, sind kein JSON.",
	"the answer is not Slack's: is the address that of an incoming webhook?":                                                                                          "Die Antwort ist nicht die von Slack: Ist die Adresse die eines Incoming Webhook?",
	"Slack answers %s: %s":                                                                    "Slack antwortet %s: %s",
	"Slack cannot read it: look at the blocks":                                                "Slack kann es nicht lesen: Sehen Sie sich die Blöcke an.",
	"Slack does not take the blocks: try them in its Block Kit Builder":                       "Slack nimmt die Blöcke nicht an: Probieren Sie sie im Block Kit Builder aus.",
	"the webhook's user is not there any more: make a new webhook":                            "Den Benutzer des Webhooks gibt es nicht mehr: Legen Sie einen neuen Webhook an.",
	"the channel is not there any more: make a new webhook":                                   "Den Kanal gibt es nicht mehr: Legen Sie einen neuen Webhook an.",
	"the channel is archived: make a webhook for another one":                                 "Der Kanal ist archiviert: Legen Sie einen Webhook für einen anderen an.",
	"Slack's administrator does not allow it":                                                 "Die Verwaltung von Slack erlaubt es nicht.",
	"Slack's administrator does not allow posts to this channel":                              "Die Verwaltung von Slack erlaubt in diesem Kanal keine Nachrichten.",
	"the webhook was removed: make a new one":                                                 "Der Webhook wurde entfernt: Legen Sie einen neuen an.",
	"the webhook's address is not complete":                                                   "Die Adresse des Webhooks ist nicht vollständig.",
	"the webhook's workspace is not there any more":                                           "Den Workspace des Webhooks gibt es nicht mehr.",
	"the webhook's workspace is switched off":                                                 "Der Workspace des Webhooks ist abgeschaltet.",
	"the webhook's address is not right: copy it again":                                       "Die Adresse des Webhooks stimmt nicht: Kopieren Sie sie noch einmal.",
	"there are more than 100 attachments":                                                     "Es sind mehr als 100 Anhänge.",
	"the destination gave another number of results than it was given messages":               "Das Ziel gab eine andere Zahl von Ergebnissen zurück, als es Nachrichten bekam.",
	"the destination gave %d results for one message":                                         "Das Ziel gab %d Ergebnisse für eine Nachricht.",
	"the destination said nothing of it":                                                      "Das Ziel sagte nichts dazu.",
	"it asked to be left alone until %s":                                                      "Das Ziel bat, bis %s in Ruhe gelassen zu werden.",
	"whether people agreed cannot be told: %s":                                                "Ob Personen zugestimmt haben, lässt sich nicht sagen: %s",
	"what the template sees cannot be put together: %s":                                       "Was die Vorlage sieht, lässt sich nicht zusammenstellen: %s",
	"more was sent in a minute than stop_at allows: look at what is waiting, then release it": "In einer Minute wurde mehr gesendet, als stop_at erlaubt: Sehen Sie nach, was wartet, und geben Sie es dann frei.",
	"paused by a person":                                                                      "Von jemandem angehalten.",
	"what waits is sent, nothing new is taken":                                                "Was wartet, wird gesendet; Neues wird nicht angenommen.",
	"there is no live segment %q any more: stop the broadcast, or define the segment again":   "Das Segment %q ist nicht mehr in Kraft: Halten Sie die Aussendung an, oder definieren Sie das Segment wieder.",
	"nobody is known by %q":                                                                   "Unter %q ist niemand bekannt.",
}
