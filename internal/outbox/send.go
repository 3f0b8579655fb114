package outbox

import (
	"cmp"
	"context"
	"time"

	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/pipeline"
	"rapport/internal/trace"
)

// The limits of a sink that says none.
const (
	defaultConcurrency = 4
	defaultTimeout     = 10 * time.Second
	longestQuiet       = time.Hour
)

// pump sends what waits, for as long as the outbox runs.
func (l *line) pump() {
	ctx := l.ctx
	for !l.stopped() {
		did, err := l.refill(ctx)
		if err != nil {
			l.Log.Error("messages cannot be read", "destination", l.key, "error", err)
		}
		wait := time.Hour
		switch {
		case err != nil:
			wait = l.Pace.First
		case l.gone():
		case l.open(ctx):
			wait = l.sendAll(ctx)
		default:
			wait = l.Pace.First
		}
		if did && err == nil && wait > 0 {
			l.mu.Lock()
			again := l.spilled && len(l.queue.known) <= queueMessages/4
			l.mu.Unlock()
			if again {
				continue
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-l.wake:
		case <-t.C:
		case <-l.stop:
		}
		t.Stop()
	}
}

// gone settles what waits for a destination that is not there any more.
func (l *line) gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		return false
	}
	now := time.Now()
	l.queue.hurry(now)
	l.queue.wake(now)
	for {
		list := l.queue.take(queueMessages, 0)
		if len(list) == 0 {
			return true
		}
		for _, m := range list {
			l.write(m, effect.NotSent, l.why, destination.Result{}, 0)
			l.queue.done(m)
		}
	}
}

// open makes the sink where there is none.
func (l *line) open(ctx context.Context) bool {
	l.mu.Lock()
	target, version, have, reopen := l.target, l.version, l.sink != nil, l.reopen
	l.mu.Unlock()
	if have || target == nil || l.stopped() {
		return have
	}
	if l.Clock().Before(reopen) {
		return false
	}
	s, err := l.makeSink(ctx, target)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.version != version || l.ended || l.stopped() {
		l.retire(s)
		return false
	}
	if err != nil {
		l.pausing = min(max(2*l.pausing, l.Pace.First), l.Pace.Longest)
		l.problem, l.reopen = err.Error(), l.Clock().Add(l.pausing)
		return false
	}
	l.sink, l.problem, l.pausing = s, "", 0
	return true
}

// sendAll begins as many calls as may run at once, and tells how long to wait
// before something can be sent again that nobody tells of.
func (l *line) sendAll(ctx context.Context) time.Duration {
	for {
		batch, s, wait := l.next()
		if len(batch) == 0 {
			return wait
		}
		l.work.Go(func() {
			defer s.calls.Done()
			l.call(ctx, s, batch)
		})
	}
}

// next takes a batch that may be sent now.
func (l *line) next() (batch []*message, s *opened, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Clock()
	wait = time.Hour
	if due := l.queue.wake(now); !due.IsZero() {
		wait = due.Sub(now)
	}
	if at := l.rest; at.After(now) {
		wait = min(wait, at.Sub(now))
	}
	if len(l.queue.ready) == 0 || l.sink == nil || l.stopped() || !l.control.sends(now) || !l.above.sends(now) {
		return nil, nil, wait
	}
	if now.Before(l.quiet) {
		return nil, nil, l.quiet.Sub(now)
	}
	limits := &l.sink.limits
	if len(l.flying) >= cmp.Or(l.target.AtOnce, limits.Concurrency, defaultConcurrency) {
		return nil, nil, wait // the end of a call wakes
	}
	if more := l.gathers(now); more > 0 {
		return nil, nil, min(wait, more)
	}
	may, trial := l.breaker.may(now)
	if !may {
		return nil, nil, max(l.breaker.until.Sub(now), time.Millisecond)
	}
	n := min(max(limits.Batch, 1), len(l.queue.ready))
	if trial {
		n = 1
	}
	if !l.control.released(now) {
		room := l.brake.room(now, l.target.StopAt)
		if room <= 0 {
			l.halt()
			return nil, nil, wait
		}
		n = min(n, room)
	}
	n, pause := l.rate.take(n, cmp.Or(l.target.PerSecond, limits.Rate), now)
	if n == 0 {
		return nil, nil, max(pause, time.Millisecond)
	}
	batch = l.queue.take(n, limits.Bytes)
	l.rate.give(n - len(batch))
	l.brake.sent += len(batch)
	l.breaker.trying = trial
	l.flying[batch[0]] = make(chan struct{})
	l.sink.calls.Add(1)
	return batch, l.sink, 0
}

