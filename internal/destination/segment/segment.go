// Package segment forwards messages as events of the tracking protocol that
// Segment, RudderStack and Rapport itself take. It never makes up a person: what
// has no identifier is refused.
package segment

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"rapport/internal/destination"
)

// Settings are the settings of forwarding.
type Settings struct {
	URL      string `json:"url,omitempty" default:"https://api.segment.io" doc:"The address of the tracking API, without a path or with the one before /v1/batch"`
	WriteKey string `json:"write_key" required:"true" secret:"true" doc:"Of the source on the other side"`
	UserID   string `json:"user_id,omitempty" default:"user_id" doc:"Namespace of the identifier that becomes userId"`
	Anon     string `json:"anonymous_id,omitempty" default:"anonymous_id" doc:"Namespace of the identifier that becomes anonymousId"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "segment", Title: "Segment-compatible",
		About:  "Forwards messages as track, page, screen, identify and group calls to Segment, RudderStack or another Rapport, in batches.",
		Schema: destination.SchemaOf[Settings](), Open: open,
	}
}

type sink struct {
	Settings
	caller destination.Caller
}

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	if err := destination.CheckURL("url", s.URL); err != nil {
		return nil, err
	}
	s.URL = strings.TrimSuffix(strings.TrimSuffix(s.URL, "/"), "/v1/batch") + "/v1/batch"
	s.caller = destination.Caller{HTTP: env.HTTP, Now: env.Now, Mask: destination.NewMasker(s.WriteKey, s.WriteKey+":")}
	return s, nil
}

// What one request may be: the protocol's limits, with room for what is around.
const (
	maxBatch = 480 << 10
	maxEvent = 32 << 10
)

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 100, Bytes: maxBatch / 2, Concurrency: 4, Timeout: 30 * time.Second}
}

func (s *sink) Close() error { return nil }

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	out := make([]destination.Result, len(batch))
	for from := 0; from < len(batch); {
		from = s.some(ctx, batch, out, from)
	}
	return out
}

// some sends messages from one on, as many as fit, and gives the next.
func (s *sink) some(ctx context.Context, batch []destination.Message, out []destination.Result, from int) int {
	var body bytes.Buffer
	body.WriteString(`{"batch":[`)
	var sent []int
	i := from
	for ; i < len(batch); i++ {
		event, bad := s.event(&batch[i])
		if bad != nil {
			out[i] = *bad
			continue
		}
		if body.Len()+len(event) > maxBatch {
			break
		}
		if len(sent) > 0 {
			body.WriteByte(',')
		}
		body.Write(event)
		sent = append(sent, i)
	}
	if len(sent) == 0 {
		return i
	}
	body.WriteString("]}")
	r := s.post(ctx, body.Bytes())
	for _, at := range sent {
		out[at] = r
	}
	return i
}

func (s *sink) post(ctx context.Context, body []byte) destination.Result {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, nil)
	if err != nil {
		return destination.Result{Outcome: destination.Refused, Reason: "the address cannot be asked"}
	}
	q.SetBasicAuth(s.WriteKey, "")
	q.Header.Set("Content-Type", "application/json")
	r, _ := s.caller.Do(ctx, q, body)
	return r
}

// event is a message as the protocol has it.
func (s *sink) event(m *destination.Message) ([]byte, *destination.Result) {
	call, bad := s.call(m)
	if bad != nil {
		return nil, bad
	}
	if call["userId"] == nil && call["anonymousId"] == nil {
		return nil, refused("the person has no identifier in the namespaces " + s.UserID + " and " + s.Anon + ": choose others in the settings")
	}
	if call["messageId"] == nil {
		call["messageId"] = m.ID
	}
	if call["timestamp"] == nil {
		call["timestamp"] = m.Time.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	b, err := json.Marshal(call)
	if err != nil {
		r := destination.NoJSON()
		return nil, &r
	}
	if len(b) > maxEvent {
		return nil, refused("the event has more than 32 KiB: send fewer traits or properties")
	}
	return b, nil
}

func refused(reason string) *destination.Result {
	return &destination.Result{Outcome: destination.Refused, Reason: reason}
}
