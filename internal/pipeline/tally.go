package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rapport/internal/graph"
	"rapport/internal/store"
)

// tally is what became of the records that a lane applied. It is committed
// with the rows they changed, so it can never speak of other records.
type tally struct {
	Applied      uint64            `json:"applied"`               // events and dead letters taken
	Stored       uint64            `json:"stored"`                // events folded
	Deduplicated uint64            `json:"deduplicated"`          // copies of one that was folded
	Dead         uint64            `json:"dead"`                  // bodies that wait for a person's decision
	Replayed     uint64            `json:"replayed"`              // dead letters that became events
	Discarded    uint64            `json:"discarded"`             // dead letters a person gave up
	Erased       uint64            `json:"erased,omitempty"`      // events of people who were erased
	Anchors      uint64            `json:"anchors"`               // identifiers with a state of their own
	Identifiers  uint64            `json:"identifiers,omitempty"` // in the graph
	Merges       uint64            `json:"merges,omitempty"`
	Splits       uint64            `json:"splits,omitempty"`
	Oversized    uint64            `json:"oversized,omitempty"` // components that had to wait for their turn
	Dropped      map[string]uint64 `json:"dropped,omitempty"`   // identifiers of events that do not count, by reason
	Reasons      map[string]uint64 `json:"reasons,omitempty"`
	Members      map[uint64]int64  `json:"members,omitempty"` // homes by evaluation of a segment
	// Effects are messages by destination: what became of them, or why there are none.
	Effects map[string]map[string]int64 `json:"effects,omitempty"`

	changed bool
}

// reasonErased counts events of people who were erased.
const reasonErased = "erased"

// link counts what became of identifiers.
func (t *tally) link(n graph.Counts) {
	t.changed = t.changed || n != graph.Counts{}
	t.Identifiers += n.Identifiers
	t.Merges += n.Merges
	t.Splits += n.Splits
	t.Oversized += n.Oversized
}

// take counts a record that begins its way.
func (t *tally) take(k store.Kind) {
	t.changed = true
	if k == store.KindReplay {
		t.Replayed++
		return
	}
	t.Applied++
}

// unreadable counts an event that today's mapping does not understand, or
// whose key was destroyed.
func (t *tally) unreadable(err error) {
	if errors.Is(err, store.ErrErased) {
		t.changed = true
		t.Erased++
		return
	}
	t.dead(reasonUnread)
}

// dropped counts an event that was counted when it came, and is kept no longer.
func (t *tally) dropped(copied bool) {
	t.changed = true
	if copied {
		t.Deduplicated++
	} else {
		t.Stored++
	}
}

func (t *tally) dead(reason string) {
	t.changed = true
	t.Dead++
	if t.Reasons == nil {
		t.Reasons = map[string]uint64{}
	}
	t.Reasons[reason]++
}

func (t *tally) enroll(evaluation uint64, n int64) {
	t.changed = true
	if t.Members == nil {
		t.Members = map[uint64]int64{}
	}
	if t.Members[evaluation] += n; t.Members[evaluation] == 0 {
		delete(t.Members, evaluation)
	}
}

// effect counts messages of a destination.
func (t *tally) effect(destination, what string, n int64) {
	t.changed = true
	if t.Effects == nil {
		t.Effects = map[string]map[string]int64{}
	}
	of := t.Effects[destination]
	if of == nil {
		of = map[string]int64{}
		t.Effects[destination] = of
	}
	of[what] += n
}

// drop counts identifiers that do not count.
func (t *tally) drop(reason string, n uint64) {
	t.changed = true
	if t.Dropped == nil {
		t.Dropped = map[string]uint64{}
	}
	t.Dropped[reason] += n
}

func (t *tally) add(o *tally) {
	for n, count := range o.Members {
		t.enroll(n, count)
	}
	for destination, of := range o.Effects {
		for what, n := range of {
			t.effect(destination, what, n)
		}
	}
	t.Applied += o.Applied
	t.Stored += o.Stored
	t.Deduplicated += o.Deduplicated
	t.Dead += o.Dead
	t.Replayed += o.Replayed
	t.Discarded += o.Discarded
	t.Erased += o.Erased
	t.Anchors += o.Anchors
	t.Identifiers += o.Identifiers
	t.Merges += o.Merges
	t.Splits += o.Splits
	t.Oversized += o.Oversized
	for r, n := range o.Dropped {
		t.drop(r, n)
	}
	for r, n := range o.Reasons {
		if t.Reasons == nil {
			t.Reasons = map[string]uint64{}
		}
		t.Reasons[r] += n
	}
}

