// Package evergage speaks the protocols of Salesforce's clients: the Event API
// and the receivers of Marketing Cloud Personalization (Evergage), and the web
// events and the ingestion of Data Cloud. It takes their requests, cuts them
// into events and maps those; files of bulk jobs are kept until a background
// job has done the same with their rows. Secret keys may ask it for profiles. It never keeps an
// event itself and never tells a public key anything of a profile: what it shows
// to one the responder decides for somebody who only claims to be a person. Start reading at route.go, then
// submit.go and map.go.
package evergage

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/identity"
)

// Dialect is the name under which the events of this door are stored.
const Dialect = "evergage"

// What one request and one event may be, in bytes.
const (
	MaxEvent  = 128 << 10
	MaxBody   = 1 << 20 // as it comes over the wire
	MaxEvents = 2_500   // of one request
)

// Keyring knows sources by their datasets and secret keys by their ids. A
// dataset, the id of a web or app source and a connector are write keys here.
type Keyring interface {
	SourceByDataset(dataset string) (Source, bool)
	// SecretKey checks a secret and tells its id and scopes. An id that is not
	// empty must be the key's.
	SecretKey(id, secret, from string) (Secret, bool)
}

// Secret is a secret key that was shown: who it is and what it may do.
type Secret struct {
	ID  string
	May func(scope string) bool
}

// Source is who sends, as far as the door must know.
type Source struct {
	Key        string // the source's own key, stored with each event
	Verified   bool   // its own servers vouch for the identifiers
	Historical bool   // the source loads the past
	Origins    dialect.Origins
	WriteKey   string // the key that it was found by; empty: by none
}

// Config is what the door needs. Accept, Keys, Now, Random and Log must be there.
type Config struct {
	Accept dialect.Acceptor
	Keys   Keyring
	Rules  identity.Rules
	// Book gives the identity rules of today; nil: always Rules.
	Book   dialect.Rulebook
	Key    Key // that of the mapper
	Now    clock.Clock
	Random func([]byte) // fills the slice
	Log    *slog.Logger
	// People answers what secret keys ask of profiles; nil: nobody does.
	People People
	// Decide says what the answers to events show; nil: nothing.
	Decide Decider
	// Jobs work through bulk jobs, whose files are in Folder; nil: there are none.
	Jobs   Jobs
	Folder string
	Files  vfs.FS // that it is in; nil: the machine's
	// ClientIP finds the address of the caller behind proxies one trusts; nil
	// takes that of the connection.
	ClientIP func(*http.Request) string
}

// Door answers the requests of Salesforce's clients. It is safe for concurrent
// use.
type Door struct {
	Config
	vault  *vault
	mapper atomic.Pointer[mapper] // by the rules that were those of today when it was made
	bulkMu sync.Mutex             // whoever changes what is kept of a bulk job
}

// New makes a door.
func New(c Config) *Door {
	if c.Files == nil {
		c.Files = vfs.Default
	}
	d := &Door{Config: c, vault: newVault(c.Key)}
	if c.Book != nil {
		d.Rules = *c.Book.Current()
	}
	d.mapper.Store(&mapper{rules: d.Rules, vault: d.vault})
	return d
}

// today is the mapper by the rules of today.
func (d *Door) today() *mapper {
	m := d.mapper.Load()
	if d.Book == nil {
		return m
	}
	if rules := d.Book.Current(); rules.Version != m.rules.Version {
		m = &mapper{rules: *rules, vault: d.vault}
		d.mapper.Store(m)
	}
	return m
}

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w.Header(), r)
	if r.Method == http.MethodOptions {
		preflight(w)
		return
	}
	to := routeOf(r.URL.EscapedPath())
	if to.serve == nil {
		answerError(w, http.StatusNotFound, "not_found", "no such address "+r.URL.Path+"; events go to /api2/event/{dataset}")
		return
	}
	if !to.takes(r.Method) {
		w.Header().Set("Allow", to.methods+", OPTIONS")
		answerError(w, http.StatusMethodNotAllowed, "method_not_allowed", r.URL.Path+" takes "+to.methods)
		return
	}
	to.serve(d, w, r, to)
}
