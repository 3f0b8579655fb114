package segment_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/segment"
	"rapport/internal/segment/segmenttest"
)

func affine(t testing.TB) *segment.Set {
	t.Helper()
	set, err := segment.Compile(segment.Definitions{
		Affinities: []segment.AffinityDefinition{{Key: "category", Dimension: "category", HalfLife: 10 * 24 * time.Hour}},
		Segments: []segment.Definition{
			{Key: "top", Condition: read(t, `{"affinity":"category","value":"Shoes","top":1}`)},
			{Key: "third", Condition: read(t, `{"affinity":"category","value":"Hats","share":{"min":33.33}}`)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// interest is an event about an item.
func (h *human) interest(n int, name, item string, at clock.Instant, more string) *event.Event {
	return h.plain(fmt.Sprint("a", n), name, at, fmt.Sprintf(`{"product_id":%q%s}`, item, more), "")
}

func TestAffinities_DecayByTheirHalfLife(t *testing.T) {
	t.Parallel()
	set := affine(t)
	const first = 60_000
	for seed := uint64(first); seed < first+200; seed++ {
		m := segmenttest.New(seed)
		h := newHuman(t, set, 1)
		want, total := map[string]float64{}, 0.0
		for n := range 1 + m.IntN(40) {
			at := clock.From(segmenttest.Spring.Add(time.Duration(m.Int64N(int64(segmenttest.Stretch)))))
			item := fmt.Sprint("i", 1+m.IntN(6))
			points := 10.0
			e := h.interest(n, "Product Viewed", item, at, `,"category":"Said"`)
			switch m.IntN(4) {
			case 0:
				points = 50
				e = h.interest(n, "Product Added", item, at, `,"category":"Said"`)
			case 1:
				points = 100
				e = h.interest(n, "Order Completed", item, at, `,"category":"Said","order_id":"o`+fmt.Sprint(n)+`"`)
			case 2:
				seconds := m.IntN(900)
				points = float64(min(seconds, segment.MaxSeconds))
				e = h.interest(n, "Product Viewed", item, at, fmt.Sprintf(`,"category":"Said","view_seconds":%d.9`, seconds))
			}
			h.fold(e)
			points *= math.Exp2(float64(at)/float64(10*24*time.Hour/time.Microsecond) - 2000)
			for _, c := range map[string][]string{"i1": {"Shoes"}, "i2": {"Hats", "Shoes"}, "i3": {"Hats"}, "i4": {"Said"}, "i5": {"Said"}, "i6": {"Said"}}[item] {
				want[c] += points
				total += points
			}
		}
		got := h.ev.Affinities(h.person(), h.states())[0]
		sum := 0
		for i, s := range got.Shares {
			sum += s.Share
			if exact := 10_000 * want[s.Value] / total; math.Abs(exact-float64(s.Share)) > 1.5 {
				t.Fatalf("seed %d: %s has %d, want %.2f", seed, s.Value, s.Share, exact)
			}
			if i > 0 && s.Share > got.Shares[i-1].Share+1 {
				t.Fatalf("seed %d: %v is not sorted", seed, got.Shares)
			}
		}
		if sum != 10_000 && len(got.Shares) > 0 || got.Truncated {
			t.Fatalf("seed %d: the shares come to %d: %v", seed, sum, got)
		}
		h.touched.Reset(set)
		h.touched.All()
		for _, a := range h.ev.Evaluate(nil, h.person(), h.states(), &h.touched, clock.From(segmenttest.Spring)) {
			holds := len(got.Shares) > 0 && got.Shares[0].Value == "Shoes"
			if set.Key(a.Segment) == "third" {
				holds = false
				for _, s := range got.Shares {
					holds = holds || s.Value == "Hats" && s.Share >= 3333
				}
			}
			if a.Member != holds || a.Next != 0 {
				t.Fatalf("seed %d: %s is %v, want %v", seed, set.Key(a.Segment), a.Member, holds)
			}
		}
	}
	t.Logf("seeds %d to %d", first, first+199)
}

func TestAffinities_MergeInAnyOrder(t *testing.T) {
	t.Parallel()
	set := affine(t)
	m := segmenttest.New(3)
	h := newHuman(t, set, 1)
	var events []*event.Event
	for n := range 60 {
		at := clock.From(segmenttest.Spring.Add(time.Duration(m.Int64N(int64(40 * segmenttest.Stretch)))))
		events = append(events, h.interest(n, "Product Viewed", fmt.Sprint("i", n%5), at, ""))
	}
	var want []byte
	for round := range 5 {
		parts := []*segment.State{segment.NewState(), segment.NewState(), segment.NewState()}
		var touched segment.Touched
		for _, k := range m.Perm(len(events)) {
			set.Fold(parts[k%3], events[k], segment.Input{Short: id.Message(events[k].MessageID), Mapping: mapping}, &touched)
		}
		all := segment.NewState()
		for _, k := range m.Perm(3) {
			set.Merge(all, parts[k])
		}
		got := all.AppendFull(nil)
		if round > 0 && !bytes.Equal(got, want) {
			t.Fatal("another state than before")
		}
		want = got
	}
}

func TestAffinities_FollowThePresentCatalog(t *testing.T) {
	t.Parallel()
	set := affine(t)
	h := newHuman(t, set, 1)
	h.fold(h.interest(1, "Product Viewed", "i1", clock.From(segmenttest.Spring), ""))
	top := func() string { return h.ev.Affinities(h.person(), h.states())[0].Shares[0].Value }
	if top() != "Shoes" {
		t.Fatalf("the first is %s", top())
	}
	h.shelf["i1"]["category"] = "Boots"
	if top() != "Boots" {
		t.Fatalf("the first is still %s", top())
	}
	h.touched.Reset(set)
	h.touched.Items(set)
	if got := h.ev.Evaluate(nil, h.person(), h.states(), &h.touched, clock.From(segmenttest.Spring)); len(got) != 2 {
		t.Errorf("a change of the catalog touches %d segments", len(got))
	}
}
