package segment_test

import (
	"bytes"
	"fmt"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/segment/segmenttest"
	"rapport/internal/soak"
)

// take folds an event into a state alone.
func take(set *segment.Set, st *segment.State, e *event.Event, t *segment.Touched) {
	in := segment.Input{Short: id.Message(e.MessageID), Mapping: mapping}
	set.Fold(st, e, in, t)
	stamp := catalog.Stamp{Time: e.Time, Short: in.Short}
	for _, p := range mapping.PortionsOf(e, stamp) {
		set.FoldPortion(st, &p, t)
	}
}

func someEvents(t testing.TB, m *segmenttest.Maker, set *segment.Set, n int) []*event.Event {
	h := newHuman(t, set, 1)
	var out []*event.Event
	for i := range n {
		out = append(out, h.randomEvent(m, i, clock.From(segmenttest.Spring.Add(segmenttest.Stretch/2))))
	}
	return out
}

// small bounds are reached by few events.
var small = segment.Limits{Entries: 4, Cells: 6, Orders: 3}

func TestFold_DependsOnTheSetOfEventsAlone(t *testing.T) {
	t.Parallel()
	const first = 10_000
	n := soak.Worlds(150)
	for seed := uint64(first); seed < uint64(first+n); seed++ {
		m := segmenttest.New(seed)
		defs, _ := definitions(t, m)
		defs.Affinities = append(defs.Affinities, segment.AffinityDefinition{Key: "category", Dimension: "category"})
		if m.IntN(2) == 0 {
			defs.Limits = small
		}
		set, err := segment.Compile(defs)
		if err != nil {
			t.Fatal(err)
		}
		events := someEvents(t, m, set, 30)
		var want []byte
		for round := range 4 {
			var touched segment.Touched
			// Dealt to some anchors, in some order, merged in some order.
			parts := make([]*segment.State, 1+m.IntN(4))
			for i := range parts {
				parts[i] = segment.NewState()
			}
			for _, k := range m.Perm(len(events)) {
				take(set, parts[k%len(parts)], events[k], &touched)
			}
			all := segment.NewState()
			for _, k := range m.Perm(len(parts)) {
				set.Merge(all, parts[k])
			}
			got := all.AppendFull(nil)
			if round == 0 {
				want = got
			} else if !bytes.Equal(got, want) {
				t.Fatalf("seed %d, round %d: another state than before, %d and %d bytes", seed, round, len(got), len(want))
			}
		}
	}
	t.Logf("seeds %d to %d", first, first+n-1)
}

func TestFold_OfACopyChangesNothingThatIsKeptOneByOne(t *testing.T) {
	t.Parallel()
	const first = 20_000
	for seed := uint64(first); seed < first+100; seed++ {
		m := segmenttest.New(seed)
		m.Kept = true
		defs, _ := definitions(t, m)
		defs.Affinities = nil // sums from the first event on
		set, err := segment.Compile(defs)
		if err != nil {
			t.Fatal(err)
		}
		events := someEvents(t, m, set, 30)
		once, twice := segment.NewState(), segment.NewState()
		var touched segment.Touched
		for _, e := range events {
			take(set, once, e, &touched)
			take(set, twice, e, &touched)
			take(set, twice, e, &touched)
		}
		if !bytes.Equal(once.AppendFull(nil), twice.AppendFull(nil)) {
			t.Fatalf("seed %d: a copy changes the state", seed)
		}
		again := once.Clone()
		set.Merge(again, once)
		if !bytes.Equal(once.AppendFull(nil), again.AppendFull(nil)) {
			t.Fatalf("seed %d: merging a state with itself changes it", seed)
		}
	}
	t.Logf("seeds %d to %d", first, first+99)
}

func TestDecodeState_GivesBackWhatWasWrittenInParts(t *testing.T) {
	t.Parallel()
	const first = 30_000
	for seed := uint64(first); seed < first+100; seed++ {
		m := segmenttest.New(seed)
		defs, _ := definitions(t, m)
		defs.Limits = small
		set, err := segment.Compile(defs)
		if err != nil {
			t.Fatal(err)
		}
		st := segment.NewState()
		var touched segment.Touched
		parts := [][]byte{st.AppendFull(nil)}
		for _, e := range someEvents(t, m, set, 30) {
			take(set, st, e, &touched)
			if m.IntN(4) == 0 {
				parts = append(parts, st.AppendChanges(nil))
				if st.Changed() {
					t.Fatal("changed after its changes were written")
				}
			}
		}
		parts = append(parts, st.AppendChanges(nil))
		back, err := segment.DecodeState(parts)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if back.Changed() || !bytes.Equal(back.AppendFull(nil), st.AppendFull(nil)) {
			t.Fatalf("seed %d: another state comes back", seed)
		}
	}
}

