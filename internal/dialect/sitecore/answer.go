package sitecore

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// Headers that every answer shares. They are assigned, never changed.
var (
	anyOrigin  = []string{"*"}
	exposed    = []string{"Rapport-Applied, Retry-After, Date"}
	jsonType   = []string{"application/json"}
	scriptType = []string{"application/javascript; charset=utf-8"}
	methods    = []string{"GET, POST, PUT, PATCH, DELETE, OPTIONS"}
	headers    = []string{"Content-Type, Content-Encoding, Authorization, X-Library-Version, X-Client-Software-ID, x-sc-correlation-id, x-sitecore-contextid"}
	aDay       = []string{"86400"}
)

// allowAnyOrigin lets every page read the answer. No client sends credentials.
func allowAnyOrigin(h http.Header) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	h["Access-Control-Expose-Headers"] = exposed
}

func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["Access-Control-Allow-Methods"] = methods
	h["Access-Control-Allow-Headers"] = headers
	h["Access-Control-Max-Age"] = aDay
	w.WriteHeader(http.StatusNoContent)
}

// maxCallback is the longest name of a JSONP callback.
const maxCallback = 128

// callbackOf is the function that a script wants to be called; false where it
// is no name of one.
func callbackOf(r *http.Request) (string, bool) {
	if !strings.Contains(r.URL.RawQuery, "callback=") {
		return "", true
	}
	name := r.URL.Query().Get("callback")
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$'
		if !letter && (i == 0 || c != '.' && (c < '0' || c > '9')) {
			return "", false
		}
	}
	return name, len(name) <= maxCallback
}

// answer gives a document, as a script where one asked for it. A browser does
// not run a script that comes with an error, so its status is 200 and the
// document alone says what went wrong.
func answer(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	name, ok := callbackOf(r)
	switch {
	case !ok:
		answerError(w, fault.Errorf(fault.Invalid, "invalid_callback", "callback is no name of a function; send letters, digits, _, $ and dots"), http.StatusBadRequest)
	case name != "":
		w.Header()["Content-Type"] = scriptType
		w.Header().Set("X-Content-Type-Options", "nosniff")
		b := append(append([]byte("/**/"), name...), '(')
		_, _ = w.Write(append(append(b, body...), ");"...)) // a client that is gone needs no answer
	default:
		w.Header()["Content-Type"] = jsonType
		w.WriteHeader(status)
		_, _ = w.Write(body) // a client that is gone needs no answer
	}
}

// appendOK begins the answer to a call that went well.
func appendOK(clientKey, ref string) []byte {
	b := append(make([]byte, 0, 192), `{"status":"OK","version":"1.2","client_key":`...)
	b = append(jsondoc.AppendString(b, clientKey), `,"ref":`...)
	return jsondoc.AppendString(b, ref)
}

// statusOf is the status of a failure.
func statusOf(err error) int {
	switch fault.KindOf(err) {
	case fault.Limited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound, fault.Gone:
		return http.StatusNotFound
	case fault.Conflict, fault.Precondition:
		return http.StatusConflict
	case fault.Invalid, fault.TooLarge:
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// refuse answers a failure of the Stream or Browser API.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	waitHint(w, err, status)
	code, message := said(err)
	b := append(make([]byte, 0, 256), `{"status":`...)
	b = jsondoc.AppendString(b, strings.ReplaceAll(strings.ToUpper(http.StatusText(status)), " ", "_"))
	b = append(jsondoc.AppendString(append(b, `,"version":"1.2","code":`...), code), `,"error_msg":`...)
	b = append(jsondoc.AppendString(b, message), `,"moreInfo":`...)
	answer(w, r, status, append(jsondoc.AppendString(b, message), '}'))
}

// said is what a caller may read of an error.
func said(err error) (code, message string) {
	if f, ok := errors.AsType[*fault.Fault](err); ok && statusOf(err) != http.StatusInternalServerError {
		if f.Code == "" {
			return "invalid_request", f.Message
		}
		return f.Code, f.Message
	}
	return "internal", "the server could not do it; send the request again"
}

// answerError gives an error of the Interactive and Batch API.
func answerError(w http.ResponseWriter, err error, status int) {
	waitHint(w, err, status)
	code, message := said(err)
	body, _ := json.Marshal(map[string]any{ // texts and a number
		"status": status, "code": status, "message": message, "developerMessage": code + ": " + message, "moreInfoUrl": "",
	})
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// waitHint says after how many seconds the request may come again.
func waitHint(w http.ResponseWriter, err error, status int) {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return
	}
	w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfter(err)))
}
