package responder

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/id"
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
	maxQueue = 8192
	maxBatch = 256
	retryFor = 10 * time.Second
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
	bodies := make([][]byte, 0, maxBatch)
	for {
		first, more := c.next()
		if !more {
			return
		}
		bodies = bodies[:0]
		var waiting []chan pipeline.Receipt
		for e, more := first, true; more; {
			switch {
			case e.flush != nil:
				waiting = append(waiting, e.flush)
			case e.body != nil:
				bodies = append(bodies, e.body)
			default:
				c.reached(e.at)
			}
			if more = len(bodies) < maxBatch; more {
				select {
				case e = <-c.queue:
				default:
					more = false
				}
			}
		}
		r.tell(bodies)
		for _, w := range waiting {
			w <- c.last
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
	body, err := told(g, h, channel, placement)
	if err != nil {
		r.Log.Error("decision cannot be written", "error", err)
		return
	}
	select {
	case r.record.queue <- entry{body: body}:
	default:
		r.record.lost.Add(1)
	}
}

// keepTaken writes a decision down in one step with what is taken for it, and
// waits until that is in the log: there is no moment at which one is there and not
// the other. An error is that neither is.
func (r *Responder) keepTaken(ctx context.Context, g *guest, h *shown.Held, channel, placement string, taken []*pipeline.Reservation) error {
	body, err := told(g, h, channel, placement)
	if err != nil {
		return err
	}
	at, err := r.TellTaken(ctx, body, taken)
	if err != nil {
		return err
	}
	r.recent.put(g.writes, h, channel, r.Clock.Now())
	r.record.await(at)
	return nil
}

// told is the event that tells of a decision.
func told(g *guest, h *shown.Held, channel, placement string) ([]byte, error) {
	items := make([]map[string]any, len(h.Items))
	for i, item := range h.Items {
		items[i] = map[string]any{"offer": item.Offer, "offer_version": item.Version}
	}
	properties := map[string]any{"decision_id": h.ID, "channel": channel, "valid_until": h.Until, "basis": hexOf(h.Basis), "items": items}
	for name, value := range map[string]string{"placement": placement, "experience": h.Experience, "variant": h.Variant} {
		if value != "" {
			properties[name] = value
		}
	}
	if h.Experience != "" {
		properties["experience_version"] = h.Version
	}
	doc := map[string]any{
		"type": "track", "event": shown.DecisionMade, "messageId": h.ID, "timestamp": h.Time, "channel": "server", "properties": properties,
	}
	switch g.writes.Namespace {
	case event.UserID:
		doc["userId"] = g.writes.Value
	case event.AnonymousID:
		doc["anonymousId"] = g.writes.Value
	default:
		doc["context"] = map[string]any{"externalIds": []any{map[string]any{"type": g.writes.Namespace, "id": g.writes.Value, "collection": "users"}}}
	}
	return json.Marshal(doc)
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
