package segment

import (
	"bytes"
	"net/http"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// batchDepth is how deep a batch may go: the depth of an event and the two
// levels around it.
const batchDepth = 34

// intake cuts one request into events and dead letters.
type intake struct {
	door   *Door
	mapper *mapper
	caller caller
	scope  *scope
	base   event.Envelope // what all events of the request share
	said   []string       // signals of the browser: gpc, dnt
	origin string         // of the page that sends
	ip     string         // of the caller, for events that say they come from it
	events []event.Event
	sub    *pipeline.Submission
}

// intake begins with what is known before the body.
func (d *Door) intake(r *http.Request, to route, c caller, now clock.Instant) *intake {
	in := &intake{door: d, mapper: d.today(), caller: c, sub: &pipeline.Submission{Received: now}}
	in.base = event.Envelope{
		Dialect: Dialect, Type: to.typ, Received: now, UserAgent: dialect.UserAgent(r), Rules: in.mapper.rules.Version,
	}
	in.belongTo(&in.base, c.source)
	in.origin = r.Header.Get("Origin")
	in.ip = dialect.CallerIP(r, d.ClientIP)
	if to.client || dialect.FromBrowser(r) {
		in.base.IP = in.ip
	}
	for name, header := range map[string]string{"dnt": "DNT", "gpc": "Sec-GPC"} {
		if r.Header.Get(header) == "1" {
			in.said = append(in.said, name)
		}
	}
	slices.Sort(in.said)
	if header := r.Header.Get("SentAt"); header != "" {
		in.base.SentAt, _ = parseTime([]byte(header))
	}
	return in
}

func (in *intake) belongTo(env *event.Envelope, s Source) {
	env.Source, env.Verified, env.Historical = s.Key, s.Verified, s.Historical
}

// single takes a body that is one event.
func (in *intake) single(root jsondoc.Value) {
	if at := sentAt(root.Get("sentAt")); at != 0 {
		in.base.SentAt = at
	}
	in.scope = in.mapper.scopeOf(jsondoc.Value{})
	in.signal(jsondoc.Value{}, jsondoc.Value{})
	in.reserve(1)
	in.take(root)
}

// batch takes the events of a batch. Beyond MaxEvents they are only counted.
// What is shared is stored with each of them, so a fault refuses what would
// grow beyond measure by it.
func (in *intake) batch(root, list jsondoc.Value) error {
	if at := sentAt(root.Get("sentAt")); at != 0 {
		in.base.SentAt = at
	}
	context := root.Get("context")
	in.scope = in.mapper.scopeOf(context)
	in.base.Shared = sharedOf(context, root.Get("integrations"))
	in.signal(context, root.Get("integrations"))
	n := list.Len()
	if shared := len(in.base.Shared); shared > MaxEvent || shared*min(n, MaxEvents) > MaxExpanded {
		return fault.Errorf(fault.TooLarge, "context_too_large",
			"context and integrations beside the batch have %d bytes, and each of %d events carries them; put them into the events that need them", shared, n)
	}
	in.reserve(min(n, MaxEvents))
	list.Items(func(i int, v jsondoc.Value) bool {
		if i == MaxEvents {
			if in.caller.known || !in.empty() {
				in.reject("too_many_events", n-MaxEvents)
			}
			return false
		}
		in.take(v)
		return true
	})
	return nil
}

// signal adds what the caller's browser says with every request, Global Privacy
// Control and Do Not Track, to the context that the events share, where that
// does not say it itself. It is stored, so it is known whenever they are mapped.
func (in *intake) signal(context, integrations jsondoc.Value) {
	if len(in.said) == 0 || context.Exists() && context.Kind() != jsondoc.Object {
		return
	}
	if _, flawed := context.Flaw(); context.Exists() && flawed {
		return
	}
	b := []byte(`{"context":{`)
	if raw := context.Raw(); context.Exists() && context.Len() > 0 {
		raw = bytes.TrimSpace(raw)
		b = append(append(b, raw[1:len(raw)-1]...), ',')
	}
	n := len(b)
	for _, name := range in.said {
		if !context.Get(name).Exists() {
			b = append(append(append(b, '"'), name...), `":true,`...)
		}
	}
	if len(b) == n {
		return
	}
	b = append(b[:len(b)-1], '}')
	if integrations.Exists() {
		b = append(append(b, `,"integrations":`...), integrations.Raw()...)
	}
	in.base.Shared = append(b, '}')
	in.scope = in.mapper.scope(in.base.Shared)
}

// sharedOf is what the envelope keeps of a batch beside its events.
func sharedOf(context, integrations jsondoc.Value) []byte {
	if !context.Exists() && !integrations.Exists() {
		return nil
	}
	b := make([]byte, 0, len(context.Raw())+len(integrations.Raw())+32)
	b = append(b, '{')
	if context.Exists() {
		b = append(append(b, `"context":`...), context.Raw()...)
	}
	if integrations.Exists() {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(b, `"integrations":`...), integrations.Raw()...)
	}
	return append(b, '}')
}

