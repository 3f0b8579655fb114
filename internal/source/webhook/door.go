// Package webhook takes what other services report by themselves: a request
// whose signature is checked and whose body becomes events, by an expression or
// as a large e-mail provider writes its reports. It never keeps an event itself,
// never reads a profile and asks nobody outside. START READING at Receive.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/event/hook"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// Dialect is the name under which bodies stand in the log that no event could be
// made of. Events stand there as those of the tracking protocol.
const Dialect = "webhook"

// MaxEvents is how many events one request may bring.
const MaxEvents = 1_000

// Acceptor takes events over, and waits until they can be read.
type Acceptor interface {
	Accept(ctx context.Context, s *pipeline.Submission) (pipeline.Receipt, error)
}

// Source is who sends, as far as the door must know.
type Source struct {
	Key        string
	Historical bool
	Zone       *time.Location // of local times; nil: UTC
}

// Config is what a door needs.
type Config struct {
	Accept Acceptor
	// Hook finds the live version of a webhook, opened; nil where there is none.
	Hook func(ctx context.Context, key string) (*hook.Hook, error)
	// Source finds a source that is there and not disabled.
	Source func(key string) (Source, bool)
	// Map understands events of the tracking protocol, whose dialect is given.
	Map     func(env *event.Envelope, body jsondoc.Value) (*event.Event, error)
	Dialect string
	Rules   func() int // version of the identity rules of today
	Now     clock.Clock
	Log     *slog.Logger
}

// Door takes requests of other services. It is safe for concurrent use.
type Door struct{ Config }

// Taken is what became of a request.
type Taken struct {
	Events  int `json:"events" doc:"Events that the body became; copies of ones that were sent before among them"`
	Failed  int `json:"failed" doc:"Bodies, or reports, of which not every event could be understood: they are dead letters now"`
	Ignored int `json:"ignored" doc:"Reports of kinds that are not taken"`
}

// Receive takes one request whose body was read. A fault says why nothing of it
// is taken.
func (d *Door) Receive(r *http.Request, key string, body []byte) (Taken, pipeline.Receipt, error) {
	var none pipeline.Receipt
	h, err := d.live(r.Context(), key)
	if err != nil {
		return Taken{}, none, err
	}
	now := d.Now.Now()
	if err := (live{h}).verify(r, body, now); err != nil {
		return Taken{}, none, err
	}
	source, ok := d.Source(h.Source)
	if !ok {
		return Taken{}, none, fault.Errorf(fault.Unavailable, "source_gone", "the source of the webhook is disabled or gone")
	}
	t := taking{Door: d, hook: live{h}, key: key, source: source, now: now, sub: &pipeline.Submission{Received: now}}
	refused := t.body(r, body)
	t.sub.Bring(source.Key, "")
	receipt, err := d.Accept.Accept(r.Context(), t.sub)
	if err != nil {
		return Taken{}, none, err
	}
	return t.taken, receipt, refused
}

// There tells by a fault that a webhook is not there.
func (d *Door) There(ctx context.Context, key string) error {
	_, err := d.live(ctx, key)
	return err
}

func (d *Door) live(ctx context.Context, key string) (*hook.Hook, error) {
	h, err := d.Hook(ctx, key)
	if err == nil && h == nil {
		err = fault.Errorf(fault.NotFound, "webhook_not_found", "there is no webhook %.128q that is live", key)
	}
	return h, err
}

// taking is one request on its way.
type taking struct {
	*Door
	hook   live
	key    string
	source Source
	now    clock.Instant
	sub    *pipeline.Submission
	taken  Taken
}

func (t *taking) envelope(dialect string) event.Envelope {
	return event.Envelope{
		Dialect: dialect, Source: t.source.Key, Received: t.now, Historical: t.source.Historical, Rules: t.Rules(),
		Verified: t.hook.Verify.Kind != "none",
	}
}

// body makes events of a body. A body that is not of a form that could be
// understood is counted as rejected; the fault says why.
func (t *taking) body(r *http.Request, raw []byte) error {
	text := form(t.hook.Provider, raw)
	if t.hook.Provider == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		text = fields(raw)
	}
	doc, err := jsondoc.Parse(text, jsondoc.DefaultLimits())
	if err != nil {
		t.reject("invalid_json")
		return fault.Errorf(fault.Invalid, "invalid_json", "the body is not JSON: %v", err)
	}
	if t.hook.Provider != "" {
		return t.reports(doc.Root(), raw)
	}
	return t.mapped(r, text)
}

func (t *taking) reject(reason string) {
	t.sub.Rejected = append(t.sub.Rejected, store.Count{Reason: reason, N: 1})
}

// fields makes an object of a form.
func fields(raw []byte) []byte {
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return raw
	}
	flat := map[string]string{}
	for name, list := range values {
		flat[name] = strings.Join(list, ",")
	}
	text, err := json.Marshal(flat)
	if err != nil {
		return raw
	}
	return text
}

// reports takes what a provider of e-mail says.
func (t *taking) reports(root jsondoc.Value, raw []byte) error {
	if kind := root.Get("Type").Text(); t.hook.Provider == "ses" && kind == "SubscriptionConfirmation" {
		t.Log.Info("a topic of SNS wants its subscription confirmed: open the address", "webhook", t.key, "address", root.Get("SubscribeURL").Text())
		return nil
	}
	list, err := providers[t.hook.Provider](root)
	if err != nil {
		t.bury(raw, beside{}, err)
		return nil
	}
	for i := range list {
		if list[i].event == "" {
			t.taken.Ignored++
			continue
		}
		text, err := list[i].asEvent(t.hook.Provider)
		if err != nil {
			return err
		}
		t.take(text)
	}
	return nil
}

