package responder

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/profile/shown"
)

type instant = clock.Instant

// recorder writes decisions down behind the backs of those who asked. What was
// decided a moment ago is in memory, so the next answer knows it.
type recorder struct {
	queue   chan entry
	stop    chan struct{} // closed to end; the queue never is: who decides may still send
	ended   chan struct{} // closed when nothing is written any more
	running atomic.Bool
	lost    atomic.Uint64
	last    pipeline.Receipt // of the goroutine that writes
}

// entry is one of: a decision to be written, somebody who waits for what is
// written by now, a place in the log that those who wait also wait for.
type entry struct {
	body  []byte
	flush chan pipeline.Receipt
	at    pipeline.Receipt
}

const (
	maxQueue  = 8192
	maxBatch  = 256
	gatherFor = 10 * time.Millisecond
	retryFor  = 10 * time.Second
)

func (c *recorder) init() {
	c.queue, c.stop, c.ended = make(chan entry, maxQueue), make(chan struct{}), make(chan struct{})
}

func (c *recorder) start(r *Responder) {
	c.running.Store(true)
	go func() {
		defer close(c.ended)
		r.write()
	}()
}

func (c *recorder) close() {
	if c.running.Swap(false) {
		close(c.stop)
		<-c.ended
	}
}

func (c *recorder) flush(ctx context.Context) (pipeline.Receipt, error) {
	if !c.running.Load() {
		return pipeline.Receipt{}, nil
	}
	done := make(chan pipeline.Receipt, 1)
	select {
	case c.queue <- entry{flush: done}:
	case <-c.ended:
		return c.last, nil
	case <-ctx.Done():
		return pipeline.Receipt{}, context.Cause(ctx)
	}
	select {
	case at := <-done:
		return at, nil
	case <-c.ended:
		return c.last, nil
	case <-ctx.Done():
		return pipeline.Receipt{}, context.Cause(ctx)
	}
}

// Lost is how many decisions could not be written down since the start.
func (r *Responder) Lost() uint64 { return r.record.lost.Load() }

func (r *Responder) write() {
	c := &r.record
	b := batch{bodies: make([][]byte, 0, maxBatch)}
	for {
		first, more := c.next()
		if !more {
			return
		}
		b.bodies, b.waiting = b.bodies[:0], nil
		c.gather(&b, first)
		r.tell(b.bodies)
		for _, w := range b.waiting {
			w <- c.last
		}
	}
}

// batch is what is written in one step, and who waits for it.
type batch struct {
	bodies  [][]byte
	waiting []chan pipeline.Receipt
}

// gather adds what comes within a short time: nobody waits for it, and many in
// one step cost the log and the lanes far less. Where somebody does wait, or it
// ends, it takes what is there.
func (c *recorder) gather(b *batch, first entry) {
	over := time.NewTimer(gatherFor)
	defer over.Stop()
	for e := first; ; {
		switch {
		case e.flush != nil:
			b.waiting = append(b.waiting, e.flush)
		case e.body != nil:
			b.bodies = append(b.bodies, e.body)
		default:
			c.reached(e.at)
		}
		if len(b.bodies) == maxBatch {
			return
		}
		select {
		case e = <-c.queue:
			continue
		default:
		}
		if len(b.waiting) > 0 || len(b.bodies) == 0 {
			return
		}
		select {
		case e = <-c.queue:
		case <-over.C:
			return
		case <-c.stop:
			return
		}
	}
}

// reached notes how far in the log those have to wait who ask from now on.
func (c *recorder) reached(at pipeline.Receipt) {
	if at.Position > c.last.Position {
		c.last = at
	}
}

// await lets those who flush wait for a place in the log too. Where very much is
// to be written they do not.
func (c *recorder) await(at pipeline.Receipt) {
	select {
	case c.queue <- entry{at: at}:
	default:
	}
}

// next gives what comes next to be written; false: it has ended and nothing waits.
func (c *recorder) next() (entry, bool) {
	select {
	case e := <-c.queue:
		return e, true
	case <-c.stop:
	}
	select {
	case e := <-c.queue:
		return e, true
	default:
		return entry{}, false
	}
}

// tell hands decisions to the log; where it is behind it tries again for a while.
func (r *Responder) tell(bodies [][]byte) {
	if len(bodies) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), retryFor)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause *= 2 {
		at, err := r.Tell(ctx, bodies)
		if err == nil {
			r.record.reached(at)
			return
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
			if fault.KindOf(err) == fault.Limited || fault.KindOf(err) == fault.Unavailable {
				continue
			}
		case <-ctx.Done():
			t.Stop()
		}
		r.record.lost.Add(uint64(len(bodies)))
		r.Log.Error("decisions were not written down", "decisions", len(bodies), "error", err)
		return
	}
}

