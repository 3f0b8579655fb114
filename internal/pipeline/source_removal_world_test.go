package pipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// errBroken is where a removal is broken off.
var errBroken = errors.New("broken off")

// TestRemoveSource_LeavesWhatTheOthersSaid removes a source from random worlds,
// slice by slice, while others go on; it is broken off and goes on elsewhere. What
// a rebuild gives then is what there was had the source never sent anything.
func TestRemoveSource_LeavesWhatTheOthersSaid(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(6)) {
		r := rand.New(rand.NewPCG(seed, 11))
		var on engine = memoryEngine{memory.NewDisk()}
		if seed%3 == 2 {
			on = &embeddedEngine{fs: vfs.NewCrashableMem()}
		}
		removeFromWorld(t, on, newWorld(seed, 60), r)
	}
}

func removeFromWorld(t *testing.T, on engine, w *world, r *rand.Rand) {
	t.Helper()
	ctx := context.Background()
	settings := func() Config {
		st, err := on.open(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c := later(config(st, 1+r.IntN(3), 1+r.IntN(9)), 240*time.Hour)
		c.RemovalSlice = 1 + r.IntN(7)
		return c
	}
	var others []fact
	all := w.shuffled(r)
	for i := range all {
		if all[i].own == "" && r.IntN(3) == 0 {
			all[i].source = "demo"
		} else {
			others = append(others, all[i])
		}
	}
	live := all[len(all)*3/4:]
	p, err := Open(ctx, settings(), nil)
	if err != nil {
		t.Fatal(err)
	}
	play(t, p, all[:len(all)*3/4], 5)
	var at Removed
	for round := 0; ; round++ {
		left := 1 + r.IntN(4)
		err = p.RemoveSource(ctx, "demo", at, func(to Removed, _ store.Position) error {
			at = to
			if left--; left == 0 && round < 6 {
				return errBroken
			}
			return nil
		})
		if err == nil {
			break
		}
		if !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		if len(live) > 0 { // somebody else goes on meanwhile
			if live[0].source != "demo" {
				play(t, p, live[:1], 1)
			}
			live = live[1:]
		}
		if r.IntN(2) == 0 {
			if err := p.Close(ctx); err != nil {
				t.Fatal(err)
			}
			on.close()
			if p, err = Open(ctx, settings(), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, f := range live {
		if f.source != "demo" {
			play(t, p, []fact{f}, 1)
		}
	}
	if found, err := p.CountSource(ctx, "demo", func(store.Position, store.Position) error { return nil }); err != nil || found.Events > 0 || found.Changes > 0 || found.DeadLetters > 0 {
		t.Fatalf("after its removal there is %+v of it, %v", found, err)
	}
	stale := p.store.Log().End()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	on.close()
	if err := RebuildAll(ctx, settings(), nil); err != nil {
		t.Fatal(err)
	}
	on.close()
	if p, err = Open(ctx, settings(), nil); err != nil {
		t.Fatal(err)
	}
	defer on.close()
	defer closeNow(t, p)
	if err := p.RemoveStale(ctx, at.Derived, stale, func(store.Position) error { return nil }); err != nil {
		t.Fatal(err)
	}
	never, err := Open(ctx, later(config(memory.Open(memory.NewDisk()), 2, 3), 240*time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, never)
	play(t, never, others, 4)
	if got, want := rested(t, p, w), rested(t, never, w); got != want {
		t.Errorf("seed %d: it left\n%s", w.seed, diff(got, want))
	}
	err = p.store.Log().Read(ctx, at.Derived, func(rec *store.Record) error {
		if rec.Position <= stale && !rec.Kind.Fact() && rec.Payload != nil {
			t.Errorf("seed %d: a record of kind %d is left at %d", w.seed, rec.Kind, rec.Position)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
