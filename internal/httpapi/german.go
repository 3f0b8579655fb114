package httpapi

import (
	"cmp"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2/validation"

	"rapport/internal/pipeline"
	"rapport/internal/wording"
)

// spoken says a problem to whoever asks in the request, in their language.
func (p *Problem) spoken(r *http.Request) *Problem { return p.in(pipeline.Language(r.Context())) }

// in says a problem in a language. Where the sentence itself has no German, the
// reader is told what its code means, and the sentence word by word.
func (p *Problem) in(l wording.Language) *Problem {
	if l != wording.German {
		return p
	}
	told := *p
	told.Title = cmp.Or(titles[p.Status], p.Title)
	told.Errors = append([]FieldError(nil), p.Errors...)
	for i := range told.Errors {
		e := &told.Errors[i]
		of := p.Code
		if len(told.Errors) > 1 {
			of = "" // what the code means is said once
		}
		whole := p.Detail == cmp.Or(e.Field, "the body")+": "+e.Message
		e.Message = germanSentence(e.Message, of)
		if whole {
			told.Detail = cmp.Or(e.Field, "Der Inhalt") + ": " + e.Message
		}
	}
	if told.Detail == p.Detail {
		told.Detail = germanSentence(p.Detail, p.Code)
	}
	return &told
}

var retold = sync.OnceValue(func() *wording.Retold { return problemForms().Retold() })

// germanSentence says a sentence in German, or what its code means with it.
func germanSentence(text, code string) string {
	said, ok := retold().Say(wording.German, text)
	if ok {
		return said
	}
	of := germanOf[code]
	switch {
	case of != "":
	case strings.HasSuffix(code, "_not_found"):
		of = germanOf["not_found"]
	case strings.HasPrefix(code, "invalid_"):
		of = germanOf["invalid"]
	default:
		return text
	}
	return of + " Im Wortlaut: „" + text + "“"
}

// titles are the statuses in words.
var titles = map[int]string{
	http.StatusBadRequest:            "Ungültige Anfrage",
	http.StatusUnauthorized:          "Nicht angemeldet",
	http.StatusForbidden:             "Nicht erlaubt",
	http.StatusNotFound:              "Nicht gefunden",
	http.StatusMethodNotAllowed:      "Methode nicht erlaubt",
	http.StatusNotAcceptable:         "So nicht lieferbar",
	http.StatusRequestTimeout:        "Zeit überschritten",
	http.StatusConflict:              "Konflikt",
	http.StatusGone:                  "Nicht mehr vorhanden",
	http.StatusPreconditionFailed:    "Inzwischen geändert",
	http.StatusRequestEntityTooLarge: "Zu groß",
	http.StatusUnsupportedMediaType:  "Format nicht verstanden",
	http.StatusTooManyRequests:       "Zu viele Anfragen",
	http.StatusInternalServerError:   "Interner Fehler",
	http.StatusServiceUnavailable:    "Gerade nicht verfügbar",
}

