package segment_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/segment"
	"rapport/internal/segment/segmenttest"
)

func TestCompile_RefusesWhatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	def := func(key, text string) segment.Definition {
		return segment.Definition{Key: key, Condition: read(t, text)}
	}
	for name, c := range map[string]struct {
		defs       []segment.Definition
		code, says string
	}{
		"a circle": {
			[]segment.Definition{def("a", `{"not":{"segment":"b"}}`), def("b", `{"all":[{"trait":"x"},{"segment":"c"}]}`), def("c", `{"segment":"a"}`)},
			"segment_cycle", "a → b → c → a",
		},
		"itself":                {[]segment.Definition{def("a", `{"segment":"a"}`)}, "segment_cycle", "a → a"},
		"an unknown segment":    {[]segment.Definition{def("a", `{"any":[{"segment":"vip"}]}`)}, "unknown_segment", `segment "a": /any/0: there is no segment "vip"`},
		"an unknown trait":      {[]segment.Definition{def("a", `{"computed":"ltv"}`)}, "unknown_computed_trait", "ltv"},
		"an unknown affinity":   {[]segment.Definition{def("a", `{"affinity":"x","value":"y"}`)}, "unknown_affinity", "create it"},
		"an expression's name":  {[]segment.Definition{def("a", `{"feel":"trait.x > 3"}`)}, "invalid_expression", "line 1"},
		"an expression's field": {[]segment.Definition{def("a", `{"feel":"profile.evnt_count > 3"}`)}, "invalid_expression", "evnt_count"},
		"an expression's type":  {[]segment.Definition{def("a", `{"feel":"profile.event_count + 3"}`)}, "type_mismatch", "number"},
		"a sum of attributes":   {[]segment.Definition{def("a", `{"event":"X","item":{"attribute":"c"},"sum":{"property":"p"}}`)}, "invalid_condition", "order_item"},
		"two of one key":        {[]segment.Definition{def("a", `{"trait":"x"}`), def("a", `{"trait":"y"}`)}, "invalid_segment", "rename"},
	} {
		_, err := segment.Compile(segment.Definitions{Segments: c.defs})
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Kind != fault.Invalid || f.Code != c.code || !strings.Contains(f.Message, c.says) {
			t.Errorf("%s: %v, want %s with %q", name, err, c.code, c.says)
		}
	}
}

func TestExplain_SaysWhyInAndWhyNot(t *testing.T) {
	t.Parallel()
	set := compile(t,
		segment.Definition{Key: "buyers", Condition: read(t, `{"event":"A","count":{"min":2},"within":"5d"}`)},
		segment.Definition{Key: "vip", Condition: read(t, `{"all":[{"segment":"buyers"},{"not":{"trait":"plan","value":"free"}},{"trait":"age","min":30}]}`)},
	)
	h := newHuman(t, set, 1)
	now := clock.From(segmenttest.Spring)
	h.fold(h.plain("1", "A", now.Add(-24*time.Hour), "{}", ""))
	h.fold(h.plain("2", "A", now.Add(-time.Hour), "{}", ""))
	h.fold(h.plain("3", "", now.Add(-time.Hour), "", `{"plan":"gold","age":25}`))
	x, err := h.ev.Explain(h.person(), h.states(), "vip", now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"sentence":"all of these","holds":false,"parts":[` +
		`{"sentence":"is in the segment \"buyers\"","holds":true,"segment":"buyers","parts":[` +
		`{"sentence":"the number of events \"A\" in the last 5 days is at least 2","holds":true,"value":"2 or more","until":"2026-03-14T00:00:00.000Z"}]},` +
		`{"sentence":"not this","holds":true,"parts":[{"sentence":"the trait plan is \"free\"","holds":false,"value":"gold"}]},` +
		`{"sentence":"the trait age is at least 30","holds":false,"value":"25"}]}`
	if string(got) != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	if _, err := h.ev.Explain(h.person(), h.states(), "nobody", now); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown segment: %v", err)
	}
}

func TestTraits_AreAddedUpAndComputed(t *testing.T) {
	t.Parallel()
	defs := segment.Definitions{Segments: []segment.Definition{{Key: "big", Condition: read(t, `{"computed":"double","op":">","value":100}`)}}}
	for key, text := range map[string]string{
		"spent": `{"event":"A","sum":{"property":"price"},"within":"5d"}`, "double": `{"feel":"computed.spent * 2"}`,
		"best": `{"event":"A","most_frequent":{"property":"cat"}}`, "mean": `{"event":"A","avg":{"property":"price"}}`,
		"kinds": `{"event":"A","unique":{"property":"cat"}}`, "first": `{"event":"A","first":{"property":"cat"}}`,
		"last": `{"event":"A","last":{}}`, "none": `{"event":"Z","max":{"property":"price"}}`,
	} {
		defs.Traits = append(defs.Traits, segment.TraitDefinition{Key: key, Value: read(t, text)})
	}
	set, err := segment.Compile(defs)
	if err != nil {
		t.Fatal(err)
	}
	h := newHuman(t, set, 1)
	now := clock.From(segmenttest.Spring)
	var answers []segment.Answer
	for i, cat := range []string{"x", "y", "y"} {
		e := h.plain(fmt.Sprint(i), "A", now.Add(-time.Duration(3-i)*24*time.Hour), fmt.Sprintf(`{"cat":%q,"price":%d.1}`, cat, 20*(i+1)), "")
		answers = h.ev.Evaluate(answers[:0], h.person(), h.states(), h.fold(e), now)
	}
	if len(answers) != 1 || !answers[0].Member || answers[0].Next != now.Add(4*24*time.Hour) {
		t.Errorf("the segment of a formula answers %+v", answers)
	}
	var got []string
	for _, v := range h.ev.Traits(h.person(), h.states(), now) {
		got = append(got, v.Key+" "+v.JSON)
	}
	const want = `best "y", double 240.6, first "x", kinds 2, last "2026-03-09T00:00:00.000Z", mean 40.1, none , spent 120.3`
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("the traits are\n%s\nwant\n%s", s, want)
	}
}

func TestQuestions_SayWhereTheyAreTruncated(t *testing.T) {
	t.Parallel()
	set := compile(t, segment.Definition{Key: "s", Condition: read(t, `{"event":"A","sum":{"property":"price","min":300},"within":"30d"}`)})
	h := newHuman(t, set, 1)
	now := clock.From(segmenttest.Spring)
	for i := range 300 {
		h.fold(h.plain(fmt.Sprint(i), "A", now.Add(-time.Duration(i)*time.Hour), `{"price":1}`, ""))
	}
	x, err := h.ev.Explain(h.person(), h.states(), "s", now)
	if err != nil || x.Value != "300" || !x.Holds || !x.Truncated {
		t.Errorf("it says %+v, %v", x, err)
	}
}

//nolint:paralleltest // AllocsPerRun counts for the whole process
func TestFold_OfWhatConcernsNobodyDoesNotAllocate(t *testing.T) {
	set := mix(t, 1000)
	r := newRunner(t, set)
	e := viewed(t, 1, 3)
	e.Name = "Something Else"
	r.each(e)
	if n := testing.AllocsPerRun(100, func() { r.each(e) }); n != 0 || r.touched != 0 {
		t.Errorf("%v allocations, %d segments", n, r.touched)
	}
}
