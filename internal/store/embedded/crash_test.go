package embedded_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/storetest"
)

const trialSteps = 80

// soakLosses is how often the power goes at least when soaking.
const soakLosses = 10_000

func small(fs vfs.FS) embedded.Options {
	o := embedded.Options{FS: fs, MemoryBudget: 1, SegmentBytes: 16 << 10}
	embedded.SetPause(&o, time.Millisecond)
	return o
}

// some gives n of the numbers from 1 to end, all of them when soaking.
func some(n int, end int64) []int64 {
	n *= soak.Times()
	stride := max(1, end/int64(n))
	var out []int64
	for k := int64(1); k <= end; k += stride {
		// Not always the same phase of a call.
		out = append(out, min(end, k+k*7%stride))
	}
	return out
}

// play opens a store and does a trial's steps until one fails or the trick has
// been played; it tells whether the store could be opened.
func play(t *testing.T, tr *storetest.Trial, fs *trick) (*embedded.Store, error) {
	t.Helper()
	return playOn(t, tr, fs, fs)
}

// playOn is play with something over the disk that plays the trick.
func playOn(t *testing.T, tr *storetest.Trial, over vfs.FS, fs *trick) (*embedded.Store, error) {
	t.Helper()
	s, err := embedded.Open(folder, small(over))
	if err != nil {
		return nil, err
	}
	played := false
	for step := 0; step < trialSteps && !played; step++ {
		played = tr.Step(s) != nil || fs.reached.Load()
	}
	return s, nil
}

// callsOf is how many calls of the disk a trial makes.
func callsOf(t *testing.T, seed uint64) int64 {
	t.Helper()
	fs := newTrick(vfs.NewCrashableMem())
	s, err := play(t, storetest.NewTrial(t, seed), fs)
	if err != nil {
		t.Fatal(err)
	}
	n := fs.calls.Load()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

// notUnderRace leaves tests that break Pebble's manifest to the run without the
// race detector, and to TestFaults_RunWithoutTheRaceDetector when soaking.
func notUnderRace(t *testing.T) {
	t.Helper()
	if raceBuild {
		t.Skip("it runs without the race detector alone")
	}
}

// The power goes at any call of the disk, and of what was not synced then,
// nothing, any part or all is there afterwards.
func TestCrash_AtAnyCallTakesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	losses := 0
	for seed := uint64(0); seed < 2 || soak.Long() && losses < soakLosses; seed++ {
		for _, nth := range some(40, callsOf(t, seed)) {
			for _, kept := range []int{0, 50, 100} {
				losses++
				t.Run(fmt.Sprintf("seed %d call %d kept %d", seed, nth, kept), func(t *testing.T) {
					t.Parallel()
					tr := storetest.NewTrial(t, seed)
					fs, after := cutAt(vfs.NewCrashableMem(), nth, kept, uint64(nth))
					if old, err := play(t, tr, fs); err == nil {
						defer old.Close() //nolint:errcheck // its disk is gone
					}
					disk := after()
					if disk == nil {
						t.Skip("the trial made fewer calls this time")
					}
					goOn(t, tr, disk, true)
				})
			}
		}
	}
	soak.Did(t, losses, "power losses", "0 and on")
}

