package httpapi

import "rapport/internal/wording"

// germanSetup are what is wrong with settings, folders and files an instance is
// started, copied and filled with.
var germanSetup = wording.Catalog{
	"the provider lets nobody in: %s %s":    "Der Anbieter lässt niemanden herein: %s %s",
	"the provider's answer is not good: %w": "Die Antwort des Anbieters ist nicht gut: %w",

	"no member signs in with this passkey here: choose another one, or sign in with address and password: %w": "Mit diesem Passkey meldet sich hier kein Mitglied an: Wählen Sie einen anderen, oder melden Sie sich mit Adresse und Passwort an: %w",

	"the clients bring too many assertions: use each token for its hour, and give assertions an exp of a minute": "Die Clients bringen zu viele Assertions: Verwenden Sie jedes Token seine Stunde lang, und geben Sie Assertions ein exp von einer Minute.",

	"%s holds a copy that was cut off: call the same rapport copy again, which goes on, or empty the folder": "In %s liegt eine Kopie, die abgebrochen wurde: Rufen Sie dasselbe rapport copy noch einmal auf, es macht weiter, oder leeren Sie den Ordner.",
	"%s holds a restore that was cut off, which is no instance: empty it and restore again":                  "In %s liegt eine Wiederherstellung, die abgebrochen wurde, und keine Instanz: Leeren Sie den Ordner, und stellen Sie noch einmal wieder her.",
	"%s holds a restore that was cut off: empty it and restore again":                                        "In %s liegt eine Wiederherstellung, die abgebrochen wurde: Leeren Sie den Ordner, und stellen Sie noch einmal wieder her.",
	"%s holds no data: give the folder of an instance with --from":                                           "In %s liegen keine Daten: Geben Sie mit --from den Ordner einer Instanz an.",
	"%s holds no data: give the folder with --data":                                                          "In %s liegen keine Daten: Geben Sie den Ordner mit --data an.",
	"%s is damaged: it says %.40q where a number is expected; restore it from a backup":                      "%s ist beschädigt: Dort steht %.40q, wo eine Zahl stehen soll; stellen Sie die Datei aus einer Sicherung wieder her.",
	"%s is in the data folder: give a folder elsewhere, on another disk at best":                             "%s liegt im Datenordner: Geben Sie einen Ordner anderswo an, am besten auf einer anderen Platte.",
	"%s is not empty (%s): give an empty folder":                                                             "%s ist nicht leer (%s): Geben Sie einen leeren Ordner an.",
	"%s was written by a newer version (%.60s, format %d; this one knows %d): start that version or a later one, or restore a backup from before the upgrade into an empty folder": "%s hat eine neuere Version geschrieben (%.60s, Format %d; diese kennt %d): Starten Sie jene Version oder eine spätere, oder stellen Sie eine Sicherung von vor dem Upgrade in einen leeren Ordner wieder her.",
	"both are the same database": "Beide sind dieselbe Datenbank.",
	"item_actions: %v":           "item_actions: %v",
	"log_store needs a database: set store to its postgres:// address; it keeps the order of what Kafka keeps": "log_store braucht eine Datenbank: Setzen Sie store auf ihre Adresse mit postgres://; sie hält die Reihenfolge dessen, was Kafka aufbewahrt.",
	"no data are removed yet: %v": "Noch wurden keine Daten entfernt: %v",
	"no lake is set up: give --lake-url or RAPPORT_LAKE_URL, a folder or s3://BUCKET/PREFIX": "Es ist kein Data Lake eingerichtet: Geben Sie --lake-url oder RAPPORT_LAKE_URL an, einen Ordner oder s3://BUCKET/PREFIX.",
	"setting %s: %s cannot be read: %w": "Einstellung %s: %s lässt sich nicht lesen: %w",
	"setting %s: %v":                    "Einstellung %s: %v",
	"setting %s: there is no role %q: give viewer, analyst, marketer, developer, privacy or admin": "Einstellung %s: Die Rolle %q gibt es nicht: Geben Sie viewer, analyst, marketer, developer, privacy oder admin.",
	"source: no source %q: GET /api/v1/sources lists them":                                         "source: Die Quelle %q gibt es nicht: GET /api/v1/sources zeigt, welche es gibt.",
	"the copy needs a data folder of its own, outside of %s":                                       "Die Kopie braucht einen eigenen Datenordner, außerhalb von %s.",
	"the data is in a database: back that up with its own means (pg_basebackup or pg_dump), and beside it master-key, instance-key, access.yaml, erasures and audit of the data folder": "Die Daten liegen in einer Datenbank: Sichern Sie diese mit ihren eigenen Mitteln (pg_basebackup oder pg_dump), und dazu master-key, instance-key, access.yaml, erasures und audit aus dem Datenordner.",
	"the node %s uses the database: stop all nodes first": "Der Knoten %s verwendet die Datenbank: Halten Sie erst alle Knoten an.",
	"the setting %s: %v": "Die Einstellung %s: %v",
	"the setting master_key is not the master key of what is copied: leave it out, and take the file %s to the other nodes": "Die Einstellung master_key ist nicht der Hauptschlüssel dessen, was kopiert wird: Lassen Sie sie weg, und bringen Sie die Datei %s zu den anderen Knoten.",
	"the source %q has no write key any more: remove the demo shop and load it again":                                       "Die Quelle %q hat keinen Schreibschlüssel mehr: Entfernen Sie den Demo-Shop, und laden Sie ihn noch einmal.",
	"there is no segment %.128q: PUT /api/v1/segments/{key} makes one":                                                      "Es gibt kein Segment %.128q: PUT /api/v1/segments/{key} legt eines an.",

	"%d experiments are asked for, %d are possible: ask for all of them by leaving the list out": "Gefragt wird nach %d Experimenten, %d sind möglich: Lassen Sie die Liste weg, um nach allen zu fragen.",

	"setting %s: %s": "Einstellung %s: %s",

	"setting %s: %q will not do: %s":                                        "Einstellung %s: %q geht nicht: %s",
	"settings file %s cannot be read: check RAPPORT_CONFIG or --config: %w": "Die Datei mit den Einstellungen %s lässt sich nicht lesen: Prüfen Sie RAPPORT_CONFIG oder --config: %w",
	"settings file %s is not YAML: %s":                                      "Die Datei mit den Einstellungen %s ist kein YAML: %s",
	"settings: %s":                                                          "Einstellungen: %s",

	"setting http.trusted_proxies: %q is no address and no network: give such as 10.0.0.0/8 or 127.0.0.1": "Einstellung http.trusted_proxies: %q ist weder Adresse noch Netz: Geben Sie etwas an wie 10.0.0.0/8 oder 127.0.0.1.",
	"setting http.trusted_proxies: %q is no network: give such as 10.0.0.0/8":                             "Einstellung http.trusted_proxies: %q ist kein Netz: Geben Sie eines an wie 10.0.0.0/8.",
	"the certificate %s with the key %s cannot be read: %v: check tls.cert_file and tls.key_file":         "Das Zertifikat %s mit dem Schlüssel %s lässt sich nicht lesen: %v: Prüfen Sie tls.cert_file und tls.key_file.",

	"%d refused:\n%s":                 "%d abgelehnt:\n%s",
	"%s and %s are both %s: keep one": "%s und %s sind beide %s: Behalten Sie eines.",
	"%s is no address of an instance: give scheme and host, such as http://127.0.0.1:8080": "%s ist keine Adresse einer Instanz: Geben Sie Schema und Host an, wie http://127.0.0.1:8080.",
	"line %d: %s": "Zeile %d: %s",
	"the environment lacks %s, which the file names: set it": "In der Umgebung fehlt %s, das die Datei nennt: Setzen Sie es.",
	"there is no folder %s: rapport export %s makes it":      "Den Ordner %s gibt es nicht: rapport export %s macht ihn.",
}
