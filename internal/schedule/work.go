package schedule

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/trace"
)

// maxAttempts is how often a job that cannot be done at present is tried again.
const maxAttempts = 8

// work does the jobs of a kind, one after the other.
func (r *Runner) work(l *line) {
	for {
		x, pause := r.next(l)
		if x != nil {
			r.do(l, x)
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-l.wake:
		case <-timer.C:
		case <-r.context.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// next takes the first job whose time has come, or tells how long to wait.
func (r *Runner) next(l *line) (*running, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.context.Err() != nil {
		return nil, 0
	}
	now, pause := r.Clock.Now(), time.Hour
	for i := 0; i < len(l.queue); i++ {
		x := l.queue[i]
		if x.ended {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			i--
			continue
		}
		if x.job.RetryAt > now {
			pause = min(pause, x.job.RetryAt.Sub(now))
			continue
		}
		l.queue = append(l.queue[:i], l.queue[i+1:]...)
		return x, 0
	}
	return nil, pause
}

// do runs one job and notes what came of it.
func (r *Runner) do(l *line, x *running) {
	ctx, cancel := context.WithCancelCause(r.context)
	defer cancel(nil)
	r.mu.Lock()
	if x.ended {
		r.mu.Unlock()
		return
	}
	x.cancel = cancel
	x.job.State, x.job.RetryAt, x.job.Error = Running, 0, ""
	if x.job.Started == 0 {
		x.job.Started = r.Clock.Now()
	}
	r.mu.Unlock()
	err := r.keep(ctx, x)
	if err == nil {
		err = r.attempt(ctx, l, x)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	switch kind := fault.KindOf(err); {
	case errors.Is(err, ErrStopping):
		if err := r.keep(ctx, x); err != nil {
			r.Log.Warn("the place of a job was not kept", "job", x.job.ID, "error", err)
		}
		return
	case err != nil && (kind == fault.Unavailable || kind == fault.Limited) && (x.job.Attempts < maxAttempts || full(err)):
		r.later(ctx, l, x, err)
		return
	case err != nil && kind == fault.Internal && !errors.Is(err, errCancelled):
		r.Log.Error("job failed", "job", x.job.ID, "kind", x.job.Kind, "error", err)
	}
	if err := r.end(ctx, x, err); err != nil {
		r.Log.Error("the end of a job was not kept", "job", x.job.ID, "error", err)
	}
}

// attempt calls the worker; a panic is its failure, not the instance's.
func (r *Runner) attempt(ctx context.Context, l *line, x *running) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("job panicked: %v\n%s", p, debug.Stack())
		}
	}()
	_, step := trace.Root(ctx, r.Tracer, "job")
	defer step.End()
	step.Text("kind", x.job.Kind)
	if err = l.work(ctx, &Task{r, x}); err != nil && step.On() {
		step.Failed(failure(err))
	}
	return err
}

// failure is the code of an error.
func failure(err error) string {
	if f := fault.Of(err); f != nil && f.Code != "" {
		return f.Code
	}
	return "failed"
}

// later lets a job wait before it is tried again, longer each time.
func (r *Runner) later(ctx context.Context, l *line, x *running, why error) {
	r.mu.Lock()
	pause := time.Duration(math.Pow(2, float64(x.job.Attempts))) * time.Second
	if full(why) {
		pause = fullPause
	} else {
		x.job.Attempts++
	}
	x.job.State, x.job.Error, x.job.RetryAt = Waiting, reason(why), clock.From(r.Clock().Add(pause))
	x.cancel = nil
	l.queue = append(l.queue, x)
	r.mu.Unlock()
	if err := r.keep(ctx, x); err != nil {
		r.Log.Warn("a waiting job was not kept", "job", x.job.ID, "error", err)
	}
}

// fullPause is how long a job waits for room on the disk before it looks again. It
// is no failure of the job however long that takes.
const fullPause = 3 * time.Second

func full(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Code == fault.DiskFull
}

// watch asks the calendars what is due.
func (r *Runner) watch() {
	every := time.NewTicker(r.Tick)
	defer every.Stop()
	for {
		r.due(r.context)
		select {
		case <-every.C:
		case <-r.context.Done():
			return
		}
	}
}

func (r *Runner) due(ctx context.Context) {
	now := r.Clock()
	for _, c := range r.calendar {
		for _, q := range c(ctx, now) {
			if _, err := r.Once(ctx, q, clock.From(now.UTC().Truncate(24*time.Hour))); err != nil {
				r.Log.Error("a job that is due was not begun", "kind", q.Kind, "subject", q.Subject, "error", err)
			}
		}
	}
}

// Once makes the job of a key for a day, or gives the one that there is.
func (r *Runner) Once(ctx context.Context, q Request, day clock.Instant) (Job, error) {
	if r.workers[q.Kind] == nil {
		return Job{}, fault.Errorf(fault.Invalid, "unknown_job_kind", "there are no jobs of kind %q", q.Kind)
	}
	id := keyedID(day, q.Kind, q.Key)
	if j, err := r.Get(ctx, id); err == nil {
		return j, nil
	} else if fault.KindOf(err) != fault.NotFound {
		return Job{}, err
	}
	return r.submit(ctx, q, id)
}
