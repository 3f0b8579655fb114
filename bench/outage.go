package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// outageRate is how many messages a second a destination of the outage case is
// told: what comes together in a day in which it is away is some four million.
const (
	outageRate = 50
	outageDay  = 24 * 60 * 60 * outageRate
)

// outage lets a destination be away until what a day brings waits for it, or a
// part of that, and come back.
func (b *bench) outage(ctx context.Context) error {
	b.say("a day at %d messages a second is %d; this run has %d of them", outageRate, outageDay, b.away)
	return b.drain(ctx, "outage", b.away, 10)
}

// drain lets messages gather in so many parts while their destination is away,
// and measures how they go when it is back: in order, and without more memory
// than a part of them takes.
func (b *bench) drain(ctx context.Context, folder string, events, parts int) error {
	s, err := b.product(ctx, folder, "512MiB", "RAPPORT_EGRESS_ALLOW=127.0.0.1")
	if err != nil {
		return err
	}
	defer b.scrap(folder)
	defer s.kill()
	e, err := newEar(ctx, false)
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // of the measurement
	e.down.Store(true)
	if err := s.tell(ctx, "crm", e.url, "Told 0"); err != nil {
		return err
	}
	part := max(events/parts/outboxBatch, 1) * outboxBatch
	events = part * parts
	var first, most float64
	cpu := s.cpu()
	for i := range parts {
		if _, err := s.speak(ctx, speech{i * part, part, 1, 0}); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		peak, now := s.memory()
		s.forgetPeak()
		b.say("%d messages wait: %.0f MiB, at most %.0f since", (i+1)*part, now, peak)
		if most = max(most, peak); i == 0 {
			first = peak
		}
	}
	b.say("CPU of the server %.1f µs for each that waits", float64((s.cpu()-cpu).Microseconds())/float64(events))
	return b.drained(ctx, s, e, events, parts, first, most)
}

// drained measures the way out.
func (b *bench) drained(ctx context.Context, s *server, e *ear, events, parts int, first, gathering float64) error {
	cpu, start := s.cpu(), time.Now()
	e.down.Store(false)
	before, most := start, 0.0
	for i := range parts {
		if err := s.until(ctx, e, int64(events/parts*(i+1))); err != nil {
			return err
		}
		peak, now := s.memory()
		s.forgetPeak()
		most = max(most, peak)
		b.say("%d delivered, %.0f a second: %.0f MiB, at most %.0f since", events/parts*(i+1), float64(events/parts)/time.Since(before).Seconds(), now, peak)
		before = time.Now()
	}
	took := time.Since(start)
	b.say("drained %d in %v: %.0f a second, CPU of the server %.1f µs each; resident at most %.0f MiB while they gathered, %.0f while they went",
		events, short(took), float64(events)/took.Seconds(), float64((s.cpu()-cpu).Microseconds())/float64(events), gathering, most)
	b.atMost(fmt.Sprintf("memory while a backlog gathers and drains against that with a part of %d waiting", parts), max(most, gathering)/first, 1.5, "×")
	b.atMost("messages out of the order of their person", float64(e.outOfOrder()), 0, "")
	return nil
}

// forgetPeak begins the peak of the resident memory anew.
func (s *server) forgetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0) // else the peak is that of the whole run
}

func (e *ear) outOfOrder() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unsound
}
