// Package web is the door of our own web library: it serves the library with the
// settings of a source written into it, keeps a browser's id in a cookie of the
// site's own, and hands events and questions on to the doors that take them. It
// never reads a body of theirs, and knows nobody: an id is a random number.
//
// Everything is below one path, so that a site hands one path on to have all of
// it on its own origin.
package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"

	"rapport/internal/dialect"
)

// Prefix is where the door is.
const Prefix = "/site/"

// The files of a version of the library.
const (
	scriptFile = "rapport.js"
	moduleFile = "rapport.mjs"
	markupFile = "rapport-html.js"
	panelsFile = "rapport-panels.js"
)

// From where a script is to where the other paths are.
const (
	latestBase = "./"
	pinnedBase = "../../"
)

// How long files may be kept: what changes five minutes, the others for ever.
const (
	shortly = "public, max-age=300, stale-while-revalidate=86400, stale-if-error=86400"
	forever = "public, max-age=31536000, immutable"
)

// Config is what the door needs. All of it must be there.
type Config struct {
	Files   func(version, name string) ([]byte, bool)
	Version string // of the library that new snippets name
	// Settings are those of the source of a write key.
	Settings func(key string) (Settings, bool)
	// Origins are those whose pages may use a write key; nil: any may. False
	// where nobody has the key.
	Origins func(key string) (dialect.Origins, bool)
	Key     []byte // with which addresses are tagged
	Random  func([]byte)
	Track   http.Handler // takes events at TrackPath
	Decide  http.Handler // answers questions at DecidePath
	// Where these take them.
	TrackPath, DecidePath string
}

// Door answers the library. It is safe for concurrent use.
type Door struct {
	Config
	mu     sync.Mutex
	packed map[string][]byte // by address
}

// New makes a door.
func New(c Config) *Door { return &Door{Config: c, packed: map[string][]byte{}} }

// Patterns are the paths the door serves, in the syntax of http.ServeMux.
func Patterns() []string { return []string{Prefix} }

// DecisionPatterns are those of them at which questions are asked.
func DecisionPatterns() []string { return []string{"POST " + Prefix + "d"} }

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, Prefix)
	switch name {
	case "b":
		d.Track.ServeHTTP(w, at(r, d.TrackPath))
	case "d":
		d.Decide.ServeHTTP(w, at(r, d.DecidePath))
	case "id":
		d.identify(w, r)
	default:
		d.file(w, r, name)
	}
}

// at is the request at the path of another door.
func at(r *http.Request, path string) *http.Request {
	u := *r.URL
	u.Path, u.RawPath = path, ""
	out := r.WithContext(r.Context())
	out.URL = &u
	return out
}

func (d *Door) file(w http.ResponseWriter, r *http.Request, name string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "files are only read; events go to "+Prefix+"b", http.StatusMethodNotAllowed)
		return
	}
	body, keep := d.find(name)
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*") // a page that gives the hash of a file of another host needs it
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if body == nil {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "no such file: GET /api/v1/sources/{key}/web-snippet says how a page loads the library", http.StatusNotFound)
		return
	}
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	if strings.HasSuffix(name, ".ts") {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	h.Set("Cache-Control", keep)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = d.pack(body)
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // a client that is gone needs no answer
	}
}

// find gives the file of an address, and how long it may be kept; nil where
// there is none.
func (d *Door) find(name string) (body []byte, keep string) {
	parts := strings.Split(name, "/")
	switch {
	case len(parts) == 1:
		key, isScript := strings.CutSuffix(parts[0], ".js")
		s, known := d.Settings(key)
		if isScript && known {
			body, _ = d.script(d.Version, s, latestBase)
		}
		return body, shortly
	case len(parts) == 2 && parts[1] != scriptFile:
		body, _ = d.Files(parts[0], parts[1])
	case len(parts) == 3 && parts[2] == scriptFile:
		if s, ok := d.open(parts[1]); ok {
			body, _ = d.script(parts[0], s, pinnedBase)
		}
	}
	return body, forever
}

// maxPacked is how many files are held packed; there are few.
const maxPacked = 64

// pack compresses a file, once.
func (d *Door) pack(body []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if out, ok := d.packed[string(body)]; ok {
		return out
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one
	_, _ = z.Write(body)                                  // memory takes it
	_ = z.Close()
	if len(d.packed) >= maxPacked {
		clear(d.packed)
	}
	d.packed[string(body)] = b.Bytes()
	return b.Bytes()
}
