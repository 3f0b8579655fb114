package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"rapport/internal/clock"
)

const (
	historyPeople = 20_000
	historyEvents = 50 // of each of them
)

// segmentBackfill makes segments over people whose history is there: one of
// which every event has to be opened, and one that wants a tenth of them.
func (b *bench) segmentBackfill(ctx context.Context) error {
	s, err := b.spine(ctx)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	r := rand.New(rand.NewPCG(3, 4))
	const events = historyPeople * historyEvents
	if err := s.send(ctx, events, func(i int) string {
		return fmt.Sprintf(`"event":"Event %d","userId":"u%d","properties":{"price":%d,"sku":"sku-%d"}`, r.IntN(10), i%historyPeople, r.IntN(100), r.IntN(1000))
	}); err != nil {
		return err
	}
	if err := s.Cultivate(ctx); err != nil {
		return err
	}
	for i, c := range []struct{ name, condition string }{
		{"every event opened", `{"event":"*","where":[{"property":"price","op":"=","value":7}],"within":"30d"}`},
		{"a tenth of them opened", `{"event":"Event 3","where":[{"property":"price","op":">=","value":90}],"within":"30d"}`},
	} {
		cpu, start := ownCPU(), time.Now()
		if err := s.live(ctx, fmt.Sprint("b", i), c.condition); err != nil {
			return err
		}
		cpu = ownCPU() - cpu
		b.say("backfill of %d people with %d events each, %s: %v of processor, %v", historyPeople, historyEvents, c.name, short(cpu), short(time.Since(start)))
		b.atLeast("timeline events per second of processor, "+c.name, events/cpu.Seconds(), 200_000, "/s")
	}
	return nil
}

const (
	visited    = `{"event":"Visit","where":[{"property":"price","op":">=","value":0}],"within":"20m"}`
	visitedFor = 20 * time.Minute
)

// crowded lets so many people visit.
func (s *spine) crowded(ctx context.Context, people int) error {
	return s.send(ctx, people, func(i int) string {
		return fmt.Sprintf(`"event":"Visit","userId":"u%d","properties":{"price":%d}`, i, i%100)
	})
}

// singles sends events of single people, one every few milliseconds while there is
// more, and tells of each how long it took until it was applied.
func (s *spine) singles(ctx context.Context, more func(sent int) bool) (took []time.Duration, err error) {
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for more(len(took)) {
		start := time.Now()
		if err := s.send(ctx, 1, func(int) string { return fmt.Sprintf(`"event":"Look","userId":"live%d"`, len(took)%singlePeople) }); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
		<-every.C
	}
	return took, nil
}

// rest waits until this process does next to nothing: what was put off, such as
// compactions, is no part of what is measured next.
func rest() {
	const look, little = time.Second, 30 * time.Millisecond
	every := time.NewTicker(look)
	defer every.Stop()
	for cpu := time.Duration(0); ownCPU()-cpu > little; <-every.C {
		cpu = ownCPU()
	}
}

const (
	singlePeople = 100  // who send single events, in turn
	calmEvents   = 1000 // are sent while nothing is due, before a drain and again after it
)

// segmentDrain lets everybody leave at one instant while single events go on.
func (b *bench) segmentDrain(ctx context.Context) error {
	s, err := b.spine(ctx)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	people := b.hardPeople
	if err := s.live(ctx, "s0", visited); err != nil {
		return err
	}
	if err := s.crowded(ctx, people); err != nil {
		return err
	}
	if got := s.SegmentSizes()["s0"]; got != int64(people) {
		return fmt.Errorf("%d of %d people are in", got, people)
	}
	debug.FreeOSMemory()
	rest()
	if _, err := s.singles(ctx, func(sent int) bool { return sent < singlePeople }); err != nil {
		return err // they are known from here on
	}
	calm, err := s.singles(ctx, func(sent int) bool { return sent < calmEvents })
	if err != nil {
		return err
	}
	// Time goes on: everybody is due. The pipeline's own ticks find them.
	cpu, start := ownCPU(), time.Now()
	s.ahead.Store(int64(visitedFor + time.Minute))
	during, err := s.singles(ctx, func(int) bool { return s.SegmentSizes()["s0"] > 0 })
	if err != nil {
		return err
	}
	took, cpu := time.Since(start), ownCPU()-cpu
	rest()
	after, err := s.singles(ctx, func(sent int) bool { return sent < calmEvents })
	if err != nil {
		return err
	}
	b.say("%d exits due at once after %v, %.1f CPU µs each", people, short(took), float64(cpu.Microseconds())/float64(people))
	for _, x := range []struct {
		when string
		took []time.Duration
	}{{"before", calm}, {"meanwhile", during}, {"after", after}} {
		b.say("%s, an event is applied after p50 %v p99 %v (%d events)", x.when, short(quantile(x.took, 0.5)), short(quantile(x.took, 0.99)), len(x.took))
	}
	calm = append(calm, after...)
	b.atLeast("exits due at once, per second", float64(people)/took.Seconds(), 50_000, "/s")
	b.atMost("p99 of an event meanwhile in units of before and after", float64(quantile(during, 0.99))/float64(quantile(calm, 0.99)), 2, "")
	return nil
}

const (
	dueEach    = 2_000 // exits per second
	dueSeconds = 10
)

// segmentTimers lets people leave at a steady rate while many more are pending.
func (b *bench) segmentTimers(ctx context.Context) error {
	s, err := b.spine(ctx)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	if err := s.live(ctx, "s0", visited); err != nil {
		return err
	}
	// The last to be due come first; then those who are due while it is looked.
	if err := s.crowded(ctx, b.hardPeople); err != nil {
		return err
	}
	begin := s.now().Add(20 * time.Second)
	const apart = time.Second / dueEach
	at := func(i int) clock.Instant { return begin.Add(time.Duration(i) * apart) }
	if err := s.sendAt(ctx, dueEach*dueSeconds, func(i int) (clock.Instant, string) {
		return at(i).Add(-visitedFor), fmt.Sprintf(`"event":"Visit","userId":"due%d","properties":{"price":1}`, i)
	}); err != nil {
		return err
	}
	if s.now() > begin {
		return fmt.Errorf("sending took until %v after the first exit", s.now().Sub(begin))
	}
	all := s.SegmentSizes()["s0"]
	var late []time.Duration
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for left := 0; left < dueEach*dueSeconds; {
		<-every.C
		now := s.now()
		left = int(all - s.SegmentSizes()["s0"])
		if left < dueEach*dueSeconds && now > at(left) {
			late = append(late, now.Sub(at(left)))
		} else if now > begin {
			late = append(late, 0)
		}
	}
	b.say("%d pending, %d exits a second: late by p50 %v p99 %v at most %v", b.hardPeople, dueEach,
		short(quantile(late, 0.5)), short(quantile(late, 0.99)), short(slices.Max(late)))
	b.atMost("seconds from the instant of an exit until it is known, at most", slices.Max(late).Seconds(), 1, " s")
	return nil
}
