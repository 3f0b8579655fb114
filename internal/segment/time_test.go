package segment_test

import (
	"fmt"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/segment"
	"rapport/internal/segment/segmenttest"
)

func TestExpressions_ThatAskForTheDayChangeAtMidnight(t *testing.T) {
	t.Parallel()
	set := compile(t, segment.Definition{Key: "due", Condition: read(t, `{"feel":"date(traits.renewal) < today()"}`)})
	h := newHuman(t, set, 1)
	now := clock.From(segmenttest.Spring.Add(5 * time.Hour))
	a := h.ev.Evaluate(nil, h.person(), h.states(), h.fold(h.plain("1", "", now, "", `{"renewal":"2026-03-20"}`)), now)
	want := clock.From(time.Date(2026, 3, 21, 0, 0, 0, 0, time.UTC))
	if len(a) != 1 || a[0].Member || a[0].Next != want {
		t.Fatalf("it answers %+v, want %v", a, want)
	}
	if a = h.ev.EvaluateSegments(nil, h.person(), h.states(), []int{0}, want); !a[0].Member {
		t.Errorf("at that instant it answers %+v", a)
	}
}

// Two halves that end and begin at one instant cancel out. Where an event
// delays one of them alone, the segment has to be looked at, although neither
// half changes now.
func TestFold_LeavesNoSegmentToATimerThatItDoesNotHave(t *testing.T) {
	t.Parallel()
	set := compile(t, segment.Definition{Key: "s", Condition: read(t,
		`{"any":[{"event":"A","sum":{"property":"n","min":2},"within":"5d"},{"not":{"event":"A","sum":{"property":"n","min":1},"within":"5d"}}]}`)})
	h := newHuman(t, set, 1)
	now := clock.From(segmenttest.Spring)
	var a []segment.Answer
	for i, ago := range []time.Duration{2 * time.Hour, 2 * time.Hour, 2 * time.Hour, time.Hour} {
		h.now = now
		a = h.ev.Evaluate(a[:0], h.person(), h.states(), h.fold(h.plain(fmt.Sprint(i), "A", now.Add(-ago), `{"n":1}`, "")), now)
	}
	if want := now.Add(5*24*time.Hour - 2*time.Hour); len(a) != 1 || !a[0].Member || a[0].Next != want {
		t.Errorf("it answers %+v, want %v", a, want)
	}
}

func TestBounds_AreWhereTheWindowIs(t *testing.T) {
	t.Parallel()
	now := clock.From(time.Date(2026, 3, 31, 23, 30, 0, 0, time.UTC)) // in Berlin it is April
	for text, want := range map[string][2]string{
		`{"last":"30d"}`:                               {"2026-03-01T23:30:00.000001Z", ""},
		`{"from":"now-60d","to":"now-30d"}`:            {"2026-01-30T23:30:00.000001Z", "2026-03-01T23:30:00.000001Z"},
		`{"from":"2026-01-01","to":"2026-02-01"}`:      {"2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"},
		`{"this":"month"}`:                             {"2026-03-01T00:00:00.000Z", ""},
		`{"this":"month","zone":"Europe/Berlin"}`:      {"2026-03-31T22:00:00.000Z", ""},
		`{"previous":"week"}`:                          {"2026-03-23T00:00:00.000Z", "2026-03-30T00:00:00.000Z"},
		`{"calendar":"quarter","periods":2}`:           {"2025-10-01T00:00:00.000Z", ""},
		`{"calendar":"day","periods":3,"ago":2}`:       {"2026-03-27T00:00:00.000Z", "2026-03-30T00:00:00.000Z"},
		`{"calendar":"year","zone":"America/Caracas"}`: {"2026-01-01T04:00:00.000Z", ""},
	} {
		n := read(t, `{"event":"A","window":`+text+`}`)
		from, to := segment.Bounds(&n.Events.Window, now)
		show := func(i clock.Instant) string {
			if i == 0 {
				return ""
			}
			return i.String()
		}
		if show(from) != want[0] || show(to) != want[1] {
			t.Errorf("%s is from %s to %s, want %v", text, show(from), show(to), want)
		}
	}
}

func TestMatches_SaysOfOneValueWhatEvaluateSays(t *testing.T) {
	t.Parallel()
	const first = 50_000
	now := clock.From(segmenttest.Spring)
	for seed := uint64(first); seed < first+300; seed++ {
		m := segmenttest.New(seed)
		n := read(t, `{"trait":"x",`+m.Test(true)+`}`)
		value := segmenttest.Pick(m.Rand, `"gold"`, `"silver"`, `25.5`, `31`, `true`, `false`, `["t1","gold"]`, `[]`, `{"a":1}`, `null`, `"2026-03-05"`, `"2026-03-12T00:00:00Z"`)
		set := compile(t, segment.Definition{Key: "s", Condition: n})
		h := newHuman(t, set, 1)
		h.fold(h.plain("1", "", now, "", `{"x":`+value+`}`))
		a := h.ev.EvaluateSegments(nil, h.person(), h.states(), []int{0}, now)
		if got := segment.Matches(&n.Field.Test, value, now); got != a[0].Member {
			t.Fatalf("seed %d: %s of %s: %v, want %v", seed, n.Canonical(), value, got, a[0].Member)
		}
	}
}
