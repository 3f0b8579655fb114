package pipeline

import (
	"context"
	"log/slog"
	"time"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/identity"
	"rapport/internal/store"
)

// Config is what a pipeline is made of.
type Config struct {
	Store   store.Store
	Mappers map[string]event.Mapper // by dialect
	// Remakes are for dialects whose dead letters are bodies that a definition
	// makes events of: in place of a mapper when such a letter is replayed.
	Remakes map[string]Remake
	Sources func(key string) SourceInfo
	Rules   identity.Rules  // of a new instance, where no book is given
	Book    *graph.Rulebook // shared with those who map events at the door
	// Intake looks at what comes in before anything else does: it may take events
	// out, which it counts as rejected, and add what is derived of them.
	Intake      func(ctx context.Context, s *Submission) error
	Clock       clock.Clock
	Random      func([]byte)
	Log         *slog.Logger
	InstanceKey [16]byte      // profile ids are made with it; the same for ever
	Lanes       int           // workers on anchors and entities; at least 1
	HotBytes    int           // decoded rows in memory
	QueueBytes  int           // records that wait to be applied
	QueueTime   time.Duration // how long they may, by how fast it goes; 0: bytes alone count
	BatchSize   int           // records applied under one lock; 0: the usual
	CommitEvery time.Duration
	// RemovalSlice is how many records are taken out of the log at a time where a
	// source is removed; 0: 20,000.
	RemovalSlice int
	CommitRows   int
	Ledger       Ledger // erasures outside the store; nil keeps none
	// Files looks for traces in the files of the instance, as they are on disk; nil
	// where there are none to look at.
	Files func(ctx context.Context, traces *consent.Traces) (FileScan, error)
	// Backups lists the copies that an erasure of now does not reach; nil: there
	// are none.
	Backups func() ([]BackupRow, error)
	// Forget takes out of what is kept beside the store whatever may be about
	// somebody who is erased; nil where nothing is.
	Forget func() error
	// Follower hears what lanes apply; nil where nobody follows.
	Follower Follower
	// Passages keeps entries into segments and exits for WaitingPassages, until they
	// were written down.
	Passages bool
	// Rewrite takes somebody who is erased out of the files that were written of the
	// log beside it, and Delist out of tables; nil where nothing was written.
	Rewrite func(ctx context.Context, who Gone) (Rewritten, error)
	Delist  func(ctx context.Context, who Gone) (Delisted, error)
	// Silence returns when whatever was made out of what the state said before the
	// call is in the log, and lets nothing be sent that waits and is not there any
	// more; nil where nothing is sent.
	Silence func(ctx context.Context) error
	// Recall takes somebody who is erased out of files that were handed over; nil
	// where there are none.
	Recall func(ctx context.Context, who Gone, at *Recalling) error
	// Audiences are told of people who are erased; nil: there are none.
	Audiences  Audiences
	Columns    IndexOptions
	FlushBytes uint64 // log written between two flushes of the state: bounds the replay after a crash
}

// bytesPerCommitRow is how much of the budget of rows there must be for each row
// that a commit may gather: with what is made of it, a row that is being written
// takes some 4 KB.
const bytesPerCommitRow = 64 << 10

func (c Config) filled() Config {
	if c.Lanes < 1 {
		c.Lanes = 1
	}
	if c.BatchSize == 0 {
		c.BatchSize = batchRecords
	}
	if c.RemovalSlice == 0 {
		c.RemovalSlice = removalStep
	}
	if c.CommitEvery == 0 {
		c.CommitEvery = 3 * time.Second
	}
	if c.FlushBytes == 0 {
		// Some 200,000 events: a second or two of replay, and about what fills
		// the buffers of the state anyway.
		c.FlushBytes = 48 << 20
	}
	if c.HotBytes == 0 {
		c.HotBytes = 256 << 20
	}
	if c.CommitRows == 0 {
		// What a commit gathers lies in memory twice until it is written.
		c.CommitRows = min(max(c.HotBytes/bytesPerCommitRow, 1024), 16384)
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = 64 << 20
	}
	if c.Book == nil {
		c.Book = graph.NewRulebook(c.Rules)
	}
	if c.Sources == nil {
		c.Sources = func(string) SourceInfo { return SourceInfo{} }
	}
	return c
}
