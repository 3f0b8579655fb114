package pipeline

import (
	"rapport/internal/clock"
	"rapport/internal/store"
)

// LaneState is how far a worker has come.
type LaneState struct {
	Name    string
	Waiting int            // records in its queue
	Applied store.Position // folded up to here
	Oldest  clock.Instant  // when the first record that waits and tells it was received; zero: none waits
	Problem string         // why what follows from its records is not in the log; empty: it is
}

// oldestLooked bounds how many records are looked at for one that says when it
// came: derived records do not.
const oldestLooked = 64

// Lanes tells how far each worker has come.
func (p *Pipeline) Lanes() []LaneState {
	out := make([]LaneState, 0, len(p.lanes))
	for _, l := range p.lanes {
		s := LaneState{Name: l.name}
		l.queueMu.Lock()
		s.Waiting = len(l.queue)
		for _, r := range l.queue[:min(len(l.queue), oldestLooked)] {
			if r.Received != 0 {
				s.Oldest = r.Received
				break
			}
		}
		l.queueMu.Unlock()
		l.mu.Lock()
		s.Applied = l.applied
		if l.lost != nil {
			s.Problem = l.lost.Error()
		}
		l.mu.Unlock()
		out = append(out, s)
	}
	return out
}
