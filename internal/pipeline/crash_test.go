package pipeline

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/soak"
	"rapport/internal/store/embedded"
)

// TestPowerLoss_TakesNothingThatWasAcknowledged cuts the power while clients
// write: what was not synced is dropped or torn. What comes back is what was
// acknowledged, and the rest of what was under way as a whole or not at all.
func TestPowerLoss_TakesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(6)) {
		r := rand.New(rand.NewPCG(seed, 5))
		w := newWorld(5000+seed, 200)
		disk := vfs.NewCrashableMem()
		acknowledged, torn := writeUntilCrash(t, disk, w, r)
		st, err := embedded.Open("data", embedded.Options{FS: torn, MemoryBudget: 1})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		p := open(t, st, 3, 32)
		a, err := p.Accounting(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if a.Pending != 0 || a.Received != a.Stored+a.Deduplicated+a.DeadLettered+a.Rejected {
			t.Errorf("seed %d: the sums do not add up: %+v", seed, a)
		}
		if a.Received < acknowledged {
			t.Errorf("seed %d: %d events were acknowledged, %d are there", seed, acknowledged, a.Received)
		}
		// Every client sends again what it has no answer for; then all is there.
		play(t, p, w.facts, 20)
		if got, want := dump(t, p, w), naive(t, w); got != want {
			t.Errorf("seed %d: after the crash\n%s", seed, diff(got, want))
		}
		closeNow(t, p)
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeUntilCrash lets clients write at once and cuts the power somewhere. It
// gives how many events were acknowledged by then, and the disk that remains.
func writeUntilCrash(t *testing.T, disk *vfs.MemFS, w *world, r *rand.Rand) (acknowledged uint64, torn *vfs.MemFS) {
	t.Helper()
	st, err := embedded.Open("data", embedded.Options{FS: disk, MemoryBudget: 1, SegmentBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	c := config(st, 3, 32)
	c.FlushBytes, c.CommitEvery = 8<<10, 1
	p, err := Open(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	crashAt := r.IntN(len(w.facts))
	var mu sync.Mutex
	var writers sync.WaitGroup
	for n := range 4 {
		writers.Go(func() {
			for i := n; i < len(w.facts); i += 4 {
				if _, err := p.Accept(context.Background(), submission(t, w.facts[i])); err != nil {
					t.Error(err)
				}
				mu.Lock()
				switch {
				case torn != nil:
				case acknowledged == uint64(crashAt):
					torn = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), 1))})
				default:
					acknowledged++
				}
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	closeNow(t, p)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	return acknowledged, torn
}
