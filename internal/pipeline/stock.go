package pipeline

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Of some offers there are only so many. Taking one is a command: the lane that
// owns the offer decides it against what is taken and what is on its way into
// the log, and the outcome is a fact without conditions. So no two requests ever
// take the same one, however many ask at once.

// taking is the fact: how many were taken of an offer, or given back.
type taking struct {
	Offer    string `json:"offer"`
	N        int64  `json:"n"`
	Decision string `json:"decision,omitempty"`
}

// stock is how many of an offer are taken.
type stock struct {
	taken   int64
	pending int64 // on their way into the log
}

// onItsWay marks a record whose number is counted as pending.
type onItsWay struct{ n int64 }

var stockPrefix = []byte("stock\x00")

func stockKey(offer string) id.Key { return id.KeyOf("offer_stock", offer) }

func stockRow(offer string) store.RowKey {
	return store.RowKey{Table: store.TableMeta, Bucket: stockKey(offer).Bucket(), Key: append(append([]byte(nil), stockPrefix...), offer...)}
}

// stockOf gives how many of an offer are taken. The lane is locked.
func (w *people) stockOf(ctx context.Context, offer string) (*stock, error) {
	if s := w.stocks[offer]; s != nil {
		return s, nil
	}
	rows, err := w.store.State().Load(ctx, []store.RowKey{stockRow(offer)})
	if err != nil {
		return nil, fmt.Errorf("stock of offer %q: %w", offer, err)
	}
	s := &stock{}
	if len(rows[0]) > 0 {
		n, k := binary.Varint(rows[0][len(rows[0])-1])
		if k <= 0 {
			return nil, fmt.Errorf("stock of offer %q is damaged", offer)
		}
		s.taken = n
	}
	w.stocks[offer] = s
	return s, nil
}

// loadStocks brings the numbers that a batch changes into memory.
func (w *people) loadStocks(ctx context.Context, tasks []task) error {
	for i := range tasks {
		if r := tasks[i].rec; r.Kind == store.KindTaking && r.Payload != nil {
			var t taking
			if err := json.Unmarshal(r.Payload, &t); err != nil {
				continue // it is said when it is folded
			}
			if _, err := w.stockOf(ctx, t.Offer); err != nil {
				return err
			}
		}
	}
	return nil
}

// foldTaking counts what was taken.
func (w *people) foldTaking(r *store.Record) {
	var t taking
	if err := json.Unmarshal(r.Payload, &t); err != nil {
		w.log.Error("what was taken of an offer cannot be read", "position", r.Position, "error", err)
		return
	}
	s := w.stocks[t.Offer]
	if s == nil {
		return // it cannot be: the batch loaded it
	}
	if x, ok := r.Attached.(*onItsWay); ok {
		s.pending -= x.n
	}
	s.taken += t.N
	row := stockRow(t.Offer)
	w.rows = append(w.rows, store.Change{RowKey: row, Op: store.Put, Value: binary.AppendVarint(nil, s.taken)})
}

// Reservation is some of an offer that is set aside in memory alone: nobody else
// gets it, and it is taken once Accept or KeepEffects writes it down beside what it
// is for. A server that stops before that has taken nothing.
type Reservation struct {
	taking
	mark *onItsWay
}

// NewReservation is one that nobody else knows of.
func NewReservation(offer string, n int64, decision string) *Reservation {
	return &Reservation{taking{offer, n, decision}, &onItsWay{n}}
}

// Reserve sets some of an offer aside of which there are so many in all; nil:
// there are not enough. Whoever reserves either keeps it or releases it.
func (p *Pipeline) Reserve(ctx context.Context, offer string, n, total int64, decision string) (*Reservation, error) {
	i := p.laneIndex(stockKey(offer).Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := w.stockOf(ctx, offer)
	if err != nil || s.taken+s.pending+n > total {
		return nil, err
	}
	s.pending += n
	return NewReservation(offer, n, decision), nil
}

// Release lets others have what was reserved and not kept.
func (p *Pipeline) Release(r *Reservation) {
	i := p.laneIndex(stockKey(r.Offer).Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := w.stocks[r.Offer]; s != nil {
		s.pending -= r.N
	}
}

// GiveBack gives some of an offer back that were taken, and no more than that.
func (p *Pipeline) GiveBack(ctx context.Context, offer string, n int64, why string) (Receipt, error) {
	i := p.laneIndex(stockKey(offer).Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	s, err := w.stockOf(ctx, offer)
	if err == nil && (n < 1 || n > s.taken+min(s.pending, 0)) {
		err = fault.Errorf(fault.Conflict, "not_taken", "%d of offer %q are taken: %d cannot be given back", s.taken, offer, n)
	}
	if err != nil {
		l.mu.Unlock()
		return Receipt{}, err
	}
	s.pending -= n
	l.mu.Unlock()
	r, err := p.tell(ctx, taking{offer, -n, why}, &onItsWay{-n})
	if err != nil {
		l.mu.Lock()
		s.pending += n
		l.mu.Unlock()
	}
	return r, err
}

func (p *Pipeline) tell(ctx context.Context, t taking, attached any) (Receipt, error) {
	r, err := t.record(p.clock.Now(), attached)
	if err != nil {
		return Receipt{}, err
	}
	return p.append(ctx, &store.Frame{Records: []store.Record{r}})
}

func (t *taking) record(now clock.Instant, attached any) (store.Record, error) {
	payload, err := json.Marshal(t)
	k := stockKey(t.Offer)
	return store.Record{Kind: store.KindTaking, Bucket: k.Bucket(), Anchor: k, Received: now, Payload: payload, Attached: attached}, err
}

// takeWith adds what is taken of offers to the frame of the events that tell of it.
func (p *Pipeline) takeWith(frame *store.Frame, s *Submission) error {
	if len(s.Taken) > 0 && len(s.Events) == 0 {
		return fault.Errorf(fault.Conflict, "not_kept", "what tells of it may not be kept, so nothing is taken")
	}
	for _, r := range s.Taken {
		record, err := r.record(p.clock.Now(), r.mark)
		if err != nil {
			return fmt.Errorf("encode what is taken of offer %q: %w", r.Offer, err)
		}
		frame.Records = append(frame.Records, record)
	}
	return nil
}

// Taken tells how many of an offer are taken, those on their way included.
func (p *Pipeline) Taken(ctx context.Context, offer string) (int64, error) {
	i := p.laneIndex(stockKey(offer).Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := w.stockOf(ctx, offer)
	if err != nil {
		return 0, err
	}
	return s.taken + s.pending, nil
}
