package pipeline

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"sync"
	"time"

	"rapport/internal/store"
)

// groupBytes bounds one group commit, so that the first of a group does not
// wait for a write of any size.
const groupBytes = 8 << 20

// smallFrame is how many bytes of events a frame has at most for whose write others
// are let in.
const smallFrame = 8 << 10

// ticket is a frame on its way into the log. Done is closed when the frame is
// durable and handed to the lanes, or refused with err.
type ticket struct {
	frame   *store.Frame
	bytes   int
	derived bool
	done    chan struct{}
	err     error
}

// sequencer gives the records of an instance their order: it takes every frame
// that waits, makes them durable with one fsync and hands them to the lanes in
// the order of the log.
type sequencer struct {
	log     store.Log
	deliver func(frames []*store.Frame, end store.Position)
	tried   func(err error) // told how each append went
	mu      sync.Mutex
	wake    sync.Cond
	waiting []*ticket
	shut    bool // takes only what follows from what it has
	closed  bool
	idle    chan struct{} // closed when the loop has ended
	counts  frameCounts
	derived mark
	asked   mark // frames of callers, who wait for them; not time that passes
	retry   time.Duration
	groups  uint64
}

// frameCounts are what the door counted, apart from what became of it.
type frameCounts struct {
	received uint64
	rejected map[string]uint64
	appended uint64 // events and dead letters that frames carried
	frames   uint64 // that were not derived and carried records
}

// mark says up to where frames of a sort reach in the log, and how many more are
// on their way.
type mark struct {
	last    store.Position
	pending int
}

func newSequencer(log store.Log, deliver func([]*store.Frame, store.Position), tried func(error)) *sequencer {
	s := &sequencer{
		log: log, deliver: deliver, tried: tried,
		idle: make(chan struct{}), retry: 200 * time.Millisecond,
		counts: frameCounts{rejected: map[string]uint64{}},
	}
	s.wake.L = &s.mu
	return s
}

// submit queues a sealed frame and returns at once. Without a frame it is a
// fence: done when everything queued before it is.
func (s *sequencer) submit(frame *store.Frame, bytes int, derived bool) (*ticket, error) {
	t := &ticket{frame: frame, bytes: bytes, derived: derived, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.shut && frame != nil && !derived {
		return nil, store.ErrClosed
	}
	s.waiting = append(s.waiting, t)
	if m := s.markOf(t); m != nil {
		m.pending++
	}
	s.wake.Signal()
	return t, nil
}

// fence waits until everything that is queued is in the log or refused.
func (s *sequencer) fence(ctx context.Context) error {
	t, err := s.submit(nil, 0, false)
	if err != nil {
		return unavailable(err)
	}
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return notYet(ctx.Err())
	}
}

// run is the loop of group commits; it ends when stop was called and nothing
// waits any more.
func (s *sequencer) run() {
	defer close(s.idle)
	for {
		group := s.take()
		if group == nil {
			return
		}
		s.appendGroup(group)
	}
}

func (s *sequencer) take() []*ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) == 0 {
		if s.closed {
			return nil
		}
		s.wake.Wait()
		s.letJoin()
	}
	n, bytes := 0, 0
	for n < len(s.waiting) && (n == 0 || bytes+s.waiting[n].bytes <= groupBytes) {
		bytes += s.waiting[n].bytes
		n++
	}
	group := s.waiting[:n:n]
	if n == len(s.waiting) {
		s.waiting = nil
	} else {
		s.waiting = s.waiting[n:]
	}
	return group
}

// letJoin lets requests that are about to submit come into a group that a small
// frame began while the log was at rest: the processors are short then, and a
// write costs more of them than what is in it. A log that is busy gathers while
// it writes. It is called with the queue locked.
func (s *sequencer) letJoin() {
	if len(s.waiting) == 0 || s.waiting[0].bytes > smallFrame {
		return
	}
	s.mu.Unlock()
	runtime.Gosched()
	s.mu.Lock()
}

