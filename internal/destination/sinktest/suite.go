// Package sinktest is the suite that every destination passes: it delivers,
// takes the same message twice, comes back from a line that is dead, hangs or is
// cut, ends with its context and shows no secret. It is never part of the
// product.
package sinktest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"rapport/internal/destination"
	"rapport/internal/message/link"
)

// Suite is a destination with a counterpart that a test runs.
type Suite struct {
	Type destination.Type
	// Settings lead to the counterpart.
	Settings json.RawMessage
	// Secrets of the settings, which must not be shown.
	Secrets []string
	// Payload is the i-th message's content; nil: {"n":i}.
	Payload func(i int) json.RawMessage
	// Received gives the ids of the messages that the counterpart has, each as
	// often as it has it; nil where a test of the destination's own looks.
	Received func() []string
	// Once says that the counterpart has a message once, however often it was sent.
	Once bool
	// Local says that there is no line: faults of the network cannot happen.
	Local bool
	// Files is where local files may be written.
	Files string
}

// At is when all messages were caused.
var At = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// Env is the surroundings of a sink in a test.
func Env(t *testing.T, l *Line) destination.Env {
	t.Helper()
	links, err := link.New("https://cdp.example.com", []byte("a secret for links of tests"))
	if err != nil {
		t.Fatal(err)
	}
	client := l.Client()
	t.Cleanup(client.CloseIdleConnections)
	return destination.Env{
		HTTP: client, Dial: l.Dial, Now: func() time.Time { return At }, Folder: t.TempDir(), Links: links,
		Purpose: "marketing", Channel: "email",
	}
}

// Messages are n messages from the first on.
func (s *Suite) Messages(first, n int) []destination.Message {
	out := make([]destination.Message, n)
	for i := range out {
		payload := json.RawMessage(fmt.Sprintf(`{"n":%d}`, first+i))
		if s.Payload != nil {
			payload = s.Payload(first + i)
		}
		out[i] = destination.Message{
			ID: fmt.Sprintf("msg_%04d", first+i), Kind: destination.Event, Person: fmt.Sprintf("person%d", (first+i)%3), Time: At, Payload: payload,
		}
	}
	return out
}

