package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store/memory"
)

// passages lists the entries and exits of everybody, with their instants,
// versions and causes.
func passages(t testing.TB, p *Pipeline, w *world) string {
	t.Helper()
	var out strings.Builder
	for _, i := range w.ids {
		s, err := p.PersonSegments(context.Background(), i.String(), "")
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for k := range s.History {
			b, err := json.Marshal(s.History[k])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s %s\n", i, b)
		}
	}
	return out.String()
}

// The same log gives the same memberships and the same history, however many
// records are applied at a time, whenever what was committed before a crash.
func TestSegments_HistoryIsAFunctionOfTheLog(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	total := 0
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 41))
		w := newWorld(seed, 100)
		now := worldStart
		disk := memory.NewDisk()
		reopen := func(batch int) *Pipeline {
			c := config(memory.Open(disk), 3, batch)
			c.Clock = reading(&now)
			p, err := Open(ctx, c, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := reopen(1 + r.IntN(8))
		cut := len(w.facts) / 3
		play(t, p, w.facts[:cut], 5)
		defineAll(t, p)
		for i, f := range w.facts[cut:] {
			setClock(&now, max(now, f.received))
			play(t, p, []fact{f}, 1)
			if i%10 == 0 {
				if err := p.Tick(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if i == 20 { // another version of one that another names
				define(t, p, "buyer", `{"event":"Order Completed","count":{"min":1},"within":"3h"}`)
				cultivated(t, p)
			}
		}
		setClock(&now, now.Add(4*time.Hour))
		if err := p.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		cultivated(t, p)
		want, history := memberships1(t, p, w), passages(t, p, w)
		total += strings.Count(history, "\n")
		for _, batch := range []int{1, 7, 1000} {
			p.abandon()
			disk.Crash(0) // the state is gone, the log is not
			p = reopen(batch)
			if err := p.Tick(ctx); err != nil {
				t.Fatal(err)
			}
			if got := memberships1(t, p, w); got != want {
				t.Fatalf("seed %d, batches of %d: memberships\n%s", seed, batch, diff(got, want))
			}
			if err := p.settleAll(ctx); err != nil {
				t.Fatal(err)
			}
			if got := passages(t, p, w); got != history {
				t.Fatalf("seed %d, batches of %d: history\n%s", seed, batch, diff(got, history))
			}
		}
		closeNow(t, p)
	}
	if total < 100 {
		t.Errorf("only %d entries and exits", total)
	}
	t.Logf("seeds 0 to 7, %d entries and exits, each log replayed with batches of 1, 7 and 1000", total)
}

// Many people who leave at one instant leave in portions, all of them, each at
// the instant at which it was due.
func TestTick_LetsTimePassForManyAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := worldStart
	c := config(memory.Open(memory.NewDisk()), 2, 64)
	c.Clock = reading(&now)
	p, err := Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	define(t, p, "active", `{"event":"Visit","within":"20m"}`)
	cultivated(t, p)
	const people = 2000
	var facts []fact
	for n := range people {
		facts = append(facts, trackAt(worldStart, fmt.Sprint("u", n), "Visit", fmt.Sprint("m", n)))
	}
	play(t, p, facts, 100)
	if got := p.SegmentSizes()["active"]; got != people {
		t.Fatalf("%d are in", got)
	}
	setClock(&now, worldStart.Add(20*time.Minute))
	if err := p.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	if got := p.SegmentSizes()["active"]; got != 0 {
		t.Errorf("%d are still in", got)
	}
	s, err := p.PersonSegments(ctx, "user_id:u7", "")
	if err != nil || len(s.History) != 2 || s.History[0].At != worldStart.Add(20*time.Minute) {
		t.Errorf("the history is %+v, %v", s.History, err)
	}
}

// Where many of one bucket are due at one instant, a tick takes some of them, and
// what it takes does not depend on what was in memory: replayed, the log gives
// the same history.
func TestTick_TakesManyOfOneBucketInPieces(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := worldStart
	disk := memory.NewDisk()
	open := func() *Pipeline {
		c := config(memory.Open(disk), 2, 64)
		c.Clock = reading(&now)
		p, err := Open(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := open()
	define(t, p, "active", `{"event":"Visit","within":"20m"}`)
	cultivated(t, p)
	w := &world{}
	bucket := id.KeyOf(event.UserID, "u0").Bucket()
	var facts []fact
	for n := 0; len(w.ids) < tickMost+tickMost/2; n++ {
		who := event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", n)}
		if who.Key().Bucket() == bucket {
			w.ids = append(w.ids, who)
			facts = append(facts, trackAt(worldStart, who.Value, "Visit", fmt.Sprint("m", n)))
		}
	}
	play(t, p, facts, 100)
	later := worldStart.Add(20 * time.Minute) // the pipeline's own clock is not there yet: it ticks by itself
	at, err := p.tickBuckets(ctx, later, []id.Bucket{bucket})
	if err == nil {
		err = p.lanesAt(ctx, at)
	}
	if got := p.SegmentSizes()["active"]; err != nil || got != int64(len(w.ids)-tickMost) {
		t.Errorf("%d of %d are still in after one tick (%v)", got, len(w.ids), err)
	}
	setClock(&now, later)
	nothingDue(t, p)
	if got := p.SegmentSizes()["active"]; got != 0 {
		t.Errorf("%d are still in", got)
	}
	want := passages(t, p, w)
	if n := strings.Count(want, "\n"); n != 2*len(w.ids) {
		t.Errorf("%d entries and exits of %d people", n, len(w.ids))
	}
	p.abandon()
	disk.Crash(0) // the state is gone, the log is not
	p = open()
	defer closeNow(t, p)
	if got := passages(t, p, w); got != want {
		t.Errorf("replayed:\n%s", diff(got, want))
	}
}

// Where nothing was derived, telling anew gives the same entries and exits, with
// the versions that made them.
func TestRebuildAll_TellsTheSameHistoryOfOneIdentifier(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := worldStart
	disk := memory.NewDisk()
	settings := func(batch int) Config {
		c := config(memory.Open(disk), 3, batch)
		c.Clock = reading(&now)
		return c
	}
	p, err := Open(ctx, settings(3), nil)
	if err != nil {
		t.Fatal(err)
	}
	define(t, p, "active", `{"event":"Visit","within":"20m"}`)
	define(t, p, "keen", `{"all":[{"segment":"active"},{"event":"Visit","count":{"min":2},"within":"1h"}]}`)
	cultivated(t, p)
	w := &world{}
	r := rand.New(rand.NewPCG(11, 2))
	for n := range 20 {
		w.ids = append(w.ids, event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", n)})
	}
	for n := range 150 {
		setClock(&now, now.Add(time.Duration(r.IntN(8))*time.Minute))
		play(t, p, []fact{trackAt(now, w.ids[r.IntN(len(w.ids))].Value, "Visit", fmt.Sprint("m", n))}, 1)
		if n%7 == 0 {
			if err := p.Tick(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if n == 90 {
			define(t, p, "active", `{"event":"Visit","within":"40m"}`)
			cultivated(t, p)
		}
	}
	if err := p.Tick(ctx); err != nil { // else the pipeline's own comes at any moment
		t.Fatal(err)
	}
	if err := p.settleAll(ctx); err != nil {
		t.Fatal(err)
	}
	want, members := passages(t, p, w), memberships1(t, p, w)
	if n := strings.Count(want, "\n"); n < 100 || !strings.Contains(want, `"version":1`) || !strings.Contains(want, `"version":2`) {
		t.Fatalf("%d entries and exits prove nothing", n)
	}
	closeNow(t, p)
	if err := RebuildAll(ctx, settings(64), nil); err != nil {
		t.Fatal(err)
	}
	if p, err = Open(ctx, settings(64), nil); err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	if got := memberships1(t, p, w); got != members {
		t.Errorf("memberships:\n%s", diff(got, members))
	}
	if got := passages(t, p, w); got != want {
		t.Errorf("history:\n%s", diff(got, want))
	}
}
