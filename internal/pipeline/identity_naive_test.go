package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/identity/identitytest"
	"rapport/internal/jsondoc"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// seenBody is an observation as a client would send it.
type seenBody struct {
	Message string             `json:"message"`
	Time    clock.Instant      `json:"time"`
	IDs     []event.Identifier `json:"ids"`
}

// readSeen is a dialect that says only who was there.
func readSeen(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
	var s seenBody
	if err := json.Unmarshal(body.Raw(), &s); err != nil {
		return nil, err
	}
	return &event.Event{
		Type: event.Track, Name: "Seen", MessageID: s.Message, Time: s.Time, ReceivedAt: env.Received, Source: env.Source, Channel: "web",
		Identifiers: s.IDs, Body: body,
	}, nil
}

// graphPlay is a world on its way through a pipeline.
type graphPlay struct {
	t     testing.TB
	p     *Pipeline
	world *identitytest.World
}

func playing(t testing.TB, w *identitytest.World, r *rand.Rand) *graphPlay {
	t.Helper()
	c := config(memory.New(), 1+r.IntN(4), 1+r.IntN(60))
	c.Rules, c.Mappers = w.Rules, map[string]event.Mapper{"seen": readSeen}
	if r.IntN(2) == 0 {
		c.HotBytes, c.CommitEvery, c.CommitRows = 1, time.Nanosecond, 1 // nothing stays in memory
	}
	p, err := Open(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &graphPlay{t, p, w}
}

// see hands observations over, each under the number it has in the world.
func (g *graphPlay) see(numbers []int, without ...event.Identifier) {
	g.t.Helper()
	s := &Submission{}
	for _, n := range numbers {
		o := g.world.Seen[n]
		ids := o.IDs
		if len(without) == 2 && ids[0] == without[0] {
			ids = slices.DeleteFunc(slices.Clone(ids), func(i event.Identifier) bool { return i == without[1] })
		}
		b, err := json.Marshal(seenBody{fmt.Sprint("m", n), o.At, ids})
		if err != nil {
			g.t.Fatal(err)
		}
		doc, err := jsondoc.Parse(b, jsondoc.Limits{})
		if err != nil {
			g.t.Fatal(err)
		}
		env := event.Envelope{Dialect: "seen", Source: "shop", Received: worldStart.Add(1e9 * 3600 * 24 * 500)}
		e, err := readSeen(&env, doc.Root())
		if err != nil {
			g.t.Fatal(err)
		}
		s.Received = env.Received
		s.Events = append(s.Events, Arrival{Envelope: env, Event: e})
	}
	receipt, err := g.p.Accept(context.Background(), s)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := g.p.WaitApplied(context.Background(), receipt); err != nil {
		g.t.Fatal(err)
	}
}

// say hands facts over as they are: with their time, whatever it is.
func (g *graphPlay) say(facts ...identity.Fact) {
	g.t.Helper()
	for i := range facts {
		payload, err := json.Marshal(verdict{Identity: &facts[i]})
		if err != nil {
			g.t.Fatal(err)
		}
		receipt, err := g.p.append(context.Background(), &store.Frame{Records: []store.Record{{
			Kind: store.KindVerdict, Bucket: id.CommonBucket, Anchor: facts[i].A.Key(), Received: facts[i].Time, Payload: payload,
		}}})
		if err == nil {
			err = g.p.WaitApplied(context.Background(), receipt)
		}
		if err != nil {
			g.t.Fatal(err)
		}
	}
}

// people gives who is who, each person as a sorted list.
func (g *graphPlay) people() [][]string {
	g.t.Helper()
	done := map[event.Identifier]bool{}
	var out [][]string
	for _, o := range g.world.Seen {
		for _, i := range o.IDs {
			if done[i] {
				continue
			}
			members, err := g.p.members(context.Background(), i.Key())
			if err != nil {
				g.t.Fatal(err)
			}
			if len(members) == 0 {
				members = []event.Identifier{i} // it never met anybody
			}
			var names []string
			for _, m := range members {
				done[m] = true
				names = append(names, m.String())
			}
			sort.Strings(names)
			out = append(out, names)
		}
	}
	slices.SortFunc(out, slices.Compare[[]string])
	return out
}

// profiles are those of everybody, with what lies in their times.
func (g *graphPlay) profiles() string {
	g.t.Helper()
	var ids []event.Identifier
	for _, o := range g.world.Seen {
		ids = append(ids, o.IDs...)
	}
	slices.SortFunc(ids, g.world.Rules.Compare)
	return dump(g.t, g.p, &world{ids: slices.Compact(ids)})
}

// graphWorlds is how many worlds a test plays: a part of them every day, all of
// them in a long run.
func graphWorlds(everyday, all int) int {
	if soak.Times() > 1 {
		return all
	}
	return soak.Worlds(everyday)
}

// The whole pipeline finds the people of the naive model, with what operators
// say between the events, whatever the order, the copies and the batches, and
// no limit is broken.
func TestIdentity_PeopleAreThoseOfTheNaiveModel(t *testing.T) {
	t.Parallel()
	n, hubs, replays, unhubs := graphWorlds(25, 10_000), 0, 0, 0
	for seed := range uint64(n) {
		w := identitytest.NewWorld(seed)
		r := rand.New(rand.NewPCG(seed, 77))
		model := identitytest.NewNaive(&w.Rules)
		for _, o := range w.Seen {
			model.See(o)
		}
		for _, f := range w.Said {
			model.Say(f)
		}
		want := model.People()
		g := playing(t, w, r)
		order := r.Perm(len(w.Seen))
		order = append(order, order[:r.IntN(len(order))]...) // copies
		said := slices.Clone(w.Said)
		r.Shuffle(len(said), func(i, j int) { said[i], said[j] = said[j], said[i] })
		for len(order) > 0 {
			k := min(1+r.IntN(120), len(order))
			g.see(order[:k])
			order = order[k:]
			if k := r.IntN(len(said) + 1); len(order) == 0 {
				g.say(said...)
			} else {
				g.say(said[:k]...)
				said = said[k:]
			}
		}
		if got := g.people(); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Fatalf("seed %d\ngot  %v\nwant %v", seed, got, want)
		}
		closeNow(t, g.p)
		hubs, replays = hubs+min(model.Hubs, 1), replays+min(model.Replays, 1)
		if w.Unhubbed(model) {
			unhubs++
		}
	}
	t.Logf("seeds 0 to %d: %d%% of the worlds with a replay, %d%% with a hub, %d%% with an un-hub", n-1, 100*replays/n, 100*hubs/n, 100*unhubs/n)
	if replays < n/2 || hubs < n/2 {
		t.Error("the worlds are too peaceful to show anything")
	}
}

