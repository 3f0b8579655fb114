package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// line is one destination: what waits for it, and whether it takes anything. It
// has its own workers and shares nothing with other lines.
type line struct {
	*Outbox
	key  string
	base string // of a broadcast: the key of the destination it goes through
	// stamp is what a broadcast is made of, to see that it changed. The outbox's
	// mutex guards it.
	stamp string
	wake  chan struct{} // has room for one: something changed
	work  sync.WaitGroup

	mu      sync.Mutex // guards the rest
	version int
	target  *effect.Target
	sink    *opened
	queue   queue
	flying  map[*message]chan struct{} // the calls under way by their first message; closed at the end
	control Control
	brake   brake
	breaker breaker
	rate    bucket
	quiet   time.Time // the other side asked to be left alone until then
	problem string    // why the sink cannot be opened
	reopen  time.Time
	pausing time.Duration // before it is tried again
	ended   bool          // the destination is not there any more
	why     string        // what is said of messages then
	above   Control       // of the destination that a broadcast goes through

	// What does not fit into memory is read from its rows, behind last. missed is
	// where the log has the latest that was left out, low the first of them in the
	// order of the rows since these were read last: rows do not come to be in their
	// order.
	spilled bool
	last    effect.Place
	missed  store.Position
	low     *effect.Place
	// rest is when the first of those in the rows may be sent, where none may now.
	rest time.Time
}

// opened is a sink with the calls that use it.
type opened struct {
	destination.Sink
	limits destination.Limits
	calls  sync.WaitGroup
	masker *destination.Masker
}

func newLine(o *Outbox, key string) *line {
	// What an earlier run left is in the rows.
	return &line{Outbox: o, key: key, wake: make(chan struct{}, 1), queue: newQueue(), flying: map[*message]chan struct{}{}, spilled: true}
}

func (l *line) start() {
	l.work.Go(l.pump)
}

func (l *line) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *line) is(version int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version == version && !l.ended
}

// become takes another version. Calls under way go on with the one before.
func (l *line) become(version int, t *effect.Target) {
	l.mu.Lock()
	old := l.sink
	l.version, l.target, l.sink, l.ended, l.why = version, t, nil, false, ""
	l.problem, l.reopen, l.pausing, l.breaker = "", time.Time{}, 0, breaker{}
	l.mu.Unlock()
	l.retire(old)
	l.nudge()
}

// end lets nothing more be sent: the destination is not there any more, or what
// it is told was given up.
func (l *line) end(why string) {
	l.mu.Lock()
	old := l.sink
	l.sink, l.target, l.ended, l.why, l.rest = nil, nil, true, why, time.Time{}
	l.mu.Unlock()
	l.retire(old)
	l.nudge()
}

// retire closes a sink once nobody uses it.
func (l *line) retire(s *opened) {
	if s == nil {
		return
	}
	l.work.Go(func() {
		s.calls.Wait()
		if err := s.Close(); err != nil {
			l.Log.Warn("destination did not close well", "destination", l.key, "error", s.masker.Text(err.Error()))
		}
	})
}

// close waits for the calls under way, and closes the sink.
func (l *line) close() {
	l.nudge()
	l.mu.Lock()
	s := l.sink
	l.sink = nil
	l.mu.Unlock()
	if s != nil {
		s.calls.Wait()
	}
	l.retire(s)
	l.work.Wait()
}

// current is the version that counts; nil: none.
func (l *line) current() (*effect.Target, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.target, l.version
}

// drains tells whether what happened at an instant is not taken any more.
func (l *line) drains(at clock.Instant) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.control.State == Draining && at >= l.control.Since
}

// push takes a message that is in the log. Where there is no room it is read
// from its row when its turn comes.
func (l *line) push(m *message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := m.place()
	if l.spilled || l.queue.full() || m.After > l.now() {
		l.spilled, l.missed = true, max(l.missed, m.sent)
		if l.low == nil || at.Compare(*l.low) < 0 {
			l.low = &at
		}
		l.nudge()
		return
	}
	l.queue.add(m)
	if at.Compare(l.last) > 0 {
		l.last = at
	}
	l.nudge()
}

