// Package ofrep answers clients of the OpenFeature Remote Evaluation Protocol:
// experiments are its flags, a variant's value is a flag's. It never lets a
// caller read what is known of a person and never answers an experiment that is
// not public to a key that is.
//
// Source: github.com/open-feature/protocol, OFREP 0.3.0, and what the clients of
// it demand beyond (specs/experiments.md §2).
package ofrep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/assigner"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// Assigner assigns variants.
type Assigner interface {
	Assign(ctx context.Context, q *assigner.Request) (*assigner.Answer, error)
	Flush(ctx context.Context) (pipeline.Receipt, error)
	Sign(ctx context.Context) (uint64, error)
}

// Config is what the door needs.
type Config struct {
	Assign Assigner
	Keys   dialect.Callers
	Accept dialect.Acceptor
	// Namespace tells whether an instance has a namespace of identifiers.
	Namespace func(name string) bool
	// PublicURL is how clients reach the server; empty: what the request says.
	PublicURL string
	Log       *slog.Logger
	// Every is how often those who listen for changes are looked after; zero is
	// a second.
	Every time.Duration
	// Stop ends those connections.
	Stop <-chan struct{}
}

// Door answers requests. It is safe for concurrent use.
type Door struct{ Config }

// New makes a door.
func New(c Config) *Door {
	if c.Every == 0 {
		c.Every = time.Second
	}
	return &Door{c}
}

// The paths.
const (
	flagsPath  = "/ofrep/v1/evaluate/flags"
	eventsPath = "/ofrep/v1/events"
)

// Patterns are the paths the door serves, in the syntax of http.ServeMux.
func Patterns() []string { return []string{"/ofrep/v1/"} }

// maxBody bounds a request.
const maxBody = 64 << 10

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if origin := r.Header.Get("Origin"); origin != "" {
		h["Access-Control-Allow-Origin"] = []string{"*"}
		h["Access-Control-Expose-Headers"] = []string{"ETag, Retry-After"}
	}
	path := r.URL.EscapedPath()
	switch {
	case r.Method == http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, X-API-Key, If-None-Match")
		h.Set("Access-Control-Max-Age", "7200")
		w.WriteHeader(http.StatusNoContent)
	case path == eventsPath && r.Method == http.MethodGet:
		d.events(w, r)
	case r.Method != http.MethodPost:
		h.Set("Allow", "POST, OPTIONS")
		answer(w, http.StatusMethodNotAllowed, &failure{Code: "GENERAL", Details: "send a POST"})
	case path == flagsPath:
		d.bulk(w, r)
	case strings.HasPrefix(path, flagsPath+"/"):
		d.single(w, r, path[len(flagsPath)+1:])
	default:
		answer(w, http.StatusNotFound, &failure{Code: "GENERAL", Details: "there is nothing at this address: POST " + flagsPath + "/{key}"})
	}
}