// Who ignores an edge has the people that there would be had it never been seen,
// with their profiles and timelines.
func TestIdentity_IgnoringAnEdgeGivesTheProfilesOfNeverHavingSeenIt(t *testing.T) {
	t.Parallel()
	n, tried := graphWorlds(20, 2_000), 0
	for seed := range uint64(n) {
		w := identitytest.NewWorld(seed)
		r := rand.New(rand.NewPCG(seed, 78))
		o := w.Seen[r.IntN(len(w.Seen))]
		if len(o.IDs) < 2 {
			continue
		}
		tried++
		a, b := o.IDs[0], o.IDs[1+r.IntN(len(o.IDs)-1)]
		facts := slices.DeleteFunc(slices.Clone(w.Said), func(f identity.Fact) bool {
			return f.B != nil && f.Pair() == identity.PairOf(a.Key(), b.Key())
		})
		with, never := playing(t, w, r), playing(t, w, r)
		order := r.Perm(len(w.Seen))
		with.see(order[:len(order)/2])
		with.say(facts...)
		with.say(identity.Fact{ID: "un-merge", Op: identity.Ignore, A: a, B: &b, Time: worldStart.Add(1e9 * 3600 * 24 * 600)})
		with.see(order[len(order)/2:])
		never.see(order, a, b)
		never.say(facts...)
		if !strings.Contains(fmt.Sprint(never.people()), a.String()) {
			t.Fatalf("seed %d: nobody is %s", seed, a)
		}
		if got, want := with.people(), never.people(); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Fatalf("seed %d, %s and %s\ngot  %v\nwant %v", seed, a, b, got, want)
		}
		// An address that an event says stays a contact point of whom it is about.
		if got, want := with.profiles(), never.profiles(); b.Namespace == event.AnonymousID && got != want {
			t.Fatalf("seed %d, %s and %s\n%s", seed, a, b, diff(got, want))
		}
		closeNow(t, with.p)
		closeNow(t, never.p)
	}
	t.Logf("seeds 0 to %d, %d edges ignored", n-1, tried)
}
