// Package decide is the door for everybody who asks what to show: browsers with
// a write key, servers with a secret key. A write key names ids and places, never
// an expression, and gets content and never a profile. Whatever is wrong with
// what it asks, the answer is a fallback and a reason.
package decide

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/responder"
)

// What a request may be, in bytes: its body, and the context in it.
const (
	MaxBody    = 256 << 10
	MaxContext = 16 << 10
)

// Path is where decisions are asked for.
const Path = "/v1/decide"

// Decider answers.
type Decider interface {
	Decide(ctx context.Context, q *responder.Request) (*responder.WhatToShow, error)
	Flush(ctx context.Context) error
}

// Config is what the door needs.
type Config struct {
	Decide Decider
	Assign Assigner
	Keys   dialect.Callers
	Rules  dialect.Rulebook
}

// Door answers. It is safe for concurrent use.
type Door struct{ Config }

// New makes a door.
func New(c Config) *Door { return &Door{c} }

// Patterns are the paths the door serves, in the syntax of http.ServeMux.
func Patterns() []string { return []string{Path} }

// Body is a question.
type Body struct {
	WriteKey    string                     `json:"writeKey"`
	UserID      text                       `json:"userId"`
	AnonymousID text                       `json:"anonymousId"`
	PlainKey    string                     `json:"write_key"`
	PlainUser   text                       `json:"user_id"`
	PlainDevice text                       `json:"anonymous_id"`
	Email       text                       `json:"email"`
	Identifiers []event.Identifier         `json:"identifiers"`
	Placements  []string                   `json:"placements"`
	Experiences []string                   `json:"experiences"`
	Channel     string                     `json:"channel"`
	Language    string                     `json:"language"`
	Context     json.RawMessage            `json:"context"`
	Params      map[string]json.RawMessage `json:"params"`
	Preview     string                     `json:"preview"`
	// Experiments are those whose variants are wanted; nil with nothing else
	// asked for: all that run.
	Experiments []string `json:"experiments"`
	QA          []string `json:"qa"`
	// Exposures tells whether what is answered is shown; left out: it is.
	Exposures *bool `json:"exposures"`
}

// text is a string, or a number that stands for one.
type text string

// UnmarshalJSON takes numbers as text.
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9') {
		*t = text(b)
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

// situation is what a request says of where it comes from.
type situation struct {
	Page    responder.VisitedPage `json:"page"`
	Locale  string                `json:"locale"`
	Channel string                `json:"channel"`
}

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Rapport-Applied, Retry-After")
	h.Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		d.post(w, r)
	default:
		h.Set("Allow", "POST, OPTIONS")
		dialect.Refuse(w, http.StatusMethodNotAllowed, fault.Errorf(fault.Invalid, "method_not_allowed", "%s takes POST", Path))
	}
}

var errKey = fault.Errorf(fault.Unauthenticated, "invalid_write_key", "the key is not known here: send a write key as the user name of Basic, in writeKey, or a secret key as Bearer")

func (d *Door) post(w http.ResponseWriter, r *http.Request) {
	raw, err := dialect.ReadBody(r, MaxBody, func(most int) error {
		return fault.Errorf(fault.TooLarge, responder.ContextTooLarge, "a request has at most %d bytes", most)
	})
	if fault.KindOf(err) == fault.TooLarge {
		answer(w, &shown{WhatToShow: refused(&Body{}, responder.ContextTooLarge)})
		return
	}
	var b Body
	if err == nil {
		err = read(raw, &b)
	}
	if err != nil {
		dialect.Refuse(w, http.StatusBadRequest, err)
		return
	}
	trusted, err := d.caller(r, &b)
	if err != nil {
		status := http.StatusUnauthorized
		if fault.KindOf(err) == fault.Forbidden {
			status = http.StatusForbidden
		}
		dialect.Refuse(w, status, err)
		return
	}
	d.decide(w, r, &b, trusted)
}

func read(raw []byte, b *Body) error {
	if err := json.Unmarshal(raw, b); err != nil {
		return fault.Errorf(fault.Invalid, "invalid_json", "the request cannot be read: %v", jsondoc.Mistake(err))
	}
	return nil
}

