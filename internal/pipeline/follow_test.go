package pipeline

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// notebook is a follower that writes down which messages it heard of, and where.
type notebook struct {
	mu      sync.Mutex
	taken   map[store.Position]string
	stirred map[id.Key]store.Position // the newest cause
	reached map[int]store.Position
	touched map[id.Key]bool
}

func newNotebook() *notebook {
	return &notebook{taken: map[store.Position]string{}, stirred: map[id.Key]store.Position{}, reached: map[int]store.Position{}, touched: map[id.Key]bool{}}
}

func messageOf(r *store.Record, e *event.Event) string { return r.Anchor.String() + e.MessageID }

func (n *notebook) Take(_ int, r *store.Record, e *event.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e != nil {
		n.taken[r.Position] = messageOf(r, e)
	}
}

func (n *notebook) Stir(_ int, home id.Key, cause, _ store.Position, _ clock.Instant) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stirred[home] = max(n.stirred[home], cause)
}

func (n *notebook) Touched(_ int, home id.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.touched[home] = true
}

func (n *notebook) Reached(lane int, at store.Position) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reached[lane] = max(n.reached[lane], at)
}

// Wherever what was written down ends, the log gives the rest: every message
// once, though copies take the place of others, in any order.
func TestFollowAgain_GivesEveryMessageThatWasNotWrittenDown(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(40)) {
		w := newWorld(7000+seed, 80)
		r := rand.New(rand.NewPCG(seed, 5))
		c, heard := config(memory.New(), 1+r.IntN(4), 1+r.IntN(30)), newNotebook()
		c.Follower, c.Passages = heard, true
		p, err := Open(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		play(t, p, w.shuffled(r), 1+r.IntN(40))
		end := p.store.Log().End()
		messages, places := map[string]int{}, []store.Position{0, end}
		for at, m := range heard.taken {
			messages[m]++
			places = append(places, at)
		}
		for _, written := range []store.Position{0, places[r.IntN(len(places))], places[r.IntN(len(places))], end} {
			again := map[string]int{}
			for at, m := range heard.taken {
				if at <= written {
					again[m]++
				}
			}
			err := p.FollowAgain(t.Context(), written, end, written, func(f *Followed) error {
				if f.Event != nil {
					again[messageOf(f.Record, f.Event)]++
				}
				if f.Cause > heard.stirred[f.Home] && f.Event == nil {
					t.Errorf("seed %d: %s was stirred by %d, live by %d", seed, f.Home, f.Cause, heard.stirred[f.Home])
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for m := range messages {
				if messages[m] != 1 || again[m] != 1 || len(again) != len(messages) {
					t.Fatalf("seed %d, written up to %d of %d: message %s came %d times, then %d times, of %d and %d", seed, written, end, m, messages[m], again[m], len(messages), len(again))
				}
			}
		}
		for lane, at := range heard.reached {
			if at < end {
				t.Errorf("seed %d: lane %d reached %d of %d", seed, lane, at, end)
			}
		}
		closeNow(t, p)
	}
}

// hazy is a store that cannot read, while it is told so, which copies took the
// place of others.
type hazy struct {
	store.Store
	dark atomic.Bool
}

type hazyState struct {
	store.State
	of *hazy
}

func (h *hazy) State() store.State { return hazyState{h.Store.State(), h} }

func (s hazyState) ScanSpan(ctx context.Context, at store.SpanRange, visit func(id.Bucket, []byte, [][]byte) store.Step) error {
	if s.of.dark.Load() && at.Table == store.TableDisplaced {
		return io.ErrUnexpectedEOF
	}
	return s.State.ScanSpan(ctx, at, visit)
}

// What cannot be told at present is not left out: whoever follows tries again.
func TestFollowAgain_FailsWhereCopiesCannotBeTold(t *testing.T) {
	t.Parallel()
	st := &hazy{Store: memory.New()}
	w := newWorld(7, 20)
	p, err := Open(t.Context(), config(st, 2, 10), nil)
	if err != nil {
		t.Fatal(err)
	}
	play(t, p, w.shuffled(rand.New(rand.NewPCG(7, 5))), 10)
	events := func() (n int, err error) {
		err = p.FollowAgain(t.Context(), 0, p.store.Log().End(), 0, func(f *Followed) error {
			if f.Event != nil {
				n++
			}
			return nil
		})
		return n, err
	}
	st.dark.Store(true)
	if n, err := events(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d events, error %v", n, err)
	}
	st.dark.Store(false)
	if n, err := events(); n == 0 || err != nil {
		t.Errorf("%d events, error %v", n, err)
	}
	closeNow(t, p)
}
