package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"rapport/internal/access"
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

// rebuildWanted folds the state again where that was asked for.
func (a *App) rebuildWanted(ctx context.Context, m master) error {
	mark := a.config.Path(rebuildMark)
	by, err := os.ReadFile(mark) //nolint:gosec // it is ours
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what wants a rebuild: %w", err)
	}
	pc, err := pipelineConfig(&a.config, a.budget, a.parts, a.access, m)
	if err != nil {
		return err
	}
	if err := pc.Columns.Files.Drop(); err != nil {
		return err
	}
	pc.Columns, pc.Store = pipeline.IndexOptions{}, a.store
	if err := pipeline.Rebuild(ctx, pc, func(done, end store.Position) {
		a.say(fmt.Sprintf("starting: folding the state again, at %d of %d", done, end))
	}); err != nil {
		return fmt.Errorf("fold the state again: %w", err)
	}
	a.rebuilt = string(by)
	return os.Remove(mark)
}

// removal is how far the removal of a source's data has come.
type removal struct {
	httpapi.SourceRemoved
	Counted bool `json:"counted"`
}

// removeSource counts what there is of a source, takes it out of the log, and
// has the state folded again.
func (a *App) removeSource(ctx context.Context, t *schedule.Task) error {
	var asked httpapi.SourceRemoval
	if err := t.Params(&asked); err != nil {
		return err
	}
	var r removal
	if _, err := t.Cursor(&r); err != nil {
		return err
	}
	r.DryRun = asked.DryRun
	keep := func(phase string, done int64) error {
		r.Phase = phase
		if err := t.SetResult(r.SourceRemoved); err != nil {
			return err
		}
		return t.Keep(ctx, done, r)
	}
	look := func(remove bool) (pipeline.SourceData, error) {
		return a.pipeline.SourceData(ctx, t.Subject(), remove, func(done, end store.Position) error {
			t.SetTotal(int64(end))
			return t.Advance(ctx, int64(done), r)
		})
	}
	if !r.Counted {
		if err := keep("counting", 0); err != nil {
			return err
		}
		found, err := look(false)
		if err != nil {
			return err
		}
		r.SourceData, r.Counted = found, true
		if asked.DryRun {
			return keep("done", t.Done())
		}
		if err := keep("removing", 0); err != nil {
			return err
		}
	}
	if r.Phase == "removing" {
		if _, err := look(true); err != nil {
			return err
		}
		if err := keep("rebuilding", t.Done()); err != nil {
			return err
		}
	}
	if a.rebuilt == t.ID() {
		r.Rebuilt = true
		return keep("done", t.Done())
	}
	return a.restart(ctx, t.ID())
}

// restart has the instance started anew, with the state folded again.
func (a *App) restart(ctx context.Context, by string) error {
	if err := access.WriteFile(a.config.Path(rebuildMark), []byte(by)); err != nil {
		return err
	}
	select {
	case a.failed <- ErrRestart:
	default: // it ends already
	}
	<-ctx.Done()
	return context.Cause(ctx)
}
