package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"rapport/internal/disk"
	"rapport/internal/httpapi"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
	"rapport/internal/store"
)

// ErrRestart says that the state has to be folded again: whoever hears it closes
// the instance and opens it anew, which does so.
var ErrRestart = errors.New("the state is folded again")

// rebuildMark is a file in the data folder: the next start folds the state again.
// It holds the id of the job that wants it.
const rebuildMark = "rebuild-wanted"

// rebuild is one that was made at the start.
type rebuild struct {
	by string // the job that wanted it
	// behind is where the log ended before: what was derived up to there is of no use
	// any more.
	behind store.Position
}

// rebuildWanted folds the state again where that was asked for.
func (a *App) rebuildWanted(ctx context.Context, m master) error {
	mark := a.config.Path(rebuildMark)
	by, err := disk.ReadFile(a.config.Files, mark) //nolint:gosec // it is ours
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what wants a rebuild: %w", err)
	}
	pc, err := pipelineConfig(ctx, &a.config, a.budget, a.parts, a.access, m)
	if err != nil {
		return err
	}
	if err := pc.Columns.Files.Drop(); err != nil {
		return err
	}
	pc.Columns, pc.Store = pipeline.IndexOptions{}, a.store
	end := a.store.Log().End()
	if err := pipeline.RebuildAll(ctx, pc, func(done, end store.Position) {
		a.say(fmt.Sprintf("starting: folding the state again, at %d of %d", done, end))
	}); err != nil {
		return fmt.Errorf("fold the state again: %w", err)
	}
	a.rebuilt = rebuild{string(by), end}
	return os.Remove(mark)
}

// removal is how far the removal of a source's data has come.
type removal struct {
	httpapi.SourceRemoved
	Counted bool             `json:"counted"`
	Removed pipeline.Removed `json:"removed"`
	// Stale is up to where the log has what followed from the facts before they were
	// gone: the state was folded anew behind it.
	Stale store.Position `json:"stale,omitempty"`
}

// remover is one run of such a job.
type remover struct {
	*App
	task *schedule.Task
	removal
}

// removeSource counts what there is of a source, takes it out of the log, and
// has the state folded again. Each step can be broken off and goes on where it
// was.
func (a *App) removeSource(ctx context.Context, t *schedule.Task) error {
	var asked httpapi.SourceRemoval
	if err := t.Params(&asked); err != nil {
		return err
	}
	r := &remover{App: a, task: t}
	if _, err := t.Cursor(&r.removal); err != nil {
		return err
	}
	r.DryRun = asked.DryRun
	if !r.Counted {
		if err := r.count(ctx); err != nil {
			return err
		}
		if asked.DryRun {
			return r.enter(ctx, "done", t.Done())
		}
		if err := r.enter(ctx, "removing", 0); err != nil {
			return err
		}
	}
	if r.Phase == "removing" {
		if err := r.remove(ctx); err != nil {
			return err
		}
		if err := r.enter(ctx, "rebuilding", t.Done()); err != nil {
			return err
		}
	}
	if r.Phase == "rebuilding" {
		if a.rebuilt.by != t.ID() {
			return a.restart(ctx, t.ID())
		}
		r.Rebuilt, r.Stale = true, a.rebuilt.behind
		if err := r.enter(ctx, "cleaning", 0); err != nil {
			return err
		}
	}
	return r.clean(ctx)
}

// enter begins a phase.
func (r *remover) enter(ctx context.Context, phase string, done int64) error {
	r.Phase = phase
	if err := r.task.SetResult(r.SourceRemoved); err != nil {
		return err
	}
	return r.task.Keep(ctx, done, r.removal)
}

func (r *remover) count(ctx context.Context) (err error) {
	if err := r.enter(ctx, "counting", 0); err != nil {
		return err
	}
	r.SourceData, err = r.pipeline.CountSource(ctx, r.task.Subject(), func(done, end store.Position) error {
		r.task.SetTotal(int64(end))
		return r.task.Advance(ctx, int64(done), r.removal)
	})
	r.Counted = err == nil
	return err
}

func (r *remover) remove(ctx context.Context) error {
	return r.pipeline.RemoveSource(ctx, r.task.Subject(), r.Removed, func(at pipeline.Removed, end store.Position) error {
		r.Removed = at
		r.task.SetTotal(int64(end))
		return r.task.Keep(ctx, int64(at.Facts), r.removal)
	})
}

// clean takes out what came to follow from the facts while they were taken out,
// and forgets what was seen of the source.
func (r *remover) clean(ctx context.Context) error {
	r.task.SetTotal(int64(r.Stale))
	err := r.pipeline.RemoveStale(ctx, r.Removed.Derived, r.Stale, func(at store.Position) error {
		r.Removed.Derived = at
		return r.task.Keep(ctx, int64(at), r.removal)
	})
	if err == nil && r.tables != nil {
		err = r.tables.RemoveSource(ctx, r.task.Subject())
	}
	if err == nil {
		err = r.forgetSource(r.task.Subject())
	}
	if err != nil {
		return err
	}
	return r.enter(ctx, "done", r.task.Done())
}

// restart has the instance started anew, with the state folded again.
func (a *App) restart(ctx context.Context, by string) error {
	if err := disk.WriteFile(a.config.Files, a.config.Path(rebuildMark), []byte(by)); err != nil {
		return err
	}
	select {
	case a.failed <- ErrRestart:
	default: // it ends already
	}
	<-ctx.Done()
	return context.Cause(ctx)
}
