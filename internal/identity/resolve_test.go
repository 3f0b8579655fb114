package identity_test

import (
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/identity/identitytest"
	"rapport/internal/soak"
)

// gather makes the component of observations in an order.
func gather(seen []identitytest.Observation) identity.Component {
	var c identity.Component
	at := map[event.Identifier]int{}
	edges := map[[2]int]int{}
	node := func(i event.Identifier) int {
		n, ok := at[i]
		if !ok {
			n = len(c.Nodes)
			at[i], c.Nodes = n, append(c.Nodes, identity.Node{Identifier: i, Key: i.Key()})
		}
		return n
	}
	for _, o := range seen {
		u := node(o.IDs[0])
		for _, weak := range o.IDs[1:] {
			v := node(weak)
			k := [2]int{min(u, v), max(u, v)}
			i, ok := edges[k]
			if !ok {
				edges[k] = len(c.Edges)
				c.Edges = append(c.Edges, identity.Edge{U: u, V: v, First: o.At, Last: o.At})
				continue
			}
			e := &c.Edges[i]
			e.First, e.Last = min(e.First, o.At), max(e.Last, o.At)
		}
	}
	return c
}

func named(c identity.Component, o identity.Outcome) [][]string {
	var out [][]string
	for _, p := range o.People {
		var names []string
		for _, i := range p {
			names = append(names, c.Nodes[i].Identifier.String())
		}
		sort.Strings(names)
		out = append(out, names)
	}
	slices.SortFunc(out, slices.Compare[[]string])
	return out
}

func TestResolve_WhateverTheOrderThePeopleAreThoseOfTheNaiveModel(t *testing.T) {
	t.Parallel()
	n, hubs, replays, unhubs := soak.Worlds(500), 0, 0, 0
	for seed := range uint64(n) {
		w := identitytest.NewWorld(seed)
		r := rand.New(rand.NewPCG(seed, 2))
		model := identitytest.NewNaive(&w.Rules)
		for _, o := range w.Seen {
			model.See(o)
		}
		for _, f := range w.Said {
			model.Say(f)
		}
		want := model.People()
		for range 3 {
			seen, said := slices.Clone(w.Seen), slices.Clone(w.Said)
			seen = append(seen, seen[:r.IntN(len(seen))]...)
			r.Shuffle(len(seen), func(i, j int) { seen[i], seen[j] = seen[j], seen[i] })
			r.Shuffle(len(said), func(i, j int) { said[i], said[j] = said[j], said[i] })
			var facts identity.Facts
			for _, f := range said {
				facts.Apply(f)
			}
			c := gather(seen)
			if got := named(c, w.Rules.Resolve(c, &facts)); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
				t.Fatalf("seed %d\ngot  %v\nwant %v", seed, got, want)
			}
		}
		if w.Unhubbed(model) {
			unhubs++
		}
		hubs += min(model.Hubs, 1)
		replays += min(model.Replays, 1)
	}
	t.Logf("seeds 0 to %d: %d%% of the worlds with a replay, %d%% with a hub, %d%% with an un-hub", n-1, 100*replays/n, 100*hubs/n, 100*unhubs/n)
	if replays < n/2 || hubs < n/2 || unhubs < n/50 {
		t.Error("the worlds are too peaceful to show anything")
	}
}

func TestResolve_IgnoringAnEdgeIsNeverHavingSeenIt(t *testing.T) {
	t.Parallel()
	n := soak.Worlds(200)
	for seed := range uint64(n) {
		w := identitytest.NewWorld(seed)
		r := rand.New(rand.NewPCG(seed, 5))
		o := w.Seen[r.IntN(len(w.Seen))]
		if len(o.IDs) < 2 {
			continue
		}
		a, b := o.IDs[0], o.IDs[1]
		var facts, more identity.Facts
		for _, f := range w.Said {
			if f.B != nil && (f.A == a && *f.B == b || f.A == b && *f.B == a) {
				continue
			}
			facts.Apply(f)
			more.Apply(f)
		}
		more.Apply(identity.Fact{ID: "un-merge", Op: identity.Ignore, A: a, B: &b, Time: 1 << 60})
		c := gather(w.Seen)
		never := c
		never.Edges = slices.DeleteFunc(slices.Clone(c.Edges), func(e identity.Edge) bool {
			x, y := c.Nodes[e.U].Identifier, c.Nodes[e.V].Identifier
			return x == a && y == b || x == b && y == a
		})
		got, want := named(c, w.Rules.Resolve(c, &more)), named(never, w.Rules.Resolve(never, &facts))
		if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Fatalf("seed %d, %s and %s\ngot  %v\nwant %v", seed, a, b, got, want)
		}
	}
	t.Logf("seeds 0 to %d", n-1)
}

func TestStretches_GiveEachMomentToTheOwnerSeenLast(t *testing.T) {
	t.Parallel()
	rules := identity.DefaultRules()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 8))
		rules.OwnerBefore = []identity.OwnerBefore{"", identity.OwnerNobody}[r.IntN(2)]
		var all []identity.Sighting
		for range 1 + r.IntN(12) {
			all = append(all, identity.Sighting{At: 1 + identityInstant(r.IntN(20)), Owner: id(event.UserID, strconv.Itoa(r.IntN(4)))})
		}
		stretches := rules.Stretches(all)
		for at := range identityInstant(24) {
			if got, want := identity.OwnerAt(stretches, at), ownerByHand(&rules, all, at); got != want {
				t.Fatalf("seed %d: at %d of %v got %v, want %v in %v", seed, at, all, got, want, stretches)
			}
		}
	}
}

type identityInstant = clock.Instant

// ownerByHand looks through all sightings.
func ownerByHand(rules *identity.Rules, all []identity.Sighting, at clock.Instant) (owner event.Identifier) {
	best := clock.Instant(-1)
	for _, s := range all {
		if s.At <= at && (s.At > best || s.At == best && rules.Compare(s.Owner, owner) < 0) {
			best, owner = s.At, s.Owner
		}
	}
	if best >= 0 || rules.OwnerBefore == identity.OwnerNobody {
		return owner
	}
	for _, s := range all {
		if best < 0 || s.At < best || s.At == best && rules.Compare(s.Owner, owner) < 0 {
			best, owner = s.At, s.Owner
		}
	}
	return owner
}
