// Package storetest proves the promises of package store for an engine. It
// never looks inside one: an engine's tests hand it a Disk on which stores can
// be opened again, and for engines on files, one that can fail.
package storetest

import (
	"context"
	"testing"

	"rapport/internal/store"
)

// Disk is what outlives a store.
type Disk interface {
	// Open opens the store that the disk holds. The one before is closed, or
	// was lost in a crash.
	Open() (store.Store, error)
	// Crash loses what the engine may lose when the power goes; choose gives a
	// number below n for every choice there is. The open store is not used again.
	Crash(choose func(n int) int)
}

// Run runs the suite. Every test gets a disk of its own.
func Run(t *testing.T, disk func(*testing.T) Disk) {
	t.Helper()
	RunLog(t, disk)
	t.Run("state", func(t *testing.T) { testState(t, opens(disk)) })
	t.Run("model", func(t *testing.T) { testModel(t, disk) })
}

// RunLog runs what the suite asks of the log.
func RunLog(t *testing.T, disk func(*testing.T) Disk) {
	t.Helper()
	open := opens(disk)
	t.Run("log", func(t *testing.T) { testLog(t, open) })
	t.Run("erase", func(t *testing.T) { testErase(t, open, disk) })
	t.Run("redact", func(t *testing.T) { testRedact(t, open, disk) })
	t.Run("lifetime", func(t *testing.T) { testLifetime(t, disk) })
}

// opens gives a function that opens a store until its test ends.
func opens(disk func(*testing.T) Disk) func(*testing.T) store.Store {
	return func(t *testing.T) store.Store {
		t.Helper()
		s, err := disk(t).Open()
		if err != nil {
			t.Fatalf("opening: %v", err)
		}
		t.Cleanup(func() { noError(t, s.Close()) })
		return s
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ctx is the context of calls that nobody cancels.
func ctx(t testing.TB) context.Context { return t.Context() }
