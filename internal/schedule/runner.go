package schedule

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/trace"
)

// Deps is what a runner is made of.
type Deps struct {
	Keeper Keeper
	Clock  clock.Clock
	Random func([]byte)
	Log    *slog.Logger
	// Tracer looks at jobs; nil: nobody does.
	Tracer trace.Tracer
	// Tick is how often the calendar is looked at; 0: half a minute.
	Tick time.Duration
}

// Runner runs jobs: one at a time of each kind, oldest first. Register kinds,
// then Start.
type Runner struct {
	Deps
	mu       sync.Mutex
	workers  map[string]*line
	running  map[string]*running // queued, running and waiting jobs, by id
	calendar []Calendar
	stop     context.CancelCauseFunc
	context  context.Context //nolint:containedctx // the life of the runner, which outlives every call
	wait     sync.WaitGroup
}

// line is the jobs of one kind.
type line struct {
	work  Worker
	queue []*running
	wake  chan struct{}
}

// running is a job that is not at its end, with what only this process knows.
type running struct {
	job    Job
	saved  time.Time
	cancel context.CancelCauseFunc // nil until it runs
	ended  bool                    // cancelled while it waited for its turn
	keepMu sync.Mutex              // one keeping at a time
}

// Calendar gives the jobs that are due now. It is asked again and again, and
// gives each job a Key, so that it runs once.
type Calendar func(ctx context.Context, now time.Time) []Request

// New makes a runner that does nothing yet.
func New(d Deps) *Runner {
	if d.Tick == 0 {
		d.Tick = 30 * time.Second
	}
	return &Runner{Deps: d, workers: map[string]*line{}, running: map[string]*running{}}
}

// Register names who does the jobs of a kind. Call it before Start.
func (r *Runner) Register(kind string, w Worker) {
	r.workers[kind] = &line{work: w, wake: make(chan struct{}, 1)}
}

// Schedule adds a calendar. Call it before Start.
func (r *Runner) Schedule(c Calendar) { r.calendar = append(r.calendar, c) }

// Start takes up the jobs that were not at their end, and goes on until Close.
func (r *Runner) Start(ctx context.Context) error {
	var left []*Job
	after := ""
	for {
		rows, err := r.Keeper.Jobs(ctx, after, listStep)
		if err != nil {
			return fmt.Errorf("list the jobs: %w", err)
		}
		for _, row := range rows {
			after = row.ID
			j, err := decode(row)
			if err != nil {
				return fmt.Errorf("job %s: %w", row.ID, err)
			}
			if !j.State.Final() {
				left = append(left, j)
			}
		}
		if len(rows) < listStep {
			break
		}
	}
	r.context, r.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	slices.SortFunc(left, func(a, b *Job) int { return strings.Compare(b.ID, a.ID) })
	for _, j := range left {
		r.enqueue(&running{job: *j, saved: r.Clock()})
	}
	for _, l := range r.workers {
		r.wait.Go(func() { r.work(l) })
	}
	if len(r.calendar) > 0 {
		r.wait.Go(r.watch)
	}
	return nil
}

const listStep = 500

// Close stops the jobs that run; the next start goes on with them.
func (r *Runner) Close() {
	if r.stop != nil {
		r.stop(ErrStopping)
	}
	r.wait.Wait()
}

// Submit makes a job. When it returns, the job is kept and runs sooner or later.
func (r *Runner) Submit(ctx context.Context, q Request) (Job, error) {
	if r.workers[q.Kind] == nil {
		return Job{}, fault.Errorf(fault.Invalid, "unknown_job_kind", "there are no jobs of kind %q", q.Kind)
	}
	var tail [8]byte
	r.Random(tail[:])
	return r.submit(ctx, q, newID(r.Clock.Now(), hex.EncodeToString(tail[:])))
}

func (r *Runner) submit(ctx context.Context, q Request, id string) (Job, error) {
	params, err := json.Marshal(q.Params)
	if err != nil {
		return Job{}, fmt.Errorf("params of a job: %w", err)
	}
	j := Job{
		ID: id, Kind: q.Kind, Subject: q.Subject, Author: q.Author, Created: r.Clock.Now(),
		Params: params, Status: Status{State: Queued, Version: 1},
	}
	row, err := j.encode(true)
	if err != nil {
		return Job{}, err
	}
	if err := r.Keeper.KeepJob(ctx, row); err != nil {
		return Job{}, err
	}
	r.enqueue(&running{job: j, saved: r.Clock()})
	return j, nil
}

