package load

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Job is what to send.
type Job struct {
	Address  string // host:port
	WriteKey string
	Conns    int
	Batch    int     // events per request; 1 sends single events to /v1/track, which takes Tracks
	Events   int     // in all; with a Rate the job ends when they are sent
	Rate     float64 // events per second; zero: as fast as the server takes them
	Kind     Kind
	People   int
	Even     bool // every event's person drawn anew, instead of sessions
	Run      int  // tells the message ids of several jobs apart
	// Open: what is refused is not sent again; with the next that is due comes
	// whatever the server says. It needs a Rate.
	Open bool

	shape *Shape // of single events; nil: those of Kind
	alone template
}

// Result is how it went.
type Result struct {
	Events   int // acknowledged
	Requests int
	Bytes    int64 // of bodies that were acknowledged
	Refused  int   // answers 429, each sent again unless the job is open
	Elapsed  time.Duration
	Latency  Histogram // of what was taken: from the first byte sent to the answer; with a Rate from when it was due
	Open     Answers   // of an open job
}

// run is a job under way.
type run struct {
	Job
	claimed atomic.Int64
	start   time.Time
	mu      sync.Mutex
	total   Result
}

// Run sends a job's events over its connections and waits for all answers.
func Run(ctx context.Context, job Job) (Result, error) {
	r := &run{Job: job, start: time.Now()}
	group, ctx := errgroup.WithContext(ctx)
	for n := range job.Conns {
		group.Go(func() error { return r.worker(ctx, n) })
	}
	err := group.Wait()
	r.total.Elapsed = time.Since(r.start)
	return r.total, err
}

// claim takes the next events of the job: how many, and when they are due.
func (r *run) claim() (int, time.Time) {
	end := r.claimed.Add(int64(r.Batch))
	n := min(r.Batch, r.Batch-int(end)+r.Events)
	if r.Rate == 0 {
		return n, time.Time{}
	}
	return n, r.start.Add(time.Duration(float64(end) / r.Rate * float64(time.Second)))
}

func (r *run) worker(ctx context.Context, number int) error {
	c, err := dial(ctx, r.Address, r.head(), r.WriteKey)
	if err != nil {
		return err
	}
	hangUp := func() { _ = c.net.Close() } // every answer has been read by then
	defer hangUp()
	stop := context.AfterFunc(ctx, hangUp)
	defer stop()
	people := Sessions
	if r.Even {
		people = Uniform
	}
	bodies := NewBodies(r.Kind, people(uint64(r.Run)<<16|uint64(number), r.People), r.Run, number, r.Conns)
	var own Result
	defer func() { r.add(&own) }()
	if r.Open {
		return r.offer(ctx, &offering{c: c, bodies: bodies}, &own)
	}
	for {
		n, due := r.claim()
		if n <= 0 {
			return nil
		}
		if err := wait(ctx, time.Until(due)); !due.IsZero() && err != nil {
			return err
		}
		if err := r.request(ctx, c, bodies, batchOf{n, due}, &own); err != nil {
			return err
		}
	}
}

// head is the first line of each request and its headers.
func (r *run) head() string {
	path := "/v1/batch"
	switch {
	case r.shape != nil:
		return r.shape.head(&r.Job)
	case r.Batch == 1:
		path = "/v1/track"
	}
	return "POST " + path + " HTTP/1.1\r\nContent-Type: " + plainJSON + "\r\n"
}

// success is the status of an answer of success.
func (r *run) success() int {
	if r.shape != nil {
		return r.shape.Status
	}
	return http.StatusOK
}

type batchOf struct {
	n   int
	due time.Time
}

// request sends one body until it is taken.
func (r *run) request(ctx context.Context, c *conn, bodies *Bodies, b batchOf, own *Result) error {
	var room []byte
	if r.shape != nil {
		room = r.shape.append(bodies, &r.alone, c.room(), time.Now())
	} else if r.Batch == 1 {
		room = bodies.AppendEvent(c.room(), time.Now())
	} else {
		room = bodies.AppendBatch(c.room(), b.n, time.Now())
	}
	begin := b.due
	if begin.IsZero() {
		begin = time.Now()
	}
	for {
		a, err := c.exchange(room)
		switch {
		case err != nil:
			return err
		case a.status == r.success():
			own.Latency.Add(time.Since(begin))
			own.Requests++
			own.Events += b.n
			own.Bytes += int64(len(room) - headRoom)
			return nil
		case a.status != 429:
			return fmt.Errorf("the server answered %d", a.status)
		}
		own.Refused++
		// A whole second is the least that Retry-After can say, and a load that
		// waits that long measures the waiting; one that does not wait makes the
		// server read everything twice.
		if err := wait(ctx, min(a.retryAfter, 100*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (r *run) add(own *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total.Events += own.Events
	r.total.Requests += own.Requests
	r.total.Bytes += own.Bytes
	r.total.Refused += own.Refused
	r.total.Latency.Merge(&own.Latency)
	r.total.Open.merge(&own.Open)
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
