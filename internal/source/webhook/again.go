package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/event/hook"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// maxBeside is how much of headers and parameters is kept with a dead letter, in
// bytes.
const maxBeside = 16 << 10

// beside is what came with a body: what a mapping reads of it, and with a dead
// letter which webhook it came to. What proves who sends is never in it.
type beside struct {
	Webhook string            `json:"webhook,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // names in lower case
	Query   map[string]string `json:"query,omitempty"`
	// Taken are the message ids of events that the body became beside those that
	// could not be understood.
	Taken []string `json:"taken,omitempty"`
}

// beside reads what came with a body.
func (t *taking) beside(r *http.Request) beside {
	said := beside{Headers: map[string]string{}, Query: map[string]string{}}
	v := &t.hook.Verify
	for name, list := range r.Header {
		if !t.hook.proves(name) {
			said.Headers[strings.ToLower(name)] = strings.Join(list, ", ")
		}
	}
	for name, list := range r.URL.Query() {
		if v.Kind != "token" || v.Query == "" || name != v.Query {
			said.Query[name] = strings.Join(list, ",")
		}
	}
	return said
}

// kept is what stands beside a dead letter. Headers and parameters of which there
// are too many are left out.
func (b beside) kept() []byte {
	size := 0
	for _, m := range [...]map[string]string{b.Headers, b.Query} {
		for name, text := range m {
			size += len(name) + len(text)
		}
	}
	if size > maxBeside {
		b.Headers, b.Query = nil, nil
	}
	text, err := json.Marshal(b)
	if err != nil { // it is made of texts
		return append(jsondoc.AppendString([]byte(`{"webhook":`), b.Webhook), '}')
	}
	return text
}

// remaking is a body that becomes events, now or again.
type remaking struct {
	*Door
	hook *hook.Hook
	key  string
	zone *time.Location // nil: UTC
	env  event.Envelope // of each event
}

// remake makes events of a body. With a fault there are those that could be
// made.
func (t *taking) remake(said beside, text []byte, env event.Envelope) ([]pipeline.Arrival, error) {
	return (&remaking{t.Door, t.hook.Hook, t.key, t.source.Zone, env}).events(said, text)
}

func (m *remaking) events(said beside, text []byte) (out []pipeline.Arrival, bad error) {
	list, err := mapBody(m.hook, said, text, m.env.Received)
	if err != nil {
		return nil, err
	}
	for i, e := range list {
		if _, ok := e["messageId"]; !ok {
			sum := sha256.Sum256([]byte(m.key + "\x00" + string(text)))
			e["messageId"] = "hook-" + hex.EncodeToString(sum[:12]) + "-" + strconv.Itoa(i)
		}
		place(e, m.zone)
		made, err := json.Marshal(e)
		if err != nil {
			return out, err
		}
		a, err := m.read(m.env, made)
		switch {
		case err == nil:
			out = append(out, a)
		case bad == nil:
			bad = err
		}
	}
	return out, bad
}

// place puts times without a zone into one.
func place(e map[string]any, zone *time.Location) {
	if zone == nil {
		zone = time.UTC
	}
	for _, name := range [...]string{"timestamp", "originalTimestamp"} {
		text, _ := e[name].(string)
		for _, layout := range [...]string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
			if at, err := time.ParseInLocation(layout, text, zone); err == nil {
				e[name] = clock.From(at).String()
			}
		}
	}
}

// Again makes events of a dead letter by the webhook as it is now, as if the body
// came for the first time: with the source, the moment and the trust that it came
// with, and without those that were taken then. A fault says why not all of it
// becomes events; then nothing does.
func (d *Door) Again(ctx context.Context, env *event.Envelope, body []byte) ([]pipeline.Arrival, error) {
	var said beside
	if err := json.Unmarshal(env.Shared, &said); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_context", "what was kept of the request is damaged: %w", err)
	}
	h, err := d.Hook(ctx, said.Webhook)
	if err != nil {
		return nil, err
	}
	if h == nil {
		return nil, fault.Errorf(fault.Invalid, "webhook_not_found", "there is no webhook %.128q that is live: PUT one of that key, then replay", said.Webhook)
	}
	of := *env
	of.Dialect, of.Shared, of.Rules = d.Dialect, nil, d.Rules()
	m := remaking{Door: d, hook: h, key: said.Webhook, env: of}
	if s, ok := d.Source(env.Source); ok {
		m.zone = s.Zone
	}
	var out []pipeline.Arrival
	if h.Provider == "" {
		out, err = m.events(said, body)
	} else {
		out, err = m.reports(body)
	}
	out = slices.DeleteFunc(out, func(a pipeline.Arrival) bool { return slices.Contains(said.Taken, a.Event.MessageID) })
	if err == nil && len(out) == 0 {
		err = fault.Errorf(fault.Invalid, "no_event", "the webhook makes no event of it that was not taken already: discard the letter")
	}
	return out, err
}

func (m *remaking) reports(body []byte) (out []pipeline.Arrival, err error) {
	doc, err := jsondoc.Parse(form(m.hook.Provider, body), jsondoc.DefaultLimits())
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_json", "the body is not JSON: %v", err)
	}
	list, err := providers[m.hook.Provider](doc.Root())
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].event == "" {
			continue
		}
		text, err := list[i].asEvent(m.hook.Provider)
		if err != nil {
			return nil, err
		}
		a, err := m.read(m.env, text)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
