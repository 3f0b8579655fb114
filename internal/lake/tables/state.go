package tables

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/clock"
	"rapport/internal/store"
)

// State is how the tables stand.
type State struct {
	Schema string
	// Lag is how long the oldest row has waited to be written, in seconds.
	Lag      float64
	Waiting  int // people who wait to be written
	Position store.Position
	CatchUp  bool // the log is read for what the tables do not have
	Walking  bool // everybody is being written
	Events   uint64
	People   uint64 // written since the start; one who changes again counts again
	Error    string // why they cannot be written; empty where they can
}

// state is what is asked while others write.
type state struct {
	events, people  atomic.Uint64
	catching        atomic.Bool
	waiting, oldest atomic.Int64
	mu              sync.Mutex
	at              progress
	last            time.Time
	problem         string
}

func (s *state) wrote(p *progress) {
	s.mu.Lock()
	s.at, s.last = *p, time.Now()
	s.mu.Unlock()
}

func (s *state) written() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *state) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem = ""; err != nil {
		s.problem = err.Error()
	}
}

// note says who waits, for who asks.
func (t *Tables) note() {
	t.state.waiting.Store(int64(len(t.waiting)))
	t.state.oldest.Store(int64(t.begun))
}

// State tells how the tables stand.
func (t *Tables) State() State {
	s := State{
		Schema: t.Schema, Waiting: int(t.state.waiting.Load()), CatchUp: t.state.catching.Load() || !t.tap.open.Load(),
		Events: t.state.events.Load(), People: t.state.people.Load(),
	}
	rows, people := t.tap.oldest.Load(), t.state.oldest.Load()
	oldest := cmp.Or(min(rows, people), rows, people) // 0 is none
	if oldest != 0 {
		s.Lag = max(0, t.Now.Now().Sub(clock.Instant(oldest)).Seconds())
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	s.Position, s.Walking, s.Error = min(t.state.at.events, t.state.at.people), t.state.at.walked != "", t.state.problem
	return s
}