var tallyKey = []byte("tally")

// change is the row of the tally: one for the span, in its first bucket.
func (t *tally) change(s store.Span) store.Change {
	t.changed = false
	b, err := json.Marshal(t)
	if err != nil {
		panic(err) // numbers and strings
	}
	return store.Change{RowKey: store.RowKey{Table: store.TableMeta, Bucket: s.First, Key: tallyKey}, Op: store.Put, Value: b}
}

// loadTally sums the tallies of a span. An earlier run may have cut the
// buckets into other spans; their rows are gathered into one, and the changes
// that remove them are given.
func loadTally(ctx context.Context, st store.State, s store.Span) (sum tally, drop []store.Change, err error) {
	keys := make([]store.RowKey, 0, int(s.Last-s.First)+1)
	for b := s.First; ; b++ {
		keys = append(keys, store.RowKey{Table: store.TableMeta, Bucket: b, Key: tallyKey})
		if b == s.Last {
			break
		}
	}
	rows, err := st.Load(ctx, keys)
	if err != nil {
		return sum, nil, fmt.Errorf("load counters: %w", err)
	}
	for i, parts := range rows {
		if len(parts) == 0 {
			continue
		}
		var t tally
		if err := json.Unmarshal(parts[len(parts)-1], &t); err != nil {
			return sum, nil, fmt.Errorf("counters of bucket %d: %w", keys[i].Bucket, err)
		}
		sum.add(&t)
		if keys[i].Bucket != s.First {
			drop = append(drop, store.Change{RowKey: keys[i], Op: store.Delete})
		}
	}
	return sum, drop, nil
}

// Accounting says where every event is that was handed over with a valid key.
type Accounting struct {
	Received     uint64            `json:"received" doc:"Events handed over with a valid key by requests that were answered, since the data was made; a body that cannot be cut into events is one"`
	Pending      uint64            `json:"pending" doc:"Acknowledged, and not folded yet into the profile of the identifier they are of. What follows from an event elsewhere (who is one person with whom, orders and items, the profile that shows all identifiers together, segments) is made from derived records, which are no events and counted nowhere: it may come a moment after pending is 0, and ?wait=applied waits for it too"`
	Stored       uint64            `json:"stored" doc:"In profiles and timelines"`
	Deduplicated uint64            `json:"deduplicated" doc:"Copies of a message that is stored"`
	DeadLettered uint64            `json:"dead_lettered" doc:"Not understood, and waiting for somebody to replay or discard them"`
	Rejected     uint64            `json:"rejected" doc:"Not kept, or discarded, or of somebody who was erased"`
	Reasons      map[string]uint64 `json:"reasons" doc:"Dead letters and rejections by their reasons, those that were replayed since included"`
}

// Accounting reads the counters. What lanes applied is read before what the
// door appended, so an event on its way is pending and never in two columns.
func (p *Pipeline) Accounting(_ context.Context) (Accounting, error) {
	var sum tally
	for _, l := range p.lanes {
		l.mu.Lock()
		sum.add(p.tallies[l])
		l.mu.Unlock()
	}
	door := p.seq.sums()
	a := Accounting{
		Received:     door.received,
		Pending:      door.appended - sum.Applied,
		Stored:       sum.Stored,
		Deduplicated: sum.Deduplicated,
		DeadLettered: sum.Dead - sum.Replayed - sum.Discarded,
		Rejected:     sum.Discarded + sum.Erased,
		Reasons:      map[string]uint64{},
	}
	for r, n := range door.rejected {
		a.Rejected += n
		a.Reasons[r] += n
	}
	for r, n := range sum.Reasons {
		a.Reasons[r] += n
	}
	if sum.Erased > 0 {
		a.Reasons[reasonErased] += sum.Erased
	}
	if sum.Discarded > 0 {
		a.Reasons["discarded"] = sum.Discarded
	}
	return a, nil
}
