package evergage

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// maxUserAgent is in bytes.
const maxUserAgent = 512

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
	sub    *pipeline.Submission
}

// intake begins with what is known before the body.
func (d *Door) intake(r *http.Request, s Source, via string) *intake {
	now := d.Now.Now()
	in := &intake{door: d, mapper: d.today(), via: via, sub: &pipeline.Submission{Received: now}}
	in.base = event.Envelope{
		Dialect: Dialect, Source: s.Key, Received: now, Verified: s.Verified, Historical: s.Historical,
		Rules: in.mapper.rules.Version,
	}
	agent := r.UserAgent()
	if r.Header.Get("Origin") != "" || strings.HasPrefix(agent, "Mozilla/") {
		if len(agent) > maxUserAgent {
			agent = agent[:maxUserAgent]
		}
		in.base.UserAgent = strings.ToValidUTF8(agent, "")
		in.base.IP = d.callerIP(r)
	}
	in.gpc, in.dnt = r.Header.Get("Sec-GPC") == "1", r.Header.Get("DNT") == "1"
	in.base.Shared = in.sharedWith("", nil)
	return in
}

// sharedWith is what the envelope says for the whole request.
func (in *intake) sharedWith(object string, items []jsondoc.Value) []byte {
	if in.via == viaEvent && !in.gpc && !in.dnt {
		return nil
	}
	var w writer
	w.b = append(w.b, '{')
	w.text("via", in.via)
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

func (d *Door) callerIP(r *http.Request) string {
	if d.ClientIP != nil {
		return d.ClientIP(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
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
		in.sub.Dead = append(in.sub.Dead, pipeline.DeadLetter{Envelope: env, Body: body.Raw(), Reason: codeOf(err), Message: messageOf(err)})
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

// refuse answers a request out of which no event is taken, and counts it.
func (in *intake) refuse(w http.ResponseWriter, r *http.Request, why error) {
	if kind := fault.KindOf(why); kind == fault.Invalid {
		in.reject(codeOf(why), 1)
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
	receipt, err := in.door.Accept.Accept(r.Context(), in.sub)
	if err != nil {
		return err
	}
	if wait := waitOf(r); wait > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		applied := "yes"
		if in.door.Accept.WaitApplied(ctx, receipt) != nil {
			applied = "no"
		}
		w.Header().Set("Rapport-Applied", applied)
	}
	return nil
}

// dead is what is wrong with the only body of a request.
func (in *intake) dead() error {
	if len(in.sub.Dead) == 0 {
		return nil
	}
	return fault.Errorf(fault.Invalid, in.sub.Dead[0].Reason, "%s", in.sub.Dead[0].Message)
}

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok && f.Code != "" {
		return f.Code
	}
	return "invalid_request"
}

// messageOf is what a caller may read of an error.
func messageOf(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Message
	}
	return "the request cannot be taken"
}

// waitOf is how long the caller wants to wait until its events can be read;
// zero means not at all. ?timeout= is a number of seconds or a duration.
func waitOf(r *http.Request) time.Duration {
	if !strings.Contains(r.URL.RawQuery, "wait=") {
		return 0
	}
	q := r.URL.Query()
	if q.Get("wait") != "applied" {
		return 0
	}
	wait := DefaultWait
	if text := q.Get("timeout"); text != "" {
		if d, err := time.ParseDuration(text); err == nil {
			wait = d
		} else if s, err := strconv.ParseFloat(text, 64); err == nil && s >= 0 && s <= LongestWait.Seconds() {
			wait = time.Duration(s * float64(time.Second))
		}
	}
	return min(max(wait, time.Millisecond), LongestWait)
}
