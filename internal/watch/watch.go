// Package watch lets people look on while events come in: what passed the door,
// what became of it and how long each stage took. It holds the newest events in
// memory, only while somebody looks, and never decides or stores anything.
package watch

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/clock"
	"rapport/internal/pipeline"
)

// What became of an event.
const (
	Stored  = "stored"      // in the log, and applied where Applied is set
	Refused = "refused"     // not kept; Reason says why
	Letter  = "dead_letter" // not understood, and kept for somebody to repair
)

const (
	kept     = 4096             // events that are held at most
	interest = 30 * time.Second // how long one look keeps the door watched
	patience = 3 * time.Second  // how long an event's end is waited for
	queued   = 256              // requests that wait for their end
)

// Spine takes requests into the log.
type Spine interface {
	Accept(ctx context.Context, s *pipeline.Submission) (pipeline.Receipt, error)
	WaitApplied(ctx context.Context, r pipeline.Receipt) error
}

// Door stands before a spine. It is safe for concurrent use.
type Door struct {
	Spine
	clock clock.Clock
	until atomic.Int64 // somebody looks until this instant
	queue chan *request
	stop  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	ring    []LiveEvent // the newest at the end
	next    uint64      // number of the next event
	era     uint64      // how often everything was forgotten
	arrived chan struct{}
}

// New makes a door; Close ends it.
func New(spine Spine, c clock.Clock) *Door {
	d := &Door{
		Spine: spine, clock: c, queue: make(chan *request, queued), stop: make(chan struct{}), done: make(chan struct{}),
		next: 1, arrived: make(chan struct{}),
	}
	go d.follow()
	return d
}

// Close ends the door; requests that are under way are not shown.
func (d *Door) Close() {
	close(d.stop)
	<-d.done
}

// Accept hands a request on, and notes what it brought where somebody looks.
func (d *Door) Accept(ctx context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	now := d.clock.Now()
	if int64(now) >= d.until.Load() {
		return d.Spine.Accept(ctx, s)
	}
	r := newRequest(s, now)
	d.mu.Lock()
	r.era = d.era
	d.mu.Unlock()
	receipt, err := d.Spine.Accept(context.WithValue(ctx, requestKey{}, r), s)
	if err != nil {
		return receipt, err // nothing of it was received
	}
	r.settle(s, receipt, d.clock.Now())
	select {
	case d.queue <- r:
	default:
		d.mu.Lock()
		d.skip(r) // too many came at once
		d.mu.Unlock()
	}
	return receipt, nil
}

// skip leaves a gap in the numbers for a request that is not shown. The caller
// holds the lock.
func (d *Door) skip(r *request) { d.next += uint64(len(r.events)) }

// Forget lets go of all that is held and of what is under way: somebody is
// erased, who may be in it.
func (d *Door) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ring = nil
	d.era++
	for {
		select {
		case r := <-d.queue:
			d.skip(r)
		default:
			return
		}
	}
}

// lapse lets go of what is held where nobody looks any more.
func (d *Door) lapse() {
	if int64(d.clock.Now()) < d.until.Load() {
		return
	}
	d.mu.Lock()
	d.ring = nil
	d.mu.Unlock()
}

// follow waits until requests are applied, many at once, and shows them.
func (d *Door) follow() {
	defer close(d.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-d.stop
		cancel()
	}()
	look := time.NewTicker(interest)
	defer look.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-look.C:
			d.lapse()
		case first := <-d.queue:
			d.show(ctx, d.drain(first))
		}
	}
}

func (d *Door) drain(first *request) []*request {
	all := []*request{first}
	for {
		select {
		case r := <-d.queue:
			all = append(all, r)
		default:
			return all
		}
	}
}

func (d *Door) show(ctx context.Context, all []*request) {
	last := pipeline.Receipt{}
	for _, r := range all {
		last.Position = max(last.Position, r.receipt.Position)
	}
	limit, cancel := context.WithTimeout(ctx, patience)
	err := d.WaitApplied(limit, last)
	cancel()
	now := d.clock.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range all {
		if r.era != d.era {
			d.skip(r)
			continue
		}
		for i := range r.events {
			e := &r.events[i]
			if err == nil && e.Outcome == Stored {
				e.Applied = &now
			}
			e.Number = d.next
			d.next++
			d.ring = append(d.ring, *e)
		}
	}
	if over := len(d.ring) - kept; over > 0 {
		d.ring = append(d.ring[:0:0], d.ring[over:]...)
	}
	close(d.arrived)
	d.arrived = make(chan struct{})
}

// LivePage is what came since a look before.
type LivePage struct {
	Items  []LiveEvent `json:"items" nullable:"false" doc:"Oldest first"`
	Next   uint64      `json:"next" doc:"after of the next look"`
	Missed uint64      `json:"missed" doc:"Events since the look before that came too fast to be shown"`
}

// Query is a look.
type Query struct {
	After uint64 // Next of the look before; zero: what is held
	Limit int
	Wait  time.Duration // for something to show
}

// Look gives the events after a number; where there is none it waits for some.
// Looking keeps the door watched for a while.
func (d *Door) Look(ctx context.Context, q Query) LivePage {
	limit, cancel := context.WithTimeout(ctx, q.Wait)
	defer cancel()
	for {
		d.keep()
		page, arrived := d.since(q)
		if len(page.Items) > 0 || page.Missed > 0 {
			return page
		}
		select {
		case <-limit.Done():
			return page
		case <-arrived:
		}
	}
}

// keep says that somebody looks. What an earlier visitor left is gone.
func (d *Door) keep() {
	now := d.clock.Now()
	if before := d.until.Swap(int64(now.Add(interest))); before < int64(now) {
		d.mu.Lock()
		d.ring = nil
		d.mu.Unlock()
	}
}

func (d *Door) since(q Query) (LivePage, chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := q.After
	if after >= d.next {
		after = 0 // of another process
	}
	page := LivePage{Items: []LiveEvent{}, Next: d.next - 1}
	if len(d.ring) == 0 {
		return page, d.arrived
	}
	from, _ := slices.BinarySearchFunc(d.ring, after+1, func(e LiveEvent, n uint64) int { return cmp.Compare(e.Number, n) })
	// Who looks seldom sees the newest.
	page.Items = append(page.Items, d.ring[max(from, len(d.ring)-q.Limit):]...)
	if after > 0 {
		page.Missed = d.next - 1 - after - uint64(len(page.Items))
	}
	return page, d.arrived
}