// keep writes a decision down and remembers it until it can be read. The server
// vouches for it, so it stands under nobody whom the caller only claims to be.
func (r *Responder) keep(g *guest, h *shown.Held, channel, placement string) {
	r.recent.put(g.writes, h, channel, r.Clock.Now())
	if g.writes.Value == "" || !r.record.running.Load() {
		return
	}
	select {
	case r.record.queue <- entry{body: told(g, h, channel, placement)}:
	default:
		r.record.lost.Add(1)
	}
}

// keepTaken writes a decision down in one step with what is taken for it, and
// waits until that is in the log: there is no moment at which one is there and not
// the other. An error is that neither is.
func (r *Responder) keepTaken(ctx context.Context, g *guest, h *shown.Held, channel, placement string, taken []*pipeline.Reservation) error {
	at, err := r.TellTaken(ctx, told(g, h, channel, placement), taken)
	if err != nil {
		return err
	}
	r.recent.put(g.writes, h, channel, r.Clock.Now())
	r.record.await(at)
	return nil
}

// told is the event that tells of a decision.
func told(g *guest, h *shown.Held, channel, placement string) []byte {
	b := make([]byte, 0, 512)
	text := func(name, value string) {
		if value != "" {
			b = append(append(append(b, '"'), name...), `":`...)
			b = append(jsondoc.AppendString(b, value), ',')
		}
	}
	number := func(name string, n int64) {
		b = append(append(append(b, '"'), name...), `":`...)
		b = append(strconv.AppendInt(b, n, 10), ',')
	}
	b = append(b, `{"type":"track","channel":"server",`...)
	text("event", shown.DecisionMade)
	text("messageId", h.ID)
	text("timestamp", h.Time.String())
	switch g.writes.Namespace {
	case event.UserID:
		text("userId", g.writes.Value)
	case event.AnonymousID:
		text("anonymousId", g.writes.Value)
	default:
		b = append(b, `"context":{"externalIds":[{`...)
		text("type", g.writes.Namespace)
		text("id", g.writes.Value)
		b = append(b, `"collection":"users"}]},`...)
	}
	b = append(b, `"properties":{`...)
	text("decision_id", h.ID)
	text("channel", channel)
	text("valid_until", h.Until.String())
	text("basis", strconv.FormatUint(h.Basis, 16))
	text("placement", placement)
	text("experience", h.Experience)
	text("variant", h.Variant)
	if h.Experience != "" {
		number("experience_version", int64(h.Version))
	}
	b = append(b, `"items":[`...)
	for i, item := range h.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		text("offer", item.Offer)
		number("offer_version", int64(item.Version))
		b[len(b)-1] = '}'
	}
	return append(b, `]}}`...)
}

// recent remembers decisions that may not be readable yet.
type recent struct {
	mu          sync.Mutex
	now, past   map[recentKey]*shown.Held
	given, gone map[id.Key][]experience.Given // at most mostGiven of each person
	turned      instant
}

type recentKey struct {
	who   id.Key
	place string
}

// forget is how long a decision is remembered at least: longer than it takes to
// become readable. mostRecent bounds how many are.
const (
	forget     = 15 * time.Second
	mostRecent = 100_000
	mostGiven  = 100 // of one person: caps count no further
)

func (c *recent) put(who event.Identifier, h *shown.Held, channel string, now instant) {
	if who.Value == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil || now.Sub(c.turned) > forget || len(c.now) > mostRecent {
		c.now, c.past, c.turned = map[recentKey]*shown.Held{}, c.now, now
		c.given, c.gone = map[id.Key][]experience.Given{}, c.given
	}
	k := who.Key()
	c.now[recentKey{k, h.Place}] = h
	if h.Experience != "" && len(c.given[k]) < mostGiven {
		c.given[k] = append(c.given[k], experience.Given{Experience: h.Experience, Channel: channel, At: h.Time})
	}
}

// experiences are those that somebody known by some identifiers was given.
func (c *recent) experiences(idents []event.Identifier) (out []experience.Given) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range idents {
		k := i.Key()
		out = append(append(out, c.gone[k]...), c.given[k]...)
	}
	return out
}

// get gives what was decided last for somebody known by some identifiers.
func (c *recent) get(idents []event.Identifier, place string) (held *shown.Held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range idents {
		k := recentKey{i.Key(), place}
		h := c.now[k]
		if h == nil {
			h = c.past[k]
		}
		if h != nil && (held == nil || h.Time > held.Time) {
			held = h
		}
	}
	return held
}
