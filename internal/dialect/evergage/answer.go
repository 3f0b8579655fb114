package evergage

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"rapport/internal/fault"
)

// The error codes of a reply, as clients know them.
const (
	codeFine         = 0
	codeInvalidID    = 2
	codeBusy         = 3
	codeInvalidEvent = 5
)

// Headers that answers share. They are assigned, never changed.
var (
	jsonType  = []string{"application/json"}
	anyOrigin = []string{"*"}
	allowed   = []string{"GET, POST, OPTIONS"}
	headers   = []string{"Content-Type, Content-Encoding, Authorization, Accept"}
	exposed   = []string{"Rapport-Applied, Retry-After, Date"}
	aDay      = []string{"86400"}
	yes       = []string{"true"}
	onOrigin  = []string{"Origin"}
)

// allowOrigin lets every page read the answer. The beacon sends some requests
// with credentials, for which the origin must be named; there are no cookies
// here that they could carry.
func allowOrigin(h http.Header, r *http.Request) {
	h["Access-Control-Expose-Headers"] = exposed
	if origin := r.Header["Origin"]; len(origin) == 1 {
		h["Access-Control-Allow-Origin"] = origin
		h["Access-Control-Allow-Credentials"] = yes
		h["Vary"] = onOrigin
		return
	}
	h["Access-Control-Allow-Origin"] = anyOrigin
}

func preflight(w http.ResponseWriter) {
	h := w.Header()
	h["Access-Control-Allow-Methods"] = allowed
	h["Access-Control-Allow-Headers"] = headers
	h["Access-Control-Max-Age"] = aDay
	w.WriteHeader(http.StatusNoContent)
}

func answerJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// answerError gives an error that also has the members of a reply, so that a
// client that reads nothing else finds its error code.
func answerError(w http.ResponseWriter, status int, code, message string) {
	number := int64(codeInvalidEvent)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		number = codeBusy
	}
	var b writer
	b.b = append(make([]byte, 0, 160+len(message)), `{"campaignResponses":[],"compiledCampaignTemplates":[],"campaignExplanations":[]`...)
	b.number("errorCode", number)
	b.text("error", code)
	b.text("message", message)
	answerJSON(w, status, append(b.b, '}'))
}

// answerFault tells a client of a failure.
func answerFault(w http.ResponseWriter, err error) {
	status, code := http.StatusInternalServerError, "internal"
	message := "the server could not take the events; send them again"
	switch fault.KindOf(err) {
	case fault.Limited:
		status, code, message = http.StatusTooManyRequests, "busy", "the server is at its limit; send the event again later"
	case fault.Unavailable:
		status, code, message = http.StatusServiceUnavailable, "unavailable", "the server cannot take events at present; send the event again later"
	case fault.Unauthenticated:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="rapport"`)
	case fault.Forbidden:
		status = http.StatusForbidden
	case fault.NotFound:
		status = http.StatusNotFound
	case fault.Gone:
		status = http.StatusGone
	case fault.Conflict:
		status = http.StatusConflict
	case fault.Invalid:
		status = http.StatusBadRequest
	case fault.TooLarge:
		status = http.StatusRequestEntityTooLarge
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok && status != http.StatusInternalServerError {
		code, message = f.Code, f.Message // what failed, and what to do
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfter(err)))
	}
	answerError(w, status, code, message)
}

// reply answers an event: what is shown, and the user id that the browser keeps
// for its next events. What it says of the person the request has said itself.
func reply(w http.ResponseWriter, g *mapping, show given) {
	var b writer
	b.b = append(make([]byte, 0, 384), '{')
	b.list("campaignResponses", len(show.Responses), show.Responses)
	b.list("compiledCampaignTemplates", 0, nil)
	b.list("campaignExplanations", len(show.Explanations), show.Explanations)
	code := int64(codeFine)
	if g != nil && g.forged {
		code = codeInvalidID
	}
	b.number("errorCode", code)
	if g != nil && len(g.e.Identifiers) > 0 {
		for _, i := range g.e.Identifiers {
			if i != g.again {
				b.text("resolvedUserId", i.Value)
				break
			}
		}
		m := b.open("persistedUserId", '{')
		b.text("entityId", g.vault.seal(g.e.Anchor()))
		b.close(m)
	}
	answerJSON(w, http.StatusOK, append(b.b, '}'))
}

// list writes a list of n; where it is empty nothing is put together for it.
func (w *writer) list(name string, n int, of any) {
	text := []byte("[]")
	if n > 0 {
		if made, err := json.Marshal(of); err == nil { // it is made of texts and of JSON
			text = made
		}
	}
	w.key(name)
	w.b = append(w.b, text...)
}
