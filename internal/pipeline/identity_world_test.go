package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/soak"
	"rapport/internal/store/memory"
)

// operatorWords are what operators say of a world's identifiers, each pair once.
func operatorWords(r *rand.Rand, w *world, n int) []FactCommand {
	var out []FactCommand
	said := map[identity.Pair]bool{}
	for len(out) < n {
		a, b := w.ids[r.IntN(len(w.ids))], w.ids[r.IntN(len(w.ids))]
		c := FactCommand{Op: identity.Ignore, A: a, B: &b, Actor: "test"}
		switch r.IntN(8) {
		case 0:
			c.Op, c.B = identity.Blocked, nil
		case 1:
			c.Op, c.B = identity.Shared, nil
		case 2:
			c.Op = identity.MustLink
		case 3, 4:
			c.Op = identity.CannotLink
		}
		f := identity.Fact{Op: c.Op, A: c.A, B: c.B}
		if f.Check() != nil || said[f.Pair()] {
			continue
		}
		said[f.Pair()] = true
		out = append(out, c)
	}
	return out
}

func sayIdentity(t testing.TB, p *Pipeline, c FactCommand) {
	t.Helper()
	ctx := context.Background()
	_, receipt, err := p.SayIdentity(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitApplied(ctx, receipt); err != nil {
		t.Fatal(err)
	}
}

// Whenever operators say what they say, and however the events come, the same
// people are there with the same profiles and timelines, and every home has
// what is read.
func TestIdentity_WordsAndEventsInAnyOrder(t *testing.T) {
	t.Parallel()
	said, compared := 0, 0
	for seed := range uint64(soak.Worlds(12)) {
		r := rand.New(rand.NewPCG(seed, 29))
		w := newWorld(seed, 120)
		list := operatorWords(r, w, 1+r.IntN(6))
		said += len(list)

		want := open(t, memory.New(), 1, 1)
		play(t, want, w.facts, 50)
		for _, c := range list {
			sayIdentity(t, want, c)
		}
		homesAgree(t, want, w)

		got := open(t, memory.New(), 1+r.IntN(4), 1+r.IntN(40))
		facts := w.shuffled(r)
		for i, c := range list {
			cut := len(facts) * i / len(list)
			play(t, got, facts[cut:len(facts)*(i+1)/len(list)], 1+r.IntN(40))
			sayIdentity(t, got, c)
		}
		compared += homesAgree(t, got, w)
		if g, x := dump(t, got, w), dump(t, want, w); g != x {
			t.Fatalf("seed %d, %v: %s", seed, list, diff(g, x))
		}
		closeNow(t, got)
		closeNow(t, want)
	}
	t.Logf("seeds 0 to 11, %d words of operators, %d people compared with their homes", said, compared)
}

// A device that everybody uses neither makes them one person nor gives one
// what another did on it.
func TestIdentity_KioskKeepsPeopleApart(t *testing.T) {
	t.Parallel()
	people := soak.Worlds(400)
	p := open(t, memory.New(), 2, 256)
	defer closeNow(t, p)
	define(t, p, "looked", `{"event":"Looked"}`)
	cultivated(t, p)
	var facts []fact
	at := worldStart
	for n := range people {
		at = at.Add(1e9 * 60)
		facts = append(facts, fact{received: at, kind: event.Track, body: fmt.Sprintf(
			`{"type":"track","event":"Signed In","userId":"u%d","anonymousId":"kiosk","messageId":"in%d","timestamp":%q}`, n, n, at)})
		if n%2 == 0 { // every other one looks at something, without a name
			at = at.Add(1e9 * 30)
			facts = append(facts, fact{received: at, kind: event.Track, body: fmt.Sprintf(
				`{"type":"track","event":"Looked","anonymousId":"kiosk","messageId":"at%d","timestamp":%q}`, n, at)})
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
	play(t, p, facts, 500)
	if got := p.SegmentSizes()["looked"]; int(got) != (people+1)/2 {
		t.Errorf("%d people looked, want %d", got, (people+1)/2)
	}
	for n := range people {
		v, err := p.Profile(context.Background(), fmt.Sprint("user_id:u", n), ProfileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if want := uint64(2 - n%2); len(v.Identifiers) != 1 || v.Computed.EventCount != want {
			t.Fatalf("u%d is %v with %d events, want %d", n, v.Identifiers, v.Computed.EventCount, want)
		}
		if n == 20 && people > 1000 {
			break // a profile is made of the whole timeline of the kiosk
		}
	}
}
