package pipeline

import (
	"context"
	"fmt"
	"testing"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store/memory"
)

// crowdedKiosk is a device on which people sign in, each of whom then looks at
// something without a name.
func crowdedKiosk(people int) (facts []fact) {
	at := worldStart
	for n := range people {
		at = at.Add(1e9 * 60)
		facts = append(facts, fact{received: at, kind: event.Track, body: fmt.Sprintf(
			`{"type":"track","event":"Signed In","userId":"u%d","anonymousId":"kiosk","messageId":"in%d","timestamp":%q}`, n, n, at)})
		at = at.Add(1e9 * 30)
		facts = append(facts, fact{received: at, kind: event.Track, body: fmt.Sprintf(
			`{"type":"track","event":"Looked","anonymousId":"kiosk","messageId":"at%d","timestamp":%q}`, n, at)})
	}
	return facts
}

// A new condition has the cuts of a kiosk folded anew in slices, each of a bounded
// number of them, with live events between any two, and a crash repeats one.
func TestBackfill_FoldsTheCutsOfAKioskInSlices(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const many = 1000
	disk := memory.NewDisk()
	start := func() (*Pipeline, *lane, *people) {
		p, err := build(ctx, config(memory.Open(disk), 1, 256))
		if err != nil {
			t.Fatal(err)
		}
		p.start() // and nothing else: slices are done by hand
		if err := p.recover(ctx, nil); err != nil {
			t.Fatal(err)
		}
		return p, p.lanes[0], p.people[0]
	}
	p, l, w := start()
	play(t, p, crowdedKiosk(many), 500)
	define(t, p, "looked", `{"event":"Looked"}`)
	row, err := p.plan(p.due())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.begin(row); err != nil {
		t.Fatal(err)
	}
	if err := l.commit(ctx); err != nil {
		t.Fatal(err)
	}
	kiosk := event.Identifier{Namespace: event.AnonymousID, Value: "kiosk"}.Key()
	slices, live, cutsBefore := 0, 0, 0
	begun, _ := recut(l, w, kiosk)
	for done := false; !done; slices++ {
		if slices > 10*many {
			t.Fatal("the backfill comes to no end")
		}
		folded, times := recut(l, w, kiosk)
		if err := l.slice(ctx, w); err != nil {
			t.Fatal(err)
		}
		after, read := recut(l, w, kiosk)
		if n := after - folded; n > warmCuts {
			t.Fatalf("a slice folded %d events of cuts", n)
		}
		if n := read - times; n > sliceTimes {
			t.Fatalf("a slice read %d chunks", n)
		}
		// What came in meanwhile does not wait for the next slice, and folds no cuts
		// but the one that it is of.
		r, err := p.Accept(ctx, submission(t, trackAt(worldStart, fmt.Sprint("other", slices), "Looked", fmt.Sprint("live", slices))))
		if err == nil {
			err = p.waitRecords(ctx, r) // not for the segment, which waits for the slices
		}
		if err != nil {
			t.Fatal(err)
		}
		now, _ := recut(l, w, kiosk)
		if n := now - after; n > 0 {
			t.Fatalf("a live event folded %d events of cuts", n)
		}
		live++
		l.mu.Lock()
		done = w.job.Done
		halfway := w.job.cutting != nil && len(w.job.cutting.homes) < many/2
		l.mu.Unlock()
		if cutsBefore == 0 && halfway {
			cutsBefore = now - begun
			for _, l := range p.lanes {
				if err := l.commit(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.store.State().Flush(ctx); err != nil {
				t.Fatal(err)
			}
			p.abandon()
			disk.Crash(0)
			p, l, w = start()
		}
	}
	after, _ := recut(l, w, kiosk)
	if cutsBefore < many/2 || cutsBefore+after < many || cutsBefore+after > many+2*warmCuts {
		t.Errorf("%d events of cuts before the crash and %d after it, of %d people", cutsBefore, after, many)
	}
	if least := many / warmCuts; slices < least {
		t.Errorf("%d slices, want at least %d", slices, least)
	}
	if err := p.Cultivate(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := p.SegmentSizes()["looked"], int64(many+live); got != want {
		t.Errorf("%d people looked, want %d", got, want)
	}
	closeNow(t, p)
	t.Logf("%d slices, %d live events between them, %d cuts before the crash", slices, live, cutsBefore)
}

// recut is how many events of cuts were folded anew, and of how many chunks of an
// anchor the times are known. The lane may be at work.
func recut(l *lane, w *people, k id.Key) (events, times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a, ok := w.anchors.Get(k); ok && a.cuts != nil {
		times = len(a.cuts.times)
	}
	return w.recutEvents, times
}
