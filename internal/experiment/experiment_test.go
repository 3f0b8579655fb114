package experiment_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/clock"
	"rapport/internal/experiment"
	"rapport/internal/fault"
	"rapport/internal/feel"
)

func read(t testing.TB, document string) *experiment.Definition {
	t.Helper()
	d, err := experiment.Read("checkout", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func running(t testing.TB, document string) *experiment.Experiment {
	t.Helper()
	d := read(t, document)
	d.State = experiment.Running
	if err := d.Revise(nil, 1); err != nil {
		t.Fatal(err)
	}
	e, err := experiment.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const plain = `{"name":"Checkout","variants":[{"key":"control"},{"key":"treatment","value":{"steps":1}}]}`

func TestBucket_AgreesWithGrowthBook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		seed, value string
		want        int
	}{
		{"seed", "a", 505},
		{"seed", "b", 2696},
		{"foo", "ab", 2575},
		{"foo", "def", 2019},
		{"89123klj", "8952klfjas09ujkasdf", 1240},
		{"90850943850283058242805", "123", 7516},
		{"()**(%$##$%#$#", `___)((*":&`, 128},
	} {
		if got := experiment.Bucket(c.seed, c.value); got != c.want {
			t.Errorf("%q %q: %d, not %d", c.seed, c.value, got, c.want)
		}
	}
}

func TestAssign_DividesByWeightAndSaysThePropensity(t *testing.T) {
	t.Parallel()
	e := running(t, `{"name":"x","variants":[{"key":"a","weight":1},{"key":"b","weight":2},{"key":"c","weight":0},{"key":"d","weight":4}]}`)
	const n = 100_000
	count, propensity := map[string]float64{}, map[string]int{}
	for i := range n {
		a := e.Assign(&experiment.Subject{Unit: fmt.Sprintf("anonymous_id:%d", i)}, nil)
		if a.Reason != experiment.Assigned || !a.Exposes || a.Phase != 1 {
			t.Fatalf("%+v", a)
		}
		count[a.Variant]++
		propensity[a.Variant] = a.Propensity
	}
	total := 0
	for key, share := range map[string]float64{"a": 1. / 7, "b": 2. / 7, "c": 0, "d": 4. / 7} {
		// Five standard deviations.
		if d := math.Abs(count[key] - n*share); d > 5*math.Sqrt(n*share*(1-share)) {
			t.Errorf("%s got %g of %d", key, count[key], n)
		}
		if math.Abs(float64(propensity[key])-experiment.Buckets*share) > 1 {
			t.Errorf("%s has the propensity %d", key, propensity[key])
		}
		total += propensity[key]
	}
	if total != experiment.Buckets {
		t.Errorf("propensities sum to %d", total)
	}
}

func TestAssign_FirstExposureWinsWhateverTheIdentifier(t *testing.T) {
	t.Parallel()
	e := running(t, plain)
	for i := range 100 {
		unit := fmt.Sprintf("user_id:%d", i)
		seen := experiment.Register{{"checkout", 1, "treatment", 20}, {"checkout", 1, "control", 30}, {"other", 1, "control", 1}}
		a := e.Assign(&experiment.Subject{Unit: unit, Seen: seen}, nil)
		if a.Variant != "treatment" || a.Reason != experiment.Sticky || a.Exposes || string(a.Value) != `{"steps":1}` {
			t.Fatalf("%+v", a)
		}
	}
}

func TestAssign_LayersShareNobody(t *testing.T) {
	t.Parallel()
	one := running(t, `{"name":"1","seed":"s1","layer":{"key":"home","from":0,"to":0.5},"variants":[{"key":"a"},{"key":"b"}]}`)
	two := running(t, `{"name":"2","seed":"s2","layer":{"key":"home","from":0.5,"to":1},"variants":[{"key":"a"},{"key":"b"}]}`)
	in := [2]int{}
	for i := range 10_000 {
		s := &experiment.Subject{Unit: fmt.Sprintf("anonymous_id:%d", i)}
		a, b := one.Assign(s, nil), two.Assign(s, nil)
		if (a.Variant == "") == (b.Variant == "") {
			t.Fatalf("%s is in both or in none: %s %s", s.Unit, a.Reason, b.Reason)
		}
		if a.Variant != "" {
			in[0]++
		} else {
			in[1]++
		}
	}
	if in[0] < 4700 || in[1] < 4700 {
		t.Errorf("divided %v", in)
	}
}

func TestAssign_QuestionsAreIndependent(t *testing.T) {
	t.Parallel()
	e := running(t, `{"name":"1","traffic":0.3,"holdout":{"key":"2026","share":0.1},"variants":[{"key":"a"},{"key":"b"}]}`)
	got := map[experiment.Reason]float64{}
	a := 0.0
	const n = 50_000
	for i := range n {
		x := e.Assign(&experiment.Subject{Unit: fmt.Sprintf("anonymous_id:%d", i)}, nil)
		got[x.Reason]++
		if x.Variant == "a" {
			a++
		}
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 5*math.Sqrt(n*want*(1-want))/n {
			t.Errorf("%s: %g, not %g", what, got, want)
		}
	}
	near("held out", got[experiment.HeldOut]/n, 0.1)
	near("in", got[experiment.Assigned]/n, 0.9*0.3)
	near("a", a/n, 0.9*0.3/2)
}

func TestAssign_AudienceAsksOnlyWhatItNeeds(t *testing.T) {
	t.Parallel()
	e := running(t, `{"name":"1","audience":{"segment":"vip","condition":"context.country = \"DE\" and profile.age > 17"},"variants":[{"key":"a"},{"key":"b"}]}`)
	person := func(segment, country string, age int64) *experiment.Person {
		return &experiment.Person{
			Segments: func() []string { return []string{segment} },
			Context:  func() feel.Value { return feel.ContextOf(feel.Entry{Key: "country", Value: feel.String(country)}) },
			Profile:  func() feel.Value { return feel.ContextOf(feel.Entry{Key: "age", Value: feel.Int(age)}) },
		}
	}
	for _, c := range []struct {
		p    *experiment.Person
		want experiment.Reason
	}{
		{person("vip", "DE", 20), experiment.Assigned},
		{person("vip", "DE", 10), experiment.NotAudience},
		{person("vip", "FR", 20), experiment.NotAudience},
		{person("other", "DE", 20), experiment.NotAudience},
		{nil, experiment.NotAudience},
	} {
		if a := e.Assign(&experiment.Subject{Unit: "user_id:1", Person: c.p}, nil); a.Reason != c.want {
			t.Errorf("%+v: %s", c.p, a.Reason)
		}
	}
}

func TestAssign_StatesAndLinks(t *testing.T) {
	t.Parallel()
	e := running(t, `{"name":"x","default":"none","variants":[{"key":"control"},{"key":"treatment"}],"conclusion":{"winner":"treatment","text":"better"}}`)
	unit := "user_id:7"
	seen := experiment.Register{{"checkout", 1, "control", 5}}
	for _, c := range []struct {
		state        experiment.State
		seen         experiment.Register
		forced, want string
		reason       experiment.Reason
	}{
		{experiment.Draft, nil, "", "", experiment.NotRunning},
		{experiment.Draft, nil, "treatment", "treatment", experiment.Forced},
		{experiment.Running, seen, "treatment", "treatment", experiment.Forced},
		{experiment.Running, seen, "nonsense", "control", experiment.Sticky},
		{experiment.Paused, nil, "", "", experiment.NotRunning},
		{experiment.Paused, seen, "", "control", experiment.Sticky},
		{experiment.Stopped, seen, "", "treatment", experiment.Concluded},
		{experiment.Archived, seen, "treatment", "", experiment.NotRunning},
	} {
		e.State = c.state
		s := &experiment.Subject{Unit: unit, Seen: c.seen}
		if c.forced != "" {
			s.Forced = map[string]string{"checkout": c.forced}
		}
		a := e.Assign(s, nil)
		if a.Variant != c.want || a.Reason != c.reason || a.Exposes || c.want == "" && string(a.Value) != `"none"` {
			t.Errorf("%+v: %+v", c, a)
		}
	}
	e.State = experiment.Running
	if a := e.Assign(&experiment.Subject{}, nil); a.Reason != experiment.NoUnit {
		t.Errorf("without a unit: %+v", a)
	}
}

func TestRead_CombinesFactors(t *testing.T) {
	t.Parallel()
	d := read(t, `{"name":"m","kind":"multivariate","factors":[
		{"key":"title","levels":[{"key":"plain"},{"key":"bold","weight":2}]},
		{"key":"color","levels":[{"key":"red"},{"key":"blue","value":"#00f"},{"key":"green"}]}]}`)
	if len(d.Variants) != 6 || d.Variants[0].Key != "plain.red" || d.Variants[4].Key != "bold.blue" || *d.Variants[4].Weight != 2 {
		t.Fatalf("%+v", d.Variants)
	}
	if got := string(d.Variants[4].Value); got != `{"color":"#00f","title":"bold"}` {
		t.Errorf("value %s", got)
	}
	if l := d.Levels(4); !slices.Equal(l, []int{1, 1}) {
		t.Errorf("levels %v", l)
	}
	document, err := d.Document()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := experiment.Read("checkout", document); err != nil || len(again.Variants) != 6 {
		t.Errorf("%v %s", err, document)
	}
}

func TestRead_RefusesWithThePlace(t *testing.T) {
	t.Parallel()
	const v = `"variants":[{"key":"a"},{"key":"b"}]`
	for at, document := range map[string]string{
		"/name":                   `{` + v + `}`,
		"/variants":               `{"name":"x","variants":[{"key":"a"}]}`,
		"/variants/1/key":         `{"name":"x","variants":[{"key":"a"},{"key":"a"}]}`,
		"/variants/0/weight":      `{"name":"x","variants":[{"key":"a","weight":-1},{"key":"b"}]}`,
		"/traffic":                `{"name":"x","traffic":1.5,` + v + `}`,
		"/layer":                  `{"name":"x","layer":{"key":"l","from":0.5,"to":0.2},` + v + `}`,
		"/audience":               `{"name":"x","audience":{},` + v + `}`,
		"/audience/condition":     `{"name":"x","audience":{"condition":"1 +"},` + v + `}`,
		"/kind":                   `{"name":"x","kind":"z",` + v + `}`,
		"/state":                  `{"name":"x","state":"on",` + v + `}`,
		"/factors":                `{"name":"x","kind":"multivariate",` + v + `}`,
		"/metrics/0/type":         `{"name":"x","metrics":[{"key":"m","event":"e","type":"z"}],` + v + `}`,
		"/metrics/0/window":       `{"name":"x","metrics":[{"key":"m","event":"e","window":"soon"}],` + v + `}`,
		"/metrics/0/delay":        `{"name":"x","metrics":[{"key":"m","event":"e","window":"1d","delay":"2d"}],` + v + `}`,
		"/metrics/0/denominator":  `{"name":"x","metrics":[{"key":"m","event":"e","type":"ratio"}],` + v + `}`,
		"/metrics/1/key":          `{"name":"x","metrics":[{"key":"m","event":"e"},{"key":"m","event":"e"}],` + v + `}`,
		"/metrics":                `{"name":"x","kind":"bandit",` + v + `}`,
		"/bandit/floor":           `{"name":"x","kind":"bandit","bandit":{"floor":0.6},"metrics":[{"key":"m","event":"e"}],` + v + `}`,
		"/bandit/features":        `{"name":"x","kind":"contextual_bandit","metrics":[{"key":"m","event":"e"}],` + v + `}`,
		"/conclusion/winner":      `{"name":"x","conclusion":{"winner":"z","text":""},` + v + `}`,
		"/analysis/alpha":         `{"name":"x","analysis":{"alpha":0.9},` + v + `}`,
		"/metrics/0/event/where/": `{"name":"x","metrics":[{"key":"m","event":{"name":"e","where":{"a":[1]}}}],` + v + `}`,
	} {
		_, err := experiment.Read("x", []byte(document))
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Kind != fault.Invalid || !strings.HasPrefix(f.Field, at) {
			t.Errorf("%s: %v", at, err)
		}
	}
	for _, document := range []string{``, `[]`, `{"name":"x"} {}`, `{"nam":"x"}`, `{"name":"x","metrics":[{"key":"m","event":{"nam":"e"}}],` + v + `}`} {
		if _, err := experiment.Read("x", []byte(document)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", document, err)
		}
	}
}

func TestRevise_BeginsAPhaseWhereWhoGetsWhatChanges(t *testing.T) {
	t.Parallel()
	change := func(before *experiment.Definition, at clock.Instant, document string) (*experiment.Definition, error) {
		d, err := experiment.Read("checkout", []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		return d, d.Revise(before, at)
	}
	must := func(before *experiment.Definition, at clock.Instant, document string) *experiment.Definition {
		d, err := change(before, at, document)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	body := func(state, weight, more string) string {
		return `{"name":"x","state":"` + state + `","variants":[{"key":"a","weight":` + weight + `},{"key":"b"}]` + more + `}`
	}
	d := must(nil, 1, body("draft", "1", ""))
	if d.Phase() != 0 {
		t.Errorf("a draft has phases: %+v", d.Phases)
	}
	d = must(d, 2, body("running", "1", ""))
	d = must(d, 3, body("running", "1", `,"metrics":[{"key":"m","event":"e"}]`))
	if d.Phase() != 1 {
		t.Errorf("a metric began a phase: %+v", d.Phases)
	}
	d = must(d, 4, body("running", "3", ""))
	d = must(d, 5, body("paused", "3", ""))
	d = must(d, 6, body("running", "3", ""))
	d = must(d, 7, body("running", "3", `,"traffic":0.5`))
	d = must(d, 8, body("running", "3", `,"traffic":0.5,"audience":{"segment":"vip"}`))
	var why []string
	for _, p := range d.Phases {
		why = append(why, fmt.Sprint(p.Number, " ", p.Since, " ", p.Why))
	}
	if got := strings.Join(why, ", "); got != "1 1970-01-01T00:00:00.000002Z start, 2 1970-01-01T00:00:00.000004Z weights changed, 3 1970-01-01T00:00:00.000007Z traffic changed, 4 1970-01-01T00:00:00.000008Z audience changed" {
		t.Errorf("phases: %s", got)
	}
	for name, document := range map[string]string{
		"variant away":  `{"name":"x","state":"running","variants":[{"key":"a"},{"key":"c"}]}`,
		"control moved": `{"name":"x","state":"running","variants":[{"key":"b"},{"key":"a"}]}`,
		"seed":          body("running", "3", `,"seed":"other"`),
		"back":          body("draft", "3", ""),
		"archived":      body("archived", "3", ""),
	} {
		if _, err := change(d, 9, document); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	d = must(d, 10, body("stopped", "3", `,"conclusion":{"winner":"b","text":"It helped."}`))
	d = must(d, 11, body("archived", "3", ""))
	if d.Conclusion == nil || d.Conclusion.Winner != "b" || d.Conclusion.Time != 10 {
		t.Errorf("conclusion %+v", d.Conclusion)
	}
	c := d.Clone("again", "")
	if c.State != experiment.Draft || len(c.Phases) != 0 || c.ClonedFrom != "checkout" || c.Conclusion != nil {
		t.Errorf("clone %+v", c)
	}
}

func TestRegister_MergeDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	one := rapid.Custom(func(t *rapid.T) experiment.Exposure {
		return experiment.Exposure{
			Experiment: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "experiment"), Phase: rapid.IntRange(1, 2).Draw(t, "phase"),
			Variant: rapid.SampledFrom([]string{"a", "b", "c/d"}).Draw(t, "variant"), First: clock.Instant(rapid.Int64Range(1, 5).Draw(t, "first")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(one, 1, 12).Draw(t, "list")
		var all, split, other experiment.Register
		for _, e := range list {
			back, ok := experiment.ReadMark(e.Mark(), e.First)
			if !ok || back != e {
				t.Fatalf("%q read as %+v", e.Mark(), back)
			}
			all = all.Merge(experiment.Register{e})
		}
		cut := rapid.IntRange(0, len(list)).Draw(t, "cut")
		for i := range list {
			e := experiment.Register{list[len(list)-1-i]}
			if i < cut {
				split = split.Merge(e)
			} else {
				other = other.Merge(e)
			}
		}
		split = split.Merge(other)
		for _, key := range []string{"x", "y", "z"} {
			a, several := all.First(key)
			b, alike := split.First(key)
			if (a == nil) != (b == nil) || a != nil && *a != *b || several != alike {
				t.Fatalf("%s: %+v %v, %+v %v", key, a, several, b, alike)
			}
			for _, e := range all {
				if e.Experiment == key && e.First < a.First {
					t.Fatalf("%+v was before %+v", e, a)
				}
			}
		}
	})
}

func TestLink_HoldsForItsTimeAndItsInstance(t *testing.T) {
	t.Parallel()
	l := experiment.Link{Experiment: "checkout", Variant: "b", Until: 100}
	token := l.Token([]byte("key"))
	got, err := experiment.ReadLink(token, []byte("key"), 100)
	if err != nil || *got != l {
		t.Fatalf("%+v %v", got, err)
	}
	for name, err := range map[string]error{
		"late":   second(experiment.ReadLink(token, []byte("key"), 101)),
		"other":  second(experiment.ReadLink(token, []byte("other"), 1)),
		"cut":    second(experiment.ReadLink(token[:10], []byte("key"), 1)),
		"forged": second(experiment.ReadLink("A"+token[1:], []byte("key"), 1)),
	} {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ *experiment.Link, err error) error { return err }

func FuzzRead(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte(`{"name":"m","kind":"multivariate","factors":[{"key":"t","levels":[{"key":"a"},{"key":"b"}]}],"metrics":[{"key":"m","event":{"name":"e","where":{"a":1}},"window":"7d"}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		d, err := experiment.Read("x", document)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		text, err := d.Document()
		if err != nil {
			t.Fatal(err)
		}
		again, err := experiment.Read("x", text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if more, _ := again.Document(); string(more) != string(text) {
			t.Fatalf("%s\n%s", text, more)
		}
		e, err := experiment.Compile(d)
		if err != nil {
			t.Fatal(err)
		}
		e.State = experiment.Running
		if a := e.Assign(&experiment.Subject{Unit: "user_id:1"}, nil); len(a.Value) > 0 && !json.Valid(a.Value) {
			t.Fatalf("%s", a.Value)
		}
	})
}

func FuzzReadMark(f *testing.F) {
	f.Add("checkout/1/b")
	f.Add("checkout/-1/b")
	f.Fuzz(func(t *testing.T, mark string) {
		e, ok := experiment.ReadMark(mark, 1)
		if !ok {
			return
		}
		if again, ok := experiment.ReadMark(e.Mark(), 1); !ok || again != e {
			t.Fatalf("%+v %+v", e, again)
		}
	})
}

func BenchmarkAssign(b *testing.B) {
	e := running(b, plain)
	s := &experiment.Subject{Unit: "anonymous_id:0123456789abcdef"}
	b.ReportAllocs()
	for b.Loop() {
		if a := e.Assign(s, nil); a.Variant == "" {
			b.Fatal(a.Reason)
		}
	}
}
