package assigner

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/dialect/segment"
	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// fake is a pipeline of which nothing is known but one experiment.
type fake struct {
	Spine
	index *definition.Index
	rules *identity.Rules
	fails error
	read  int
	taken int
}

func (f *fake) Definitions() *definition.Index { return f.index }
func (f *fake) Rules() *identity.Rules         { return f.rules }

func (f *fake) Definition(ctx context.Context, _ definition.Kind, _ string, version int) (definition.Definition, error) {
	f.read++
	if err := errors.Join(ctx.Err(), f.fails); err != nil {
		return definition.Definition{}, err
	}
	return definition.Definition{Version: definition.Version{Version: version}, Document: []byte(document)}, nil
}

func (f *fake) Shown(context.Context, []event.Identifier) (experiment.Register, error) {
	return nil, nil
}

func (f *fake) Accept(_ context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	f.taken += len(s.Events)
	return pipeline.Receipt{Position: store.Position(f.taken)}, nil
}

const document = `{"name":"X","state":"running","public":true,"variants":[{"key":"a"},{"key":"b"}],
	"phases":[{"number":1,"since":"2026-01-01T00:00:00Z","weights":{"a":1,"b":1},"traffic":1}]}`

var ann = event.Identifier{Namespace: event.UserID, Value: "ann"}

func asked(t *testing.T, a *Assigner) experiment.Assignment {
	t.Helper()
	out, err := a.Assign(t.Context(), &Request{Identifiers: []event.Identifier{ann}, Keys: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Assignments[0]
}

func made(t *testing.T) (*Assigner, *fake, *time.Time) {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	series, _, err := (*definition.Series)(nil).Apply(&definition.Fact{Kind: definition.Experiment, Key: "x", Version: 1, Status: definition.Live})
	if err != nil {
		t.Fatal(err)
	}
	rules := identity.DefaultRules()
	f := &fake{index: (&definition.Index{}).With(series), rules: &rules}
	return New(Deps{
		Spine: f, Dialect: segment.Dialect, Mapper: segment.NewMapper, Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), LinkKey: []byte("k"),
	}), f, &now
}

// TestAssign_OutlivesTheRequestThatFindsTheShelfOld ends a request, and storage,
// while the experiments are read: the others still get theirs.
func TestAssign_OutlivesTheRequestThatFindsTheShelfOld(t *testing.T) {
	t.Parallel()
	a, f, _ := made(t)
	f.fails = errors.New("no storage at this moment")
	if _, err := a.Sign(t.Context()); err == nil {
		t.Error("experiments that cannot be read are none")
	}
	f.fails = nil
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Sign(gone); err != nil {
		t.Error(err)
	}
	if x := asked(t, a); x.Reason != experiment.Assigned {
		t.Errorf("the next one gets %+v", x)
	}
	if f.read != 2 {
		t.Errorf("it was read %d times", f.read)
	}
}

// TestAssign_GoesOnWithoutALinkThatDoesNotCount keeps giving what everybody gets
// to whoever opens an address with an old or a made-up token in it.
func TestAssign_GoesOnWithoutALinkThatDoesNotCount(t *testing.T) {
	t.Parallel()
	a, _, now := made(t)
	until := clock.From(now.Add(time.Hour))
	good, old := a.QAToken(experiment.Link{Experiment: "x", Variant: "b", Until: until}), a.QAToken(experiment.Link{Experiment: "x", Variant: "b", Until: 1})
	for token, want := range map[string]struct {
		reason experiment.Reason
		bad    string
	}{good: {experiment.Forced, ""}, old: {experiment.Assigned, "qa_link_expired"}, "AAAA": {experiment.Assigned, "invalid_qa_link"}} {
		out, err := a.Assign(t.Context(), &Request{Identifiers: []event.Identifier{ann}, Keys: []string{"x"}, Links: []string{token}, Unseen: true})
		if err != nil || out.Assignments[0].Reason != want.reason || out.BadLink != want.bad {
			t.Errorf("%s: %+v %v, want %+v", token, out, err, want)
		}
	}
}

// TestRecorder_ForgetsWhatIsLongApplied asks again, at once and much later: then
// only what is known of the person counts.
func TestRecorder_ForgetsWhatIsLongApplied(t *testing.T) {
	t.Parallel()
	a, _, now := made(t)
	for i, want := range []experiment.Reason{experiment.Assigned, experiment.Sticky} {
		if x := asked(t, a); x.Reason != want {
			t.Errorf("question %d: %+v", i, x)
		}
	}
	*now = now.Add(forget + time.Second)
	if x := asked(t, a); x.Reason != experiment.Sticky {
		t.Errorf("while it may not be applied: %+v", x)
	}
	*now = now.Add(2*forget + time.Second)
	if x := asked(t, a); x.Reason != experiment.Assigned {
		t.Errorf("much later: %+v", x)
	}
}

// TestFlush_TellsOfWhatAnotherOneWrote flushes when nothing waits any more.
func TestFlush_TellsOfWhatAnotherOneWrote(t *testing.T) {
	t.Parallel()
	a, f, _ := made(t)
	asked(t, a)
	for range 2 {
		if at, err := a.Flush(t.Context()); err != nil || at.Position != 1 || f.taken != 1 {
			t.Errorf("%v %v, %d taken", at, err, f.taken)
		}
	}
}