// call delivers a batch, and does what its results ask for.
func (l *line) call(ctx context.Context, s *opened, batch []*message) {
	allowed := l.allowed(ctx, l.unerased(ctx, batch))
	c := called{allowed: allowed}
	if len(allowed) > 0 {
		limit, cancel := context.WithTimeout(ctx, cmp.Or(s.limits.Timeout, defaultTimeout))
		limit, step := trace.Root(limit, l.Tracer, "delivery")
		l.hand(limit, s, &c)
		l.described(step, &c)
		cancel()
	}
	l.finish(ctx, batch, c)
}

// described says what a call was and what came of it.
func (l *line) described(step trace.Span, c *called) {
	if !step.On() {
		return
	}
	step.Text("destination", l.key)
	step.Number("messages", len(c.results))
	for i := range c.results {
		if o := c.results[i].Outcome; o != destination.Delivered {
			step.Failed(string(o))
			break
		}
	}
	step.End()
}

// hand gives messages to the sink. What it says of each at once is taken at
// once: the less a crash finds open, the less is sent again.
func (l *line) hand(ctx context.Context, s *opened, c *called) {
	out := make([]destination.Message, len(c.allowed))
	for i, m := range c.allowed {
		out[i] = m.outside()
	}
	start := time.Now()
	teller, each := s.Sink.(destination.Teller)
	if !each {
		c.results = s.Send(ctx, out)
		if c.took = time.Since(start); len(c.results) != len(out) {
			c.results = destination.Same(len(out), destination.Result{Outcome: destination.Retry, Reason: "the destination gave another number of results than it was given messages"})
		}
		return
	}
	c.results = destination.Same(len(out), destination.Result{Outcome: destination.Retry, Reason: "the destination said nothing of it"})
	c.taken = make([]bool, len(out))
	teller.SendEach(ctx, out, func(i int, r destination.Result) {
		c.results[i] = r
		if r.Outcome == destination.Retry {
			return // what is wrong with the call is seen when it is over
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		c.taken[i] = true
		l.take(l.ctx, c.allowed[i], &r, time.Since(start))
	})
	c.took = time.Since(start)
}

// allowed leaves out those whose consent was withdrawn, or whom nobody knows
// any more: they are settled.
func (l *line) allowed(ctx context.Context, batch []*message) []*message {
	l.mu.Lock()
	target := l.target
	l.mu.Unlock()
	if target == nil || target.Consent == nil {
		return batch
	}
	out := make([]*message, 0, len(batch))
	for _, m := range batch {
		now := l.now()
		if m.Last || now.Sub(m.checked) < time.Second {
			out = append(out, m)
			continue
		}
		who, err := l.Spine.Subject(ctx, m.Anchor, false, uses(target))
		switch {
		case err != nil || who != nil && who.Permission.Allowed:
			if m.unasked = err != nil; !m.unasked {
				m.checked = now
				out = append(out, m)
			}
		case who == nil:
			m.refused = effect.Erased
		default:
			m.refused = who.Permission.Reason
		}
	}
	return out
}

// called is what came of a call.
type called struct {
	allowed []*message
	results []destination.Result
	took    time.Duration
	taken   []bool // those of which it was taken before; nil: none
}

// finish takes what came of a call.
func (l *line) finish(ctx context.Context, batch []*message, c called) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.nudge()
	defer close(l.flying[batch[0]]) // when what came of it is noted
	delete(l.flying, batch[0])
	now := l.Clock()
	worked, tried, reason := false, len(c.allowed) > 0, ""
	for i, m := range c.allowed {
		r := &c.results[i]
		worked = worked || r.Outcome != destination.Retry
		reason = cmp.Or(reason, r.Reason)
		if r.RetryAfter > 0 {
			l.quiet = now.Add(min(r.RetryAfter, longestQuiet))
		}
		if c.taken == nil || !c.taken[i] {
			l.take(ctx, m, r, c.took)
		}
	}
	for _, m := range batch {
		switch {
		case m.refused != "":
			l.write(m, effect.NotSent, m.refused, destination.Result{}, 0)
			l.queue.done(m)
		case m.unasked:
			m.unasked = false
			m.due = now.Add(l.Pace.First)
			l.queue.delay(m)
		}
	}
	l.breaker.trying = false
	switch {
	case !tried || ctx.Err() != nil:
	case !worked:
		l.breaker.failed(now, l.away, cmp.Or(reason, "it does not answer"))
	default:
		if l.breaker.worked() {
			l.queue.hurry(now)
		}
	}
}

// take does what a result asks for.
func (l *line) take(ctx context.Context, m *message, r *destination.Result, took time.Duration) {
	now := l.Clock()
	m.attempts++
	switch {
	case r.Outcome == destination.Delivered:
		l.write(m, effect.Delivered, "", *r, took)
	case r.Outcome == destination.Refused:
		l.write(m, effect.Dead, "refused", *r, took)
	case ctx.Err() != nil: // the instance stops: it was no attempt
		m.attempts--
		m.due = now.Add(l.Pace.First)
		l.queue.delay(m)
		return
	case now.Sub(max(m.When, m.After).Time()) > l.giveUp(m):
		l.write(m, effect.Dead, "gave_up", *r, took)
	default:
		if m.attempts&(m.attempts-1) == 0 { // the first, second, fourth …
			l.write(m, effect.Retrying, "", *r, took)
		}
		m.due = now.Add(l.backoff(m.attempts - 1))
		l.queue.delay(m)
		return
	}
	l.queue.done(m)
}

// giveUp is how long a message is tried.
func (l *line) giveUp(m *message) time.Duration {
	switch {
	case l.target == nil:
		return 0
	case m.Last:
		return effect.FarewellKept
	}
	return time.Duration(l.target.GiveUp)
}

// backoff is how long to wait after n failures: twice as long each time, and
// somewhere in the upper half of that, so that many do not come back at once.
func (l *line) backoff(n int) time.Duration {
	d := l.Pace.Longest
	if n < 30 {
		d = min(l.Pace.First<<n, l.Pace.Longest)
	}
	return d/2 + time.Duration(l.chance()*float64(d/2))
}

// away is how long a destination is left alone that failed n times more than it
// may. One call is cheap, and who is back wants to hear soon.
func (l *line) away(n int) time.Duration {
	return min(l.backoff(n), max(l.Pace.Longest/20, l.Pace.First))
}

// write writes down what came of a message.
func (l *line) write(m *message, outcome effect.Outcome, reason string, r destination.Result, took time.Duration) {
	person := m.Person
	if reason == effect.Erased || outcome == effect.NotSent && m.era != l.era.Load() {
		person = "" // perhaps nobody any more: the log is not to name them again
	}
	f := effect.Fact{
		Op: effect.OpResult, Destination: m.Destination, Version: l.version, Position: m.Position, Segment: m.Segment, ID: m.ID, As: m.As, Person: person,
		Time: m.Time, When: l.now(), Outcome: outcome, Reason: reason, Text: r.Reason, Attempt: m.attempts, Status: r.Status,
		Took: took.Microseconds(), Request: string(r.Request), Answer: string(r.Answer), Sent: uint64(m.sent), Last: m.Last,
	}
	if m.Last && outcome.Final() { // what was said of the person goes before this is written down
		f.Person, f.Text, f.Request, f.Answer = "", "", "", ""
	}
	select {
	case l.notes <- notice{Effect: pipeline.Effect{Anchor: m.Anchor, Fact: f}}:
	case <-l.ctx.Done(): // it is sent again after the next start
	}
}
