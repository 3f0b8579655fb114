package evergage

import (
	"net/http"

	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// doNotTrack is the reason under which events are counted that say they must
// not be kept.
const doNotTrack = "do_not_track"

// intake cuts one request into events and dead letters.
type intake struct {
	door   *Door
	mapper *mapper
	base   event.Envelope // what all events of the request share
	via    string
	gpc    bool
	dnt    bool
	// dataset is the write key that the request came with; empty: none.
	dataset string
	sub     *pipeline.Submission
	receipt pipeline.Receipt // once it was handed over
}

// intake begins with what is known before the body.
func (d *Door) intake(r *http.Request, s Source, via string) *intake {
	now := d.Now.Now()
	in := &intake{door: d, mapper: d.today(), via: via, dataset: s.WriteKey, sub: &pipeline.Submission{Received: now}}
	in.base = event.Envelope{
		Dialect: Dialect, Source: s.Key, Received: now, Verified: s.Verified, Historical: s.Historical,
		Rules: in.mapper.rules.Version,
	}
	if dialect.FromBrowser(r) {
		in.base.UserAgent, in.base.IP = dialect.UserAgent(r), dialect.CallerIP(r, d.ClientIP)
	}
	in.gpc, in.dnt = r.Header.Get("Sec-GPC") == "1", r.Header.Get("DNT") == "1"
	in.base.Shared = in.sharedWith("", nil)
	return in
}

// sharedWith is what the envelope says for the whole request.
func (in *intake) sharedWith(object string, items []jsondoc.Value) []byte {
	return in.sharedVia(in.via, object, items)
}

func (in *intake) sharedVia(via, object string, items []jsondoc.Value) []byte {
	if via == viaEvent && !in.gpc && !in.dnt {
		return nil
	}
	w := writer{b: make([]byte, 0, 64)}
	w.b = append(w.b, '{')
	w.text("via", via)
	w.text("object", object)
	m := w.open("context", '{')
	if in.gpc {
		w.yes("gpc")
	}
	if in.dnt {
		w.yes("dnt")
	}
	w.close(m)
	m = w.open("items", '[')
	for _, v := range items {
		w.comma()
		w.b = append(w.b, v.Raw()...)
	}
	w.close(m)
	return append(w.b, '}')
}

// parse reads a document that a client sent.
func parse(raw []byte) (jsondoc.Value, error) {
	doc, err := jsondoc.Parse(raw, jsondoc.DefaultLimits())
	if err != nil {
		return jsondoc.Value{}, fault.Errorf(fault.Invalid, "invalid_json", "the event is not JSON: %s", err.Error())
	}
	return doc.Root(), nil
}

// take maps one body, or keeps it as a dead letter; secrets that were typed
// into forms are taken out of it first.
func (in *intake) take(body jsondoc.Value, env event.Envelope) *mapping {
	if raw := scrub(body); raw != nil {
		if clean, err := parse(raw); err == nil {
			body = clean
		}
	}
	e := new(event.Event)
	var g *mapping
	err := oversized(body)
	if err == nil {
		g, err = in.mapper.fill(e, &env, body)
	}
	if err != nil {
		in.sub.Dead = append(in.sub.Dead, pipeline.DeadLetter{Envelope: env, Body: body.Raw(), Reason: dialect.Code(err), Message: dialect.Message(err)})
		return nil
	}
	if e.MessageID == "" {
		var random [16]byte
		in.door.Random(random[:])
		env.MessageID = id.UUID(random)
		e.MessageID = env.MessageID
	}
	in.sub.Events = append(in.sub.Events, pipeline.Arrival{Envelope: env, Event: e})
	return g
}

func oversized(body jsondoc.Value) error {
	if n := len(body.Raw()); n > MaxEvent {
		return fault.Errorf(fault.TooLarge, "event_too_large", "the event has %d bytes; at most %d are taken", n, MaxEvent)
	}
	return nil
}

func (in *intake) reject(reason string, n int) {
	if n > 0 {
		in.sub.Rejected = append(in.sub.Rejected, store.Count{Reason: reason, N: uint64(n)})
	}
}

// bring notes whose key all came with: a source's dataset is its write key.
func (in *intake) bring() { in.sub.Bring(in.base.Source, in.dataset) }

// refuse answers a request out of which no event is taken, and counts it.
func (in *intake) refuse(w http.ResponseWriter, r *http.Request, why error) {
	if kind := fault.KindOf(why); kind == fault.Invalid {
		in.reject(dialect.Code(why), 1)
		in.bring()
		if _, err := in.door.Accept.Accept(r.Context(), in.sub); err != nil {
			answerFault(w, err)
			return
		}
	}
	answerFault(w, why)
}

// handOver gives the submission to the pipeline and waits where the caller
// wants to read it back.
func (in *intake) handOver(w http.ResponseWriter, r *http.Request) error {
	in.bring()
	receipt, err := in.door.Accept.Accept(r.Context(), in.sub)
	if err != nil {
		return err
	}
	in.receipt = receipt
	dialect.Await(w, r, in.door.Accept, receipt)
	return nil
}

// dead is what is wrong with the only body of a request.
func (in *intake) dead() error {
	if len(in.sub.Dead) == 0 {
		return nil
	}
	return fault.Errorf(fault.Invalid, in.sub.Dead[0].Reason, "%s", in.sub.Dead[0].Message)
}