// caller finds out who calls, and whether it may say who somebody is. A body
// holds a write key only: a secret one does not belong there.
func (d *Door) caller(r *http.Request, b *Body) (trusted bool, err error) {
	key := dialect.Key(r)
	said := key == ""
	if said {
		key = cmp.Or(b.WriteKey, b.PlainKey)
	}
	c, ok := d.Keys.Caller(key, r.RemoteAddr)
	if !ok || said && c.Source == "" {
		return false, errKey
	}
	return c.Trusted, dialect.MayCome(r, c.Origins)
}

// asked makes a question of a body. A reason says why it cannot be asked.
func (d *Door) asked(b *Body, trusted bool) (q *responder.Request, reason string) {
	q = &responder.Request{
		Trusted: trusted, Placements: b.Placements, Experiences: b.Experiences, Channel: strings.ToLower(b.Channel), Language: b.Language,
		Params: b.Params, Preview: b.Preview,
	}
	size := len(b.Context)
	for name, value := range b.Params {
		size += len(name) + len(value)
	}
	if size > MaxContext || len(b.Placements)+len(b.Experiences) > 100 {
		return q, responder.ContextTooLarge
	}
	var c situation
	if len(b.Context) > 0 && json.Unmarshal(b.Context, &c) == nil {
		q.Page = c.Page
		if q.Language == "" {
			q.Language = c.Locale
		}
		if q.Channel == "" {
			q.Channel = strings.ToLower(c.Channel)
		}
	}
	if q.Channel == "" {
		q.Channel = "web"
	}
	rules := d.Rules.Current()
	q.Identifiers, _ = rules.Choose(b.identifiers())
	if len(q.Identifiers) == 0 {
		return q, responder.Unidentified
	}
	return q, ""
}

// identifiers are all that the caller says of itself.
func (b *Body) identifiers() []event.Identifier {
	var out []event.Identifier
	for _, i := range append([]event.Identifier{
		{Namespace: event.UserID, Value: string(cmp.Or(b.UserID, b.PlainUser))},
		{Namespace: event.AnonymousID, Value: string(cmp.Or(b.AnonymousID, b.PlainDevice))},
		{Namespace: event.Email, Value: string(b.Email)},
	}, b.Identifiers...) {
		if i.Value != "" {
			out = append(out, i)
		}
	}
	return out
}

func (d *Door) decide(w http.ResponseWriter, r *http.Request, b *Body, trusted bool) {
	q, reason := d.asked(b, trusted)
	if reason != "" {
		answer(w, &shown{WhatToShow: refused(b, reason), Experiments: noVariants(b, reason)})
		return
	}
	out := refused(b, "")
	var err error
	if len(q.Placements)+len(q.Experiences) > 0 {
		if out, err = d.Decide.Decide(r.Context(), q); err != nil {
			// The caller has to show something whatever happens here.
			out = refused(b, responder.Failed)
		}
	}
	all := &shown{WhatToShow: out}
	all.Experiments, all.QA = d.variants(r.Context(), b, trusted, q.Page.URL)
	if wait := dialect.Wait(r); wait != 0 && err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		applied := "yes"
		if d.Decide.Flush(ctx) != nil || d.Assign.Flush(ctx) != nil {
			applied = "no"
		}
		cancel()
		w.Header().Set("Rapport-Applied", applied)
	}
	answer(w, all)
}

// refused is the answer to what cannot be asked: nothing in every place.
func refused(b *Body, reason string) *responder.WhatToShow {
	out := &responder.WhatToShow{Decisions: []responder.ShownDecision{}, Reason: reason}
	for i, key := range b.Placements {
		if i < 50 && len(key) <= 128 {
			out.Decisions = append(out.Decisions, responder.ShownDecision{Placement: key, Fallback: true, Reason: reason})
		}
	}
	for i, key := range b.Experiences {
		if i < 50 && len(key) <= 128 {
			out.Decisions = append(out.Decisions, responder.ShownDecision{Experience: key, Fallback: true, Reason: reason})
		}
	}
	return out
}

func answer(w http.ResponseWriter, a *shown) {
	text, err := json.Marshal(a)
	if err != nil {
		dialect.Refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // a client that is gone needs no answer
}
