// Package links answers the links in messages that lead back here: it shows the
// image that tells of an open, leads on to where a click was meant to go, and
// lets people leave a list. Each becomes an event. It never follows a link that
// this server did not make and never unsubscribes somebody by merely looking.
package links

import (
	"bytes"
	"context"
	"encoding/json"
	"html/template"
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
	Leave  func(ctx context.Context, l link.Link) error
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
		show(w, http.StatusNotFound, invalid)
		return
	}
	l, err := d.Links.Read(strings.TrimPrefix(r.URL.Path, link.Path))
	if err != nil {
		show(w, http.StatusNotFound, invalid)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && (r.Method != http.MethodPost || l.Action != link.Unsubscribe) {
		h.Set("Allow", "GET, HEAD")
		show(w, http.StatusMethodNotAllowed, invalid)
		return
	}
	switch l.Action {
	case link.Open:
		d.opened(w, r, l)
	case link.Click:
		d.clicked(w, r, l)
	case link.Unsubscribe:
		d.leave(w, r, l)
	default:
		show(w, http.StatusNotFound, invalid)
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
		show(w, http.StatusNotFound, invalid)
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
		show(w, http.StatusOK, ask)
		return
	}
	if err := d.Leave(r.Context(), l); err != nil {
		d.Log.Error("unsubscribe", "error", err)
		w.Header().Set("Retry-After", "10")
		show(w, http.StatusServiceUnavailable, later)
		return
	}
	d.tell(r, l, "Unsubscribed")
	show(w, http.StatusOK, done)
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

// words are what a page says.
type words struct {
	Title, Text, Button string
}

var (
	ask     = words{"Unsubscribe", "Do you want to get no more of these messages?", "Unsubscribe"}
	done    = words{"Unsubscribed", "You will get no more of these messages.", ""}
	later   = words{"Please try again", "This could not be done just now. Please try again in a moment.", "Try again"}
	invalid = words{"This link is not valid", "It may have been cut on its way: please copy all of it.", ""}
)

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}button{font:inherit;padding:.5rem 1.5rem}</style></head>
<body><main><h1>{{.Title}}</h1><p>{{.Text}}</p>{{if .Button}}<form method="post"><button>{{.Button}}</button></form>{{end}}</main></body></html>
`))

func show(w http.ResponseWriter, status int, what words) {
	var b bytes.Buffer
	if err := page.Execute(&b, what); err != nil {
		status = http.StatusInternalServerError
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that is gone needs no answer
}