func (in *intake) reserve(n int) {
	in.events = make([]event.Event, n)
	in.sub.Events = make([]pipeline.Arrival, 0, n)
}

// take maps one event, or keeps its body as a dead letter. Without a key for
// the whole request the event's own says whose it is; an event without any is
// nobody's and is not received.
func (in *intake) take(body jsondoc.Value) {
	at := len(in.sub.Events)
	in.sub.Events = append(in.sub.Events, pipeline.Arrival{Envelope: in.base})
	a := &in.sub.Events[at]
	if !in.caller.known {
		source, ok := in.door.Keys.SourceByWriteKey(body.Get("writeKey").Text())
		if !ok || source.Origins != nil && !source.Origins(in.origin) {
			in.sub.Events = in.sub.Events[:at]
			return
		}
		in.belongTo(&a.Envelope, source)
		in.sub.BringOne(source.Key, body.Get("writeKey").Text())
	}
	if a.Envelope.IP == "" && in.ip != "" && in.scope.direct(body) {
		a.Envelope.IP = in.ip
	}
	e := &in.events[at]
	err := in.oversized(body)
	if err == nil {
		if err = in.scope.fill(e, &a.Envelope, body); err == nil {
			if e.MessageID == "" {
				in.name(e, &a.Envelope)
			}
			a.Event = e
			return
		}
	}
	in.bury(a.Envelope, body.Raw(), err)
	*e = event.Event{}
	in.sub.Events = in.sub.Events[:at]
}

// name gives an event that has none a message id.
func (in *intake) name(e *event.Event, env *event.Envelope) {
	var random [16]byte
	in.door.Random(random[:])
	env.MessageID = id.UUID(random)
	e.MessageID = env.MessageID
}

func (in *intake) oversized(body jsondoc.Value) error {
	if n := len(body.Raw()); n > MaxEvent {
		return fault.Errorf(fault.TooLarge, "event_too_large", "the event has %d bytes; at most %d are taken", n, MaxEvent)
	}
	return nil
}

func (in *intake) bury(env event.Envelope, body []byte, err error) {
	in.sub.Dead = append(in.sub.Dead, pipeline.DeadLetter{
		Envelope: env, Body: body, Reason: dialect.Code(err), Message: dialect.Message(err),
	})
}

func (in *intake) reject(reason string, n int) {
	in.sub.Rejected = append(in.sub.Rejected, store.Count{Reason: reason, N: uint64(n)})
}

// bring notes whose key all came with; where each event has its own, that was
// noted with the event.
func (in *intake) bring() {
	if in.caller.known {
		in.sub.Bring(in.caller.source.Key, in.caller.key)
	}
}

// empty tells that there is nothing to hand over.
func (in *intake) empty() bool {
	return len(in.sub.Events) == 0 && len(in.sub.Dead) == 0 && len(in.sub.Rejected) == 0
}
