package pipeline

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/store"
	"rapport/internal/store/memory"
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

// A lane that nothing is for is there at once, whoever waits for it; one that is
// at work, or looked at, gets there in its turn.
func TestLane_PassesWhatIsNotForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var came []store.Position
		var l *lane
		told := func(at store.Position) {
			came = append(came, at)
			// Who waits for the place looks at it with the lane locked.
			if l.mu.TryLock() {
				l.mu.Unlock()
				t.Errorf("who waits for %d may go on before it was told", at)
			}
		}
		l = &lane{idle: make(chan struct{}), reached: told, shared: shared{
			limits: commitLimits{batch: 4, rows: 1}, free: func([]*store.Record) {}, now: fixedTime, shortage: newShortage(nil),
		}, work: nothing{}}
		l.wake.L = &l.queueMu
		go l.run()
		synctest.Wait()
		waits := l.wait(3)
		l.push(nil, 3)
		select {
		case <-waits:
		default:
			t.Error("a lane at rest had to be woken")
		}
		l.mu.Lock() // somebody looks at it
		l.push(nil, 4)
		l.push(nil, 5)
		l.mu.Unlock()
		<-l.wait(5)
		l.push([]*store.Record{{Position: 6}}, 7)
		l.push(nil, 8)
		<-l.wait(8)
		l.stop()
		if l.applied != 8 || !slices.IsSorted(came) || came[0] != 3 || came[len(came)-1] != 8 {
			t.Errorf("it is at %d and told %v", l.applied, came)
		}
	})
}

// What callers wait for is told apart from time that passes and from what
// follows, also where the log refuses it.
func TestSequencer_KnowsWhatCallersWaitFor(t *testing.T) {
	t.Parallel()
	s := newSequencer(memory.New().Log(), func([]*store.Frame, store.Position) {}, func(error) {})
	frame := func(k store.Kind) *store.Frame {
		return &store.Frame{Records: []store.Record{{Kind: k, Payload: []byte("x")}}}
	}
	for _, c := range []struct {
		kind             store.Kind
		derived, refused bool
		pending          int
	}{{store.KindTick, false, false, 0}, {store.KindShare, true, false, 0}, {store.KindEvent, false, false, 1}, {store.KindChange, false, false, 1}, {store.KindEvent, false, true, 1}} {
		before, f := s.requests(), frame(c.kind)
		if err := s.log.Seal(context.Background(), f); err != nil {
			t.Fatal(err)
		}
		ticket, err := s.submit(f, 1, c.derived)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.requests(); got.pending != c.pending || got.last != before.last {
			t.Errorf("%+v: on its way: %+v", c, got)
		}
		if group := s.take(); c.refused {
			s.refuse(group, store.ErrFull)
		} else {
			s.appendGroup(group)
		}
		<-ticket.done
		want := before.last
		if c.pending > 0 && !c.refused {
			want = f.Records[0].Position
		}
		if got := s.requests(); got.pending != 0 || got.last != want {
			t.Errorf("%+v: afterwards: %+v, want up to %d", c, got, want)
		}
	}
}

// Behind a shut door gets only what follows from what was taken: time that
// passed there would have consequences which nobody waits for any more.
func TestSequencer_TakesConsequencesBehindAShutDoor(t *testing.T) {
	t.Parallel()
	s := newSequencer(memory.New().Log(), func([]*store.Frame, store.Position) {}, func(error) {})
	go s.run()
	s.shutDoor()
	for kind, derived := range map[store.Kind]bool{store.KindEvent: false, store.KindTick: false, store.KindChange: false, store.KindShare: true} {
		f := &store.Frame{Records: []store.Record{{Kind: kind, Payload: []byte("x")}}}
		if err := s.log.Seal(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if _, err := s.submit(f, 1, derived); derived != (err == nil) {
			t.Errorf("kind %d, derived %t: %v", kind, derived, err)
		}
	}
	if err := s.fence(t.Context()); err != nil || s.derivations().last == 0 {
		t.Errorf("what follows is at %d, %v", s.derivations().last, err)
	}
	s.stop()
}

func fixedTime() time.Time { return time.Unix(0, 0) }

// nothing is an applier that has nothing to do.
type nothing struct{}

func (nothing) apply(context.Context, []*store.Record) ([]store.Record, error) { return nil, nil }
func (nothing) dirty() int                                                     { return 0 }
func (nothing) changes(store.Position) []store.Change                          { return nil }
func (nothing) settled() bool                                                  { return true }
func (nothing) full() bool                                                     { return false }
func (nothing) trim()                                                          {}

// Sightings are much work: a batch of them is short, so that nobody waits long for
// the lane behind a device that thousands share. One is never too much.
func TestLane_ABatchOfSightingsIsShort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ most, records, first int }{{64, 64, 8}, {64, 5, 5}, {4, 3, 1}} {
		l := &lane{shared: shared{limits: commitLimits{batch: c.most}}}
		l.wake.L = &l.queueMu
		var queue []*store.Record
		for i := range c.records {
			queue = append(queue, &store.Record{Kind: store.KindSighting, Position: store.Position(i + 1)})
		}
		l.push(queue, store.Position(len(queue)))
		batch, end, ok := l.take()
		if !ok || len(batch) != c.first || end != store.Position(c.first) {
			t.Errorf("of %d sightings a batch of %d has %d, up to %d, want %d", c.records, c.most, len(batch), end, c.first)
		}
	}
}
