package pipeline

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/profile"
	"rapport/internal/soak"
	"rapport/internal/store/memory"
)

// fromHome assembles a person from what its home has alone.
func fromHome(t testing.TB, p *Pipeline, home event.Identifier) *profile.View {
	t.Helper()
	ctx := context.Background()
	k := home.Key()
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	if err := l.commit(ctx); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a, err := w.copyAnchor(ctx, k)
	if err != nil || a == nil {
		t.Fatalf("%s is no home: %v", home, err)
	}
	if a.elsewhere() {
		t.Fatalf("the home of %s is %s", home, a.home.at)
	}
	if err := w.loadForeign(ctx, []*anchor{a}); err != nil {
		t.Fatal(err)
	}
	who := &person{}
	if a.cutItself() {
		whole := profile.IdentifierSeen{Identifier: a.ident}
		whole.FirstSeen, whole.LastSeen = a.partial.Seen()
		who.whole = append(who.whole, whole)
		c := *a
		c.partial, _ = w.mine(a)
		c.edges = nil
		own := slices.IndexFunc(a.home.shared, func(s graph.Shared) bool { return s.Identifier == a.ident })
		if c.told, err = w.refoldTold(ctx, a, a.home.shared[own].Owned, func(*catalog.Portion, clock.Instant) {}); err != nil {
			t.Fatal(err)
		}
		a = &c
	}
	who.anchors = []*anchor{a}
	if a.home != nil {
		for _, f := range a.home.foreign {
			who.anchors = append(who.anchors, f.row)
		}
	}
	var members []event.Identifier
	if a.home != nil {
		members = a.home.members
	}
	p.name(who, members)
	partials := make([]*profile.Partial, len(who.anchors))
	for i, a := range who.anchors {
		partials[i] = a.partial
	}
	return profile.Assemble(who.members, partials, profile.Options{ID: who.id, Now: p.clock.Now()})
}

// asRead assembles a person from the anchors, as profiles are read.
func asRead(ctx context.Context, p *Pipeline, i event.Identifier) (*profile.View, error) {
	who, err := p.gatherKey(ctx, i.Key())
	if who == nil || err != nil {
		return nil, err
	}
	return profile.Assemble(who.members, who.partials(), profile.Options{ID: who.id, Now: p.clock.Now()}), nil
}

// homesAgree holds every home against the person as it is read.
func homesAgree(t testing.TB, p *Pipeline, w *world) (people int) {
	t.Helper()
	ctx := context.Background()
	for _, i := range w.ids {
		v, err := asRead(ctx, p, i)
		if err != nil {
			t.Fatal(err)
		}
		if v == nil {
			continue
		}
		members, err := p.members(ctx, i.Key())
		if err != nil {
			t.Fatal(err)
		}
		home := i
		if len(members) > 0 {
			home = members[0]
		}
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(fromHome(t, p, home))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("world %d: the home %s of %s has\n%s", w.seed, home, i, diff(string(got), string(want)))
		}
		people++
	}
	return people
}

// What a home has of its person is what is read from all of the person's
// anchors: in any order, with copies, across restarts, after a rebuild.
func TestHome_HasTheWholePerson(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	compared := 0
	worlds := soak.Worlds(25)
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 23))
		w := newWorld(seed, 150)
		disk := memory.NewDisk()
		p := open(t, memory.Open(disk), 1+r.IntN(4), 1+r.IntN(40))
		facts := w.shuffled(r)
		play(t, p, facts[:len(facts)/2], 1+r.IntN(20))
		compared += homesAgree(t, p, w)
		if r.IntN(2) == 0 {
			closeNow(t, p)
		} else {
			p.abandon()
			disk.Crash(r.IntN(disk.Pending() + 1))
		}
		c := config(memory.Open(disk), 1+r.IntN(4), 1+r.IntN(40))
		c.HotBytes, c.CommitEvery, c.CommitRows = 1, time.Nanosecond, 1 // nothing stays in memory
		p, err := Open(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		play(t, p, facts[len(facts)/2:], 1+r.IntN(20))
		compared += homesAgree(t, p, w)
		closeNow(t, p)
		if err := Rebuild(ctx, config(memory.Open(disk), 2, 64), nil); err != nil {
			t.Fatal(err)
		}
		p = open(t, memory.Open(disk), 3, 16)
		compared += homesAgree(t, p, w)
		closeNow(t, p)
	}
	if compared < 40*worlds {
		t.Errorf("only %d people were compared", compared)
	}
	t.Logf("seeds 0 to %d, %d people compared", worlds-1, compared)
}

// An anchor that nobody was ever linked to is its own home: the graph says
// nothing of it, and it sends nothing.
func TestHome_OfAnUnlinkedAnchorIsNeverSpokenOf(t *testing.T) {
	t.Parallel()
	p := open(t, memory.Open(memory.NewDisk()), 2, 8)
	defer closeNow(t, p)
	w := &world{ids: []event.Identifier{{Namespace: event.UserID, Value: "alone"}}}
	var facts []fact
	for n := range 20 {
		at := worldStart.Add(time.Duration(n) * time.Second)
		facts = append(facts, fact{received: at, body: `{"type":"track","event":"A","userId":"alone","messageId":"m` +
			at.String() + `","timestamp":"` + at.String() + `"}`})
	}
	play(t, p, facts, 3)
	homesAgree(t, p, w)
	for _, l := range p.people {
		for a := range l.anchors.All() {
			if a.home != nil {
				t.Errorf("%s has heard of its home", a.ident)
			}
		}
	}
}
