// Package links answers the links in messages that lead back here: it shows the
// image that tells of an open, leads on to where a click was meant to go, and
// lets people leave a list. Each becomes an event. It never follows a link that
// this server did not make and never unsubscribes somebody by merely looking.
package links

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/message/link"
	"rapport/internal/pipeline"
)

// Source is the key of the source that the events come from.
const Source = "messages"

// Config is what the door needs.
type Config struct {
	Links  *link.Maker // nil: no link is valid
	Accept dialect.Acceptor
	Rules  dialect.Rulebook
	// Dialect and Mapper read the events' bodies, which are track calls.
	Dialect string
	Mapper  func(identity.Rules) event.Mapper
	// Leave notes that somebody does not want messages of this kind any more. It
	// returns when that is safe.
	Leave func(ctx context.Context, l link.Link) error
	// Standing is what a recipient gets and may get.
	Standing func(ctx context.Context, l link.Link) (*Standing, error)
	// Choose notes what a recipient wants. It returns when that is safe.
	Choose func(ctx context.Context, l link.Link, choices []Choice) error
	Now    clock.Clock
	Random func([]byte)
	Log    *slog.Logger
}

// Door answers links. It is safe for concurrent use.
type Door struct{ Config }

// New makes a door.
func New(c Config) *Door { return &Door{c} }

// Patterns are the paths the door serves, in the syntax of http.ServeMux.
func Patterns() []string { return []string{link.Path} }

// gif is a transparent image of one pixel.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store, no-cache, must-revalidate, private")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("X-Content-Type-Options", "nosniff")
	if d.Links == nil {
		d.show(w, r, view{status: http.StatusNotFound, say: invalid})
		return
	}
	l, err := d.Links.Read(strings.TrimPrefix(r.URL.Path, link.Path))
	if err != nil {
		d.show(w, r, view{status: http.StatusNotFound, say: invalid})
		return
	}
	posts := l.Action == link.Unsubscribe || l.Action == link.Preferences
	if r.Method != http.MethodGet && r.Method != http.MethodHead && (r.Method != http.MethodPost || !posts) {
		h.Set("Allow", "GET, HEAD")
		d.show(w, r, view{status: http.StatusMethodNotAllowed, say: invalid})
		return
	}
	switch l.Action {
	case link.Open:
		d.opened(w, r, l)
	case link.Click:
		d.clicked(w, r, l)
	case link.Unsubscribe:
		d.leave(w, r, l)
	case link.Preferences:
		d.prefer(w, r, l)
	default:
		d.show(w, r, view{status: http.StatusNotFound, say: invalid})
	}
}

func (d *Door) opened(w http.ResponseWriter, r *http.Request, l link.Link) {
	if r.Method == http.MethodGet {
		d.tell(r, l, "Email Opened")
	}
	w.Header().Set("Content-Type", "image/gif")
	_, _ = w.Write(gif) // a client that is gone needs no answer
}

func (d *Door) clicked(w http.ResponseWriter, r *http.Request, l link.Link) {
	if !strings.HasPrefix(strings.ToLower(l.Target), "https://") && !strings.HasPrefix(strings.ToLower(l.Target), "http://") {
		d.show(w, r, view{status: http.StatusNotFound, say: invalid})
		return
	}
	if r.Method == http.MethodGet {
		d.tell(r, l, "Email Link Clicked")
	}
	w.Header().Set("Location", l.Target)
	w.WriteHeader(http.StatusFound)
}

// leave shows a button first: mail programs and scanners look at every link. The
// button of a mail client posts at once, as RFC 8058 has it.
func (d *Door) leave(w http.ResponseWriter, r *http.Request, l link.Link) {
	if r.Method != http.MethodPost {
		d.show(w, r, view{status: http.StatusOK, say: ask, link: l, more: d.preferences(l)})
		return
	}
	if err := d.Leave(r.Context(), l); err != nil {
		d.fail(w, r, "unsubscribe", err)
		return
	}
	d.tell(r, l, "Unsubscribed")
	d.show(w, r, view{status: http.StatusOK, say: done, link: l, more: d.preferences(l)})
}

// fail says that something could not be done just now.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, what string, err error) {
	d.Log.Error("a page of a link cannot be answered", "page", what, "error", err)
	w.Header().Set("Retry-After", "10")
	d.show(w, r, view{status: http.StatusServiceUnavailable, say: later})
}

// tell makes an event of what happened. Whoever follows a link gets where it
// leads whether or not that can be kept.
func (d *Door) tell(r *http.Request, l link.Link, name string) {
	now := d.Now.Now()
	var random [16]byte
	d.Random(random[:])
	properties := map[string]any{"delivery": l.Message, "campaign": l.Destination}
	if l.Target != "" {
		properties["link_url"] = l.Target
	}
	if l.Purpose != "" {
		properties["purpose"] = l.Purpose
	}
	body, err := json.Marshal(map[string]any{
		"type": "track", "event": name, "messageId": id.UUID(random), "timestamp": now, "properties": properties, "channel": "server",
		"context": map[string]any{"externalIds": []any{map[string]any{"type": l.Namespace, "id": l.Identifier, "collection": "users"}}},
	})
	if err != nil {
		d.Log.Error("event of a link", "error", err)
		return
	}
	rules := d.Rules.Current()
	env := event.Envelope{
		Dialect: d.Dialect, Source: Source, Received: now, MessageID: id.UUID(random), UserAgent: dialect.UserAgent(r), Verified: true, Rules: rules.Version,
	}
	doc, err := jsondoc.Parse(body, jsondoc.Limits{})
	if err != nil {
		d.Log.Error("event of a link", "error", err)
		return
	}
	e, err := d.Mapper(*rules)(&env, doc.Root())
	if err == nil {
		_, err = d.Accept.Accept(r.Context(), &pipeline.Submission{Received: now, Events: []pipeline.Arrival{{Envelope: env, Event: e}}})
	}
	if err != nil {
		d.Log.Warn("an event of a link is lost", "event", name, "error", err)
	}
}