func (r *Runner) enqueue(x *running) {
	l := r.workers[x.job.Kind]
	if l == nil {
		return // of a kind that this release does not know: it stays as it is
	}
	r.mu.Lock()
	r.running[x.job.ID] = x
	l.queue = append(l.queue, x)
	r.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Get gives a job as it stands, with its parameters.
func (r *Runner) Get(ctx context.Context, id string) (Job, error) {
	r.mu.Lock()
	x := r.running[id]
	if x != nil {
		j := x.job
		r.mu.Unlock()
		return j, nil
	}
	r.mu.Unlock()
	row, err := r.Keeper.Job(ctx, id)
	if err != nil {
		return Job{}, err
	}
	if row.Spec == nil {
		return Job{}, fault.Errorf(fault.NotFound, "job_not_found", "there is no job %q: GET /api/v1/jobs lists them", id)
	}
	j, err := decode(row)
	if err != nil {
		return Job{}, fmt.Errorf("job %s: %w", id, err)
	}
	return *j, nil
}

// Query filters a list of jobs; empty fields let all pass.
type Query struct {
	Kind, Subject string
	State         State
	After         string // the id that the page before ended with
	Limit         int
}

// List gives jobs, newest first, without their parameters.
func (r *Runner) List(ctx context.Context, q Query) (items []Job, next string, err error) {
	after := q.After
	for {
		rows, err := r.Keeper.Jobs(ctx, after, listStep)
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			after = row.ID
			j, err := r.now(row)
			if err != nil {
				return nil, "", err
			}
			if !q.passes(j) {
				continue
			}
			if len(items) == q.Limit {
				return items, items[q.Limit-1].ID, nil
			}
			j.Params = nil
			items = append(items, *j)
		}
		if len(rows) < listStep {
			return items, "", nil
		}
	}
}

func (q *Query) passes(j *Job) bool {
	return (q.Kind == "" || j.Kind == q.Kind) && (q.Subject == "" || j.Subject == q.Subject) && (q.State == "" || j.State == q.State)
}

// now is a kept job as it stands in this moment.
func (r *Runner) now(row Row) (*Job, error) {
	j, err := decode(row)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", row.ID, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.running[row.ID]; x != nil {
		j.Status = x.job.Status
	}
	return j, nil
}

// Cancel stops a job. One that runs ends soon after; what it did stays.
func (r *Runner) Cancel(ctx context.Context, id string) (Job, error) {
	r.mu.Lock()
	x := r.running[id]
	if x == nil {
		r.mu.Unlock()
		j, err := r.Get(ctx, id)
		if err == nil {
			err = fault.Errorf(fault.Conflict, "job_ended", "the job is %s: there is nothing to cancel", j.State)
		}
		return Job{}, err
	}
	if x.cancel != nil {
		x.cancel(errCancelled)
		j := x.job
		r.mu.Unlock()
		return j, nil
	}
	x.ended = true
	r.mu.Unlock()
	if err := r.end(ctx, x, errCancelled); err != nil {
		return Job{}, err
	}
	return r.Get(ctx, id)
}

// keep makes the status of a job durable, and waits until it can be read.
func (r *Runner) keep(ctx context.Context, x *running) error {
	return r.write(ctx, x, r.Keeper.KeepJob)
}

// note makes the status of a job that goes on durable.
func (r *Runner) note(ctx context.Context, x *running) error {
	return r.write(ctx, x, r.Keeper.NoteJob)
}

// write gives the status of a job to its keeper, one at a time.
func (r *Runner) write(ctx context.Context, x *running, to func(context.Context, Row) error) error {
	x.keepMu.Lock()
	defer x.keepMu.Unlock()
	r.mu.Lock()
	x.job.Version++
	x.saved = r.Clock()
	row, err := x.job.encode(false)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	// What is told of the job must get there though the job itself is cancelled.
	if err := to(context.WithoutCancel(ctx), row); err != nil {
		return fmt.Errorf("keep job %s: %w", x.job.ID, err)
	}
	return nil
}

// end gives a job its final state and lets go of it.
func (r *Runner) end(ctx context.Context, x *running, why error) error {
	r.mu.Lock()
	x.job.Finished, x.job.Error, x.job.RetryAt = r.Clock.Now(), "", 0
	switch {
	case why == nil:
		x.job.State = Done
	case errors.Is(why, errCancelled):
		x.job.State = Cancelled
	default:
		x.job.State, x.job.Error = Failed, reason(why)
	}
	r.mu.Unlock()
	err := r.keep(ctx, x)
	r.mu.Lock()
	delete(r.running, x.job.ID)
	r.mu.Unlock()
	return err
}

// reason is what of an error may be shown.
func reason(err error) string {
	if f := fault.Of(err); f != nil {
		return f.Message
	}
	return "an error of the server: the log says which"
}
