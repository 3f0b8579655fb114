package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// counting is a store that counts the rows it is asked for.
type counting struct {
	store.Store
	anchors atomic.Int64
}

func (c *counting) State() store.State { return countingState{c.Store.State(), c} }

type countingState struct {
	store.State
	c *counting
}

func (s countingState) Load(ctx context.Context, keys []store.RowKey) ([][][]byte, error) {
	for i := range keys {
		if keys[i].Table == store.TableAnchors {
			s.c.anchors.Add(1)
		}
	}
	return s.State.Load(ctx, keys)
}

// stepped is a pipeline without the loops that commit and tick by themselves.
func stepped(t *testing.T, st store.Store, now *clock.Instant) *Pipeline {
	t.Helper()
	c := config(st, 1, 7)
	c.Clock = reading(now)
	p, err := build(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range p.lanes {
		l.limits.rows, l.limits.every = 1<<30, 1<<60
	}
	p.start()
	t.Cleanup(p.abandon)
	return p
}

// commitAll commits every lane; where it forgets, all rows are let go of.
func commitAll(t *testing.T, p *Pipeline, forgets bool) {
	t.Helper()
	for _, l := range p.lanes {
		if err := l.commit(context.Background()); err != nil {
			t.Fatal(err)
		}
		if w, ok := l.work.(*people); ok && forgets {
			l.mu.Lock()
			letGo(w)
			l.mu.Unlock()
		}
	}
}

// rowOf is all that is kept of an anchor, as its row would be written whole.
func rowOf(t *testing.T, p *Pipeline, k id.Key) []byte {
	t.Helper()
	a, err := p.copyAnchor(context.Background(), k)
	if err != nil {
		t.Fatal(err)
	}
	if a == nil {
		return nil
	}
	a.fresh = true
	part, _ := a.part(nil)
	return part
}

// coldFact is one of a few people's events on devices of their own, some of them
// late, with traits and orders, and copies of what was said lately.
func coldFact(r *rand.Rand, n int, at clock.Instant) fact {
	person := r.IntN(4)
	doc := map[string]any{
		"type": "track", "messageId": fmt.Sprint("m", n), "userId": fmt.Sprint("u", person), "sentAt": at.String(),
		"timestamp": at.Add(-time.Duration(r.IntN(4)/3) * time.Duration(r.IntN(5000)) * time.Second).String(),
		"event":     fmt.Sprint("Thing ", r.IntN(5)),
	}
	if r.IntN(3) > 0 {
		doc["anonymousId"] = fmt.Sprint("d", person, r.IntN(2))
	}
	switch r.IntN(6) {
	case 0:
		doc["traits"] = map[string]any{"plan": fmt.Sprint(r.IntN(3)), fmt.Sprint("t", r.IntN(20)): r.IntN(9)}
	case 1:
		doc["event"] = "Order Completed"
		doc["properties"] = map[string]any{"order_id": fmt.Sprint("o", person, n/9), "currency": "EUR", "total": r.IntN(90)}
	case 2:
		doc["event"] = "Product Added"
		doc["properties"] = map[string]any{"product_id": fmt.Sprint("p", r.IntN(3)), "price": 3}
	}
	body, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return fact{received: at, body: string(body), kind: event.Track}
}

// TestCold_GivesTheSameRowsAsMemory plays the same events, commits and ticks
// into a pipeline that keeps every row and one that lets go of all of them at
// each commit, and compares the rows byte for byte.
func TestCold_GivesTheSameRowsAsMemory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(20)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 23))
			now := worldStart
			var sides [2]*Pipeline
			for i := range sides {
				sides[i] = stepped(t, memory.New(), &now)
			}
			var facts []fact
			for n := range 900 {
				setClock(&now, now.Add(time.Duration(r.IntN(200))*time.Second))
				f := coldFact(r, n, now)
				if n > 10 && r.IntN(12) == 0 {
					f = facts[len(facts)-1-r.IntN(min(len(facts), 200))]
				}
				facts = append(facts, f)
				commits, ticks := r.IntN(3) == 0, r.IntN(10) == 0
				for i, p := range sides {
					play(t, p, []fact{f}, 1)
					if ticks {
						if err := p.Tick(context.Background()); err != nil {
							t.Fatal(err)
						}
					}
					if err := p.settle(context.Background()); err != nil {
						t.Fatal(err)
					}
					if commits {
						commitAll(t, p, i == 1)
					}
				}
				if n%50 == 49 {
					sameRows(t, sides, seed, n)
				}
			}
		})
	}
}

