package pipeline

import (
	"context"
	"sync/atomic"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// chain is a graph lane in which a turn is followed by another, so many times.
type chain struct {
	*common
	left atomic.Int64
}

func turn() store.Record {
	return store.Record{Kind: store.KindResolve, Bucket: id.CommonBucket, Anchor: id.KeyOf("a", "turn"), Payload: []byte{0}}
}

func (c *chain) apply(ctx context.Context, batch []*store.Record) ([]store.Record, error) {
	derived, err := c.common.apply(ctx, batch)
	for _, r := range batch {
		if r.Kind == store.KindResolve && c.left.Add(-1) > 0 {
			derived = append(derived, turn())
		}
	}
	return derived, err
}

func chained(t *testing.T, length int64) (*Pipeline, *chain) {
	t.Helper()
	p, err := build(context.Background(), config(memory.New(), 2, 8))
	if err != nil {
		t.Fatal(err)
	}
	work := &chain{common: p.common}
	work.left.Store(length)
	p.graphLane.work = work
	p.start()
	t.Cleanup(p.abandon)
	return p, work
}

// The barrier waits for all that follows, however long the chain is.
func TestWaitApplied_WaitsForAWholeChain(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{1, 8, 12, 60} {
		p, work := chained(t, length)
		receipt, err := p.append(t.Context(), &store.Frame{Records: []store.Record{turn()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.WaitApplied(t.Context(), receipt); err != nil {
			t.Fatal(err)
		}
		if left := work.left.Load(); left > 0 {
			t.Errorf("of a chain of %d records %d were not applied", length, left)
		}
	}
}

// What follows without an end is told as not applied.
func TestWaitApplied_SaysThatAChainDoesNotEnd(t *testing.T) {
	t.Parallel()
	p, _ := chained(t, 1<<60)
	receipt, err := p.append(t.Context(), &store.Frame{Records: []store.Record{turn()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitApplied(t.Context(), receipt); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the barrier says %v", err)
	}
}
