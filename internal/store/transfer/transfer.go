// Package transfer fills one store with what another holds, as it is: sealed
// records at their positions, wrapped keys, rows. It never opens a payload, and
// what it wrote counts only once it was read back and compared.
package transfer

import (
	"context"
	"errors"
	"fmt"

	"rapport/internal/fault"
	"rapport/internal/store"
)

// Stage is what is being done.
type Stage string

// The stages, in their order.
const (
	StageLog    Stage = "log"
	StageKeys   Stage = "keys"
	StageState  Stage = "state"
	StageVerify Stage = "verify"
)

// Progress is how far a transfer is, so that another run can go on from there.
type Progress struct {
	// Source is what the source's sums were: another source, or one that was
	// used meanwhile, is not gone on with.
	Source string `json:"source"`
	// After is the last row that is durable at the target; nil: none.
	After *store.RowKey `json:"after,omitempty"`
	// Filled says that the target is a store.
	Filled bool `json:"filled"`
}

// Terms are what a transfer is made with.
type Terms struct {
	// Begun is how far an earlier run came; nil: this is the first.
	Begun *Progress
	// Keep makes progress durable, after the target did so.
	Keep func(Progress) error
	// Tell is told how many bytes of a stage were done; nil ignores it.
	Tell func(stage Stage, bytes uint64)
	// Every is how many bytes of rows come between two calls of Keep; zero is 64 MiB.
	Every int
}

const (
	defaultEvery = 64 << 20
	batchBytes   = 4 << 20
	batchKeys    = 10_000
)

// Fill copies everything from an image and makes a store of it. What comes to
// the image meanwhile is not in it: whoever calls sees that nothing does.
func Fill(ctx context.Context, to store.Taker, from store.Image, terms Terms) error {
	f := filler{to: to, from: from, terms: terms}
	if f.terms.Tell == nil {
		f.terms.Tell = func(Stage, uint64) {}
	}
	if f.terms.Every <= 0 {
		f.terms.Every = defaultEvery
	}
	extent, err := from.Extent(ctx)
	if err != nil {
		return err
	}
	spans, err := from.Spans(ctx)
	if err != nil {
		return err
	}
	if err := f.begin(extent, spans); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{f.log, f.keys, f.rows} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := to.Flush(ctx); err != nil {
		return err
	}
	if err := to.Finish(ctx, extent, spans); err != nil {
		return err
	}
	f.progress.Filled = true
	return f.terms.Keep(f.progress)
}

type filler struct {
	to       store.Taker
	from     store.Image
	terms    Terms
	progress Progress
}

// begin refuses to go on with another source than the one it began with.
func (f *filler) begin(e store.Extent, spans map[store.Span]store.Position) error {
	f.progress = Progress{Source: fmt.Sprintf("%d %d %x %v", e.Last, e.NextKey, e.Counts.Append(nil), spans)}
	if b := f.terms.Begun; b != nil {
		if b.Source != f.progress.Source {
			return fault.Errorf(fault.Conflict, "source_changed", "the source is not as it was when the copy began, so what was copied is no part of it: copy into an empty place")
		}
		f.progress = *b
	}
	return f.terms.Keep(f.progress)
}

func (f *filler) log(ctx context.Context) error {
	at, err := f.to.Taken(ctx)
	if err != nil {
		return err
	}
	done := uint64(0)
	return f.from.Runs(ctx, at, func(r store.Run) error {
		if r.At < at {
			return fmt.Errorf("the run at %d was taken in part, up to %d: copy into an empty place", r.At, at)
		}
		done += uint64(len(r.Bytes))
		f.terms.Tell(StageLog, done)
		return f.to.TakeRun(ctx, r)
	})
}

func (f *filler) keys(ctx context.Context) error {
	var batch []store.WrappedKey
	done := uint64(0)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		done += uint64(len(batch)) * store.WrappedKeyBytes
		f.terms.Tell(StageKeys, done)
		err := f.to.TakeKeys(ctx, batch)
		batch = batch[:0]
		return err
	}
	err := f.from.WrappedKeys(ctx, func(k store.WrappedKey) error {
		if batch = append(batch, k); len(batch) < batchKeys {
			return nil
		}
		return flush()
	})
	return errors.Join(err, flush())
}

func (f *filler) rows(ctx context.Context) error {
	var batch []store.Row
	size, since, done := 0, 0, uint64(0)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := f.to.TakeRows(ctx, batch); err != nil {
			return err
		}
		last := batch[len(batch)-1].RowKey
		f.progress.After = &last
		since, done = since+size, done+uint64(size)
		f.terms.Tell(StageState, done)
		batch, size = batch[:0], 0
		if since < f.terms.Every {
			return nil
		}
		since = 0
		if err := f.to.Flush(ctx); err != nil {
			return err
		}
		return f.terms.Keep(f.progress)
	}
	err := f.from.Rows(ctx, f.progress.After, func(r store.Row) error {
		r.Key, r.Parts = append([]byte(nil), r.Key...), append([]byte{}, r.Parts...)
		batch = append(batch, r)
		if size += len(r.Key) + len(r.Parts); size < batchBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