func sameRows(t *testing.T, sides [2]*Pipeline, seed uint64, n int) {
	t.Helper()
	for person := range 4 {
		k := event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", person)}.Key()
		if want, got := rowOf(t, sides[0], k), rowOf(t, sides[1], k); !bytes.Equal(got, want) {
			t.Fatalf("seed %d, after %d events: row of u%d is\n%q\nwant\n%q", seed, n+1, person, got, want)
		}
	}
}

// TestCold_ReadsNothingForNewEvents counts the rows that are loaded for people
// whose rows were let go of.
func TestCold_ReadsNothingForNewEvents(t *testing.T) {
	t.Parallel()
	now := worldStart
	st := &counting{Store: memory.New()}
	p := stepped(t, st, &now)
	say := func(person, n int) {
		setClock(&now, now.Add(time.Second))
		body := fmt.Sprintf(`{"type":"track","event":"Seen","userId":"u%d","messageId":"m%d-%d","timestamp":%q,"sentAt":%q}`, person, person, n, now, now)
		play(t, p, []fact{{received: now, body: body, kind: event.Track}}, 1)
	}
	const persons = 200
	for person := range persons {
		say(person, 0)
	}
	commitAll(t, p, true)
	before := st.anchors.Load()
	for n := 1; n <= 5; n++ {
		for person := range persons {
			say(person, n)
		}
		commitAll(t, p, true)
	}
	if read := st.anchors.Load() - before; read > persons/100 {
		t.Errorf("%d rows were loaded for %d events", read, 5*persons)
	}
	v, err := p.Profile(context.Background(), "user_id:u7", ProfileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if v.Computed.EventCount != 6 {
		t.Errorf("the profile shows %d events, want 6", v.Computed.EventCount)
	}
}

// TestCold_SurvivesCommitsThatFail holds what is sent but not known to be there
// apart from what has arrived.
func TestCold_SurvivesCommitsThatFail(t *testing.T) {
	t.Parallel()
	now := worldStart
	st := &stubborn{Store: memory.New()}
	p := stepped(t, st, &now)
	say := func(n int) {
		setClock(&now, now.Add(time.Second))
		body := fmt.Sprintf(`{"type":"track","event":"Seen","userId":"u","messageId":"m%d","timestamp":%q,"sentAt":%q}`, n, now, now)
		play(t, p, []fact{{received: now, body: body, kind: event.Track}}, 1)
	}
	say(0)
	commitAll(t, p, true)
	for n := 1; n < 12; n++ {
		say(n)
		st.refuse.Store(n%3 > 0)
		for _, l := range p.lanes {
			err := l.commit(context.Background())
			if w, ok := l.work.(*people); ok && err == nil {
				letGo(w)
			}
		}
		st.refuse.Store(false)
		v, err := p.Profile(context.Background(), "user_id:u", ProfileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if v.Computed.EventCount != uint64(n+1) {
			t.Fatalf("after %d events the profile shows %d", n+1, v.Computed.EventCount)
		}
	}
}

// stubborn refuses commits while it is told to, so that increments pile up.
type stubborn struct {
	store.Store
	refuse atomic.Bool
}

func (s *stubborn) State() store.State { return stubbornState{s.Store.State(), s} }

type stubbornState struct {
	store.State
	s *stubborn
}

func (s stubbornState) Commit(ctx context.Context, c store.Commit) error {
	if s.s.refuse.Load() {
		return store.ErrFull
	}
	return s.State.Commit(ctx, c)
}
