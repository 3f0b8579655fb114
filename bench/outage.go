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
	l := &backlog{bench: b, s: s, e: e, part: max(events/parts/outboxBatch, 1) * outboxBatch, parts: parts}
	if err := l.gather(ctx); err != nil {
		return err
	}
	return l.drain(ctx)
}

// backlog is what waits for a destination that is away, in parts of so many
// messages.
type backlog struct {
	*bench
	s           *server
	e           *ear
	part, parts int
	first, most float64 // MiB that are resident at most: with a part of them waiting, with all
}

func (l *backlog) gather(ctx context.Context) error {
	cpu := l.s.cpu()
	for i := range l.parts {
		if _, err := l.s.speak(ctx, speech{i * l.part, l.part, 1, 0}); err != nil {
			return err
		}
		if err := l.s.settle(ctx); err != nil {
			return err
		}
		peak, now := l.s.memory()
		l.s.forgetPeak()
		l.say("%d messages wait: %.0f MiB, at most %.0f since", (i+1)*l.part, now, peak)
		if l.most = max(l.most, peak); i == 0 {
			l.first = peak
		}
	}
	l.say("CPU of the server %.1f µs for each that waits", l.each(cpu))
	return nil
}

// each is the processor time since, in microseconds for each message.
func (l *backlog) each(since time.Duration) float64 {
	return float64((l.s.cpu() - since).Microseconds()) / float64(l.part*l.parts)
}

func (l *backlog) drain(ctx context.Context) error {
	cpu, start := l.s.cpu(), time.Now()
	l.e.down.Store(false)
	before, most := start, 0.0
	for i := range l.parts {
		if err := l.s.until(ctx, l.e, int64(l.part*(i+1))); err != nil {
			return err
		}
		peak, now := l.s.memory()
		l.s.forgetPeak()
		most = max(most, peak)
		l.say("%d delivered, %.0f a second: %.0f MiB, at most %.0f since", l.part*(i+1), float64(l.part)/time.Since(before).Seconds(), now, peak)
		before = time.Now()
	}
	took, events := time.Since(start), l.part*l.parts
	l.say("drained %d in %v: %.0f a second, CPU of the server %.1f µs each; resident at most %.0f MiB while they gathered, %.0f while they went",
		events, short(took), float64(events)/took.Seconds(), l.each(cpu), l.most, most)
	l.atMost(fmt.Sprintf("memory while a backlog gathers and drains against that with a part of %d waiting", l.parts), max(most, l.most)/l.first, 1.5, "×")
	l.atMost("messages out of the order of their person", float64(l.e.outOfOrder()), 0, "")
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
