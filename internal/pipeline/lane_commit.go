package pipeline

import (
	"context"
	"fmt"

	"rapport/internal/store"
	"rapport/internal/trace"
)

// gatherMost is how many times the rows of a commit may be gathered while the
// log is still at what follows from them: then the lane waits for the log, since
// all of them lie in memory until they are written.
const gatherMost = 2

func (l *lane) commitIfDue(ctx context.Context) {
	l.mu.Lock()
	n, full := l.work.dirty(), l.work.full()
	t := l.emitted
	l.mu.Unlock()
	if n < l.limits.rows && !full && (n == 0 || !l.due()) {
		return
	}
	if t != nil && !full && n < gatherMost*l.limits.rows {
		select {
		case <-t.done:
		default:
			return // the log is still at it: commit after the next batch
		}
	}
	l.tryCommit(ctx)
	l.tried.Store(l.now().UnixMicro())
}

// tryCommit commits, and says so where that fails: it is tried again later.
func (l *lane) tryCommit(ctx context.Context) bool {
	err := l.commit(ctx)
	if !l.shortage.wrote(l.name, err) && err != nil {
		l.log.Error("lane cannot commit", "lane", l.name, "error", err)
	}
	return err == nil
}

// commit writes behind what changed, with the position up to which it is
// applied. Records that follow from it are durable in the log before. The lane
// is locked only while the changes are gathered, not while they are written.
func (l *lane) commit(ctx context.Context) error {
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	ctx, step := trace.Start(ctx, "commit")
	defer step.End()
	l.mu.Lock()
	g, err := l.gather()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	wrote, err := l.write(ctx, g)
	if !wrote || err != nil {
		return err
	}
	l.mu.Lock()
	l.work.trim()
	l.mu.Unlock()
	return nil
}

// commitLocked is commit for one who has both of the lane's locks and keeps
// them: nobody sees the rows while they are only on their way. What it waits
// for, the sequencer and the engine, never asks for a lane's lock.
func (l *lane) commitLocked(ctx context.Context) error {
	g, err := l.gather()
	if err != nil {
		return err
	}
	wrote, err := l.write(ctx, g)
	if wrote && err == nil {
		l.work.trim()
	}
	return err
}

// gathering is what a commit promises, besides the changes that are unsaved.
type gathering struct {
	applied store.Position
	emitted *ticket // what has to be in the log before
}

// gather takes what changed; both locks are held.
func (l *lane) gather() (gathering, error) {
	g := gathering{l.applied, l.emitted}
	if lost := l.lost; lost != nil {
		return g, fmt.Errorf("lane %s lacks derived records, the next start makes them again: %w", l.name, lost)
	}
	if !l.work.settled() {
		return g, fmt.Errorf("lane %s has not applied all of a batch and cannot commit yet", l.name)
	}
	if changes := l.work.changes(g.applied); l.unsaved == nil {
		l.unsaved = changes
	} else {
		l.unsaved = append(l.unsaved, changes...)
	}
	return g, nil
}

// write makes what was gathered durable, where there is anything; commitMu is
// held. Where it fails the changes wait for the next commit.
func (l *lane) write(ctx context.Context, g gathering) (wrote bool, err error) {
	if t := g.emitted; t != nil {
		select {
		case <-t.done:
		case <-ctx.Done():
			return false, fmt.Errorf("derived records of lane %s: %w", l.name, ctx.Err())
		}
		if t.err != nil {
			return false, fmt.Errorf("derived records of lane %s: %w", l.name, t.err)
		}
	}
	if g.applied == l.committed && len(l.unsaved) == 0 {
		return false, nil
	}
	c := store.Commit{Span: l.span, Position: g.applied, Changes: l.unsaved}
	if err := l.state.Commit(ctx, c); err != nil {
		return false, fmt.Errorf("commit lane %s at %d: %w", l.name, c.Position, err)
	}
	l.committed, l.unsaved = g.applied, nil
	return true, nil
}
