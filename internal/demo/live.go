package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"rapport/internal/clock"
)

// beat is how often live traffic is sent.
const beat = 250 * time.Millisecond

// perVisit is about how many events a visit makes, and warmUp how long one
// lasts: so far back go the first visits, for a shop that is not empty.
const (
	perVisit = 10
	warmUp   = 3 * time.Minute
)

// Live goes on where history ended: people come in at about rate events a
// second, until the context ends. Ending it is no error.
func (p *Played) Live(ctx context.Context, rate float64, now clock.Clock, out io.Writer) error {
	visits := rate / perVisit * warmUp.Seconds()
	for start := now(); visits >= 1; visits-- {
		p.shop.open(start.Add(-time.Duration(p.shop.rand.Int64N(int64(warmUp)))))
	}
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	sent, told := 0, now()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintf(out, "live: %d events sent\n", sent)
			return nil
		case <-ticker.C:
		}
		at := now()
		for visits += rate / perVisit * beat.Seconds(); visits >= 1; visits-- {
			p.shop.open(at)
		}
		n, err := p.deliver(ctx, at)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("playing live: %w", err)
		}
		if sent += n; at.Sub(told) >= time.Minute {
			fmt.Fprintf(out, "live: %d events sent\n", sent)
			told = at
		}
	}
}

// deliver sends what is due, in batches, with the sender's clock beside it.
func (p *Played) deliver(ctx context.Context, at time.Time) (int, error) {
	due := p.shop.agenda.until(at)
	for from := 0; from < len(due); from += perBatch {
		bag, err := encode(due[from:min(from+perBatch, len(due))])
		if err != nil {
			return from, err
		}
		if err := p.to.post(ctx, batch{Batch: bag, Context: library(), SentAt: &stamp{at}}, false); err != nil {
			return from, err
		}
	}
	return len(due), nil
}

func encode(messages []message) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(messages))
	for i, m := range messages {
		raw, err := json.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", m.MessageID, err)
		}
		out[i] = raw
	}
	return out, nil
}