// germanProblems is what requests are refused with before anything is done. Keys,
// members and values stay as they are.
var germanProblems = wording.Catalog{
	internalDetail: "Hier ging etwas schief, nicht bei Ihrer Anfrage: Versuchen Sie es noch einmal, und nennen Sie dem, der diese Instanz betreibt, die Anfrage-Nummer.",
	mediaMend:      "Der Inhalt muss JSON sein: Senden Sie den Header Content-Type: application/json.",
	"the request cannot be read: see errors for what and where":                                      "Die Anfrage lässt sich nicht lesen: Unter errors steht, was und wo.",
	"the request does not fit the API: see errors for what and where":                                "Die Anfrage passt nicht zur API: Unter errors steht, was und wo.",
	"the body is larger than this route takes: send less at once":                                    "Der Inhalt ist größer, als es hier geht: Senden Sie weniger auf einmal.",
	"the body took too long to arrive: send it faster or in smaller parts":                           "Der Inhalt kam zu langsam an: Senden Sie ihn schneller oder in kleineren Teilen.",
	"answers are application/json: ask for that in Accept":                                           "Antworten sind application/json: Fragen Sie in Accept danach.",
	"your roles do not let you %s in the area %s: ask an admin for a role that does":                 "Mit Ihren Rollen geht „%s“ im Bereich %s nicht: Bitten Sie die Verwaltung um eine, mit der es geht.",
	"a new passkey needs a sign-in of the last %d minutes: sign out, sign in again and make it then": "Ein neuer Passkey braucht eine Anmeldung der letzten %d Minuten: Melden Sie sich ab und wieder an, und legen Sie ihn dann an.",

	validation.MsgUnexpectedProperty:                                  "gibt es nicht",
	validation.MsgExpectedRFC3339DateTime:                             "muss eine Zeit sein wie 2026-01-31T12:00:00Z",
	validation.MsgExpectedRFC1123DateTime:                             "muss eine Zeit nach RFC 1123 sein",
	validation.MsgExpectedRFC3339Date:                                 "muss ein Tag sein wie 2026-01-31",
	validation.MsgExpectedRFC3339Time:                                 "muss eine Uhrzeit sein wie 12:00:00Z",
	validation.MsgExpectedRFC5322Email:                                "muss eine E-Mail-Adresse sein: %v",
	validation.MsgExpectedRFC5890Hostname:                             "muss der Name eines Hosts sein",
	validation.MsgExpectedRFC2673IPv4:                                 "muss eine IPv4-Adresse sein",
	validation.MsgExpectedRFC2373IPv6:                                 "muss eine IPv6-Adresse sein",
	validation.MsgExpectedRFCIPAddr:                                   "muss eine IP-Adresse sein",
	validation.MsgExpectedRFC3986URI:                                  "muss eine Adresse (URI) sein: %v",
	validation.MsgExpectedRFC4122UUID:                                 "muss eine UUID sein: %v",
	validation.MsgExpectedRFC6570URITemplate:                          "muss eine Vorlage für Adressen sein",
	validation.MsgExpectedRFC6901JSONPointer:                          "muss ein JSON-Pointer sein",
	validation.MsgExpectedRFC6901RelativeJSONPointer:                  "muss ein relativer JSON-Pointer sein",
	validation.MsgExpectedRegexp:                                      "muss ein regulärer Ausdruck sein: %v",
	validation.MsgExpectedMatchAtLeastOneSchema:                       "passt zu keiner der möglichen Formen",
	validation.MsgExpectedMatchExactlyOneSchema:                       "passt zu keiner der möglichen Formen",
	validation.MsgExpectedNotMatchSchema:                              "hat eine Form, die es nicht haben darf",
	validation.MsgExpectedPropertyNameInObject:                        "die Angabe, welcher Art es ist, fehlt",
	validation.MsgExpectedBoolean:                                     "muss true oder false sein",
	validation.MsgExpectedDuration:                                    "muss eine Zeitspanne sein: %v",
	validation.MsgExpectedNumber:                                      "muss eine Zahl sein",
	validation.MsgExpectedInteger:                                     "muss eine ganze Zahl sein",
	validation.MsgExpectedString:                                      "muss ein Text sein",
	validation.MsgExpectedBase64String:                                "muss Text in Base64 sein",
	validation.MsgExpectedArray:                                       "muss eine Liste sein",
	validation.MsgExpectedObject:                                      "muss ein Objekt sein",
	validation.MsgExpectedArrayItemsUnique:                            "darf nichts zweimal enthalten",
	validation.MsgExpectedOneOf:                                       "muss eines hiervon sein: %s",
	validation.MsgExpectedMinimumNumber:                               "muss mindestens %v sein",
	validation.MsgExpectedExclusiveMinimumNumber:                      "muss größer als %v sein",
	validation.MsgExpectedMaximumNumber:                               "darf höchstens %v sein",
	validation.MsgExpectedExclusiveMaximumNumber:                      "muss kleiner als %v sein",
	validation.MsgExpectedNumberBeMultipleOf:                          "muss ein Vielfaches von %v sein",
	validation.MsgExpectedMinLength:                                   "muss mindestens %d Zeichen haben",
	validation.MsgExpectedMaxLength:                                   "darf höchstens %d Zeichen haben",
	validation.MsgExpectedBePattern:                                   "muss sein: %s",
	validation.MsgExpectedMatchPattern:                                "muss zu diesem Muster passen: %s",
	validation.MsgExpectedMinItems:                                    "muss mindestens %d Einträge haben",
	validation.MsgExpectedMaxItems:                                    "darf höchstens %d Einträge haben",
	validation.MsgExpectedMinProperties:                               "muss mindestens %d Angaben haben",
	validation.MsgExpectedMaxProperties:                               "darf höchstens %d Angaben haben",
	validation.MsgExpectedRequiredProperty:                            "die Angabe %s fehlt",
	validation.MsgExpectedDependentRequiredProperty:                   "die Angabe %s fehlt, die zu %s gehört",
	"expected value to match exactly one schema but matched multiple": "passt zu mehreren der möglichen Formen",
	"expected at most one value, but received multiple values":        "darf nur einmal angegeben werden",
	"unknown query parameter":                                         "gibt es nicht",
	"required %s parameter is missing":                                "fehlt (%s)",
	"request body is required":                                        "Der Inhalt fehlt.",
	"invalid integer":                                                 "muss eine ganze Zahl sein",
	"invalid float":                                                   "muss eine Zahl sein",
	"invalid floating value":                                          "muss eine Zahl sein",
	"invalid boolean":                                                 "muss true oder false sein",
}
