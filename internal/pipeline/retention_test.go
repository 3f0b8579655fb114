package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/retention"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// forget runs some floors to their end.
func forget(t testing.TB, p *Pipeline, list ...retention.Floor) ExpiryData {
	t.Helper()
	var at Expiring
	if err := p.Expire(context.Background(), list, false, &at, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return at.ExpiryData
}

// known is all that profiles say. Lineage is left out: it names messages, which are
// gone with the events.
func known(t testing.TB, p *Pipeline, w *world) string {
	t.Helper()
	var out strings.Builder
	for _, i := range w.ids {
		v, err := p.Profile(context.Background(), i.String(), ProfileOptions{})
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %s\n", i, b)
	}
	return out.String()
}

// someFloor is a floor within the times of a world.
func someFloor(r *rand.Rand, n int) retention.Floor {
	f := retention.Floor{Policy: fmt.Sprint("p", n), Before: worldStart.Add(retention.Slack + time.Duration(r.IntN(20))*time.Hour)}
	switch r.IntN(4) {
	case 0:
		f.Types = []string{"page", "identify"}
	case 1:
		f.Names = []string{"Thing 1", "Thing 2", "Home"}
	case 2:
		f.Sources = []string{"shop"}
	}
	return f
}

// What is known of people stays as it was when their events go, and is what a
// rebuild finds, in any order and with copies, after more events came and more
// events went.
func TestExpire_KeepsWhatTheEventsCameTo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var all ExpiryData
	worlds := soak.Worlds(12)
	for seed := range uint64(worlds) {
		w := newWorld(7000+seed, 120)
		r := rand.New(rand.NewPCG(seed, 11))
		disk := memory.NewDisk()
		c := later(config(memory.Open(disk), 1+r.IntN(4), 1+r.IntN(9)), 240*time.Hour)
		p, err := Open(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if seed%2 == 1 {
			defineAll(t, p)
		}
		p.expirySlice = 1 + int(seed%3)*20 // in many steps, or in few
		facts := w.shuffled(r)
		play(t, p, facts[:len(facts)*2/3], 1+r.IntN(5))
		before := ""
		check := func(what string) {
			t.Helper()
			if got := known(t, p, w); got != before {
				t.Fatalf("seed %d, %s:\n%s", seed, what, diff(got, before))
			}
		}
		rested(t, p, w)
		before = known(t, p, w)
		sums := accounting(t, p)
		got := forget(t, p, someFloor(r, 1))
		rested(t, p, w)
		check("events were taken out")
		if after := accounting(t, p); after != sums {
			t.Fatalf("seed %d: accounting %s, was %s", seed, after, sums)
		}
		play(t, p, facts[len(facts)*2/3:], 1+r.IntN(5))
		rested(t, p, w)
		before = known(t, p, w)
		more := forget(t, p, someFloor(r, 2), someFloor(r, 3))
		all.Events, all.Copies = all.Events+got.Events+more.Events, all.Copies+got.Copies+more.Copies
		whole := rested(t, p, w)
		check("more events were taken out")
		sums = accounting(t, p)
		if again := forget(t, p, p.Floors()...); again.Events != 0 {
			t.Fatalf("seed %d: %d events were taken out twice", seed, again.Events)
		}
		if err := p.Close(ctx); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		if err := Rebuild(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		if p, err = Open(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
		if after := rested(t, p, w); after != whole {
			t.Fatalf("seed %d: a rebuild gives\n%s", seed, diff(after, whole))
		}
		if after := accounting(t, p); after != sums {
			t.Fatalf("seed %d: accounting after a rebuild %s, was %s", seed, after, sums)
		}
		if err := p.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if all.Events < 4*worlds || all.Copies < worlds/2 {
		t.Errorf("only %d events and %d copies were taken out", all.Events, all.Copies)
	}
	t.Logf("%d events and %d copies were taken out", all.Events, all.Copies)
}

// readings counts how often a log is read from its beginning.
type readings struct {
	store.Store
	n int
}

type countedLog struct {
	store.Log
	of *readings
}

func (c *readings) Log() store.Log { return countedLog{c.Store.Log(), c} }

func (l countedLog) Read(ctx context.Context, from store.Position, visit func(*store.Record) error) error {
	if from == 0 {
		l.of.n++
	}
	return l.Log.Read(ctx, from, visit)
}

// For copies the log is read once, however many steps a run has, and once more where
// a copy came while it ran.
func TestExpire_ReadsTheLogOnceForCopies(t *testing.T) {
	t.Parallel()
	st := &readings{Store: memory.New()}
	p, err := Open(context.Background(), later(config(st, 2, 8), 240*time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	var facts []fact
	for n := range 60 {
		facts = append(facts, trackAt(worldStart, fmt.Sprint("u", n), "Seen", "m"))
	}
	play(t, p, facts, 1)
	play(t, p, facts[:50], 1) // of the others a copy comes later
	p.expirySlice, st.n = 1, 0
	floor := retention.Floor{Policy: "all", Before: worldStart.Add(retention.Slack + time.Hour)}
	steps, late := 0, 0
	var at Expiring
	err = p.Expire(context.Background(), []retention.Floor{floor}, false, &at, func(ctx context.Context) error {
		if steps++; steps == 3 {
			for n := 50; n < 60; n++ { // with a time that no floor refuses
				ident := event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", n)}
				if at.Next <= ident.Key().Bucket() {
					late++
					play(t, p, []fact{trackAt(worldStart.Add(100*time.Hour), ident.Value, "Seen", "m")}, 1)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if at.Events != 60 || at.Copies != 50+late || late == 0 {
		t.Errorf("%d events and %d copies were taken out, %d came late", at.Events, at.Copies, late)
	}
	if steps < 50 || st.n != 2 {
		t.Errorf("the log was read %d times in %d steps", st.n, steps)
	}
}

var errDisk = errors.New("the disk failed")

// brittle is a store whose log fails to be redacted after some times.
type brittle struct {
	store.Store
	left int
}

type brittleLog struct {
	store.Log
	of *brittle
}

func (b *brittle) Log() store.Log { return brittleLog{b.Store.Log(), b} }

func (l brittleLog) Redact(ctx context.Context, changes []store.Redaction) (int, error) {
	if l.of.left--; l.of.left < 0 {
		return 0, errDisk
	}
	return l.Log.Redact(ctx, changes)
}

// Wherever a run is broken off, the log gives the same state when it is folded
// again, and the next run ends what was begun.
func TestExpire_BrokenOffIsEndedByTheNextRun(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for seed := range uint64(soak.Worlds(6)) {
		w := newWorld(7500+seed, 80)
		r := rand.New(rand.NewPCG(seed, 12))
		disk := memory.NewDisk()
		st := &brittle{Store: memory.Open(disk), left: int(seed % 3)}
		c := later(config(st, 1+r.IntN(3), 1+r.IntN(9)), 240*time.Hour)
		p, err := Open(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		play(t, p, w.shuffled(r), 5)
		rested(t, p, w)
		before, sums := known(t, p, w), accounting(t, p)
		floor := retention.Floor{Policy: "all", Before: worldStart.Add(retention.Slack + 12*time.Hour)}
		var at Expiring
		none := func(context.Context) error { return nil }
		if err := p.Expire(ctx, []retention.Floor{floor}, false, &at, none); seed%3 < 2 && !errors.Is(err, errDisk) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		p.abandon()
		disk.Crash(r.IntN(disk.Pending() + 1))
		c.Store = memory.Open(disk)
		if seed >= 3 {
			if err := Rebuild(ctx, c, nil); err != nil {
				t.Fatal(err)
			}
			c.Store = memory.Open(disk)
		}
		for run := range 2 {
			if p, err = Open(ctx, c, nil); err != nil {
				t.Fatal(err)
			}
			rested(t, p, w)
			if got := known(t, p, w); got != before {
				t.Fatalf("seed %d, run %d:\n%s", seed, run, diff(got, before))
			}
			if got := accounting(t, p); got != sums {
				t.Fatalf("seed %d, run %d: accounting %s, was %s", seed, run, got, sums)
			}
			forget(t, p, floor)
			if p.floors.Load().Open != 0 {
				t.Fatalf("seed %d: the run left something open", seed)
			}
			closeNow(t, p)
			c.Store = memory.Open(disk)
			if err := Rebuild(ctx, c, nil); err != nil {
				t.Fatal(err)
			}
			c.Store = memory.Open(disk)
		}
	}
}

// A person whose events are gone can be split, erased, and is not counted twice.
func TestExpire_LeavesPeopleWhoCanBeSplitAndErased(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disk := memory.NewDisk()
	c := later(config(memory.Open(disk), 2, 4), 240*time.Hour)
	p, err := Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	say := func(n int, ids string) fact {
		at := worldStart.Add(time.Duration(n) * time.Minute)
		return fact{received: at, body: fmt.Sprintf(`{"type":"track","event":"Seen","messageId":"m%d","timestamp":%q,%s}`, n, at, ids)}
	}
	facts := []fact{
		say(1, `"anonymousId":"phone"`), say(2, `"anonymousId":"phone"`), say(3, `"userId":"ann","anonymousId":"phone"`), say(4, `"userId":"ann"`),
		say(5, `"userId":"bob"`), say(6, `"userId":"bob","traits":{"email":"bob@example.org"}`),
	}
	play(t, p, facts, 2)
	floor := retention.Floor{Policy: "seen", Names: []string{"Seen"}, Before: worldStart.Add(retention.Slack + time.Hour)}
	if got := forget(t, p, floor); got.Events != 6 || got.Identifiers != 3 || got.Policies["seen"] != 6 {
		t.Fatalf("taken out: %+v", got)
	}
	count := func(ref string) string {
		t.Helper()
		v, err := p.Profile(ctx, ref, ProfileOptions{})
		if err != nil {
			return fmt.Sprintf("not found: %t", fault.KindOf(err) == fault.NotFound)
		}
		page, err := p.Timeline(ctx, ref, TimelineQuery{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d events, %d in the timeline, %d identifiers", v.Computed.EventCount, len(page.Items), len(v.Identifiers))
	}
	want := func(ref, what string) {
		t.Helper()
		if got := count(ref); got != what {
			t.Errorf("%s: %s, want %s", ref, got, what)
		}
	}
	want("user_id:ann", "4 events, 0 in the timeline, 2 identifiers")
	play(t, p, facts, 1) // late copies
	want("user_id:ann", "4 events, 0 in the timeline, 2 identifiers")
	a, err := p.Accounting(ctx)
	if err != nil || a.Received != 12 || a.Stored != 6 || a.Reasons[retention.Reason] != 6 {
		t.Errorf("accounting %+v, %v", a, err)
	}
	_, receipt, err := p.SayIdentity(ctx, FactCommand{
		Op: identity.Ignore, A: event.Identifier{Namespace: event.UserID, Value: "ann"}, B: &event.Identifier{Namespace: event.AnonymousID, Value: "phone"}, Actor: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitApplied(ctx, receipt); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		want("user_id:ann", "2 events, 0 in the timeline, 1 identifiers")
		want("anonymous_id:phone", "2 events, 0 in the timeline, 1 identifiers")
		closeNow(t, p)
		c.Store = memory.Open(disk)
		if err := Rebuild(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		if p, err = Open(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
	}
	erase(t, p, "user_id:bob")
	sums := accounting(t, p)
	closeNow(t, p)
	c.Store = memory.Open(disk)
	if err := Rebuild(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	c.Store = memory.Open(disk)
	if p, err = Open(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	want("user_id:bob", "not found: true")
	want("user_id:ann", "2 events, 0 in the timeline, 1 identifiers")
	if got := accounting(t, p); got != sums {
		t.Errorf("accounting %s, was %s", got, sums)
	}
}

// A condition that is in force again counts those of whom only a base is left.
func TestBackfill_CountsWhomOnlyABaseKnows(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 8)
	defer closeNow(t, p)
	define(t, p, "seen", `{"event":"Seen"}`)
	cultivated(t, p)
	seen, more := trackAt(worldStart, "ann", "Seen", "m1"), trackAt(worldStart, "ann", "More", "m2")
	more.source = "other"
	play(t, p, []fact{seen, more}, 1)
	gone := func(name, other string) {
		t.Helper()
		if got := forget(t, p, retention.Floor{Policy: name, Names: []string{name}, Before: worldStart.Add(retention.Slack + time.Hour)}); got.Events != 1 {
			t.Fatalf("taken out: %+v", got)
		}
		define(t, p, "seen", other)
		cultivated(t, p)
	}
	gone("Seen", `{"event":"Other"}`)
	gone("More", `{"event":"Seen"}`)
	if got := p.SegmentSizes()["seen"]; got != 1 {
		t.Errorf("%d people are in the segment, want 1", got)
	}
}

// A dry run counts all that the run itself would take out, also of somebody of
// whom there is more than one base takes at a time.
func TestExpire_DryRunCountsWhatTheRunTakesOut(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 1, 1000)
	defer closeNow(t, p)
	const many = baseMessages + 100
	facts := make([]fact, many)
	for n := range facts {
		facts[n] = trackAt(worldStart.Add(time.Duration(n)*time.Millisecond), "ann", "Seen", fmt.Sprint("m", n))
	}
	play(t, p, facts, 1000)
	floor := retention.Floor{Policy: "seen", Before: worldStart.Add(2*retention.Slack + time.Hour)}
	var dry Expiring
	if err := p.Expire(t.Context(), []retention.Floor{floor}, true, &dry, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := forget(t, p, floor); dry.Events != many || got.Events != many {
		t.Errorf("a dry run counts %d events, the run takes %d out, want %d", dry.Events, got.Events, many)
	}
}
