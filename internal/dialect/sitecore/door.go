// Package sitecore speaks the protocols of Sitecore CDP: the Stream and Browser
// API that its web clients call, the Interactive API for guests and orders and
// the Batch API for files of them. It turns what they bring into events of the
// dialect and into commands on orders, and shows people as guests. It never
// keeps a person itself, and a public key never reads one.
//
// Start reading at door.go, then stream.go (before the log) and map.go (behind
// it); guest.go for the Interactive API, batch.go for files.
package sitecore

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
)

// Dialect is the name under which the events of this door are stored.
const Dialect = "sitecore"

// What one request may be, in bytes.
const (
	MaxEvent   = 32 << 10 // of the Stream API
	MaxRequest = 1 << 20  // of the Interactive API
)

// Keyring knows who calls.
type Keyring interface {
	// SourceByWriteKey finds the source that a client key, a context id or a
	// write key stands for: they are the same.
	SourceByWriteKey(key string) (Source, bool)
	// Secret tells who has a secret key and whether it may read and write.
	Secret(key, from string) (Caller, bool)
}

// Source is who sends, as far as the door must know.
type Source struct {
	Key        string // stored with each event
	Verified   bool   // its own servers vouch for the identifiers
	Historical bool   // the source loads the past
	Origins    dialect.Origins
	WriteKey   string // the key that it was found by; empty: by none
}

// Caller is who has a secret key.
type Caller struct {
	ID          string
	Read, Write bool
}

// Config is what the door needs.
type Config struct {
	Accept dialect.Acceptor
	Keys   Keyring
	Book   dialect.Rulebook
	People People
	Orders Orders
	Jobs   Jobs
	// Decide answers calls of experiences; nil: there are none.
	Decide Decider
	// OwnSource is the source of what comes with an access token and names none.
	OwnSource string
	Folder    string // where files of batches lie
	Files     vfs.FS // that it is in; nil: the machine's
	// Timeout is the silence that closes a session at a point of sale of a source.
	Timeout func(source, pointOfSale string) time.Duration
	Now     clock.Clock
	Random  func([]byte) // fills the slice
	// Ref makes the id of the profile that an identifier leads to, 32
	// hexadecimal digits, from the identifier alone.
	Ref func(event.Identifier) string
	// Key is the instance's: browser ids are made with it.
	Key [16]byte
	// ClientIP finds the address of the caller behind proxies one trusts; nil
	// takes that of the connection.
	ClientIP func(*http.Request) string
}

// Door answers the requests of Sitecore's clients. It is safe for concurrent
// use.
type Door struct {
	Config
	seal []byte // the key of browser ids
	mux  *http.ServeMux
}

// New makes a door.
func New(c Config) *Door {
	if c.Files == nil {
		c.Files = vfs.Default
	}
	h := hmac.New(sha256.New, c.Key[:])
	_, _ = h.Write([]byte("sitecore browser ids")) // it never fails
	d := &Door{Config: c, seal: h.Sum(nil), mux: http.NewServeMux()}
	d.routes()
	return d
}

// Patterns are the paths the door serves, in the syntax of http.ServeMux.
func Patterns() []string {
	return []string{"/v1/events/", "/events/v1.2/", "/v1.2/", "/v2/", "/v2.1/"}
}

// DecisionPatterns are those at which flows are called.
func DecisionPatterns() []string {
	return []string{"/v1/personalize", "/v1/personalize/", "/personalize/"}
}

func (d *Door) routes() {
	for _, base := range [...]string{"/v1/events/v1.2", "/events/v1.2", "/v1.2"} {
		d.mux.HandleFunc("POST "+base+"/events", d.post)
		d.mux.HandleFunc("GET "+base+"/event/create.json", d.get)
		d.mux.HandleFunc("GET "+base+"/browser/create.json", d.createBrowser)
		d.mux.HandleFunc("GET "+base+"/browser/{id}/show.json", d.showBrowser)
		d.mux.HandleFunc("GET "+base+"/browser/{id}/update.json", d.updateBrowser)
	}
	d.guestRoutes()
	d.extensionRoutes()
	d.contextRoutes()
	d.orderRoutes()
	d.batchRoutes()
	d.flowRoutes()
}

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowAnyOrigin(w.Header())
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	if r.Method == http.MethodPost { // most requests need no router
		switch r.URL.Path {
		case "/v1/events/v1.2/events", "/events/v1.2/events", "/v1.2/events":
			d.post(w, r)
			return
		}
	}
	h, pattern := d.mux.Handler(r)
	if pattern == "" {
		missing(w, r, h)
		return
	}
	d.mux.ServeHTTP(w, r)
}

// missing tells of an address that is not there, or that takes another method.
func missing(w http.ResponseWriter, r *http.Request, h http.Handler) {
	asked := probe{header: http.Header{}}
	h.ServeHTTP(&asked, r)
	if asked.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", asked.header.Get("Allow")+", OPTIONS")
		answerError(w, fault.Errorf(fault.Invalid, "method_not_allowed", "%s takes %s", r.URL.Path, asked.header.Get("Allow")), http.StatusMethodNotAllowed)
		return
	}
	answerError(w, fault.Errorf(fault.NotFound, "not_found", "no such address %s", r.URL.Path), http.StatusNotFound)
}

// probe hears what the router would answer.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }
