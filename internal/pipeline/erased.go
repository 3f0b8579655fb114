package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Ledger keeps erasures outside the store, so that a store that is restored
// from a backup learns whom it must forget.
type Ledger interface {
	// Load gives all of them.
	Load() ([]consent.Erasure, error)
	// Keep makes the whole list durable.
	Keep(all []consent.Erasure) error
}

// erasures is the present set of erasures, which doors and lanes read without
// a lock.
type erasures struct {
	atomic.Pointer[consent.Erased]
	adding sync.Mutex
}

func newErasures(h *consent.Hasher) *erasures {
	e := &erasures{}
	e.Store(consent.NewErased(h))
	return e
}

// Add takes erasures in.
func (e *erasures) Add(list ...consent.Erasure) {
	e.adding.Lock()
	defer e.adding.Unlock()
	e.Store(e.Load().With(list...))
}

func erasedKey(e consent.Erasure) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 24), e.Subject[:]...), uint64(e.Time))
}

// loadErased fills the set of erasures, from the state and from the ledger,
// before anything is folded. What one of the two lacks it is given: a ledger
// that was lost, a state that was thrown away for a rebuild.
func (p *Pipeline) loadErased(ctx context.Context) error {
	var list []consent.Erasure
	err := p.store.State().Scan(ctx, store.Range{Table: store.TableErased, Bucket: id.CommonBucket}, func(key []byte, _ [][]byte) bool {
		if len(key) == 24 {
			list = append(list, consent.Erasure{Subject: consent.Subject(key[:16]), Time: clock.Instant(binary.BigEndian.Uint64(key[16:]))})
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("load erasures: %w", err)
	}
	p.erased.Add(list...)
	if p.ledger == nil {
		return nil
	}
	kept, err := p.ledger.Load()
	if err != nil {
		return fmt.Errorf("load erasures: %w", err)
	}
	p.erased.Add(kept...)
	if len(p.erased.Load().All()) == len(kept) {
		return nil
	}
	return p.ledger.Keep(p.erased.Load().All())
}

// refuseErased takes the events of erased people out of a submission: they are
// counted and never get into the log. The lanes ask again for those that were
// on their way when the person was erased.
func (p *Pipeline) refuseErased(s *Submission) {
	if p.erased.Load().Empty() {
		return
	}
	kept := s.Events[:0:0]
	for i := range s.Events {
		if !p.erased.Load().Refuses(s.Events[i].Event) {
			p.erased.Load().Strip(s.Events[i].Event)
			kept = append(kept, s.Events[i])
		}
	}
	if n := len(s.Events) - len(kept); n > 0 {
		s.Events = kept
		s.Rejected = append(s.Rejected, store.Count{Reason: reasonErased, N: uint64(n)})
	}
}
