package pipeline

import (
	"slices"
	"testing"

	"rapport/internal/store"
)

// Each activation has to be prepared before it is applied, also where one
// follows another: it begins a batch of its own.
func TestLane_AnActivationBeginsABatch(t *testing.T) {
	t.Parallel()
	l := &lane{shared: shared{limits: commitLimits{batch: 4}}}
	l.wake.L = &l.queueMu
	const event, activation = store.KindEvent, store.KindActivation
	var queue []*store.Record
	for i, k := range []store.Kind{activation, activation, event, event, activation, event, event, event, event, event, activation} {
		queue = append(queue, &store.Record{Kind: k, Position: store.Position(i + 1)})
	}
	l.push(queue, store.Position(len(queue)))
	var sizes []int
	for n := 0; n < len(queue); {
		batch, end, ok := l.take()
		if !ok || len(batch) == 0 || end != batch[len(batch)-1].Position {
			t.Fatalf("batch %d is %v, up to %d", len(sizes), batch, end)
		}
		for i, r := range batch {
			if i > 0 && broadcast(r.Kind) {
				t.Errorf("record %d is an activation inside of a batch", r.Position)
			}
		}
		n += len(batch)
		sizes = append(sizes, len(batch))
	}
	if want := []int{1, 3, 4, 2, 1}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v, want %v", sizes, want)
	}
}
