package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/id"
	"rapport/internal/soak"
	"rapport/internal/store/memory"
)

func defineTriggered(t testing.TB, p *Pipeline, key, document string) {
	t.Helper()
	if _, err := experience.Read(key, 1, []byte(document)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Define(context.Background(), definition.Command{
		Kind: definition.Experience, Key: key, Status: definition.Live, Document: []byte(document), ContentType: "application/json",
	}); err != nil {
		t.Fatal(err)
	}
}

// passes lets time pass for some people.
func passes(t testing.TB, p *Pipeline, users int, now clock.Instant) {
	t.Helper()
	var due []id.Bucket
	for n := range users {
		k := event.Identifier{Namespace: event.UserID, Value: fmt.Sprintf("u%d", n)}.Key()
		due = append(due, k.Bucket())
	}
	slices.Sort(due)
	at, err := p.tickBuckets(context.Background(), now, slices.Compact(due))
	if err == nil {
		err = p.lanesAt(context.Background(), at)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestTrigger_SendsOnceForEachCauseWhateverCrashes stops everything at once while
// experiences wait for their time and while they are planned and settled: each
// event that sets one off has become one message in the end, and what was called
// off or gone on with none.
func TestTrigger_SendsOnceForEachCauseWhateverCrashes(t *testing.T) {
	t.Parallel()
	const users = 12
	many := uint64(soak.Worlds(20))
	for seed := range many {
		r, disk := rand.New(rand.NewPCG(seed, 17)), memory.NewDisk()
		p := openPlanning(t, disk, r)
		defineDestination(t, p, "mail", `{"type":"test","experiences":true}`)
		defineTriggered(t, p, "later", `{"type":"triggered","trigger":{"event":{"names":["Signed Up"]}},"delay":"10m","cancel":{"events":["Left"]},"destination":"mail","variants":[{"key":"a"}]}`)
		defineTriggered(t, p, "now", `{"type":"triggered","trigger":{"event":{"names":["Reviewed"]}},"destination":"mail","variants":[{"key":"a"}]}`)
		defineTriggered(t, p, "idle", `{"type":"triggered","trigger":{"session":{"idle":"30m"}},"destination":"mail","variants":[{"key":"a"}]}`)
		want := map[string]bool{}
		wants := func(experience, user, message string) {
			x := effect.Plan{Destination: "mail", Kind: effect.Triggered, Segment: experience, Cause: effect.CauseOf(event.Identifier{Namespace: event.UserID, Value: user}.Key(), message)}
			want[x.ID("")] = true
		}
		at := worldStart.Add(3 * time.Hour)
		for round := range 6 {
			var s *settler
			if r.IntN(3) > 0 {
				s = startSettler(p, r)
			}
			var facts []fact
			for n := range users {
				user := fmt.Sprintf("u%d", n)
				name := [...]string{"Signed Up", "Reviewed", "Seen", "Left"}[r.IntN(4)]
				message := fmt.Sprintf("m%d-%d", round, n)
				facts = append(facts, trackAt(at.Add(time.Duration(n)*time.Second), user, name, message))
				left := false
				if name == "Signed Up" && r.IntN(3) == 0 {
					left, message = true, message+"-left"
					facts = append(facts, trackAt(at.Add(time.Duration(n+1)*time.Second), user, "Left", message))
				}
				switch {
				case name == "Signed Up" && !left:
					wants("later", user, message)
				case name == "Reviewed":
					wants("now", user, message)
				}
				wants("idle", user, message)
			}
			play(t, p, facts, 1+r.IntN(len(facts)))
			for _, after := range [...]time.Duration{5 * time.Minute, 11 * time.Minute, 40 * time.Minute} {
				passes(t, p, users, at.Add(after))
				if r.IntN(4) == 0 {
					continueOrCrash(t, p, s, true)
					p, s = openPlanning(t, disk, r), nil
				}
			}
			continueOrCrash(t, p, s, false)
			at = at.Add(2 * time.Hour)
		}
		drain(t, p)
		got := sends(t, p.store)
		for id := range want {
			if got[id] != 1 {
				t.Fatalf("seed %d: message %s was made %d times", seed, id, got[id])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d messages, want %d", seed, len(got), len(want))
		}
		closeNow(t, p)
		if err := Rebuild(t.Context(), config(memory.Open(disk), 2, 3), nil); err != nil {
			t.Fatal(err)
		}
		p = open(t, memory.Open(disk), 2, 8)
		drain(t, p)
		if again := sends(t, p.store); len(again) != len(want) {
			t.Fatalf("seed %d: %d messages after a rebuild, want %d", seed, len(again), len(want))
		}
		closeNow(t, p)
	}
	t.Logf("seeds 0 to %d", many-1)
}

// TestTrigger_OnlyWhatHappensNowSetsOff folds history and what came late.
func TestTrigger_OnlyWhatHappensNowSetsOff(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 8)
	defer closeNow(t, p)
	defineDestination(t, p, "mail", `{"type":"test","experiences":true}`)
	defineTriggered(t, p, "x", `{"type":"triggered","trigger":{"event":{"names":["Visit"]}},"destination":"mail","variants":[{"key":"a"}]}`)
	defineTriggered(t, p, "idle", `{"type":"triggered","trigger":{"session":{}},"destination":"mail","variants":[{"key":"a"}]}`)
	at := worldStart.Add(3 * time.Hour)
	late := trackAt(at, "u0", "Visit", "late")
	late.body = fmt.Sprintf(`{"type":"track","event":"Visit","userId":"u0","messageId":"late","timestamp":%q}`, at.Add(-61*time.Minute))
	past := submission(t, trackAt(at, "u0", "Visit", "past"))
	past.Events[0].Event.Historical, past.Events[0].Envelope.Historical = true, true
	play(t, p, []fact{late}, 1)
	r, err := p.Accept(t.Context(), past)
	if err == nil {
		err = p.WaitApplied(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
	passes(t, p, 1, at.Add(2*time.Hour))
	drain(t, p)
	if got := sends(t, p.store); len(got) != 0 {
		t.Errorf("%d messages", len(got))
	}
	if n := p.EffectCounts()["mail"]; n[effect.Stale] != 1 || n[effect.Historical] != 1 {
		t.Errorf("counts %v", n)
	}
}
