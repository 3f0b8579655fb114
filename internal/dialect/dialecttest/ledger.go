// Package dialecttest is what the tests of dialects share. It never speaks a
// protocol and is never part of the program.
package dialecttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/pipeline"
)

// At reads an instant in RFC 3339.
func At(text string) clock.Instant {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return clock.From(t)
}

// position is that of every receipt.
const position = 7

// Ledger takes submissions of one dialect and remembers them.
type Ledger struct {
	Dialect string
	Err     error // what Accept gives instead
	Applied bool  // whether everything can be read at once, or never

	mu   sync.Mutex
	Subs []*pipeline.Submission
}

// Accept keeps a submission.
func (l *Ledger) Accept(_ context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Err != nil {
		return pipeline.Receipt{}, l.Err
	}
	l.Subs = append(l.Subs, s)
	return pipeline.Receipt{Position: position}, nil
}

// WaitApplied returns at once, or when the context ends.
func (l *Ledger) WaitApplied(ctx context.Context, r pipeline.Receipt) error {
	if r.Position != position {
		return errors.New("not the receipt of Accept")
	}
	if l.Applied {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

// Sums are what came in: events, dead letters by reason, rejected by reason.
func (l *Ledger) Sums() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	events := 0
	for _, s := range l.Subs {
		events += len(s.Events)
		for _, d := range s.Dead {
			if d.Message == "" || d.Envelope.Source == "" || d.Envelope.Dialect != l.Dialect || d.Envelope.Received != s.Received {
				out = append(out, "incomplete")
			}
			out = append(out, "dead "+d.Reason)
		}
		for _, c := range s.Rejected {
			out = append(out, fmt.Sprintf("rejected %s %d", c.Reason, c.N))
		}
	}
	return strings.Join(append([]string{fmt.Sprint(events)}, out...), ", ")
}

// Arrivals are all events that came in.
func (l *Ledger) Arrivals() []pipeline.Arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []pipeline.Arrival
	for _, s := range l.Subs {
		out = append(out, s.Events...)
	}
	return out
}

// Only is the one event that came in, and nothing else did.
func (l *Ledger) Only(t testing.TB) pipeline.Arrival {
	t.Helper()
	all := l.Arrivals()
	if len(all) != 1 || l.Sums() != "1" {
		t.Fatalf("took %s, want one event", l.Sums())
	}
	return all[0]
}
