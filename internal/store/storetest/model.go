package storetest

import (
	"fmt"
	"testing"

	"rapport/internal/soak"
)

// testModel does random things to the engine and to the memory engine, closes
// and crashes in between, and compares all they hold.
func testModel(t *testing.T, disk func(*testing.T) Disk) {
	t.Helper()
	for seed := range uint64(soak.Worlds(6)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			model(t, disk(t), seed)
		})
	}
}

func model(t *testing.T, d Disk, seed uint64) {
	tr := NewTrial(t, seed)
	s, err := d.Open()
	noError(t, err)
	for range 8 {
		for range tr.rng.IntN(120) {
			noError(t, tr.Step(s))
		}
		tr.Check(s)
		crash := tr.rng.IntN(2) == 0
		if crash {
			d.Crash(tr.rng.IntN)
		} else {
			noError(t, s.Close())
		}
		s, err = d.Open()
		noError(t, err)
		tr.Reopened(s, crash)
		tr.Check(s)
	}
	noError(t, s.Close())
}
