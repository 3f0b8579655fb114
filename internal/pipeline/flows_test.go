package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/store/memory"
)

// The history of a segment's size ends with its size and is the sum of who came
// and went, across restarts and crashes; a replay gives the same.
func TestSegmentHistory_EndsWithTheSize(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 9))
		w := newWorld(seed, 150)
		now := worldStart
		disk := memory.NewDisk()
		reopen := func(lanes int) *Pipeline {
			c := config(memory.Open(disk), lanes, 8)
			c.Clock = reading(&now)
			p, err := Open(ctx, c, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		history := func(p *Pipeline) string {
			t.Helper()
			nothingDue(t, p)
			out := ""
			for _, key := range slices.Sorted(maps.Keys(conditions)) {
				points, err := p.SegmentHistory(ctx, key, SizeSpan{From: worldStart.Add(-24 * time.Hour), To: now})
				if err != nil {
					t.Fatal(err)
				}
				// Who was there before the first point is in its size.
				size := points[0].Size - int64(points[0].Entered) + int64(points[0].Left)
				for _, x := range points {
					if size += int64(x.Entered) - int64(x.Left); x.Size != size || size < 0 {
						t.Fatalf("seed %d: %s at %s is %d, %d came and went", seed, key, x.At, x.Size, size)
					}
				}
				if got := p.SegmentSizes()[key]; got != size {
					t.Errorf("seed %d: %s ends at %d and has %d", seed, key, size, got)
				}
				days, err := p.SegmentHistory(ctx, key, SizeSpan{From: worldStart.Add(-24 * time.Hour), To: now, Days: true})
				if err != nil || len(days) == 0 || days[len(days)-1].Size != size {
					t.Errorf("seed %d: by days %s ends at %+v, %v", seed, key, days, err)
				}
				out += fmt.Sprintln(key, points)
			}
			return out
		}
		p := reopen(2)
		defineAll(t, p)
		for i, f := range w.facts {
			setClock(&now, max(now, f.received))
			play(t, p, []fact{f}, 1)
			switch r.IntN(30) {
			case 0:
				if err := p.Tick(ctx); err != nil {
					t.Fatal(err)
				}
			case 1:
				closeNow(t, p)
				p = reopen(1 + r.IntN(3))
			case 2:
				history(p)
			}
			if i == len(w.facts)/2 {
				define(t, p, "adult", `{"trait":"age","op":">=","value":40}`)
				cultivated(t, p)
			}
		}
		want := history(p)
		p.abandon()
		disk.Crash(r.IntN(3))
		p = reopen(2)
		if got := history(p); got != want {
			t.Errorf("seed %d: after a crash\n%s", seed, diff(got, want))
		}
		closeNow(t, p)
	}
}

// nothingDue lets time do all that it does until now, so that the pipeline's
// own ticks change nothing while a test compares.
func nothingDue(t testing.TB, p *Pipeline) {
	t.Helper()
	for range 3 {
		if err := errors.Join(p.Tick(t.Context()), p.settleAll(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}
