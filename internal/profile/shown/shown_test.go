package shown_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/profile/shown"
)

func track(t testing.TB, name string, at clock.Instant, properties map[string]any) *event.Event {
	t.Helper()
	text, err := json.Marshal(properties)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsondoc.Parse(text, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	e := &event.Event{Type: event.Track, Name: name, Time: at, Properties: doc.Root()}
	if name == shown.DecisionMade {
		e.Source, e.Verified = shown.Source, true
	}
	return e
}

const second = clock.Instant(1_000_000)

// world makes random events, some of them of no interest.
func world(t testing.TB, r *rand.Rand, n int) []*event.Event {
	names := []string{shown.DecisionMade, "Offer Viewed", "Offer Clicked", "Experience Viewed", "Offer Accepted", "Offer Dismissed", "Product Viewed"}
	out := make([]*event.Event, n)
	for i := range out {
		at := clock.Instant(1_700_000_000)*second + clock.Instant(r.IntN(1000*24*3600))*second
		p := map[string]any{"placement": fmt.Sprint("p", r.IntN(4)), "offer": fmt.Sprint("o", r.IntN(9)), "channel": "web", "variant": "a", "experience_version": r.IntN(3)}
		if r.IntN(3) == 0 {
			p["experience"] = "e"
		}
		name := names[r.IntN(len(names))]
		if name == shown.DecisionMade {
			p["decision_id"], p["valid_until"], p["basis"] = fmt.Sprint("d", r.IntN(1e6)), at+second*60, "ff"
			p["items"] = []map[string]any{{"offer": "o1", "offer_version": 2}, {"offer": "o2", "offer_version": 1}}
		}
		out[i] = track(t, name, at, p)
	}
	return out
}

func encoded(s *shown.State) []byte {
	var enc wire.Encoder
	s.Append(&enc)
	return enc.B
}

func TestState_DependsOnTheSetOfEventsOnly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		events := world(t, r, 1500)
		whole := &shown.State{}
		for _, e := range events {
			whole.Fold(e)
		}
		want := encoded(whole)
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		parts := make([]*shown.State, 3)
		for i := range parts {
			parts[i] = &shown.State{}
		}
		for _, e := range events {
			parts[r.IntN(3)].Fold(e)
		}
		sum := parts[2].Clone()
		sum.Merge(parts[0])
		sum.Merge(parts[1])
		if string(encoded(sum)) != string(want) {
			t.Fatalf("seed %d: shuffled and merged differs", seed)
		}
		dec := wire.NewDecoder(want, nil)
		back := shown.Read(dec)
		if dec.Bad() || dec.Len() != 0 || !reflect.DeepEqual(encoded(back), want) {
			t.Fatalf("seed %d: it is read back as something else", seed)
		}
	}
}

func TestFold_TakesDecisionsFromTheServerOnly(t *testing.T) {
	t.Parallel()
	e := track(t, shown.DecisionMade, second, map[string]any{"placement": "hero", "decision_id": "d", "valid_until": "2030-01-01T00:00:00Z"})
	e.Source = "shop"
	s := &shown.State{}
	if s.Fold(e) || len(s.Entries()) != 0 || s.Held("p:hero", 2*second) != nil {
		t.Error("a client's word on a decision counts")
	}
	e.Source, e.Verified = shown.Source, false
	if s.Fold(e) {
		t.Error("an unverified word on a decision counts")
	}
}

func TestHeld_IsTheLatestDecisionUntilItEnds(t *testing.T) {
	t.Parallel()
	s := &shown.State{}
	for i, id := range []string{"b", "a"} {
		at := clock.Instant(i+1) * 10 * second
		s.Fold(track(t, shown.DecisionMade, at, map[string]any{
			"placement": "hero", "decision_id": id, "valid_until": at + 60*second, "items": []any{map[string]any{"offer": "o", "offer_version": 3}},
		}))
	}
	h := s.Held(shown.PlacementPlace("hero"), 30*second)
	if h == nil || h.ID != "a" || len(h.Items) != 1 || h.Items[0] != (shown.HeldItem{Offer: "o", Version: 3}) {
		t.Fatalf("got %+v", h)
	}
	if s.Held("p:hero", 80*second) != nil || s.Held("p:other", 30*second) != nil {
		t.Error("a decision holds that ended or is for elsewhere")
	}
}

func TestVariant_IsTheFirstThatWasGiven(t *testing.T) {
	t.Parallel()
	s := &shown.State{}
	for i, v := range []string{"late", "early"} {
		s.Fold(track(t, shown.DecisionMade, clock.Instant(10-i)*second, map[string]any{"experience": "x", "variant": v, "experience_version": 1}))
	}
	if v, n := s.Variant("x"); v != "early" || n != 2 {
		t.Errorf("got %q of %d", v, n)
	}
}

func TestSince_CountsTheNewest(t *testing.T) {
	t.Parallel()
	s := &shown.State{}
	for i := range 250 {
		s.Fold(track(t, "Offer Viewed", clock.Instant(i+1)*second, map[string]any{"offer": "o"}))
	}
	e := &s.Entries()[0]
	if e.Since(shown.Viewed, 240*second) != 10 || e.Since(shown.Viewed, 0) != shown.MaxTimes || e.Ever(shown.Viewed) != 250 || e.First[shown.Viewed] != second {
		t.Errorf("got %d %d %d", e.Since(shown.Viewed, 240*second), e.Since(shown.Viewed, 0), e.Ever(shown.Viewed))
	}
}

func FuzzRead(f *testing.F) {
	s := &shown.State{}
	for _, e := range world(f, rand.New(rand.NewPCG(1, 1)), 30) {
		s.Fold(e)
	}
	f.Add(encoded(s))
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		dec := wire.NewDecoder(b, nil)
		got := shown.Read(dec)
		if dec.Bad() || dec.Len() != 0 {
			return
		}
		again := wire.NewDecoder(encoded(got), nil)
		if back := shown.Read(again); again.Bad() || !reflect.DeepEqual(encoded(back), encoded(got)) {
			t.Fatal("what was read cannot be written and read again")
		}
	})
}
