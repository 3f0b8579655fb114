package segment_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/naive"
	"rapport/internal/segment/segmenttest"
	"rapport/internal/soak"
)

func jsonNumber(n int) json.Number { return json.Number(strconv.Itoa(n)) }

func decodeLines(t testing.TB, raw []byte) []any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var out []any
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// definitions makes random ones that refer to one another.
func definitions(t testing.TB, m *segmenttest.Maker) (segment.Definitions, *naive.Definitions) {
	d := segment.Definitions{}
	n := &naive.Definitions{Segments: map[string]*condition.Node{}, Traits: map[string]*condition.Node{}, Affinities: map[string]*naive.Affinity{}}
	m.Traits, m.Segments, m.Affinities = nil, nil, []string{"likes"}
	likes := segment.AffinityDefinition{
		Key: "likes", Dimension: "category", Said: "cat", HalfLife: time.Duration(1+m.IntN(400)) * time.Hour,
		Weights: []segment.Weight{{Match: condition.Match{Name: "Order Completed"}, Points: 50}, {Match: condition.Match{Name: "B"}, Points: 1, Seconds: "price"}, {Points: 3}},
	}
	d.Affinities = append(d.Affinities, likes)
	n.Affinities["likes"] = judged(likes)
	for i := range 3 {
		key := fmt.Sprint("t", i)
		node := read(t, m.TraitDoc())
		d.Traits = append(d.Traits, segment.TraitDefinition{Key: key, Value: node})
		n.Traits[key] = node
		m.Traits = append(m.Traits, key)
	}
	for i := range 10 {
		key := fmt.Sprint("s", i)
		node := read(t, m.Condition(3))
		d.Segments = append(d.Segments, segment.Definition{ID: uint64(100 + i), Key: key, Condition: node})
		n.Segments[key] = node
		m.Segments = append(m.Segments, key)
	}
	return d, n
}

// judged is an affinity as the naive interpreter asks for it.
func judged(d segment.AffinityDefinition) *naive.Affinity {
	a := &naive.Affinity{Dimension: d.Dimension, Said: d.Said, HalfLife: d.HalfLife}
	for _, w := range d.Weights {
		a.Weights = append(a.Weights, naive.Weight(w))
	}
	return a
}

// ledger is what the pipeline would keep: memberships and timers.
type ledger struct {
	member []bool
	due    []clock.Instant
}

// bits are the memberships as the evaluation is told of them.
func (l *ledger) bits() []uint64 {
	out := make([]uint64, len(l.member)/64+1)
	for i, in := range l.member {
		if in {
			out[i/64] |= 1 << (i % 64)
		}
	}
	return out
}

func (l *ledger) take(answers []segment.Answer) {
	for _, a := range answers {
		l.member[a.Segment], l.due[a.Segment] = a.Member, a.Next
	}
}

func TestEvaluate_IsWhatTheNaiveInterpreterSays(t *testing.T) {
	t.Parallel()
	const first = 1
	n := soak.Worlds(150)
	checks, changes, timers := 0, 0, 0
	for seed := uint64(first); seed < uint64(first+n); seed++ {
		m := segmenttest.New(seed)
		defs, judge := definitions(t, m)
		set, err := segment.Compile(defs)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		h := newHuman(t, set, 1+m.IntN(3))
		h.consent = map[string]string{"ads": segmenttest.Pick(m.Rand, "granted", "denied", "")}
		l := &ledger{member: make([]bool, set.Len()), due: make([]clock.Instant, set.Len())}
		now := clock.From(segmenttest.Spring.Add(time.Duration(m.Int64N(int64(segmenttest.Stretch / 2)))))
		h.touched.Reset(set)
		h.touched.All()
		l.take(h.ev.Evaluate(nil, h.person(), h.states(), &h.touched, now))
		lazy := m.IntN(2) == 0
		for k := range 40 {
			if lazy {
				h.now, h.inside = now, l.bits()
			}
			h.check(judge, l, now, seed)
			checks += set.Len()
			if m.IntN(3) == 0 {
				to := now.Add(time.Duration(m.Int64N(int64(segmenttest.Pick(m.Rand, time.Hour, 30*time.Hour, 9*24*time.Hour)))))
				timers += h.pass(l, now, to)
				now = to
				continue
			}
			e := h.randomEvent(m, k, now)
			before := append([]bool(nil), l.member...)
			l.take(h.ev.Evaluate(nil, h.person(), h.states(), h.fold(e), now))
			for i := range before {
				if before[i] != l.member[i] {
					changes++
				}
			}
		}
		h.check(judge, l, now, seed)
		if lazy { // timers may be set too early: look again
			h.touched.Reset(set)
			h.touched.All()
			l.take(h.ev.Evaluate(nil, h.person(), h.states(), &h.touched, now))
		}
		h.exact(m, judge, l, now, seed)
	}
	t.Logf("seeds %d to %d: %d memberships checked, %d changes by events, %d timers", first, first+n-1, checks, changes, timers)
	if changes < n || timers < n/2 {
		t.Errorf("the worlds are too quiet: %d changes, %d timers in %d worlds", changes, timers, n)
	}
}