// open gives a sink on a line of its own.
func (s *Suite) open(t *testing.T) (destination.Sink, *Line) {
	t.Helper()
	l := &Line{}
	env := Env(t, l)
	env.Files = s.Files
	sink, err := s.Type.Open(t.Context(), s.Settings, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Set(Pass)
		if err := sink.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return sink, l
}

// long is more than any step of the suite takes on a busy machine.
const long = 30 * time.Second

// send sends and checks what holds for every Send.
func (s *Suite) send(ctx context.Context, t *testing.T, sink destination.Sink, batch []destination.Message) []destination.Result {
	t.Helper()
	before := clone(batch)
	done := make(chan []destination.Result, 1)
	go func() { done <- sink.Send(ctx, batch) }()
	select {
	case results := <-done:
		s.check(t, before, batch, results)
		return results
	case <-time.After(long):
		t.Fatal("Send does not return with its context")
	}
	return nil
}

func clone(batch []destination.Message) []destination.Message {
	out := slices.Clone(batch)
	for i := range out {
		out[i].Payload = bytes.Clone(out[i].Payload)
	}
	return out
}

func (s *Suite) check(t *testing.T, before, after []destination.Message, results []destination.Result) {
	t.Helper()
	if len(results) != len(before) {
		t.Fatalf("%d results for %d messages", len(results), len(before))
	}
	for i := range before {
		if before[i].ID != after[i].ID || !bytes.Equal(before[i].Payload, after[i].Payload) {
			t.Errorf("message %d was changed", i)
		}
	}
	for i, r := range results {
		s.checkOne(t, i, r)
	}
}

func (s *Suite) checkOne(t *testing.T, i int, r destination.Result) {
	t.Helper()
	switch r.Outcome {
	case destination.Delivered:
	case destination.Retry, destination.Refused:
		if r.Reason == "" {
			t.Errorf("result %d is %s without a reason", i, r.Outcome)
		}
	default:
		t.Errorf("result %d has the outcome %q", i, r.Outcome)
	}
	if len(r.Request) > destination.MaxShown || len(r.Answer) > destination.MaxShown {
		t.Errorf("result %d shows %d and %d bytes", i, len(r.Request), len(r.Answer))
	}
	for _, secret := range s.Secrets {
		for _, shown := range [][]byte{r.Request, r.Answer, []byte(r.Reason)} {
			if bytes.Contains(shown, []byte(secret)) {
				t.Errorf("result %d shows a secret: %s", i, shown)
			}
		}
	}
}

func all(t *testing.T, results []destination.Result, want destination.Outcome) {
	t.Helper()
	for i, r := range results {
		if r.Outcome != want {
			t.Errorf("message %d is %s, want %s: %s (%s)", i, r.Outcome, want, r.Reason, r.Answer)
		}
	}
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Run("Schema", func(t *testing.T) { s.schema(t) })
	t.Run("Delivers", func(t *testing.T) { s.delivers(t) })
	t.Run("SameTwice", func(t *testing.T) { s.twice(t) })
	t.Run("OddPayloads", func(t *testing.T) { s.odd(t) })
	t.Run("Concurrently", func(t *testing.T) { s.concurrently(t) })
	t.Run("EndedContext", func(t *testing.T) { s.ended(t) })
	if s.Local {
		return
	}
	for name, mode := range map[string]Mode{"Refuses": Refuse, "Hangs": Hang, "Cuts": Cut} {
		t.Run("Line"+name, func(t *testing.T) { s.line(t, mode) })
	}
}

// schema checks that the settings are what the schema allows and that the
// secrets are marked.
func (s *Suite) schema(t *testing.T) {
	var whole map[string]any
	if err := json.Unmarshal(s.Type.Schema, &whole); err != nil {
		t.Fatalf("the schema is no JSON: %v", err)
	}
	if len(s.Secrets) > 0 && len(destination.Secrets(s.Type.Schema)) == 0 {
		t.Error("the schema marks no secret")
	}
	unknown := append([]byte(`{"no_such_setting":1,`), bytes.TrimLeft(s.Settings, "{ \n\t")...)
	if sink, err := s.Type.Open(t.Context(), unknown, Env(t, &Line{})); err == nil {
		_ = sink.Close()
		t.Error("a setting that does not exist is taken")
	}
	for _, bad := range []string{"", "null", "[]", "{", `"x"`} {
		if sink, err := s.Type.Open(t.Context(), json.RawMessage(bad), Env(t, &Line{})); err == nil && bad != "null" {
			_ = sink.Close()
			t.Errorf("settings %q are taken", bad)
		}
	}
}

func (s *Suite) delivers(t *testing.T) {
	sink, _ := s.open(t)
	limits := sink.Limits()
	if limits.Batch < 1 || limits.Concurrency < 1 || limits.Timeout <= 0 {
		t.Fatalf("limits %+v", limits)
	}
	n := min(limits.Batch, 20)
	sent := 0
	for sent < 20 {
		all(t, s.send(t.Context(), t, sink, s.Messages(sent, n)), destination.Delivered)
		sent += n
	}
	s.has(t, s.Messages(0, sent))
}

// has checks that the counterpart has all messages, in their order.
func (s *Suite) has(t *testing.T, want []destination.Message) {
	t.Helper()
	if s.Received == nil {
		return
	}
	got := s.Received()
	at := 0
	for _, m := range want {
		i := slices.Index(got[at:], m.ID)
		if i < 0 {
			t.Fatalf("the counterpart has %q; %s is missing or out of order", got, m.ID)
		}
		at += i + 1
	}
	s.distinct(t, got)
}

func (s *Suite) distinct(t *testing.T, got []string) {
	t.Helper()
	if !s.Once {
		return
	}
	seen := map[string]bool{}
	for _, id := range got {
		if seen[id] {
			t.Errorf("the counterpart has %s twice", id)
		}
		seen[id] = true
	}
}

func (s *Suite) twice(t *testing.T) {
	sink, _ := s.open(t)
	batch := s.Messages(100, min(sink.Limits().Batch, 3))
	all(t, s.send(t.Context(), t, sink, batch), destination.Delivered)
	all(t, s.send(t.Context(), t, sink, batch), destination.Delivered)
	s.has(t, batch)
}

// odd checks that no payload breaks a sink.
func (s *Suite) odd(t *testing.T) {
	sink, _ := s.open(t)
	for i, payload := range []string{`null`, `[]`, `"x"`, `1e400`, `{}`, `{"a":{"b":[1,2,{"c":null}]}}`, "{\"\\u0000\":\"\\u0000\"}", `{"n":"\u2028</script>"}`, ``, `{`} {
		s.send(t.Context(), t, sink, []destination.Message{{ID: fmt.Sprintf("odd_%d", i), Kind: destination.Profile, Time: At, Payload: json.RawMessage(payload)}})
	}
}

func (s *Suite) concurrently(t *testing.T) {
	sink, _ := s.open(t)
	n := min(sink.Limits().Batch, 3)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			results := sink.Send(t.Context(), s.Messages(200+i*n, n))
			all(t, results, destination.Delivered)
		})
	}
	group.Wait()
	if s.Received != nil {
		got := s.Received()
		for _, m := range s.Messages(200, 4*n) {
			if !slices.Contains(got, m.ID) {
				t.Errorf("%s is missing", m.ID)
			}
		}
		s.distinct(t, got)
	}
}

func (s *Suite) ended(t *testing.T) {
	sink, _ := s.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range s.send(ctx, t, sink, s.Messages(300, 1)) {
		if r.Outcome == destination.Refused {
			t.Errorf("with an ended context a message is refused for good: %s", r.Reason)
		}
	}
}

// line checks that a sink gets over a line on which something goes wrong, both
// with its first connection and with one that was good before.
func (s *Suite) line(t *testing.T, mode Mode) {
	for _, warm := range []bool{false, true} {
		t.Run(map[bool]string{false: "Cold", true: "Warm"}[warm], func(t *testing.T) {
			sink, l := s.open(t)
			first := 400 + int(mode)*40 + map[bool]int{true: 20}[warm]
			n := min(sink.Limits().Batch, 3)
			if warm {
				all(t, s.send(t.Context(), t, sink, s.Messages(first, n)), destination.Delivered)
			}
			batch := s.Messages(first+n, n)
			l.Set(mode)
			ctx, cancel := contextFor(t)
			defer cancel()
			all(t, s.send(ctx, t, sink, batch), destination.Retry)
			l.Set(Pass)
			all(t, s.again(t, sink, batch), destination.Delivered)
			s.has(t, batch)
		})
	}
}

// again sends until nothing is to be retried, as the outbox does.
func (s *Suite) again(t *testing.T, sink destination.Sink, batch []destination.Message) []destination.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	for {
		results := s.send(ctx, t, sink, batch)
		if ctx.Err() != nil || !slices.ContainsFunc(results, func(r destination.Result) bool { return r.Outcome == destination.Retry }) {
			return results
		}
	}
}

// contextFor is a context that ends soon.
func contextFor(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 300*time.Millisecond)
}
