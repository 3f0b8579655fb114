package trial_test

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/trial"
)

func meter(t testing.TB, metrics string) *trial.Meter {
	t.Helper()
	d, err := experiment.Read("x", []byte(`{"name":"x","variants":[{"key":"a"},{"key":"b"}],"metrics":[`+metrics+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return trial.NewMeter(d)
}

func TestRead_CountsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	m := meter(t, `{"key":"m","type":"sum","event":{"name":"Buy","property":"price.net","where":{"brand":"Acme","new":true,"n":2}}}`)
	entry := profile.Entry{Type: event.Track, Name: profile.HashName("Buy"), Time: 5}
	if wants, body := m.Wants(&entry); !wants || !body {
		t.Fatal("a purchase does not count")
	}
	if wants, _ := m.Wants(&profile.Entry{Type: event.Page, Name: profile.HashName("Buy")}); wants {
		t.Error("a page counts")
	}
	for text, want := range map[string]string{
		`{"price":{"net":12.34},"brand":"Acme","new":true,"n":2.0}`: "[12340000]",
		`{"price":{"net":"7"},"brand":"Acme","new":true,"n":2}`:     "[7000000]",
		`{"price":{"net":1},"brand":"acme","new":true,"n":2}`:       "[]",
		`{"price":{"net":1},"brand":"Acme","new":"true","n":2}`:     "[]",
		`{"price":{"net":1},"brand":"Acme","new":true,"n":3}`:       "[]",
		`{"price":{},"brand":"Acme","new":true,"n":2}`:              "[]",
		`{"price":{"net":"x"},"brand":"Acme","new":true,"n":2}`:     "[]",
		`{"price":{"net":1e300},"brand":"Acme","new":true,"n":2}`:   "[1000000000000000]",
	} {
		doc, err := jsondoc.Parse([]byte(text), jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got := []int64{}
		for _, h := range m.Read(nil, &entry, doc.Root()) {
			got = append(got, h.Amount)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, not %s", text, got, want)
		}
	}
}

func TestOf_KeepsToWindows(t *testing.T) {
	t.Parallel()
	m := meter(t, `{"key":"w","type":"count","event":"E","delay":"1h","window":"2h","lookback":"1h"},{"key":"c","event":"E","at_least":3},{"key":"cap","type":"count","event":"E","cap":2}`)
	const hour = 3_600_000_000
	first := clock.Instant(100 * hour)
	var hits []trial.Hit
	for i, at := range []clock.Instant{first - hour - 1, first - hour, first - 1, first, first + hour - 1, first + hour, first + 2*hour - 1, first + 2*hour} {
		hits = append(hits, trial.Hit{Time: at, Short: uint64(i), Amount: trial.Unit})
	}
	x := m.Of(&experiment.Exposure{Experiment: "x", Phase: 1, Variant: "a", First: first}, false, hits)
	if x.Metrics[0] != (trial.Values{2 * trial.Unit, 0, 2 * trial.Unit, 0}) {
		t.Errorf("in the window %v", x.Metrics[0])
	}
	if x.Metrics[1] != (trial.Values{trial.Unit}) || x.Metrics[2][0] != 2*trial.Unit {
		t.Errorf("at least three %v, at most two %v", x.Metrics[1], x.Metrics[2])
	}
}

func trials(t *rapid.T, features bool) trial.Trial {
	value := rapid.Int64Range(-5*trial.Unit, 500*trial.Unit)
	x := trial.Trial{
		Experiment: "x", Phase: rapid.IntRange(1, 2).Draw(t, "phase"), Variant: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "variant"),
		First: clock.Instant(rapid.Int64Range(0, 4*86_400_000_000).Draw(t, "first")), Several: rapid.Bool().Draw(t, "several"),
		Metrics: []trial.Values{{value.Draw(t, "x"), value.Draw(t, "y"), value.Draw(t, "px"), value.Draw(t, "py")}},
	}
	if features {
		x.Features = []int64{rapid.Int64Range(-9, 9).Draw(t, "f"), 1000}
		x.Policy, x.Propensity = "p1", 2500
	}
	return x
}

func TestBook_WhatIsTakenOutWasNeverIn(t *testing.T) {
	t.Parallel()
	m := meter(t, `{"key":"m","type":"sum","event":{"name":"Buy","property":"price"},"cap_percentile":0.9}`)
	rapid.Check(t, func(t *rapid.T) {
		all, some := trial.NewBook(m.Signature()), trial.NewBook(m.Signature())
		type kept struct {
			trial.Trial
			stays bool
		}
		var list []kept
		for range rapid.IntRange(1, 20).Draw(t, "people") {
			k := kept{trials(t, true), rapid.Bool().Draw(t, "stays")}
			k.Signature = m.Signature()
			list = append(list, k)
			all.Add(m, &k.Trial, 1)
		}
		for _, i := range rapid.Permutation(indexes(len(list))).Draw(t, "order") {
			if list[i].stays {
				some.Add(m, &list[i].Trial, 1)
			} else {
				all.Add(m, &list[i].Trial, -1)
			}
		}
		if a, b := show(all), show(some); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
		if a, b := show(all.Clone()), show(all); a != b {
			t.Fatalf("the copy is %s, not %s", a, b)
		}
	})
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func show(b *trial.Book) string {
	out := fmt.Sprint(b.People, b.Stale)
	b.Each(func(p trial.Place, c *trial.Cell) {
		m := &c.Metrics[0]
		out += fmt.Sprintf("\n%+v %d %d %v %v %v", p, c.People, m.N, m.Sum(0), m.Product(0, 2), m.Product(3, 3))
		estimate, low, high := m.Quantile(0.5)
		out += fmt.Sprint(estimate, low, high, m.CapAt(0.9))
	})
	for _, v := range []string{"a", "b"} {
		if l := b.Linear(v); l != nil && l.N > 0 {
			out += fmt.Sprint(l.N, l.At(0, 0), l.At(1, 2), l.At(3, 1))
		}
	}
	return out
}

func TestCapped_IsTheSumOfCappedValues(t *testing.T) {
	t.Parallel()
	m := meter(t, `{"key":"m","type":"sum","event":{"name":"Buy","property":"price"},"cap_percentile":0.9}`)
	rapid.Check(t, func(t *rapid.T) {
		b := trial.NewBook(m.Signature())
		var list []trial.Values
		for range rapid.IntRange(1, 60).Draw(t, "people") {
			x := trials(t, false)
			x.Signature = m.Signature()
			b.Add(m, &x, 1)
			list = append(list, x.Metrics[0])
		}
		c := b.Sum(1, func(trial.Place) bool { return true })
		most := c.Metrics[0].CapAt(0.9)
		got := c.Metrics[0].Capped(most)
		var sum, square, cross float64
		var positive []int64
		for _, v := range list {
			x := float64(min(v[0], most)) / trial.Unit
			sum, square, cross = sum+x, square+x*x, cross+x*float64(v[2])/trial.Unit
			if v[0] > 0 {
				positive = append(positive, v[0])
			}
		}
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("%s: %g, not %g", what, got, want)
			}
		}
		near("sum", got.Sum(0), sum)
		near("square", got.Product(0, 0), square)
		near("cross", got.Product(0, 2), cross)
		if len(positive) == 0 {
			return
		}
		slices.Sort(positive)
		at := positive[int(math.Ceil(0.9*float64(len(positive))))-1]
		if most < at || float64(most) > float64(at)*1.01 {
			t.Fatalf("capped at %d, the value there is %d", most, at)
		}
	})
}