// goOn opens the store again on a good disk and looks that all is there and
// that it works.
func goOn(t *testing.T, tr *storetest.Trial, fs vfs.FS, crash bool) {
	t.Helper()
	s, err := embedded.Open(folder, small(fs))
	if err != nil {
		t.Fatalf("opening again: %v", err)
	}
	tr.Reopened(s, crash)
	tr.Check(s)
	for range 20 {
		if err := tr.Step(s); err != nil {
			t.Fatalf("going on: %v", err)
		}
	}
	tr.Check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// One call of the disk fails, once or a few times in a row: what the store said
// was done is there, what it said was not is not, and the log takes records
// again without a restart.
func TestFault_OneFailedCallIsAnErrorAndNoMore(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	failures := 0
	for seed := range uint64(2) {
		for _, nth := range some(60, callsOf(t, seed)) {
			for _, times := range []int64{1, 3} {
				failures++
				t.Run(fmt.Sprintf("seed %d call %d times %d", seed, nth, times), func(t *testing.T) {
					t.Parallel()
					mem, tr := vfs.NewCrashableMem(), storetest.NewTrial(t, seed)
					fs := newTrick(mem)
					fs.nth, fs.times = nth, times
					s, err := play(t, tr, fs)
					if err == nil {
						afterFault(t, tr, s)
						if nth%2 == 0 {
							defer s.Close() //nolint:errcheck // crashed
							goOn(t, tr, mem.CrashClone(vfs.CrashCloneCfg{}), true)
							return
						}
						s.Close() //nolint:errcheck // may still suffer from the fault
					}
					goOn(t, tr, mem, true)
				})
			}
		}
	}
	soak.Did(t, failures, "failures of the k-th call of the disk", "0 and 1")
}

// afterFault appends until it works, which must be soon, now and after more work: a
// trial makes some calls more or less, so that the fault may come as late as that.
func afterFault(t *testing.T, tr *storetest.Trial, s *embedded.Store) {
	t.Helper()
	appendsSoon(t, tr, s)
	for range 20 {
		tr.Step(s) //nolint:errcheck // the state may have failed for good
	}
	appendsSoon(t, tr, s)
}

func appendsSoon(t *testing.T, tr *storetest.Trial, s *embedded.Store) {
	t.Helper()
	var last error
	for range 5 {
		if last = tr.Append(s); last == nil {
			return
		}
	}
	t.Fatalf("the log does not recover: %v", last)
}

// The disk dies: every call fails from one on. Nothing hangs, and on a disk
// that works again everything acknowledged is there.
func TestFault_DeadDiskGivesErrorsAndLosesNothing(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	calls := some(30, callsOf(t, 5))
	soak.Did(t, len(calls), "disks that died at the k-th call", 5)
	for _, nth := range calls {
		t.Run(fmt.Sprint("call ", nth), func(t *testing.T) {
			t.Parallel()
			mem, tr := vfs.NewCrashableMem(), storetest.NewTrial(t, 5)
			fs := newTrick(mem)
			fs.nth, fs.times = nth, 1<<40
			s, err := play(t, tr, fs)
			if !fs.reached.Load() {
				defer s.Close() //nolint:errcheck // not what is tested
				t.Skip("the trial made fewer calls this time")
			}
			if err == nil {
				if err := tr.Append(s); err == nil {
					t.Error("an Append worked on a dead disk")
				}
				if err := s.State().Flush(t.Context()); err == nil {
					t.Error("a Flush worked on a dead disk")
				}
				s.Close() //nolint:errcheck // cannot work
			}
			goOn(t, tr, mem.CrashClone(vfs.CrashCloneCfg{}), true)
		})
	}
}

// The disk fills up: writing answers ErrFull, reading goes on, and everything
// works again when there is room, without a restart.
func TestFull_IsAnswersAndRecoversWithoutRestart(t *testing.T) {
	t.Parallel()
	for _, room := range []int64{0, 1, 100, 3_000, 20_000, 100_000} {
		t.Run(fmt.Sprint("room for ", room), func(t *testing.T) {
			t.Parallel()
			mem, tr := vfs.NewCrashableMem(), storetest.NewTrial(t, uint64(room))
			fs := newTrick(mem)
			s, err := embedded.Open(folder, small(fs))
			if err != nil {
				t.Fatal(err)
			}
			for range trialSteps {
				if err := tr.Step(s); err != nil {
					t.Fatal(err)
				}
			}
			fs.room.Store(room)
			full := 0
			for range 200 {
				if err := tr.Step(s); errors.Is(err, store.ErrFull) {
					full++
				} else if err != nil {
					t.Fatalf("on a full disk: %v", err)
				}
			}
			if err := tr.Append(s); !errors.Is(err, store.ErrFull) || full == 0 {
				t.Fatalf("on a full disk, after %d times ErrFull: %v", full, err)
			}
			fs.room.Store(-1)
			recovers(t, tr, s)
			tr.Check(s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			goOn(t, tr, mem, false)
		})
	}
}

// recovers waits until the state has noticed that there is room.
func recovers(t *testing.T, tr *storetest.Trial, s *embedded.Store) {
	t.Helper()
	if err := tr.Append(s); err != nil {
		t.Fatalf("there is room again: %v", err)
	}
	for {
		err := s.State().Flush(t.Context())
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrFull) {
			t.Fatalf("there is room again: %v", err)
		}
	}
	for range 50 {
		if err := tr.Step(s); err != nil {
			t.Fatalf("there is room again: %v", err)
		}
	}
}
