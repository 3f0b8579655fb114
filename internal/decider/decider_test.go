package decider_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"rapport/internal/decider"
	"rapport/internal/decision/kept"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

const one = `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="One" namespace="urn:one">` +
	`<decision id="d" name="Out"><variable name="Out"/><literalExpression><text>1</text></literalExpression></decision></definitions>`

// spine has one live model and takes decisions when it is let.
type spine struct {
	decider.Spine // what no test here asks for
	index         *definition.Index
	documents     map[definition.Kind]string
	gate          chan struct{} // closed: the log takes decisions
	kept          int
	err           error
}

func newSpine(t *testing.T, versions ...definition.Status) *spine {
	t.Helper()
	s := &spine{index: &definition.Index{}, documents: map[definition.Kind]string{definition.DecisionModel: one}, gate: make(chan struct{})}
	for _, status := range versions {
		s.define(t, definition.DecisionModel, status)
	}
	return s
}

func (s *spine) define(t *testing.T, kind definition.Kind, status definition.Status) {
	t.Helper()
	series := s.index.Get(kind, "m")
	fact, err := series.Decide(definition.Command{Kind: kind, Key: "m", Status: status, Document: []byte(s.documents[kind]), Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	if series, _, err = series.Apply(&fact); err != nil {
		t.Fatal(err)
	}
	s.index = s.index.With(series)
}

func (s *spine) Definitions() *definition.Index { return s.index }

func (s *spine) Definition(_ context.Context, kind definition.Kind, key string, version int) (definition.Definition, error) {
	return definition.Definition{Version: *s.index.Get(kind, key).At(version), Document: []byte(s.documents[kind])}, nil
}

func (s *spine) Keep(_ context.Context, list []pipeline.Keepsake) (pipeline.Receipt, error) {
	<-s.gate
	if s.err != nil {
		return pipeline.Receipt{}, s.err
	}
	for _, k := range list {
		if _, err := kept.Decode(k.Payload); err != nil {
			return pipeline.Receipt{}, err
		}
	}
	s.kept += len(list)
	return pipeline.Receipt{}, nil
}

func (s *spine) WaitApplied(context.Context, pipeline.Receipt) error { return nil }

func newDecider(s *spine) *decider.Decider {
	n := byte(0)
	return decider.New(decider.Deps{
		Spine: s, Clock: func() time.Time { return time.UnixMicro(1_770_000_000_000_000) }, Log: slog.New(slog.DiscardHandler),
		Random: func(b []byte) { n++; b[0] = n },
	})
}

func TestEvaluate_NeverWaitsForTheLogAndCountsWhatItLeaves(t *testing.T) {
	t.Parallel()
	s := newSpine(t, definition.Live)
	d := newDecider(s)
	d.Start()
	const asked = 10_000 // more than may wait
	busy := 0
	for range asked {
		out, err := d.Evaluate(t.Context(), &decider.Ask{Model: "m", Version: 1, Status: definition.Live})
		if err != nil {
			t.Fatal(err)
		}
		if (out.Decision == nil) != (out.NotKept == "busy") {
			t.Fatalf("kept as %v, not kept for %q", out.Decision, out.NotKept)
		}
		if out.NotKept == "busy" {
			busy++
		}
	}
	if busy == 0 {
		t.Error("the log stands still, and everything waits")
	}
	close(s.gate)
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts := d.Counts()
	if int(counts.Kept)+busy != asked || s.kept != asked-busy || counts.NotKept["busy"] != uint64(busy) {
		t.Errorf("%d kept, %d in the log, %d left, counted %v", counts.Kept, s.kept, busy, counts.NotKept)
	}
	d.Close()
}

func TestEvaluate_ALogThatRefusesCostsNoAnswer(t *testing.T) {
	t.Parallel()
	for reason, err := range map[string]error{"busy": fault.Errorf(fault.Limited, "busy", "behind"), "failed": fmt.Errorf("disk")} {
		s := newSpine(t, definition.Live)
		s.err = err
		close(s.gate)
		d := newDecider(s)
		d.Start()
		if _, err := d.Evaluate(t.Context(), &decider.Ask{Model: "m", Version: 1, Status: definition.Live}); err != nil {
			t.Error(err)
		}
		if err := d.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.Close()
		if c := d.Counts(); c.NotKept[reason] != 1 || c.Kept != 0 {
			t.Errorf("%s: %+v", reason, c)
		}
	}
}

func TestNightly_TriesTheNewestVersionOnceItsTimeHasCome(t *testing.T) {
	t.Parallel()
	s := newSpine(t, definition.Live)
	s.documents[definition.DecisionModelSettings] = `{"keep":{},"nightly":{"at":"02:30","sample":7}}`
	s.define(t, definition.DecisionModelSettings, definition.Live)
	d := newDecider(s)
	at := func(text string) string {
		now, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, q := range decider.Nightly(d, t.Context(), now) {
			out += fmt.Sprintf("%s %s %v|", q.Kind, q.Key, q.Params)
		}
		return out
	}
	if got := at("2026-01-02T03:00:00Z"); got != "decision_retention 2026-01-02 <nil>|" {
		t.Errorf("nothing but the live version: %s", got)
	}
	s.define(t, definition.DecisionModel, definition.Draft)
	if got := at("2026-01-02T02:29:00Z"); got != "decision_retention 2026-01-02 <nil>|" {
		t.Errorf("before its time: %s", got)
	}
	if got := at("2026-01-02T02:30:00Z"); got != "decision_retention 2026-01-02 <nil>|decision_replay m/2026-01-02 {2 7}|" {
		t.Errorf("at its time: %s", got)
	}
}

// reader is a spine that says who reads a person, and lets them.
type reader struct {
	*spine
	reads, on chan struct{}
}

func (r *reader) Profile(context.Context, string, pipeline.ProfileOptions) (*profile.View, error) {
	r.reads <- struct{}{}
	<-r.on
	return &profile.View{ID: "p", Identifiers: []profile.IdentifierSeen{{Identifier: event.Identifier{Namespace: event.UserID, Value: "ada"}}}}, nil
}

// An erasure waits until decisions that began before it are in the log; those that
// begin while it waits hold it up no longer, and it holds up none.
func TestSettle_WaitsForDecisionsThatBeganBefore(t *testing.T) {
	t.Parallel()
	s := &reader{newSpine(t, definition.Live), make(chan struct{}), make(chan struct{})}
	close(s.gate)
	d := newDecider(s.spine)
	d.Spine = s
	d.Start()
	defer d.Close()
	ended := make(chan error, 2)
	ask := func() {
		_, err := d.Evaluate(t.Context(), &decider.Ask{Model: "m", Version: 1, Status: definition.Live, Profile: "user_id:ada"})
		ended <- err
	}
	go ask()
	<-s.reads
	short, stop := context.WithCancel(t.Context())
	stop()
	for range 2 { // who tries again waits for it again
		if err := d.Settle(short); err == nil {
			t.Fatal("a decision under way was not waited for")
		}
	}
	go ask() // begun after the erasure
	<-s.reads
	s.on <- struct{}{}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := d.Evaluate(t.Context(), &decider.Ask{Model: "m", Version: 1, Status: definition.Live}); err != nil {
		t.Fatal(err)
	}
	s.on <- struct{}{}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.kept != 3 {
		t.Errorf("%d decisions are in the log, want 3", s.kept)
	}
}