// failure is the body of an error. Clients want a code with every one.
type failure struct {
	Key     string `json:"key,omitempty"`
	Code    string `json:"errorCode"`
	Details string `json:"errorDetails,omitempty"`
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"errorCode":"GENERAL"}`)
	}
	write(w, status, text)
}

func write(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json; charset=utf-8"}
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone needs no answer
}

// caller finds out who asks; nil where it was answered that nobody may.
func (d *Door) caller(w http.ResponseWriter, r *http.Request, key string) *dialect.Caller {
	c, ok := d.Keys.Caller(key, r.RemoteAddr)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized) // by the protocol without a body
		return nil
	}
	if dialect.MayCome(r, c.Origins) != nil {
		w.WriteHeader(http.StatusForbidden)
		return nil
	}
	return &c
}

// read reads the body; nil where a failure was answered.
func (d *Door) read(w http.ResponseWriter, r *http.Request, key string) *assigner.Request {
	body, err := dialect.ReadBody(r, maxBody, func(most int) error {
		return fault.Errorf(fault.TooLarge, "context_too_large", "the context may have %d bytes: send less", most)
	})
	if err == nil && len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	var doc *jsondoc.Doc
	if err == nil {
		if doc, err = jsondoc.Parse(body, jsondoc.DefaultLimits()); err != nil {
			err = fault.Errorf(fault.Invalid, "invalid_json", "it is not JSON: %v", err)
		}
	}
	if err != nil {
		answer(w, http.StatusBadRequest, &failure{key, "PARSE_ERROR", "the body cannot be read: " + dialect.Message(err)})
		return nil
	}
	root := doc.Root()
	c := root.Get("context")
	if root.Kind() != jsondoc.Object || c.Exists() && !c.IsNull() && c.Kind() != jsondoc.Object {
		answer(w, http.StatusBadRequest, &failure{key, "INVALID_CONTEXT", `send {"context":{"targetingKey":"…"}}`})
		return nil
	}
	q := &assigner.Request{Identifiers: d.identifiers(c)}
	if c.Kind() == jsondoc.Object {
		q.Context = json.RawMessage(c.Raw())
	}
	if token := c.Get("rapport_qa").Text(); token != "" {
		q.Links = []string{token}
	}
	q.Unseen = strings.EqualFold(r.Header.Get("Rapport-Exposures"), "none")
	return q
}

// identifiers are those of the context. The targeting key is namespace:value, or
// a user id.
func (d *Door) identifiers(c jsondoc.Value) []event.Identifier {
	var out []event.Identifier
	add := func(namespace, value string) {
		if value != "" {
			out = append(out, event.Identifier{Namespace: namespace, Value: value})
		}
	}
	if key := c.Get("targetingKey").Text(); key != "" {
		if namespace, value, ok := strings.Cut(key, ":"); ok && d.Namespace(namespace) {
			add(namespace, value)
		} else {
			add(event.UserID, key)
		}
	}
	for _, n := range []struct{ name, namespace string }{
		{"userId", event.UserID},
		{"user_id", event.UserID},
		{"anonymousId", event.AnonymousID},
		{"anonymous_id", event.AnonymousID},
	} {
		add(n.namespace, c.Get(n.name).Text())
	}
	return out
}

// single answers for one flag.
func (d *Door) single(w http.ResponseWriter, r *http.Request, escaped string) {
	key, err := url.PathUnescape(escaped)
	if err != nil {
		key = escaped
	}
	caller := d.caller(w, r, dialect.Key(r))
	if caller == nil {
		return
	}
	q := d.read(w, r, key)
	if q == nil {
		return
	}
	q.Trusted, q.Keys = caller.Trusted, []string{key}
	a, err := d.Assign.Assign(r.Context(), q)
	if err != nil {
		d.failed(w, key, err)
		return
	}
	x := &a.Assignments[0]
	switch {
	case x.Reason == assigner.Unknown:
		answer(w, http.StatusNotFound, &failure{key, "FLAG_NOT_FOUND", "there is no such experiment that this key may ask for"})
		return
	case x.Reason == experiment.NoUnit:
		answer(w, http.StatusBadRequest, &failure{key, "TARGETING_KEY_MISSING", "say who it is: context.targetingKey"})
		return
	}
	if !d.wait(w, r) {
		return
	}
	write(w, http.StatusOK, successOf(x, a.Controls[0]).append(make([]byte, 0, 256)))
}

// failed answers an error.
func (d *Door) failed(w http.ResponseWriter, key string, err error) {
	f := &failure{Key: key, Code: "GENERAL", Details: dialect.Message(err)}
	switch fault.KindOf(err) {
	case fault.Invalid:
		f.Code = "INVALID_CONTEXT"
		answer(w, http.StatusBadRequest, f)
	case fault.Limited, fault.Unavailable:
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfter(err)))
		answer(w, http.StatusTooManyRequests, f)
	default:
		d.Log.Error("ofrep", "error", err)
		answer(w, http.StatusInternalServerError, f)
	}
}

// wait lets exposures be applied where the caller wants that.
func (d *Door) wait(w http.ResponseWriter, r *http.Request) bool {
	if dialect.Wait(r) == 0 {
		return true
	}
	receipt, err := d.Assign.Flush(r.Context())
	if err != nil {
		d.failed(w, "", err)
		return false
	}
	dialect.Await(w, r, d.Accept, receipt)
	return true
}

// flags is the answer for all flags.
type flags struct {
	Flags   []any    `json:"flags"`
	Streams []stream `json:"eventStreams,omitempty"`
}

type stream struct {
	Type  string `json:"type"`
	URL   string `json:"url"`
	Delay int    `json:"inactivityDelaySec"`
}

// bulk answers for all flags. Its tag is that of the answer: one of the
// configuration alone would keep the variants of another person.
func (d *Door) bulk(w http.ResponseWriter, r *http.Request) {
	key := dialect.Key(r)
	caller := d.caller(w, r, key)
	if caller == nil {
		return
	}
	q := d.read(w, r, "")
	if q == nil {
		return
	}
	q.Trusted = caller.Trusted
	a, err := d.Assign.Assign(r.Context(), q)
	if err != nil {
		d.failed(w, "", err)
		return
	}
	if !d.wait(w, r) {
		return
	}
	out := flags{Flags: []any{}}
	for i := range a.Assignments {
		x := &a.Assignments[i]
		if x.Reason == experiment.NoUnit {
			out.Flags = append(out.Flags, &failure{x.Experiment, "TARGETING_KEY_MISSING", "say who it is: context.targetingKey"})
			continue
		}
		s := successOf(x, a.Controls[i])
		if x.Reason == experiment.Sticky {
			s.Metadata.Reason = string(experiment.Assigned) // the answer is the same
		}
		out.Flags = append(out.Flags, s)
	}
	if !caller.Trusted {
		// A browser's event source sends no headers: a write key is public anyway.
		out.Streams = []stream{{"sse", d.base(r) + eventsPath + "?key=" + url.QueryEscape(key), 120}}
	}
	text, err := json.Marshal(&out)
	if err != nil {
		d.failed(w, "", err)
		return
	}
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, no-cache")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, http.StatusOK, text)
}

func (d *Door) base(r *http.Request) string {
	if d.PublicURL != "" {
		return strings.TrimSuffix(d.PublicURL, "/")
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
