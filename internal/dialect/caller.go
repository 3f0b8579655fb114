package dialect

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// Caller is who asks, by the key it sends.
type Caller struct {
	Source  string  // key of the source of a write key; empty of a secret key
	Trusted bool    // a secret key, or a source's own servers, vouch for the identifiers
	Origins Origins // whose pages may use the key
}

// Callers finds out who has a key.
type Callers interface {
	// Caller gives who has a key that may be used from an address; false where
	// nobody has.
	Caller(key, from string) (Caller, bool)
}

// Key finds the key of a request: as Bearer token, as X-API-Key, or as the user
// of Basic authentication. Empty where there is none.
func Key(r *http.Request) string {
	if key := r.Header.Get("X-API-Key"); key != "" {
		return key
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return strings.TrimSpace(value)
	case strings.EqualFold(scheme, "Basic"):
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
		if err != nil {
			return ""
		}
		user, _, _ := strings.Cut(string(b), ":")
		return user
	}
	return ""
}