func TestSets_ShareWhatTheyBothAskFor(t *testing.T) {
	t.Parallel()
	one := segment.Definition{Key: "one", Condition: read(t, `{"event":"A","count":{"min":2},"within":"5d"}`)}
	two := segment.Definition{Key: "two", Condition: read(t, `{"event":"B","sum":{"property":"price","min":2}}`)}
	same := segment.Definition{Key: "same", Condition: read(t, `{"event":"A","count":{"min":2},"within":"9d"}`)}
	old := compile(t, one)
	set := compile(t, one, two, same)
	fresh := set.Fresh(old)
	if len(fresh) != 1 || len(set.Sources()) != 2 {
		t.Fatalf("%d fresh of %d sources", len(fresh), len(set.Sources()))
	}
	m := segmenttest.New(5)
	events := someEvents(t, m, set, 40)
	late, whole := segment.NewState(), segment.NewState()
	var touched segment.Touched
	for _, e := range events {
		take(old, late, e, &touched)
		take(set, whole, e, &touched)
	}
	for _, e := range events {
		set.FoldOnly(late, e, segment.Input{Short: id.Message(e.MessageID), Mapping: mapping}, &touched, fresh)
	}
	if !bytes.Equal(late.AppendFull(nil), whole.AppendFull(nil)) {
		t.Error("what was folded later is not what was folded at once")
	}
	old.Prune(late)
	if got := len(late.AppendFull(nil)); got >= len(whole.AppendFull(nil)) {
		t.Errorf("nothing was pruned: %d bytes", got)
	}
}

func TestNeeds_MissesNoEventThatCounts(t *testing.T) {
	t.Parallel()
	const first = 40_000
	for seed := uint64(first); seed < first+100; seed++ {
		m := segmenttest.New(seed)
		defs, _ := definitions(t, m)
		defs.Segments, defs.Traits = defs.Segments[:1], nil
		set, err := segment.Compile(defs)
		if err != nil {
			continue // it refers to a computed trait
		}
		needs := set.Needs(nil)
		all, some, bare := segment.NewState(), segment.NewState(), segment.NewState()
		var touched segment.Touched
		for i, e := range someEvents(t, m, set, 30) {
			in := segment.Input{Short: id.Message(e.MessageID), Mapping: mapping}
			entry := profile.EntryOf(e, profile.Input{Short: in.Short, Mapping: mapping}, uint64(i))
			set.Fold(all, e, in, &touched)
			if needs.Wants(&entry) {
				set.Fold(some, e, in, &touched)
				set.FoldEntry(bare, &entry, nil)
			}
		}
		if !bytes.Equal(all.AppendFull(nil), some.AppendFull(nil)) {
			t.Fatalf("seed %d: %s: an event is missed", seed, defs.Segments[0].Condition.Canonical())
		}
		if needs.Bare && !bytes.Equal(all.AppendFull(nil), bare.AppendFull(nil)) {
			t.Fatalf("seed %d: %s: entries are not enough", seed, defs.Segments[0].Condition.Canonical())
		}
	}
}

func compile(t testing.TB, defs ...segment.Definition) *segment.Set {
	t.Helper()
	set, err := segment.Compile(segment.Definitions{Segments: defs})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func FuzzDecodeState(f *testing.F) {
	m := segmenttest.New(1)
	defs, _ := definitions(f, m)
	defs.Affinities = append(defs.Affinities, segment.AffinityDefinition{Key: "c", Dimension: "category"})
	set, err := segment.Compile(defs)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 4 {
		st := segment.NewState()
		var touched segment.Touched
		for _, e := range someEvents(f, m, set, 4*i) {
			take(set, st, e, &touched)
		}
		f.Add(st.AppendFull(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := segment.DecodeState([][]byte{b})
		if err != nil {
			return
		}
		again := st.AppendFull(nil)
		back, err := segment.DecodeState([][]byte{again})
		if err != nil || !bytes.Equal(back.AppendFull(nil), again) {
			t.Fatalf("%x does not come back as itself: %v", again, err)
		}
		all := segment.NewState()
		set.Merge(all, st) // whatever it holds, it must not break a merge
		_ = fmt.Sprint(all.MemSize())
	})
}
