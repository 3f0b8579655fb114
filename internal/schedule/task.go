package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Worker does the jobs of a kind. It returns nil when the job is done. The
// context ends when the job is cancelled or the instance stops; a worker that
// returns then is asked again after the next start, with the cursor that was
// kept last: what lies after that cursor is done again.
type Worker func(ctx context.Context, t *Task) error

// Task is a job under way, in the hands of its worker. It is used by one
// goroutine at a time.
type Task struct {
	runner *Runner
	run    *running
}

// ID is the job's id.
func (t *Task) ID() string { return t.run.job.ID }

// Subject is what the job is about.
func (t *Task) Subject() string { return t.run.job.Subject }

// Author is who asked for it.
func (t *Task) Author() string { return t.run.job.Author }

// Params reads what was asked for.
func (t *Task) Params(into any) error { return json.Unmarshal(t.run.job.Params, into) }

// Cursor reads where to go on, and tells whether the job was begun before.
func (t *Task) Cursor(into any) (bool, error) {
	c := t.snapshot().Cursor
	if len(c) == 0 {
		return false, nil
	}
	return true, json.Unmarshal(c, into)
}

// Result reads what was set by SetResult before, if anything was.
func (t *Task) Result(into any) (bool, error) {
	r := t.snapshot().Result
	if len(r) == 0 {
		return false, nil
	}
	return true, json.Unmarshal(r, into)
}

// Done is how much was done already.
func (t *Task) Done() int64 { return t.snapshot().Done }

// SetTotal says how much there is to do.
func (t *Task) SetTotal(n int64) {
	t.runner.mu.Lock()
	defer t.runner.mu.Unlock()
	t.run.job.Total = n
}

// SetResult says what came of it so far. It is kept with the next cursor, or
// when the job ends.
func (t *Task) SetResult(result any) error {
	b, err := json.Marshal(result)
	if err != nil {
		return err
	}
	t.runner.mu.Lock()
	defer t.runner.mu.Unlock()
	t.run.job.Result = b
	return nil
}

// Advance says that all up to the cursor is done, which must be durable by
// then. It is cheap: the job is kept only once in a while. The error is that of
// the context, or of keeping the job.
func (t *Task) Advance(ctx context.Context, done int64, cursor any) error {
	b, err := json.Marshal(cursor)
	if err != nil {
		return err
	}
	t.runner.mu.Lock()
	t.run.job.Done, t.run.job.Cursor = done, b
	due := t.runner.Clock().Sub(t.run.saved) >= saveEvery
	t.runner.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if !due {
		return nil
	}
	return t.runner.note(ctx, t.run)
}

// Keep is Advance for a cursor that the job cannot do without: it is durable when
// Keep returns.
func (t *Task) Keep(ctx context.Context, done int64, cursor any) error {
	b, err := json.Marshal(cursor)
	if err != nil {
		return err
	}
	t.runner.mu.Lock()
	t.run.job.Done, t.run.job.Cursor = done, b
	t.runner.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return t.runner.note(ctx, t.run)
}

// saveEvery is how often the place of a running job is kept.
const saveEvery = 2 * time.Second

func (t *Task) snapshot() Status {
	t.runner.mu.Lock()
	defer t.runner.mu.Unlock()
	return t.run.job.Status
}

// Why a job's context ended.
var (
	errCancelled = errors.New("the job was cancelled")
	// ErrStopping is why the context of a job ends when the instance stops.
	ErrStopping = errors.New("the instance is stopping")
)
