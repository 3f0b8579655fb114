package pipeline

import (
	"context"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/memory"
	"rapport/internal/store/postgres"
)

// engine is where a world keeps what it has: opened, closed, and opened again.
type engine interface {
	open(ctx context.Context) (store.Store, error)
	close()
	// crash closes what was abandoned, and loses some of what was not safe.
	crash(r *rand.Rand)
}

type memoryEngine struct{ disk *memory.Disk }

func (e memoryEngine) open(context.Context) (store.Store, error) { return memory.Open(e.disk), nil }
func (memoryEngine) close()                                      {}
func (e memoryEngine) crash(r *rand.Rand)                        { e.disk.Crash(r.IntN(e.disk.Pending() + 1)) }

type embeddedEngine struct {
	fs *vfs.MemFS
	st *embedded.Store
}

func (e *embeddedEngine) open(context.Context) (_ store.Store, err error) {
	e.st, err = embedded.Open("data", embedded.Options{FS: e.fs, MemoryBudget: 16 << 20, NoLock: true})
	return e.st, err
}

func (e *embeddedEngine) close() { _ = e.st.Close() }

func (e *embeddedEngine) crash(r *rand.Rand) {
	after := e.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), 1))})
	e.close()
	e.fs = after
}

type postgresEngine struct {
	address string
	st      *postgres.Store
}

func (e *postgresEngine) open(ctx context.Context) (_ store.Store, err error) {
	e.st, err = postgres.Open(ctx, postgres.Options{DSN: e.address, Owner: "agreement", Connections: 8})
	return e.st, err
}

func (e *postgresEngine) close() { _ = e.st.Close() }

// crash loses what the pipeline had in memory alone: the database goes on.
func (e *postgresEngine) crash(*rand.Rand) { e.close() }
