package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"rapport/internal/definition"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

const tellAll = `{"type":"test","events":{},"freshness":"720h"}`

func defineDestination(t testing.TB, p *Pipeline, key, document string) {
	t.Helper()
	if _, err := effect.Read([]byte(document)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Define(context.Background(), definition.Command{
		Kind: definition.Destination, Key: key, Status: definition.Live, Document: []byte(document), ContentType: "application/json",
	}); err != nil {
		t.Fatal(err)
	}
}

// settler settles plans as an outbox does, some at a time, until it is stopped.
type settler struct {
	p    *Pipeline
	stop context.CancelFunc
	done sync.WaitGroup
}

func startSettler(p *Pipeline, r *rand.Rand) *settler {
	ctx, cancel := context.WithCancel(context.Background())
	s := &settler{p: p, stop: cancel}
	some := 1 + r.IntN(50)
	s.done.Go(func() {
		for {
			plans, err := p.Planned(ctx)
			if err != nil {
				return
			}
			for len(plans) > 0 {
				part := plans[:min(some, len(plans))]
				plans = plans[len(part):]
				if ctx.Err() != nil || settleSome(p, part) != nil {
					return
				}
			}
		}
	})
	return s
}

func settleSome(p *Pipeline, plans []effect.Plan) error {
	var facts []Effect
	for i := range plans {
		x := &plans[i]
		facts = append(facts, Effect{x.Anchor, effect.Fact{
			Op: effect.OpSend, Destination: x.Destination, Position: x.Position, Kind: x.Kind, Segment: x.Segment, ID: x.ID("somebody"), As: x.Kind,
			Time: x.Time, Payload: []byte(`{}`),
		}})
	}
	_, err := p.KeepEffects(context.Background(), facts)
	return err
}

// sends counts the messages in the log, by their ids.
func sends(t testing.TB, st store.Store) map[string]int {
	t.Helper()
	out := map[string]int{}
	if err := st.Log().Read(context.Background(), 0, func(r *store.Record) error {
		if r.Kind != store.KindEffect {
			return nil
		}
		f, err := effect.ReadFact(r.Payload)
		if err == nil && f.Op == effect.OpSend {
			out[f.ID]++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// wanted are the ids of what a destination has to be told of a world.
func wanted(t testing.TB, w *world, key string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, f := range w.facts {
		e := submission(t, f).Events[0].Event
		p := effect.Plan{Destination: key, Kind: effect.Event, Cause: effect.CauseOf(e.Anchor().Key(), e.MessageID)}
		out[p.ID("")] = true
	}
	return out
}

// TestPlan_EveryCauseBecomesOneMessageWhateverCrashes stops everything at once,
// with commits and settled plans anywhere in between: in the end each event has
// become one message, with the id that its cause gives it.
func TestPlan_EveryCauseBecomesOneMessageWhateverCrashes(t *testing.T) {
	t.Parallel()
	many := uint64(soak.Worlds(20))
	for seed := range many {
		r := rand.New(rand.NewPCG(seed, 91))
		w, disk := newWorld(9000+seed, 80), memory.NewDisk()
		p := openPlanning(t, disk, r)
		defineDestination(t, p, "crm", tellAll)
		facts := w.shuffled(r)
		for len(facts) > 0 {
			n := min(len(facts), 1+r.IntN(30))
			var s *settler
			if r.IntN(4) > 0 {
				s = startSettler(p, r)
			}
			play(t, p, facts[:n], 1+r.IntN(n))
			facts = facts[n:]
			if r.IntN(3) > 0 {
				continueOrCrash(t, p, s, false)
				if s != nil {
					continue
				}
				continue
			}
			continueOrCrash(t, p, s, true)
			p = openPlanning(t, disk, r)
		}
		drain(t, p)
		want, got := wanted(t, w, "crm"), sends(t, p.store)
		for id := range want {
			if got[id] != 1 {
				t.Fatalf("seed %d: message %s was made %d times", seed, id, got[id])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d messages, want %d", seed, len(got), len(want))
		}
		if n := p.EffectCounts()["crm"]["waiting"]; n != int64(len(want)) {
			t.Errorf("seed %d: %d wait, want %d", seed, n, len(want))
		}
		closeNow(t, p)
	}
	t.Logf("seeds 0 to %d", many-1)
}

func openPlanning(t *testing.T, disk *memory.Disk, r *rand.Rand) *Pipeline {
	t.Helper()
	c := config(memory.Open(disk), 1+r.IntN(5), 1+r.IntN(40))
	c.CommitEvery, c.CommitRows = time.Hour, 1<<20
	if r.IntN(2) == 0 {
		c.CommitRows = 1 + r.IntN(200)
	}
	p, err := Open(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// continueOrCrash stops the settler, and everything else where it is a crash.
func continueOrCrash(t *testing.T, p *Pipeline, s *settler, crash bool) {
	t.Helper()
	if s != nil {
		s.stop()
		s.done.Wait()
	}
	if crash {
		p.abandon()
	}
}

// drain settles all that is planned.
func drain(t testing.TB, p *Pipeline) {
	t.Helper()
	// What a settler took and did not settle comes again only after a start.
	p.plans.taken, p.plans.upTo = 0, 0
	p.plans.spilled.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		out, again, err := p.plansNow(ctx)
		if err == nil {
			err = settleSome(p, out)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if !again {
			if err := p.settle(ctx); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// What spilled out of memory is read from its rows, in the order of the log, and
// nothing is given twice or left out.
func TestPlanned_GivesAllInOrderWhenMemoryIsShort(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 3, 64)
	defer closeNow(t, p)
	defineDestination(t, p, "crm", tellAll)
	const events = 3*plansKept + 500
	var facts []fact
	for n := range events {
		facts = append(facts, trackAt(worldStart.Add(time.Duration(n)*time.Millisecond+time.Second), fmt.Sprintf("u%d", n%700), "Visit", fmt.Sprintf("m%d", n)))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var sent sync.WaitGroup
	sent.Go(func() { play(t, p, facts, 500) })
	last, got := uint64(0), 0
	for got < events {
		plans, err := p.Planned(ctx)
		if err != nil {
			t.Fatalf("%d of %d: %v", got, events, err)
		}
		for _, x := range plans {
			if x.Position <= last {
				t.Fatalf("plan at %d after %d", x.Position, last)
			}
			last = x.Position
		}
		if got += len(plans); got < events/2 {
			sent.Wait() // let more pile up than is kept
		}
	}
	if got != events {
		t.Errorf("%d plans, want %d", got, events)
	}
}

// Of somebody who becomes known it can be said at any later time whether they came
// into a segment, or left it, after they moved.
func TestPassedSince_KnowsWhatCameAfterSomebodyMoved(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	p := open(t, memory.New(), 3, 8)
	defer closeNow(t, p)
	defineKind(t, p, definition.Segment, "lookers", `{"name":"L","condition":{"all":[{"event":"Looked"},{"not":{"event":"Bought"}}]}}`)
	defineDestination(t, p, "crm", `{"type":"test","segments":[{"key":"lookers"}]}`)
	if err := p.waitForce(ctx); err != nil {
		t.Fatal(err)
	}
	var facts []fact
	for n, body := range []string{`"type":"track","event":"Looked","anonymousId":"device"`, `"type":"identify","anonymousId":"device","userId":"ada"`, `"type":"track","event":"Bought","userId":"ada"`} {
		at := worldStart.Add(3*time.Hour + time.Duration(n)*time.Second)
		facts = append(facts, fact{received: at, body: fmt.Sprintf(`{"messageId":"m%d","timestamp":%q,%s}`, n, at, body)})
	}
	play(t, p, facts, 1)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var plans []effect.Plan
	for len(plans) < 4 {
		more, err := p.Planned(ctx)
		if err != nil {
			t.Fatalf("%v after %+v", err, plans)
		}
		plans = append(plans, more...)
	}
	var got []effect.Kind
	for i, x := range plans {
		got = append(got, x.Kind)
		since, err := p.PassedSince(ctx, x.Anchor, "lookers", store.Position(x.Position))
		if err != nil || since != (i < len(plans)-1) {
			t.Errorf("since the plan to tell of %q: %v, %v", x.Kind, since, err)
		}
		if other, err := p.PassedSince(ctx, x.Anchor, "buyers", 0); err != nil || other {
			t.Errorf("of another segment: %v, %v", other, err)
		}
	}
	if want := []effect.Kind{effect.Entered, effect.Check, effect.Entered, effect.Left}; !slices.Equal(got, want) {
		t.Errorf("planned %q, want %q", got, want)
	}
}

func TestPlan_LeavesOutWhatIsHistoryOrLate(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 8)
	defer closeNow(t, p)
	defineDestination(t, p, "crm", `{"type":"test","events":{},"freshness":"1h"}`)
	at := worldStart.Add(3 * time.Hour)
	fresh, late := trackAt(at, "u", "Visit", "fresh"), trackAt(at, "u", "Visit", "late")
	late.body = fmt.Sprintf(`{"type":"track","event":"Visit","userId":"u","messageId":"late","timestamp":%q}`, at.Add(-61*time.Minute))
	past := submission(t, trackAt(at, "u", "Visit", "past"))
	past.Events[0].Event.Historical, past.Events[0].Envelope.Historical = true, true
	play(t, p, []fact{fresh, late}, 1)
	if r, err := p.Accept(context.Background(), past); err != nil {
		t.Fatal(err)
	} else if err := p.WaitApplied(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	plans, err := p.Planned(context.Background())
	if err != nil || len(plans) != 1 || plans[0].Cause != effect.CauseOf((event.Identifier{Namespace: event.UserID, Value: "u"}).Key(), "fresh") {
		t.Errorf("%+v %v", plans, err)
	}
	if got := p.EffectCounts()["crm"]; got[effect.Stale] != 1 || got[effect.Historical] != 1 || len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// A rebuild folds history: it plans nothing, and keeps what waits as it was.
func TestRebuild_PlansNothingAndKeepsWhatWaits(t *testing.T) {
	t.Parallel()
	disk := memory.NewDisk()
	p := open(t, memory.Open(disk), 2, 8)
	defineDestination(t, p, "crm", tellAll)
	w := newWorld(77, 60)
	play(t, p, w.facts, 10)
	drain(t, p)
	count := len(wanted(t, w, "crm"))
	list := waiting(t, p, "crm")
	if len(list) != count {
		t.Fatalf("%d wait, want %d", len(list), count)
	}
	// Some are delivered, one is dead.
	var facts []Effect
	for i, m := range list[:10] {
		e, err := p.EffectAt(context.Background(), m.Sent)
		if err != nil {
			t.Fatal(err)
		}
		e.Op, e.Outcome, e.Sent = effect.OpResult, effect.Delivered, uint64(m.Sent)
		if i == 0 {
			e.Outcome = effect.Dead
		}
		facts = append(facts, e)
	}
	if _, err := p.KeepEffects(context.Background(), facts); err != nil {
		t.Fatal(err)
	}
	before, counts := waiting(t, p, "crm"), fmt.Sprint(p.EffectCounts())
	closeNow(t, p)
	if err := Rebuild(context.Background(), config(memory.Open(disk), 3, 16), nil); err != nil {
		t.Fatal(err)
	}
	p = open(t, memory.Open(disk), 2, 8)
	defer closeNow(t, p)
	if after := waiting(t, p, "crm"); fmt.Sprint(places(after)) != fmt.Sprint(places(before)) || len(after) != count-10 {
		t.Errorf("%d wait after the rebuild, %d before", len(after), len(before))
	}
	if got := fmt.Sprint(p.EffectCounts()); got != counts {
		t.Errorf("counts are %s, were %s", got, counts)
	}
	if out, _, err := p.plansNow(context.Background()); err != nil || len(out) != 0 {
		t.Errorf("the rebuild planned %v %v", out, err)
	}
	page, err := p.Deliveries(context.Background(), DeliveryQuery{Destination: "crm", Outcome: effect.Dead, Limit: 10})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("%+v %v", page, err)
	}
}

// A rebuild right after a crash plans what was not settled: what lay in rows, and
// what the state had not applied yet. What was settled is not planned again.
func TestRebuild_PlansAgainWhatWasNotSettled(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(20)) {
		r := rand.New(rand.NewPCG(seed, 21))
		disk := memory.NewDisk()
		p := openPlanning(t, disk, r)
		defineDestination(t, p, "crm", tellAll)
		w := newWorld(9000+seed, 60)
		s := startSettler(p, r)
		cut := r.IntN(len(w.facts))
		play(t, p, w.facts[:cut], 1+r.IntN(20))
		s.stop()
		s.done.Wait()
		play(t, p, w.facts[cut:], 1+r.IntN(20))
		continueOrCrash(t, p, s, true)
		if err := Rebuild(context.Background(), config(memory.Open(disk), 3, 16), nil); err != nil {
			t.Fatal(err)
		}
		p = openPlanning(t, disk, r)
		drain(t, p)
		got, want := sends(t, memory.Open(disk)), wanted(t, w, "crm")
		for id := range want {
			if got[id] != 1 {
				t.Errorf("seed %d: %d messages under %s", seed, got[id], id)
			}
		}
		if len(got) != len(want) {
			t.Errorf("seed %d: %d messages, want %d", seed, len(got), len(want))
		}
		closeNow(t, p)
	}
}

func places(list []Message) (out []effect.Place) {
	for _, m := range list {
		out = append(out, m.Place)
	}
	return out
}

func waiting(t testing.TB, p *Pipeline, key string) (out []Message) {
	t.Helper()
	if err := p.settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	for after := (effect.Place{}); ; {
		list, more, err := p.ToSend(context.Background(), key, after, false)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list...)
		if !more {
			return out
		}
		after = list[len(list)-1].Place
	}
}
