package graph

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// However many people come to a device within a quarter of an hour, one more
// concerns nobody but those right before and after, and each has the times that
// the plain rule gives.
func TestGraph_OneMoreOnAKioskConcernsItsNeighboursOnly(t *testing.T) {
	t.Parallel()
	const people = 300
	r := rand.New(rand.NewPCG(3, 9))
	kiosk := event.Identifier{Namespace: event.AnonymousID, Value: "kiosk"}
	owner := func(n int) event.Identifier {
		return event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", n)}
	}
	st, at := memory.New(), store.Position(0)
	record := func(kind store.Kind, who event.Identifier, payload []byte) *store.Record {
		at++
		return &store.Record{Position: at, Kind: kind, Bucket: id.CommonBucket, Anchor: who.Key(), Received: start, Payload: payload}
	}
	var links []*store.Record
	for n := range people {
		l := Link{Strong: owner(n), Weak: kiosk, First: start, Received: start, Event: at}
		links = append(links, record(store.KindLink, owner(n), l.Append(nil)))
	}
	g := played(t, st, links, 20, 1<<30)
	var all []identity.Sighting
	for n := range people {
		for range 1 + r.IntN(2) { // some of them again, earlier or later
			all = append(all, identity.Sighting{At: start.Add(time.Duration(r.IntN(1400)) * time.Second), Owner: owner(n)})
		}
	}
	counted := map[string]identity.Sighting{} // the first of an owner in each quarter of an hour
	most := 0
	for i, s := range all {
		said := Sighting{Strong: s.Owner, Weak: kiosk, Seen: []clock.Instant{s.At}}
		told := 0
		for _, x := range applyAll(t, g, []*store.Record{record(store.KindSighting, s.Owner, said.Append(nil))}) {
			if x.Kind == store.KindPerson {
				told++
			}
		}
		most = max(most, told)
		if i%50 == 0 {
			commitNow(t, st, g, at)
		}
		k := fmt.Sprint(s.Owner, identity.Slot(s.At))
		if was, ok := counted[k]; !ok || s.At < was.At {
			counted[k] = s
		}
	}
	if most > 8 {
		t.Errorf("one sighting was told to %d, want its neighbours only", most)
	}
	var seen []identity.Sighting
	for _, s := range counted {
		seen = append(seen, s)
	}
	want := map[event.Identifier][]Interval{}
	for _, s := range g.rules.Stretches(seen) {
		want[s.Owner] = append(want[s.Owner], Interval{From: s.From, To: s.To})
	}
	for n := range people {
		members, shared, err := g.Whole(context.Background(), owner(n).Key())
		if err != nil || len(members) != 1 {
			t.Fatalf("u%d is %v, %v", n, members, err)
		}
		var got []Interval
		if len(shared) > 0 {
			got = shared[0].Owned
		}
		if !slices.Equal(got, want[owner(n)]) {
			t.Fatalf("u%d has %v, want %v", n, got, want[owner(n)])
		}
	}
	t.Logf("%d sightings, of which each was told to %d at most", len(all), most)
}
