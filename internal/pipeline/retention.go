package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile/shown"
	"rapport/internal/retention"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// Events that are kept no longer go in this order (docs/decisions/0025): floors
// are raised, so that no copy of them comes in again; what they came to is
// written as base records, which take them from the timelines; then the log
// forgets what they said. Each step can be done again. START READING at
// retention_run.go.

// floors is up to when events are no longer there. Doors read it without a lock.
type floors struct {
	atomic.Pointer[floorState]
	// passing is held for reading by whoever takes an event past the floors until
	// it is in the log.
	passing sync.RWMutex
}

// floorState is the payload of KindRetention, and the row that is kept of it:
// each fact says all of it.
type floorState struct {
	Floors []retention.Floor `json:"floors"`
	// Open is where base records may begin whose events the log still holds; 0:
	// there are none.
	Open store.Position `json:"open,omitempty"`
}

var floorsKey = []byte("retention")

func newFloors() *floors {
	f := &floors{}
	f.Store(&floorState{})
	return f
}

func (f *floors) load(ctx context.Context, st store.State) error {
	found, err := st.Load(ctx, []store.RowKey{{Table: store.TableMeta, Bucket: id.CommonBucket, Key: floorsKey}})
	if err != nil {
		return fmt.Errorf("load up to when events are kept: %w", err)
	}
	if len(found[0]) == 0 {
		return nil
	}
	var s floorState
	if err := json.Unmarshal(found[0][len(found[0])-1], &s); err != nil {
		return fmt.Errorf("load up to when events are kept: %w", err)
	}
	f.Store(&s)
	return nil
}

// raiseFloors applies a fact.
func (c *common) raiseFloors(r *store.Record) {
	var s floorState
	if err := json.Unmarshal(r.Payload, &s); err != nil {
		c.log.Error("floors cannot be read", "position", r.Position, "error", err)
		return
	}
	c.floors.Store(&s)
	c.rows = append(c.rows, rows.Common(store.TableMeta, floorsKey, store.Put, r.Payload))
}

// sayFloors makes floors a fact. When it returns, all that passed by the floors
// before them is applied.
func (p *Pipeline) sayFloors(ctx context.Context, s floorState) error {
	payload, err := json.Marshal(s)
	if err != nil {
		return err
	}
	receipt, err := p.append(ctx, &store.Frame{Records: []store.Record{{
		Kind: store.KindRetention, Bucket: id.CommonBucket, Anchor: id.KeyOf("retention", "floors"), Received: p.clock.Now(), Payload: payload,
	}}})
	if err != nil {
		return err
	}
	if err := p.waitRecords(ctx, receipt); err != nil {
		return err
	}
	p.floors.passing.Lock()   // whoever read the floors before is through
	p.floors.passing.Unlock() //nolint:staticcheck // nothing is done while it is held: it was waited for
	return p.settle(ctx)
}

// Floors gives up to when events are no longer there.
func (p *Pipeline) Floors() []retention.Floor { return p.floors.Load().Floors }

// expires tells whether the door refuses an event because those like it are gone.
func (s *setting) expires(e *event.Event) bool {
	list := s.floors.Load().Floors
	return len(list) > 0 && retention.Below(list, e) && s.droppable(e)
}

// refuseExpired takes events out of a submission that are older than what is
// kept: a copy of one that is gone could not be told from a new one.
func (p *Pipeline) refuseExpired(s *Submission) {
	if len(p.floors.Load().Floors) == 0 {
		return
	}
	kept := s.Events[:0:0]
	for i := range s.Events {
		if !p.expires(s.Events[i].Event) {
			kept = append(kept, s.Events[i])
		}
	}
	if n := len(s.Events) - len(kept); n > 0 {
		s.Events = kept
		s.Rejected = append(s.Rejected, store.Count{Reason: retention.Reason, N: uint64(n)})
	}
}

// droppable tells whether an event may be kept as part of a base alone. What
// speaks of orders, carts, accounts and other entities, what somebody agreed to,
// and what was shown to whom stays: others hold on to the event itself.
func (s *setting) droppable(e *event.Event) bool {
	if e.Exposes() || shown.Speaks(e) || e.About("consent").Kind() == jsondoc.Object {
		return false
	}
	m := s.sources(e.Source).Mapping
	return m == nil || len(m.PortionsOf(e, catalog.Stamp{Time: e.Time, Short: id.Message(e.MessageID)})) == 0
}
