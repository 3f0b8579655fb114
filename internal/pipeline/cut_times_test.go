package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/profile"
	"rapport/internal/store/memory"
)

// A shared identifier of which nothing is its own any more says when it was
// seen.
func TestProfile_OfASharedIdentifierSaysWhenItWasSeen(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 16)
	defer closeNow(t, p)
	var facts []fact
	at := worldStart
	for n := range 12 {
		at = at.Add(30 * time.Minute)
		facts = append(facts, fact{received: at, kind: event.Track, body: fmt.Sprintf(
			`{"type":"track","event":"Signed In","userId":"u%d","anonymousId":"kiosk","messageId":"in%d","timestamp":%q}`, n, n, at)})
		at = at.Add(time.Minute)
		facts = append(facts, fact{received: at, kind: event.Track, body: fmt.Sprintf(
			`{"type":"track","event":"Looked","anonymousId":"kiosk","messageId":"at%d","timestamp":%q}`, n, at)})
	}
	play(t, p, facts, 4)
	v, err := p.Profile(context.Background(), "anonymous_id:kiosk", ProfileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first := worldStart.Add(31 * time.Minute)
	if len(v.Identifiers) != 1 || v.Identifiers[0].FirstSeen != first || v.Identifiers[0].LastSeen != at || v.Computed.EventCount != 0 {
		t.Errorf("the kiosk is %v with %d events, want it seen from %s to %s with none", v.Identifiers, v.Computed.EventCount, first, at)
	}
}

// Who is known only from an order that a command told of came into a segment
// when the command came.
func TestSegments_SomebodyKnownFromAnOrderEntersWhenItCame(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := open(t, memory.New(), 2, 16)
	defer closeNow(t, p)
	define(t, p, "silent", `{"not":{"event":"Looked"}}`)
	cultivated(t, p)
	out, err := p.Change(ctx, Command{
		Kind: catalog.Order, ID: "o1", Op: catalog.Put, Source: "api", Received: worldStart,
		Body: []byte(`{"customer":{"namespace":"user_id","value":"ann"},"currency":"EUR","total":31.50,"status":"completed"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.waitRecords(ctx, out.Receipt); err != nil {
		t.Fatal(err)
	}
	s, err := p.PersonSegments(ctx, "user_id:ann", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.History) != 1 {
		t.Fatalf("ann has the history %v, want one entry", s.History)
	}
	b, err := json.Marshal(s.History[0])
	if err != nil {
		t.Fatal(err)
	}
	var passed struct{ At string }
	if err := json.Unmarshal(b, &passed); err != nil || passed.At != worldStart.String() {
		t.Errorf("the entry is %s, want it at %s", b, worldStart)
	}
}

// Times that move where nothing happened fold no cut again; times that gain an
// event are folded into it, and those that lose one are folded from the timeline.
func TestCut_FoldsOnlyWhatItsTimesMovedOver(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 1, 64)
	defer closeNow(t, p)
	var facts []fact
	for n := range 6 {
		at := worldStart.Add(time.Duration(n) * time.Hour)
		facts = append(facts, fact{received: at, kind: event.Track, body: fmt.Sprintf(
			`{"type":"track","event":"Looked","anonymousId":"kiosk","messageId":"m%d","timestamp":%q}`, n, at)})
	}
	play(t, p, facts, 10)
	ctx := context.Background()
	kiosk := event.Identifier{Namespace: event.AnonymousID, Value: "kiosk"}.Key()
	l, w := p.lanes[0], p.people[0]
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := w.anchors.Get(kiosk)
	if !ok {
		t.Fatal("the kiosk has no row")
	}
	at := func(n int) (out graph.Interval) {
		return graph.Interval{From: facts[0].received, To: facts[n].received}
	}
	home := event.Identifier{Namespace: event.UserID, Value: "ann"}.Key()
	a.cuts, a.isCut = newCuts(), true
	w.cutting = nil
	c := &cut{home: home, owned: []graph.Interval{at(3)}}
	a.cuts.of[home] = c
	a.cuts.own(c, c.owned)
	if err := w.recut(ctx, a, c); err != nil {
		t.Fatal(err)
	}
	folded := c.partial
	for _, step := range []struct {
		name   string
		to     graph.Interval
		events uint64 // of a partial that is still the first one
		anew   bool
	}{
		{"a border moves where nothing is", graph.Interval{From: at(3).From, To: at(3).To - 1e6}, 3, false},
		{"two events come", at(5), 5, false},
		{"one goes", at(4), 0, true},
	} {
		before := c.owned
		a.cuts.own(c, []graph.Interval{step.to})
		w.moveCut(ctx, a, c, moving{before: before})
		if anew := c.partial == nil; anew != step.anew {
			t.Fatalf("%s: folded anew is %t, want %t", step.name, anew, step.anew)
		}
		if step.anew {
			continue
		}
		got := profile.Assemble(nil, []*profile.Partial{c.partial}, profile.Options{}).Computed.EventCount
		if c.partial != folded || got != step.events {
			t.Errorf("%s: the cut has %d events, want %d in the same state", step.name, got, step.events)
		}
	}
	a.cuts, a.isCut, w.cutting = nil, false, nil
}

// Whatever times cuts get, in whatever order, each has its own and no others,
// and they stand in their order.
func TestCuts_StandByTheirTimes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 4))
		c, list := newCuts(), make([]*cut, 6)
		for i := range list {
			list[i] = &cut{}
		}
		for step := range 60 {
			x := list[r.IntN(len(list))]
			var owned []graph.Interval
			for from := r.IntN(8); from < 40 && len(owned) < r.IntN(5); from += 1 + r.IntN(9) {
				to := from + 1 + r.IntN(6)
				owned = append(owned, graph.Interval{From: clock.Instant(from), To: clock.Instant(to)})
				from = to
			}
			c.own(x, owned)
			n := 0
			for _, o := range list {
				n += len(o.owned)
				for _, i := range o.owned {
					if !slices.Contains(c.spans, cutSpan{i, o}) {
						t.Fatalf("seed %d, step %d: %v is not among the spans", seed, step, i)
					}
				}
			}
			if n != len(c.spans) || !slices.IsSortedFunc(c.spans, func(a, b cutSpan) int { return cmp.Compare(a.From, b.From) }) {
				t.Fatalf("seed %d, step %d: %d spans for %d times, or out of order: %v", seed, step, len(c.spans), n, c.spans)
			}
		}
	}
}
