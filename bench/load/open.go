package load

import (
	"context"
	"time"
)

// Answers are what a server said to an open job.
type Answers struct {
	Status map[int]int // how often, by status; zero: the connection broke
	Mute   int         // of 429 and 503, those that did not say when to come again
	Wait   Histogram   // how long refusals asked to wait
	Refuse Histogram   // how long it took to hear a refusal
	Late   int         // requests that were due so long ago that they were left out
	Second []Histogram // of what was taken, by the second in which it was due
}

func (a *Answers) merge(o *Answers) {
	if a.Status == nil {
		a.Status = map[int]int{}
	}
	for status, n := range o.Status {
		a.Status[status] += n
	}
	a.Mute += o.Mute
	a.Late += o.Late
	a.Wait.Merge(&o.Wait)
	a.Refuse.Merge(&o.Refuse)
	for i := range o.Second {
		a.at(i).Merge(&o.Second[i])
	}
}

func (a *Answers) at(second int) *Histogram {
	for len(a.Second) <= second {
		a.Second = append(a.Second, Histogram{})
	}
	return &a.Second[second]
}

// giveUp is how late a request of an open job is sent at most: where all
// connections wait for the server, what was due meanwhile was not offered.
const giveUp = time.Second

// offering is a worker of an open job.
type offering struct {
	c      *conn
	bodies *Bodies
	body   []byte // one that was refused: its events come with the next request
}

// offer sends what is due, whatever becomes of it.
func (r *run) offer(ctx context.Context, o *offering, own *Result) error {
	own.Open.Status = map[int]int{}
	defer func() { _ = o.c.net.Close() }() // it may be another than the first
	for {
		n, due := r.claim()
		if n <= 0 {
			return nil
		}
		if err := wait(ctx, time.Until(due)); err != nil {
			return err
		}
		if time.Since(due) > giveUp {
			own.Open.Late++
			continue
		}
		if err := r.offerOne(ctx, o, batchOf{n, due}, own); err != nil {
			return err
		}
	}
}

func (r *run) offerOne(ctx context.Context, o *offering, b batchOf, own *Result) error {
	if o.body == nil {
		o.body = o.bodies.AppendBatch(o.c.room(), b.n, time.Now())
	}
	begin := time.Now()
	a, err := o.c.exchange(o.body)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	own.Open.Status[a.status]++
	switch {
	case err != nil:
		// Whether the events were taken is not known: the same are sent again.
		body := o.body
		_ = o.c.net.Close()
		if o.c, err = dial(ctx, r.Address, r.head(), r.WriteKey); err != nil {
			return err
		}
		o.body = append(o.c.room(), body[headRoom:]...)
	case a.status == 200:
		took := time.Since(b.due)
		own.Latency.Add(took)
		own.Open.at(int(b.due.Sub(r.start) / time.Second)).Add(took)
		own.Requests++
		own.Events += b.n
		own.Bytes += int64(len(o.body) - headRoom)
		o.body = nil
	default:
		own.Refused++
		own.Open.Refuse.Add(time.Since(begin))
		if a.retryAfter == 0 {
			own.Open.Mute++
		} else {
			own.Open.Wait.Add(a.retryAfter)
		}
	}
	return nil
}