// pass lets time go by: what is due is looked at, at its instant.
func (h *human) pass(l *ledger, from, to clock.Instant) int {
	fired := 0
	for {
		next := clock.Instant(0)
		var due []int
		for i, d := range l.due {
			if d == 0 || d > to {
				continue
			}
			if d <= from {
				h.t.Fatalf("segment %s is due at %v, before %v", h.set.Key(i), d, from)
			}
			if next == 0 || d < next {
				next, due = d, nil
			}
			if d == next {
				due = append(due, i)
			}
		}
		if next == 0 {
			return fired
		}
		l.take(h.ev.EvaluateSegments(nil, h.person(), h.states(), due, next))
		fired += len(due)
		from = next
		if fired > 10_000 {
			h.t.Fatal("timers fire for ever")
		}
	}
}

func (h *human) check(judge *naive.Definitions, l *ledger, now clock.Instant, seed uint64) {
	h.t.Helper()
	f := h.facts()
	for i, key := range h.set.Keys() {
		if want := naive.Holds(judge.Segments[key], judge, f, now); want != l.member[i] {
			h.t.Fatalf("seed %d at %v: %s is %v, want %v\n%s\n%s", seed, now, key, l.member[i], want, judge.Segments[key].Canonical(), h.story())
		}
	}
}

// exact checks that nothing changes before the instant that was promised, and
// that something does there.
func (h *human) exact(m *segmenttest.Maker, judge *naive.Definitions, l *ledger, now clock.Instant, seed uint64) {
	h.t.Helper()
	f := h.facts()
	fail := func(i int, at clock.Instant, what string) {
		key := h.set.Key(i)
		h.t.Fatalf("seed %d: %s at %v: %s at %v, promised %v\n%s\n%s", seed, key, now, what, at, l.due[i], judge.Segments[key].Canonical(), h.story())
	}
	for i, key := range h.set.Keys() {
		holds := func(at clock.Instant) bool { return naive.Holds(judge.Segments[key], judge, f, at) }
		end := l.due[i]
		if end == 0 {
			end = now.Add(60 * 24 * time.Hour)
		} else {
			if holds(end) == l.member[i] {
				fail(i, end, "nothing changes")
			}
			if holds(end-1) != l.member[i] {
				fail(i, end-1, "it has changed")
			}
		}
		for range 8 {
			if at := now + clock.Instant(m.Int64N(int64(end-now))); holds(at) != l.member[i] {
				fail(i, at, "it changes")
			}
		}
	}
}

// story tells the events, for a failure.
func (h *human) story() string {
	var b strings.Builder
	for _, e := range h.events {
		fmt.Fprintf(&b, "%s %v %s %s %s %s traits %s\n", e.Anchor(), e.Time, e.Type, e.Name, e.Channel, e.Properties.Raw(), e.Traits.Raw())
	}
	return b.String()
}