// appendGroup makes a group durable. Frames of the door fail with the group;
// derived frames have no one to try them again, so they go back to the front.
func (s *sequencer) appendGroup(group []*ticket) {
	frames := make([]*store.Frame, 0, len(group))
	for _, t := range group {
		if t.frame != nil {
			frames = append(frames, t.frame)
		}
	}
	if len(frames) > 0 {
		err := s.log.Append(context.Background(), frames)
		s.tried(err)
		if err != nil {
			s.refuse(group, err)
			return
		}
		s.count(group)
		s.deliver(frames, s.log.End())
	}
	for _, t := range group {
		close(t.done)
	}
}

func (s *sequencer) refuse(group []*ticket, err error) {
	var again []*ticket
	for _, t := range group {
		if t.derived {
			again = append(again, t)
			continue
		}
		t.err = err
		close(t.done)
	}
	s.refused(group)
	if len(again) == 0 {
		return
	}
	wait := time.NewTimer(s.retry)
	defer wait.Stop()
	<-wait.C
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || errors.Is(err, store.ErrClosed) {
		// What derived records say is found again when the facts are replayed.
		for _, t := range again {
			t.err = err
			s.derived.pending--
			close(t.done)
		}
		return
	}
	s.waiting = append(again, s.waiting...)
}

// refused takes frames that did not get into the log off those on their way.
func (s *sequencer) refused(group []*ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range group {
		if !t.derived {
			s.arrive(t)
		}
	}
}

func (s *sequencer) count(group []*ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups++
	for _, t := range group {
		if t.frame == nil {
			continue
		}
		s.counts.received += t.frame.Received
		for _, r := range t.frame.Rejected {
			s.counts.rejected[r.Reason] += r.N
		}
		for i := range t.frame.Records {
			if counted(t.frame.Records[i].Kind) {
				s.counts.appended++
			}
		}
		if !t.derived && len(t.frame.Records) > 0 {
			s.counts.frames++
		}
		s.arrive(t)
	}
}

// markOf is the mark of a ticket's sort; nil: nobody asks for it.
func (s *sequencer) markOf(t *ticket) *mark {
	switch {
	case t.derived:
		return &s.derived
	case t.frame == nil || len(t.frame.Records) > 0 && t.frame.Records[0].Kind == store.KindTick:
		return nil
	}
	return &s.asked
}

// arrive takes a ticket off those on their way: it is in the log, or refused.
func (s *sequencer) arrive(t *ticket) {
	m := s.markOf(t)
	if m == nil {
		return
	}
	m.pending--
	if n := len(t.frame.Records); n > 0 && t.err == nil {
		m.last = t.frame.Records[n-1].Position
	}
}

// counted tells whether a record is one received event in the accounting.
func counted(k store.Kind) bool { return k == store.KindEvent || k == store.KindDeadLetter }

// derivations tells up to where derived records reach and whether more wait.
func (s *sequencer) derivations() mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.derived
}

// requests tells up to where frames of callers reach and whether more wait.
func (s *sequencer) requests() mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// came is how many events are in the log since the start.
func (s *sequencer) came() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts.appended
}

// wrote is how many frames with records came from the door since the start.
func (s *sequencer) wrote() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts.frames
}

// sums gives a copy of the door's counts.
func (s *sequencer) sums() frameCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.counts
	out.rejected = make(map[string]uint64, len(s.counts.rejected))
	maps.Copy(out.rejected, s.counts.rejected)
	return out
}

// shutDoor refuses new frames, apart from those that follow from what was taken.
func (s *sequencer) shutDoor() {
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
}

// stop refuses new frames, waits for those that wait and ends the loop.
func (s *sequencer) stop() {
	s.mu.Lock()
	s.closed = true
	s.wake.Broadcast()
	s.mu.Unlock()
	<-s.idle
}
