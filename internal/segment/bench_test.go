package segment_test

import (
	"fmt"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/segment/segmenttest"
)

// mix makes so many segments of a fixed mix of kinds, of which the event of
// the benchmark concerns twenty, or ten where there are no more.
func mix(t testing.TB, n int) *segment.Set {
	var defs []segment.Definition
	add := func(text string) {
		defs = append(defs, segment.Definition{Key: fmt.Sprint("s", len(defs)), Condition: read(t, text)})
	}
	for i := range min(n, 20) {
		add(fmt.Sprintf(`{"event":"Product Viewed","count":{"min":%d},"within":"%dd"}`, 1+i%4, 5+i))
	}
	for len(defs) < n {
		i := len(defs)
		switch i % 4 {
		case 0:
			add(fmt.Sprintf(`{"trait":"plan","value":"p%d"}`, i))
		case 1:
			add(fmt.Sprintf(`{"event":"Event %d","sum":{"property":"price","min":10},"within":"30d"}`, i))
		case 2:
			add(fmt.Sprintf(`{"all":[{"trait":"age","min":%d},{"event":"Event %d"}]}`, i%90, i))
		case 3:
			add(fmt.Sprintf(`{"sequence":[{"event":"Event %d"},{"event":"Event %d"}],"within":"2d"}`, i, i+1))
		}
	}
	return compile(t, defs...)
}

// crowd makes so many segments of one form with different constants.
func crowd(t testing.TB, n int, form string) *segment.Set {
	var defs []segment.Definition
	for i := range n {
		defs = append(defs, segment.Definition{Key: fmt.Sprint("s", i), Condition: read(t, fmt.Sprintf(form, i))})
	}
	return compile(t, defs...)
}

// runner takes the same kind of event again and again, as the pipeline does.
type runner struct {
	h       *human
	answers []segment.Answer
	in      segment.Input
	touched int
	states  []*segment.State
}

// each folds and evaluates one event. The events of a benchmark are made once.
func (r *runner) each(e *event.Event) {
	h, a := r.h, r.h.anchors[0]
	h.touched.Reset(h.set)
	r.in.Short++
	r.in.Now = e.Time
	h.set.Fold(a.state, e, r.in, &h.touched)
	r.answers = h.ev.Evaluate(r.answers[:0], &h.who, r.states, &h.touched, e.Time)
	r.touched = len(r.answers)
}

func newRunner(t testing.TB, set *segment.Set) *runner {
	h := newHuman(t, set, 1)
	h.anchors[0].partial.Fold(viewed(t, 1, 5), profile.Input{Short: 1, Mapping: mapping})
	h.person()
	return &runner{h: h, states: h.states(), in: segment.Input{Short: 1000, Mapping: mapping}}
}

func viewed(t testing.TB, n, price int) *event.Event {
	e := &event.Event{
		Type: event.Track, Name: "Product Viewed", MessageID: fmt.Sprint("b", n), Source: "s1", Channel: "web",
		Time:        clock.From(segmenttest.Spring) + clock.Instant(n)*1_800e6,
		Identifiers: []event.Identifier{{Namespace: event.UserID, Value: "v0"}},
		Properties:  doc(t, fmt.Sprintf(`{"product_id":"i1","price":%d,"cat":"c%d"}`, price, price)),
	}
	e.ReceivedAt = e.Time
	return e
}

func benchmark(b *testing.B, set *segment.Set, spread int) {
	r := newRunner(b, set)
	events := make([]*event.Event, 512)
	for i := range events {
		events[i] = viewed(b, i, i*37%spread)
	}
	b.ReportAllocs()
	touched, base := 0, events[0].Time
	for i := 0; b.Loop(); i++ {
		e := *events[i%len(events)]
		e.Time = base + clock.Instant(i)*4*3600e6
		r.each(&e)
		touched += r.touched
	}
	b.ReportMetric(float64(touched)/float64(b.N), "touched/op")
}

func BenchmarkEvent(b *testing.B) {
	forms := map[string]string{
		"equal": `{"event":"Product Viewed","where":{"cat":"c%d"},"within":"30d"}`,
		"above": `{"event":"Product Viewed","where":{"price":{"op":">","value":%d}},"within":"30d"}`,
		"sums":  `{"event":"Product Viewed","sum":{"property":"price","op":">","value":%d},"within":"30d"}`,
	}
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("mix/%d", n), func(b *testing.B) { benchmark(b, mix(b, n), 1000) })
		for name, form := range forms {
			spread := 1000
			if name == "equal" {
				spread = 10 // every event meets one of the constants
			}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { benchmark(b, crowd(b, n, form), spread) })
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	var defs segment.Definitions
	for i := range 1000 {
		defs.Segments = append(defs.Segments, segment.Definition{Key: fmt.Sprint("s", i), Condition: read(b, fmt.Sprintf(
			`{"all":[{"trait":"plan","value":"p%d"},{"event":"E %d","where":{"cat":"c%d"},"count":{"min":2},"within":"30d"}]}`, i, i%50, i))})
	}
	for b.Loop() {
		if _, err := segment.Compile(defs); err != nil {
			b.Fatal(err)
		}
	}
}
