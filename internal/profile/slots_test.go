package profile_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/clock"
	"rapport/internal/profile"
)

// happened is what EachEvent says, by name.
type happened struct {
	before uint64
	slots  map[uint32]uint64
}

func happenedOf(p *profile.Partial) map[string]happened {
	out := map[string]happened{}
	p.EachEvent(func(name string, before uint64, slots []profile.Slot) {
		h := happened{before, map[uint32]uint64{}}
		for _, s := range slots {
			h.slots[s.Number] = s.Count()
		}
		out[name] = h
	})
	return out
}

// naiveSlots counts a list of events, keeping the newest slots.
func naiveSlots(events []said) map[string]happened {
	out := map[string]happened{}
	for _, e := range events {
		if e.Name == "" {
			continue
		}
		if out[e.Name].slots == nil {
			out[e.Name] = happened{slots: map[uint32]uint64{}}
		}
		out[e.Name].slots[uint32(e.Time/profile.SlotLength)]++
	}
	for name, h := range out {
		numbers := slices.Sorted(maps.Keys(h.slots))
		for _, n := range numbers[:max(0, len(numbers)-profile.MaxSlots)] {
			h.before += h.slots[n]
			delete(h.slots, n)
		}
		out[name] = h
	}
	return out
}

func TestPartial_KnowsWhenEventsHappened(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.IntRange(1, 2500).Draw(t, "slots")
		events := make([]said, rapid.IntRange(0, 60).Draw(t, "events"))
		if rapid.Bool().Draw(t, "many") {
			events = make([]said, 2*profile.MaxSlots)
		}
		for i := range events {
			n := rapid.Uint64().Draw(t, "event")
			events[i] = said{
				Type: "track", MessageID: fmt.Sprint(i), Name: []string{"a", "b", "a", "a"}[n%4],
				Time: clock.Instant(20_000*24*4+n/4%uint64(span)*7919%uint64(span))*profile.SlotLength + clock.Instant(n%1000),
			}
		}
		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		var halves []*profile.Partial
		for _, part := range [][]said{events[:cut], events[cut:]} {
			p := profile.New()
			parts := [][]byte{p.AppendFull(nil)}
			for i, e := range rapid.Permutation(part).Draw(t, "order") {
				ev := e.event(t)
				p.Fold(ev, input(ev))
				if i%97 == 3 {
					parts = append(parts, p.AppendChanges(nil))
				}
			}
			halves = append(halves, decode(t, append(parts, p.AppendChanges(nil)), nil))
			want, got := happenedOf(p), happenedOf(halves[len(halves)-1])
			if fmt.Sprint(want) != fmt.Sprint(got) {
				t.Fatalf("decoded: %v, want %v", got, want)
			}
		}
		whole := profile.New()
		whole.Merge(halves[0])
		untouched := fmt.Sprint(happenedOf(halves[0]))
		whole.Merge(halves[1])
		if got, want := fmt.Sprint(happenedOf(whole)), fmt.Sprint(naiveSlots(events)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		if fmt.Sprint(happenedOf(halves[0])) != untouched {
			t.Fatal("a merge changed what it merged")
		}
		again := decode(t, [][]byte{whole.AppendFull(nil)}, nil)
		if fmt.Sprint(happenedOf(again)) != fmt.Sprint(happenedOf(whole)) {
			t.Fatal("the merge reads back differently")
		}
	})
}

// A state written before slots were kept has counts without times.
func TestPartial_SaysWhereTimesAreNotKnown(t *testing.T) {
	t.Parallel()
	old := []byte("\x02\x01\x01\x00\x00\x00\x00\x00\x80\x80\x80\x80\x80\x01\x00\x00\x00\x00\x00\x02\x01\x01a\x80\x80\x80\x80\x80\x01\x00\x01")
	p := decode(t, [][]byte{old}, nil)
	later := said{Type: "track", MessageID: "x", Name: "a", Time: 20_000 * 24 * 4 * profile.SlotLength}.event(t)
	p.Fold(later, input(later))
	for _, p := range []*profile.Partial{p, decode(t, [][]byte{p.AppendFull(nil)}, nil)} {
		if h := happenedOf(p)["a"]; h.before != 2 || len(h.slots) != 0 {
			t.Errorf("%+v, want 2 without times", h)
		}
	}
}
