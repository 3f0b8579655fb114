package golden_test

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/profile/golden"
)

// said is a candidate as the vectors write it.
type said struct {
	Source   string          `json:"source"`
	Value    json.RawMessage `json:"value"`
	Time     clock.Instant   `json:"time"`
	Priority uint8           `json:"priority"`
	Count    uint32          `json:"count"`
	Latest   bool            `json:"latest"`
}

func canonical(t *testing.T, raw []byte) string {
	t.Helper()
	doc, err := jsondoc.Parse(raw, jsondoc.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return string(jsondoc.AppendCanonical(nil, doc.Root()))
}

func TestPick_FollowsTheVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../spec/vectors/reconciliation.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name     string          `json:"name"`
			Rules    json.RawMessage `json:"rules"`
			Said     []said          `json:"said"`
			Value    json.RawMessage `json:"value"`
			Source   string          `json:"source"`
			Rule     golden.Rule     `json:"rule"`
			Fallback bool            `json:"fallback"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil || len(file.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(file.Cases), err)
	}
	for _, c := range file.Cases {
		rules, err := golden.Parse(c.Rules)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		var all []golden.Candidate
		for i, s := range c.Said {
			all = append(all, golden.Candidate{
				Value: canonical(t, s.Value), Source: s.Source, Count: s.Count, Latest: s.Latest,
				Stamp: catalog.Stamp{Time: s.Time, Priority: s.Priority, Short: uint64(i)},
			})
		}
		for range len(all) {
			all = append(all[1:], all[0])
			v := rules.Pick("f", all)
			if w := all[v.Winner]; w.Value != canonical(t, c.Value) || w.Source != c.Source || v.Rule != c.Rule || v.Fallback != c.Fallback {
				t.Errorf("%s: got %s of %s by %s (fallback %v)", c.Name, w.Value, w.Source, v.Rule, v.Fallback)
			}
		}
	}
}

// naive picks by sorting all that may count, the best first.
func naive(c golden.Choice, all []golden.Candidate) golden.Candidate {
	counts := map[string]uint32{}
	for _, x := range all {
		counts[x.Value] += x.Count
	}
	may := slices.DeleteFunc(slices.Clone(all), func(x golden.Candidate) bool { return !x.Latest && c.Rule != golden.MostFrequent })
	if *c.IgnoreEmpty && slices.ContainsFunc(may, func(x golden.Candidate) bool { return !golden.Empty(x.Value) }) {
		may = slices.DeleteFunc(may, func(x golden.Candidate) bool { return golden.Empty(x.Value) })
	}
	place := func(source string) int {
		return slices.Index(append(slices.Clone(c.Sources), source), source)
	}
	slices.SortFunc(may, func(a, b golden.Candidate) int {
		best := 0
		switch c.Rule {
		case golden.MostFrequent:
			best = cmp.Compare(counts[b.Value], counts[a.Value])
		case golden.SourcePriority:
			best = cmp.Or(cmp.Compare(place(a.Source), place(b.Source)), cmp.Compare(b.Stamp.Priority, a.Stamp.Priority))
		case golden.MostComplete:
			best = cmp.Compare(len(strings.Trim(b.Value, `"`)), len(strings.Trim(a.Value, `"`)))
		}
		return cmp.Or(best, golden.Later(&b, &a))
	})
	return may[0]
}

func TestPick_EqualsANaiveSortInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ignore := rapid.Bool().Draw(t, "ignore")
		choice := golden.Choice{
			Rule:        rapid.SampledFrom([]golden.Rule{golden.LastUpdated, golden.MostFrequent, golden.SourcePriority, golden.MostComplete}).Draw(t, "rule"),
			IgnoreEmpty: &ignore, Sources: rapid.SampledFrom([][]string{{"c"}, {"b", "a"}, {"x", "c", "a"}}).Draw(t, "sources"),
		}
		rules, err := golden.New(golden.Document{Default: choice})
		if err != nil {
			t.Fatal(err)
		}
		var all []golden.Candidate
		for i, source := range []string{"a", "b", "c", "d"}[:rapid.IntRange(1, 4).Draw(t, "count")] {
			for k := range rapid.IntRange(1, 3).Draw(t, "values") {
				all = append(all, golden.Candidate{
					Value:  rapid.SampledFrom([]string{`"x"`, `"yy"`, `"zz"`, `"long"`, `""`}).Draw(t, "value"),
					Source: source, Latest: k == 0, Count: uint32(rapid.IntRange(1, 4).Draw(t, "times")),
					Stamp: catalog.Stamp{
						Time: clock.Instant(rapid.IntRange(1, 3).Draw(t, "time")), Priority: uint8(rapid.IntRange(0, 1).Draw(t, "priority")),
						Short: uint64(10*i + k),
					},
				})
			}
		}
		want := naive(choice, all)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		for range 3 {
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			if got := all[rules.Pick("f", all).Winner]; got != want {
				t.Fatalf("%+v: got %+v, want %+v of %+v", choice, got, want, all)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"default":{"rule":"most_frequent","ignore_empty":false},"sources":["a"],"fields":{"x":{"rule":"source_priority"}}}`, `{"fields":{"":{}}}`, `[]`, `{"default":{"rule":7}}`} {
		f.Add([]byte(seed), `"x"`)
	}
	f.Fuzz(func(t *testing.T, document []byte, value string) {
		r, err := golden.Parse(document)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%s: %v", document, err)
			}
			return
		}
		all := []golden.Candidate{{Value: value, Source: "a", Latest: true, Count: 1}, {Value: `"y"`, Source: "b", Latest: true, Count: 1}}
		if v := r.Pick("x", all); v.Winner < 0 || v.Winner > 1 {
			t.Fatalf("winner %d", v.Winner)
		}
	})
}
