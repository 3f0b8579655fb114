package dialect

import (
	"encoding/json"
	"errors"
	"net/http"

	"rapport/internal/fault"
)

// Code is the code of an error, as accounting and callers know it.
func Code(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok && f.Code != "" {
		return f.Code
	}
	return "invalid_request"
}

// Message is what a caller may read of an error.
func Message(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Message
	}
	return "the request cannot be taken"
}

// Refuse answers with a problem by RFC 9457, as the dialects do that are our own.
func Refuse(w http.ResponseWriter, status int, err error) {
	text, _ := json.Marshal(map[string]any{ // texts and a number
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": Code(err), "detail": Message(err),
	})
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone needs no answer
}