// before is a place in front of one.
func before(p effect.Place) effect.Place {
	if p.Position == 0 {
		return effect.Place{}
	}
	return effect.Place{Position: p.Position - 1, ID: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
}

// refill reads messages from their rows, as many as there is room for. It tells
// whether anything was done.
func (l *line) refill(ctx context.Context) (bool, error) {
	l.mu.Lock()
	resting := l.rest.After(l.Clock()) && l.low == nil
	if !l.spilled || resting || len(l.queue.known) > queueMessages/4 || l.queue.bytes > queueBytes/4 {
		l.mu.Unlock()
		return false, nil
	}
	l.rest = time.Time{}
	if l.low != nil && l.low.Compare(l.last) <= 0 {
		l.last = before(*l.low)
	}
	l.low = nil
	after, missed := l.last, l.missed
	l.mu.Unlock()
	// Rows of several buckets do not come to be in the order of the log: only those
	// up to here are all there, what was left out among them.
	end := l.Spine.End()
	if err := l.Spine.Applied(ctx, end); err != nil {
		return false, err
	}
	rows, more, err := l.Spine.ToSend(ctx, l.key, after, false)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if row.Sent > end {
			more = true
			break
		}
		m, err := l.fetch(ctx, row)
		if err != nil {
			return false, err
		}
		if !l.admit(row.Place, m) {
			return true, nil
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !more && l.low == nil && l.missed == missed {
		l.spilled = false
	}
	return true, nil
}

// admit takes a message that was read from its row; nil is one that is not there
// any more. It tells whether there is room for another.
func (l *line) admit(at effect.Place, m *message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queue.full() {
		return false
	}
	if m != nil && m.After > l.now() && !l.ended {
		// They come in the order in which they may be sent.
		l.rest = m.After.Time()
		return false
	}
	if m != nil {
		l.queue.add(m)
	}
	l.last = at
	return true
}

// fetch reads a message. It is nil where the person was erased since, which is
// written down.
func (l *line) fetch(ctx context.Context, row pipeline.Message) (*message, error) {
	era := l.era.Load()
	e, err := l.Spine.EffectAt(ctx, row.Sent)
	switch {
	case errors.Is(err, store.ErrErased), errors.Is(err, store.ErrNotFound):
		return nil, l.forget(ctx, row)
	case err != nil:
		return nil, fmt.Errorf("message at %d: %w", row.Sent, err)
	}
	return &message{Effect: e, sent: row.Sent, era: era}, nil
}

// forget settles a message whose person was erased: its row has to go.
func (l *line) forget(ctx context.Context, row pipeline.Message) error {
	f := effect.Fact{
		Op: effect.OpResult, Destination: l.key, Position: row.Place.Position, When: l.now(), Outcome: effect.NotSent, Reason: effect.Erased,
		Sent: uint64(row.Sent),
	}
	f.SetID(row.Place.ID)
	_, err := l.Spine.KeepEffects(ctx, []pipeline.Effect{{Anchor: row.Anchor, Fact: f}})
	return err
}

// DestinationState is how a destination is, for people.
type DestinationState struct {
	State    string           `json:"state" enum:"inactive,active,paused,draining,stopped,failing,deleted" doc:"inactive: no version of it is live; stopped: it was told more in a minute than stop_at allows, and waits for a release; failing: it does not answer, and is tried again"`
	Since    clock.Instant    `json:"since,omitzero"`
	Problem  string           `json:"problem,omitempty" doc:"Why nothing is delivered at present"`
	Waiting  int64            `json:"waiting" doc:"Messages that wait to be delivered"`
	InFlight int              `json:"in_flight" doc:"Messages that are being delivered"`
	Counts   map[string]int64 `json:"counts" doc:"What became of messages, and why others were not sent, since the destination was made"`
}

// state tells how the line is.
func (l *line) state(counts map[string]int64) DestinationState {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := DestinationState{State: string(l.control.State), Since: l.control.Since, Waiting: counts[string(effect.Waiting)], InFlight: len(l.flying), Counts: map[string]int64{}}
	for k, n := range counts {
		if k != string(effect.Waiting) && n != 0 {
			s.Counts[k] = n
		}
	}
	now := l.Clock()
	switch {
	case l.ended:
		s.State = "deleted"
	case l.control.State != "" && l.control.State != Active:
		s.Problem = l.control.Reason
	case !l.above.sends(now):
		s.State, s.Problem = string(Paused), "the destination "+l.base+" is "+string(l.above.State)
	case l.problem != "":
		s.State, s.Problem = "failing", l.problem
	case l.breaker.open():
		s.State, s.Problem = "failing", l.breaker.reason
	case now.Before(l.quiet):
		s.State, s.Problem = "failing", "it asked to be left alone until "+clock.From(l.quiet).String()
	default:
		s.State = string(Active)
	}
	return s
}