func TestQuantile_IsWithinAHundredth(t *testing.T) {
	t.Parallel()
	m := meter(t, `{"key":"m","type":"quantile","event":{"name":"Buy","property":"price"}}`)
	rapid.Check(t, func(t *rapid.T) {
		b := trial.NewBook(m.Signature())
		var list []float64
		for range rapid.IntRange(1, 100).Draw(t, "people") {
			v := rapid.Int64Range(1, 1<<50).Draw(t, "value")
			b.Add(m, &trial.Trial{Signature: m.Signature(), Variant: "a", Metrics: []trial.Values{{v}}}, 1)
			list = append(list, float64(v)/trial.Unit)
		}
		sort.Float64s(list)
		share := rapid.Float64Range(0.01, 0.99).Draw(t, "share")
		c := b.Sum(1, func(trial.Place) bool { return true })
		got, low, high := c.Metrics[0].Quantile(share)
		want := list[max(int(math.Ceil(share*float64(len(list))))-1, 0)]
		if math.Abs(got-want) > 0.01*want || low > got || high < got {
			t.Fatalf("%g in [%g, %g], not %g", got, low, high, want)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add(trial.Append(nil, []trial.Trial{{Experiment: "x", Signature: 7, Phase: 1, Variant: "a", First: 9, Features: []int64{1, -2}, Metrics: []trial.Values{{1, 2, 3, -4}}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := trial.Read(b)
		if err != nil || list == nil {
			return
		}
		again, err := trial.Read(trial.Append(nil, list))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(list) {
			t.Fatalf("%v %v: %v", list, again, err)
		}
	})
}
