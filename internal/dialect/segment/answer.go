package segment

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// Headers that every answer shares. They are assigned, never changed.
var (
	anyOrigin = []string{"*"}
	exposed   = []string{"Rapport-Applied, Retry-After, X-RateLimit-Reset, Date"}
	jsonType  = []string{"application/json"}
	allowed   = []string{"GET, POST, OPTIONS"}
	aDay      = []string{"86400"}
	success   = []byte(`{"success":true}`)
)

const allowedHeaders = "Authorization, Content-Type, Content-Encoding, X-Retry-Count, AnonymousId, SentAt"

// allowAnyOrigin lets every page read the answer. There are no cookies, so no
// credentials either.
func allowAnyOrigin(h http.Header) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	h["Access-Control-Expose-Headers"] = exposed
}

// preflight answers OPTIONS for any address. RudderStack's own headers are
// named one by one, because the header knows no prefixes.
func preflight(w http.ResponseWriter, r *http.Request) {
	var headers strings.Builder
	headers.WriteString(allowedHeaders)
	for _, line := range r.Header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if len(name) > 4 && strings.EqualFold(name[:4], "rsa-") && isToken(name) {
				headers.WriteString(", " + name)
			}
		}
	}
	h := w.Header()
	h["Access-Control-Allow-Methods"] = allowed
	h["Access-Control-Max-Age"] = aDay
	h.Set("Access-Control-Allow-Headers", headers.String())
	h.Set("Vary", "Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
}

func isToken(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// answerSuccess gives the one answer that all clients take for success: 200
// and exactly this body.
func answerSuccess(w http.ResponseWriter) {
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(success) // a client that is gone needs no answer
}

// answerJSON gives a document.
func answerJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// answerError gives an error in the one shape that all clients can read.
func answerError(w http.ResponseWriter, status int, code, message string) {
	b := append(make([]byte, 0, 96+2*len(message)), `{"success":false,"code":`...)
	b = append(jsondoc.AppendString(b, code), `,"message":`...)
	b = append(jsondoc.AppendString(b, message), `,"error":`...)
	answerJSON(w, status, append(jsondoc.AppendString(b, message), '}'))
}

// answerFault tells a client of a failure behind the door.
func answerFault(w http.ResponseWriter, err error) {
	status, code := http.StatusInternalServerError, "internal"
	message := "the server could not take the events; send them again"
	switch fault.KindOf(err) {
	case fault.Limited:
		status, code, message = http.StatusTooManyRequests, "rate_limited", "the server is at its limit; send the events again later"
	case fault.Unavailable:
		status, code, message = http.StatusServiceUnavailable, "unavailable", "the server cannot take events at present; send them again later"
	case fault.Unauthenticated:
		status, code, message = http.StatusUnauthorized, "unauthenticated", "the write key is not valid"
	case fault.Forbidden:
		status, code, message = http.StatusForbidden, "forbidden", "the write key may not send events"
	case fault.Invalid, fault.TooLarge:
		status, code, message = http.StatusBadRequest, "invalid_request", "the request cannot be taken"
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok && status != http.StatusInternalServerError {
		message = f.Message
		if f.Code != "" {
			code = f.Code
		}
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		seconds := strconv.Itoa(fault.RetryAfter(err))
		w.Header().Set("Retry-After", seconds)
		w.Header().Set("X-RateLimit-Reset", seconds)
	}
	answerError(w, status, code, message)
}

// Busy answers a tracking request before it reaches the door: 429, readable
// also by a page of another origin, and to be sent again after a while.
func Busy(w http.ResponseWriter, after time.Duration) {
	allowAnyOrigin(w.Header())
	answerFault(w, fault.Errorf(fault.Limited, "busy", "too many requests are under way; send this one again later: %w", &waitError{after}))
}

// waitError is a cause that knows how long to wait.
type waitError struct{ after time.Duration }

// Error says how long.
func (e *waitError) Error() string { return "wait " + e.after.String() }

// RetryAfter says how long.
func (e *waitError) RetryAfter() time.Duration { return e.after }
