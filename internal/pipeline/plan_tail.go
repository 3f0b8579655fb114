package pipeline

import (
	"context"
	"errors"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/id"
	"rapport/internal/store"
)

// planTail is what was planned and not settled when a rebuild began: the plans
// in their rows, and those of records that the state had not applied yet. A
// rebuild plans these again and nothing else.
type planTail struct {
	open      map[effect.Plan]bool // without their positions, which those of derived records change
	settled   map[effect.Plan]bool // behind from, without position and cause
	from, end store.Position       // what lies between them was not applied
	since     clock.Instant        // when the first of that came in; zero: there is none
}

// openPlans reads what is not settled, before the state is thrown away.
func openPlans(ctx context.Context, st store.Store) (*planTail, error) {
	t := &planTail{open: map[effect.Plan]bool{}, settled: map[effect.Plan]bool{}, from: st.State().Applied(0), end: st.Log().End()}
	for b := range id.Bucket(id.Buckets) {
		t.from = min(t.from, st.State().Applied(b))
	}
	prefix, _ := effect.PlansAfter(0)
	var bad error
	err := st.State().ScanSpan(ctx, store.SpanRange{Table: store.TableOutbox, Span: allPeople(), Prefix: prefix}, func(_ id.Bucket, key []byte, parts [][]byte) store.Step {
		var x effect.Plan
		if x, bad = effect.ReadPlan(key, parts[0]); bad != nil {
			return store.Stop
		}
		x.Position = 0
		t.open[x] = true
		return store.NextRow
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, err
	}
	return t, st.Log().Read(ctx, t.from, t.take)
}

// take takes a record that the state had not applied.
func (t *planTail) take(r *store.Record) error {
	if t.since == 0 {
		t.since = r.Received
	}
	if r.Kind != store.KindEffect || r.Payload == nil {
		return nil
	}
	f, err := effect.ReadFact(r.Payload)
	if err == nil && (f.Op == effect.OpSend || f.Op == effect.OpSkip) {
		t.settled[effect.Plan{Anchor: r.Anchor, Destination: f.Destination, Kind: f.Kind, Segment: f.Segment, Time: f.Time}] = true
	}
	return nil // what cannot be read settles nothing, as when it is folded
}

// has tells whether a plan is one of them. A record that is derived anew lies
// behind all others: it counts by when its cause came in.
func (t *planTail) has(x effect.Plan, received clock.Instant) bool {
	at := store.Position(x.Position)
	x.Position = 0
	if t.open[x] {
		return true
	}
	x.Cause, x.Set, x.Origin = [16]byte{}, 0, 0
	if at > t.end {
		return t.since != 0 && received >= t.since && !t.settled[x]
	}
	return at > t.from // a fact behind it settles it again, where one did
}
