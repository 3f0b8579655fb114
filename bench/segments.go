package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"rapport/internal/app"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/config"
	"rapport/internal/definition"
	"rapport/internal/dialect/segment"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/store/embedded"
)

const (
	segmentNames  = 50  // of events; each is asked for by a fiftieth of the segments
	segmentPeople = 100 // few, so that most are in what they will be in before it is measured
	segmentEvents = 60_000
	segmentRounds = 8
	segmentPace   = 20 // microseconds from one event to the next, where the clock goes on with them
)

// segments measures what living segments cost: processor time per event with
// many against few, exits by timers, and backfills. It runs the pipeline in
// this process, without HTTP.
func (b *bench) segments(ctx context.Context) error {
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"mix", b.segmentMix}, {"backfill", b.segmentBackfill}, {"drain", b.segmentDrain}, {"timers", b.segmentTimers}} {
		if b.part != "" && b.part != part.name {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// contender is a pipeline with so many segments, and the least that an event
// cost there.
type contender struct {
	*spine
	send  func(int) string
	least float64 // microseconds of processor time
}

// segmentMix measures an event with many segments and with few, in alternation.
func (b *bench) segmentMix(ctx context.Context) error {
	var all [3]contender
	for i, c := range []struct {
		n  int
		of func(int) string
	}{{10, mixed}, {1000, mixed}, {1000, alike}} {
		s, err := b.spine(ctx)
		if err != nil {
			return err
		}
		defer s.close(ctx)
		if err := s.define(ctx, c.n, c.of); err != nil {
			return err
		}
		s.paced.Store(int64(s.now()))
		all[i] = contender{spine: s, send: buying(rand.New(rand.NewPCG(1, 2)))}
		if err := s.send(ctx, segmentEvents, all[i].send); err != nil {
			return err
		}
	}
	for range segmentRounds {
		for i := range all {
			if err := all[i].round(ctx); err != nil {
				return err
			}
		}
	}
	for i, what := range []string{"a fixed mix, each event touches 20", "all on one event and property"} {
		many, few := all[1+i].least, all[0].least
		b.say("%s: %.1f CPU µs/event with 1,000 segments, %.1f with 10", what, many, few)
		b.atMost("1,000 segments in units of 10, "+what, many/few, [...]float64{2, 4}[i], "")
	}
	return nil
}

func (c *contender) round(ctx context.Context) error {
	const events = segmentEvents / 3
	cpu := ownCPU()
	if err := c.spine.send(ctx, events, c.send); err != nil {
		return err
	}
	if each := float64((ownCPU() - cpu).Microseconds()) / events; c.least == 0 || each < c.least {
		c.least = each
	}
	return nil
}

// mixed are conditions of each kind; every event name is in a fiftieth of them.
func mixed(n int) string {
	name := fmt.Sprintf("Event %d", n%segmentNames)
	k := n / segmentNames
	switch k % 4 {
	case 0:
		return fmt.Sprintf(`{"event":%q,"count":{"min":%d},"within":"30d"}`, name, 1+k/4)
	case 1:
		return fmt.Sprintf(`{"event":%q,"where":[{"property":"price","op":">=","value":%d}],"within":"7d"}`, name, k*5)
	case 2:
		return fmt.Sprintf(`{"all":[{"event":%q,"within":"%dh"},{"trait":"plan","op":"=","value":"gold"}]}`, name, 1+k)
	}
	return fmt.Sprintf(`{"event":%q,"sum":{"property":"price","min":%d},"within":"30d"}`, name, 100*k)
}

// alike are conditions that differ in a constant alone.
func alike(n int) string {
	return fmt.Sprintf(`{"event":"Event 1","where":[{"property":"sku","op":"=","value":"sku-%d"}],"within":"30d"}`, n)
}

// spineMemory is what a pipeline of this process shares out as serve does.
const spineMemory = 6 << 30

// spine is a pipeline with a clock that the measurement sets.
type spine struct {
	*pipeline.Pipeline
	store *embedded.Store
	dir   string
	ahead atomic.Int64 // of the machine's clock, in nanoseconds
	// paced is a clock that goes on with the events instead: how often is
	// committed must not depend on what else the machine does.
	paced atomic.Int64
	maps  event.Mapper
	next  int
}

func (b *bench) spine(ctx context.Context) (*spine, error) {
	dir, err := os.MkdirTemp(b.dir, "segments-")
	if err != nil {
		return nil, err
	}
	budget := config.NewBudget(spineMemory)
	app.LimitMemory(budget)
	st, err := embedded.Open(dir, embedded.Options{MemoryBudget: int64(budget.Store)})
	if err != nil {
		return nil, err
	}
	s := &spine{store: st, dir: dir, maps: segment.NewMapper(identity.DefaultRules())}
	mapping := catalog.DefaultMapping()
	s.Pipeline, err = pipeline.Open(ctx, pipeline.Config{
		Store: st, Mappers: map[string]event.Mapper{segment.Dialect: s.maps},
		Sources: func(string) pipeline.SourceInfo { return pipeline.SourceInfo{Priority: 1, Mapping: mapping} },
		Rules:   identity.DefaultRules(), Clock: func() time.Time { return s.now().Time() },
		Log: slog.New(slog.DiscardHandler), Random: func(b []byte) { clear(b) }, InstanceKey: [16]byte{1},
		Lanes: 2, HotBytes: int(budget.People), QueueBytes: int(budget.Queues),
	}, nil)
	return s, err
}

func (s *spine) close(ctx context.Context) {
	s.Close(ctx)        //nolint:errcheck // nothing of it is kept
	s.store.Close()     //nolint:errcheck // nothing of it is kept
	os.RemoveAll(s.dir) //nolint:errcheck // a temporary folder
}

func (s *spine) define(ctx context.Context, n int, of func(int) string) error {
	for i := range n {
		if err := s.document(ctx, fmt.Sprintf("s%d", i), of(i)); err != nil {
			return err
		}
	}
	return s.Cultivate(ctx)
}

func (s *spine) now() clock.Instant {
	if at := s.paced.Load(); at != 0 {
		return clock.Instant(at)
	}
	return clock.From(time.Now().Add(time.Duration(s.ahead.Load())))
}

func (s *spine) document(ctx context.Context, key, condition string) error {
	_, err := s.Define(ctx, definition.Command{
		Kind: definition.Segment, Key: key, Status: definition.Live,
		Document: []byte(`{"name":"x","condition":` + condition + `}`),
	})
	return err
}

// live brings one more segment into force.
func (s *spine) live(ctx context.Context, key, condition string) error {
	if err := s.document(ctx, key, condition); err != nil {
		return err
	}
	return s.Cultivate(ctx)
}

// send is sendAt for events that happen now, one after the other.
func (s *spine) send(ctx context.Context, n int, body func(i int) string) error {
	return s.sendAt(ctx, n, func(i int) (clock.Instant, string) {
		return s.now().Add(time.Duration(i%100-100) * time.Microsecond), body(i)
	})
}

// sendAt hands events over, a hundred at a time, and waits until they are applied.
func (s *spine) sendAt(ctx context.Context, n int, body func(i int) (clock.Instant, string)) error {
	var last pipeline.Receipt
	for from := 0; from < n; from += 100 {
		if s.paced.Load() != 0 {
			s.paced.Add(100 * segmentPace)
		}
		now := s.now()
		sub := &pipeline.Submission{Received: now}
		for i := from; i < min(from+100, n); i++ {
			s.next++
			env := event.Envelope{Dialect: segment.Dialect, Source: "shop", Received: now, SentAt: now}
			at, rest := body(i)
			doc, err := jsondoc.Parse(fmt.Appendf(nil, `{"type":"track","messageId":"m%d","timestamp":%q,%s}`, s.next, at, rest), jsondoc.Limits{})
			if err != nil {
				return err
			}
			e, err := s.maps(&env, doc.Root())
			if err != nil {
				return err
			}
			sub.Events = append(sub.Events, pipeline.Arrival{Envelope: env, Event: e})
		}
		var err error
		if last, err = s.Accept(ctx, sub); err != nil {
			return err
		}
		if from%5000 == 0 {
			if err := s.WaitApplied(ctx, last); err != nil {
				return err
			}
		}
	}
	return s.WaitApplied(ctx, last)
}

func buying(r *rand.Rand) func(int) string {
	return func(int) string {
		return fmt.Sprintf(`"event":"Event %d","userId":"u%d","properties":{"price":%d,"sku":"sku-%d"},"context":{"traits":{"plan":"gold"}}`,
			r.IntN(segmentNames), r.IntN(segmentPeople), r.IntN(200), r.IntN(1000))
	}
}
