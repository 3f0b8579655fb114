// Package segment speaks the tracking protocol that Segment's and RudderStack's
// clients speak: it takes their requests, cuts them into events and maps those.
// It never keeps an event itself and never looks at a profile.
package segment

import (
	"net/http"
	"sync/atomic"

	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/identity"
)

// Dialect is the name under which the events of this door are stored.
const Dialect = "segment"

// What one request and one event may be, in bytes of JSON after unpacking
// where nothing else is said. The first three are Segment's.
const (
	MaxEvent    = 32 << 10
	MaxBatch    = 500 << 10
	MaxEvents   = 2_500
	MaxWire     = 1 << 20 // bytes as they come over the wire
	MaxExpanded = 5 << 20
	MaxRatio    = 100 // unpacked to packed, of what unpacks to more than MaxBatch
)

// Keyring knows the sources by the keys that clients send.
type Keyring interface {
	SourceByWriteKey(key string) (Source, bool)
}

// Source is who sends, as far as the door must know.
type Source struct {
	Key        string // the source's own key, stored with each event
	Name       string
	Verified   bool // its own servers vouch for the identifiers
	Historical bool // the source loads the past
	Origins    dialect.Origins
}

// Config is what the door needs. Accept, Keys, Now and Random must be there.
type Config struct {
	Accept dialect.Acceptor
	Keys   Keyring
	Rules  identity.Rules
	// Book gives the identity rules of today; nil: always Rules.
	Book   dialect.Rulebook
	Now    clock.Clock
	Random func([]byte) // fills the slice
	// Lenient answers 200 to unknown write keys and drops what they bring, as
	// Segment does. Otherwise they are answered 401.
	Lenient bool
	// PublicURL is how clients reach the server, scheme and host without a
	// path; empty means what the request says.
	PublicURL string
	// ClientIP finds the address of the caller behind proxies one trusts; nil
	// takes that of the connection.
	ClientIP func(*http.Request) string
	// Tokens switches OAuth on.
	Tokens Tokens
}

// Door answers the requests of tracking clients. It is safe for concurrent use.
type Door struct {
	Config
	mapper atomic.Pointer[mapper] // by the rules that were those of today when it was made
}

// New makes a door.
func New(c Config) *Door {
	d := &Door{Config: c}
	if c.Book != nil {
		d.Rules = *c.Book.Current()
	}
	d.mapper.Store(newMapper(d.Rules))
	return d
}

// today is the mapper by the rules of today.
func (d *Door) today() *mapper {
	m := d.mapper.Load()
	if d.Book == nil {
		return m
	}
	if rules := d.Book.Current(); rules.Version != m.rules.Version {
		m = newMapper(*rules)
		d.mapper.Store(m)
	}
	return m
}

// Patterns are the paths the door serves, in the syntax of http.ServeMux.
func Patterns() []string {
	return []string{
		"/v1/", "/projects/", "/sourceConfig", "/sourceConfig/", "/beacon/v1/", "/rsaMetrics", "/cluster-info",
		"/analytics.js/", "/analytics-next/", "/next-integrations/", "/token",
	}
}

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowAnyOrigin(w.Header())
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	to := routeOf(r.URL.Path)
	if to.serve == nil {
		answerError(w, http.StatusNotFound, "not_found", "no such address "+r.URL.Path+"; tracking calls go to /v1/batch or /v1/{type}")
		return
	}
	if r.Method != to.method && (r.Method != http.MethodHead || to.method != http.MethodGet) {
		w.Header().Set("Allow", to.method+", OPTIONS")
		answerError(w, http.StatusMethodNotAllowed, "method_not_allowed", r.URL.Path+" takes "+to.method)
		return
	}
	to.serve(d, w, r, to)
}
