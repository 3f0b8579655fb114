package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/store"
)

// Rebuild throws the derived state of a store away and folds it again from the
// facts of its log, then closes the pipeline it used. What was derived then is
// derived anew, and what destinations were to be told of and were not is planned
// again, nothing else. What was told of entries and exits is kept: it is a record
// (retell.go). An interrupted rebuild is continued by the next start, which
// replays the rest.
func Rebuild(ctx context.Context, c Config, progress func(done, end store.Position)) error {
	if err := catchUp(ctx, c); err != nil {
		if ctx.Err() != nil {
			return err
		}
		// It may be what is to be mended. What it lacks is told at the end by what
		// came of it.
		c.filled().Log.Warn("the state is not brought to the end of the log before it is thrown away", "error", err)
	}
	return rebuild(ctx, c, progress, func() error { return beginRetelling(ctx, c.Store) })
}

// RebuildAll is Rebuild after facts were taken out of the log: what was told of
// entries and exits says what they said, and is told anew.
func RebuildAll(ctx context.Context, c Config, progress func(done, end store.Position)) error {
	return rebuild(ctx, c, progress, func() error { return c.Store.State().Reset(ctx) })
}

func rebuild(ctx context.Context, c Config, progress func(done, end store.Position), reset func() error) error {
	tail, err := openPlans(ctx, c.Store)
	if err != nil {
		return fmt.Errorf("read what is planned: %w", err)
	}
	if err := reset(); err != nil {
		return fmt.Errorf("reset the state: %w", err)
	}
	p, err := build(ctx, c)
	if err != nil {
		return err
	}
	p.plans.tail = tail
	p.start()
	derived := func(r *store.Record) bool { return !r.Kind.Fact() }
	err = p.replay(ctx, 0, progress, derived)
	if err == nil {
		err = p.endRetelling(ctx)
	}
	return errors.Join(err, p.Close(ctx))
}

// catchUp brings a state to the end of its log and lets everybody follow what is
// in force, so that all that happened is told. A state that cannot be read is
// given up on.
func catchUp(ctx context.Context, c Config) error {
	p, err := build(ctx, c)
	if err == nil {
		err = p.loadBeside(ctx)
	}
	if err != nil {
		return err
	}
	p.start()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	go p.watchLanes(done, cancel)
	err = p.recover(ctx, nil)
	if err == nil {
		err = p.settleAll(ctx)
	}
	close(done)
	if err != nil {
		p.abandon()
		return errors.Join(err, context.Cause(ctx))
	}
	return p.Close(ctx)
}

// triesOfDamaged is how often a lane fails before a state is taken for damaged.
const triesOfDamaged = 6

var errDamaged = errors.New("the state cannot be read")

// watchLanes cancels where a lane fails again and again.
func (p *Pipeline) watchLanes(done <-chan struct{}, cancel context.CancelCauseFunc) {
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-done:
			return
		case <-every.C:
		}
		for _, l := range p.lanes {
			if l.failed.Load() >= triesOfDamaged {
				cancel(errDamaged)
				return
			}
		}
	}
}
