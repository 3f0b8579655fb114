package trace_test

import (
	"context"
	"testing"

	"rapport/internal/trace"
)

func TestStart_WhereNobodyTracesNothingIsAllocated(t *testing.T) { //nolint:paralleltest // others would allocate meanwhile
	ctx := context.WithValue(t.Context(), contextKey{}, 1)
	var nobody trace.Tracer
	var none []trace.Span
	steps := func() {
		inside, s := trace.Start(ctx, "append")
		s.Number("events", 7)
		s.Text("lane", "graph")
		s.Failed("disk_full")
		if inside != ctx || s.On() || s.Header() != "" {
			t.Error("somebody looks")
		}
		s.End()
		_, s = trace.Root(ctx, nobody, "delivery")
		s.End()
		_, s = trace.Then(ctx, none, "batch")
		s.End()
	}
	if n := testing.AllocsPerRun(100, steps); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

type contextKey struct{}