// mapped takes what the mapping makes of a body. Where one of its events cannot
// be understood the body is kept as it came, for the mapping to be mended.
func (t *taking) mapped(r *http.Request, text []byte) error {
	said := t.beside(r)
	events, err := t.remake(said, text, t.envelope(t.Dialect))
	t.sub.Events = append(t.sub.Events, events...)
	t.taken.Events += len(events)
	if err != nil {
		for i := range events {
			said.Taken = append(said.Taken, events[i].Event.MessageID)
		}
		t.bury(text, said, err)
	}
	return nil
}

// take maps one event of the tracking protocol, which a provider reports.
func (t *taking) take(text []byte) {
	env := t.envelope(t.Dialect)
	a, err := t.read(env, text)
	if err != nil {
		t.dead(env, text, err)
		return
	}
	t.sub.Events = append(t.sub.Events, a)
	t.taken.Events++
}

// read makes an event of the tracking protocol.
func (d *Door) read(env event.Envelope, text []byte) (pipeline.Arrival, error) {
	doc, err := jsondoc.Parse(text, jsondoc.DefaultLimits())
	if err != nil {
		return pipeline.Arrival{}, err
	}
	e, err := d.Config.Map(&env, doc.Root())
	if err == nil && e.MessageID == "" {
		err = fault.Errorf(fault.Invalid, "missing_message_id", "the event has an empty messageId: leave it out, or fill it")
	}
	return pipeline.Arrival{Envelope: env, Event: e}, err
}

// bury keeps a body of which not every event could be made, with what came
// beside it.
func (t *taking) bury(body []byte, said beside, why error) {
	env := t.envelope(Dialect)
	said.Webhook = t.key
	env.Shared = said.kept()
	t.dead(env, body, why)
}

func (t *taking) dead(env event.Envelope, body []byte, why error) {
	code, message := "unmappable", why.Error()
	if f, ok := asFault(why); ok {
		code, message = f.Code, f.Message
	}
	t.sub.Dead = append(t.sub.Dead, pipeline.DeadLetter{Envelope: env, Body: body, Reason: code, Message: message})
	t.taken.Failed++
}

// mapBody runs the mapping over a body of JSON.
func mapBody(h *hook.Hook, said beside, body []byte, now clock.Instant) ([]map[string]any, error) {
	value, err := valueOf(body)
	if err != nil {
		return nil, err
	}
	slots := []feel.Value{value, {}, {}, feel.FromTime(now.Time())}
	for i, m := range []map[string]string{said.Headers, said.Query} {
		if slots[1+i], err = feel.FromGo(loose(m)); err != nil {
			return nil, err
		}
	}
	out, diagnostics := h.Program.Eval(feel.Options{Now: feel.FromTime(now.Time())}, slots...)
	return eventsOf(out, diagnostics)
}

func loose(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for name, text := range m {
		out[name] = text
	}
	return out
}

func valueOf(body []byte) (feel.Value, error) {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return feel.Value{}, fault.Errorf(fault.Invalid, "invalid_json", "the body is not JSON: %v", err)
	}
	out, err := feel.FromGo(v)
	if err != nil {
		return out, fault.Errorf(fault.Invalid, "unmappable", "the body cannot be a value of FEEL: %v", err)
	}
	return out, nil
}

// eventsOf reads what a mapping came to.
func eventsOf(v feel.Value, said []feel.Diagnostic) ([]map[string]any, error) {
	list := []feel.Value{v}
	if many, ok := v.AsList(); ok {
		list = many
	}
	if len(list) > MaxEvents {
		return nil, fault.Errorf(fault.Invalid, "too_many_events", "the mapping makes %d events of one body: %d are possible", len(list), MaxEvents)
	}
	var out []map[string]any
	for _, one := range list {
		if one.IsNull() {
			if len(said) > 0 && len(list) == 1 {
				return nil, fault.Errorf(fault.Invalid, "unmappable", "the mapping came to nothing: %s", said[0].String())
			}
			continue
		}
		m, ok := plain(one).(map[string]any)
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "unmappable", "the mapping came to %s: it must be a context, a list of these, or null", one.Kind())
		}
		out = append(out, m)
	}
	return out, nil
}

// Try says which events the webhook would make of a body.
func Try(h *hook.Hook, body []byte, now clock.Instant) ([]map[string]any, error) {
	if h.Provider == "" {
		return mapBody(h, beside{}, body, now)
	}
	doc, err := jsondoc.Parse(form(h.Provider, body), jsondoc.DefaultLimits())
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_json", "the body is not JSON: %v", err)
	}
	list, err := providers[h.Provider](doc.Root())
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	for i := range list {
		if list[i].event == "" {
			continue
		}
		text, err := list[i].asEvent(h.Provider)
		if err != nil {
			return nil, err
		}
		var e map[string]any
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func asFault(err error) (*fault.Fault, bool) { return errors.AsType[*fault.Fault](err) }

// plain makes JSON of a value: times become texts, and what is null is left out.
func plain(v feel.Value) any {
	if c, ok := v.AsContext(); ok {
		out := map[string]any{}
		for i := range c.Len() {
			if name, m := c.At(i); !m.IsNull() {
				out[name] = plain(m)
			}
		}
		return out
	}
	if list, ok := v.AsList(); ok {
		out := make([]any, len(list))
		for i, m := range list {
			out[i] = plain(m)
		}
		return out
	}
	switch v.Kind() {
	case feel.KindNull:
		return nil
	case feel.KindBoolean:
		b, _ := v.AsBool()
		return b
	case feel.KindNumber:
		return json.Number(v.String())
	}
	return v.String()
}
