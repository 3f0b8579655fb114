package offer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/decision/offer"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/jsondoc"
	"rapport/internal/predict"
	"rapport/internal/profile/shown"
)

const (
	second = clock.Instant(1_000_000)
	hour   = 3600 * second
	now    = clock.Instant(1_800_000_000) * second
)

type world struct {
	offers map[string]*offer.Ready
	place  *offer.Place
	model  *predict.Model
}

// made reads a placement and offers, each "key {document}".
func made(t testing.TB, placement string, offers ...string) *world {
	t.Helper()
	w := &world{offers: map[string]*offer.Ready{}}
	var err error
	if w.place, err = offer.ReadPlacement("hero", 1, []byte(placement)); err != nil {
		t.Fatal(err)
	}
	for _, text := range offers {
		key, document, _ := strings.Cut(text, " ")
		if !strings.Contains(document, `"content"`) {
			document = `{"content":{"*":{"*":{"title":"` + key + `"}}},` + strings.TrimPrefix(document, "{")
			document = strings.Replace(document, ",}", "}", 1)
		}
		o, err := offer.ReadOffer(key, 1, []byte(document))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		w.offers[key] = o
	}
	return w
}

func (w *world) set() *offer.Set { return offer.NewSet(w.place, w.offers, w.model) }

func asked(segments ...string) *offer.Query {
	return &offer.Query{Explain: true, Situation: &offer.Situation{
		Now: now, Channel: "web", Seed: 7,
		Person: &offer.Person{In: func(k string) (bool, bool) { return slices.Contains(segments, k), k != "secret" }, Shown: &shown.State{}},
	}}
}

func chosen(d *offer.Decision) string {
	var keys []string
	for _, c := range d.Chosen {
		keys = append(keys, c.Key)
	}
	return strings.Join(keys, " ")
}

func stages(d *offer.Decision) string {
	var out []string
	for _, c := range d.Candidates {
		if !c.Chosen {
			out = append(out, c.Offer+":"+c.Stage)
		}
	}
	return strings.Join(out, " ")
}

// happened notes an outcome: "Offer Viewed key", and where, if not in the hero
// on the web: "Offer Viewed key placement channel".
func happened(t testing.TB, s *shown.State, what string, at clock.Instant) {
	t.Helper()
	words := strings.Fields(what)
	name := words[0] + " " + words[1]
	p := map[string]any{"offer": words[2], "placement": "hero", "channel": "web"}
	if len(words) > 3 {
		p["placement"], p["channel"] = words[3], words[4]
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsondoc.Parse(text, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s.Fold(&event.Event{Type: event.Track, Name: name, Time: at, Properties: doc.Root()})
}

func TestDecide_SaysOfEveryOfferAtWhichStageItFell(t *testing.T) {
	t.Parallel()
	w := made(
		t, `{"count":2,"max_per_group":1}`,
		`best {"priority":90,"groups":["g"],"excludes":["rival"]}`,
		`rival {"priority":80}`,
		`twin {"priority":70,"groups":["g"]}`,
		`second {"priority":60}`,
		`third {"priority":50}`,
		`early {"from":"2030-01-01T00:00:00Z"}`,
		`late {"to":"2020-01-01T00:00:00Z"}`,
		`phone {"channels":["app"]}`,
		`german {"content":{"*":{"de":{}}}}`,
		`gold {"eligibility":{"segments":["gold"]}}`,
		`notnew {"eligibility":{"not_segments":["new"]}}`,
		`hidden {"eligibility":{"not_segments":["secret"]}}`,
		`agreed {"eligibility":{"consent":{"purpose":"ads"}}}`,
		`rich {"eligibility":{"when":"person.traits.income > 100"}}`,
		`often {"caps":[{"times":2,"period":"1d"}]}`,
		`sent {"suppress":[{"after":"dismissed","for":"7d"}]}`,
		`gone {"priority":99,"inventory":{"total":5}}`,
		`empty {"priority":98,"item":"sku","stock":{}}`,
	)
	q := asked("new")
	happened(t, q.Shown, "Offer Viewed often", now-2*hour)
	happened(t, q.Shown, "Offer Viewed often", now-3*hour)
	happened(t, q.Shown, "Offer Dismissed sent", now-100*hour)
	q.Left = func(*offer.Ready) int64 { return 0 }
	q.Item = func(string) (feel.Value, bool) {
		return feel.ContextOf(feel.Entry{Key: "stock", Value: feel.Int(0)}), true
	}
	d := w.set().Decide(q)
	if got := chosen(d); got != "best second" {
		t.Errorf("chosen %s", got)
	}
	want := "agreed:consent early:validity empty:stock german:content gold:segment gone:inventory hidden:segment late:validity " +
		"notnew:segment often:cap phone:channel rich:condition rival:excluded sent:suppressed third:rank twin:group"
	if got := stages(d); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, c := range d.Candidates {
		if !c.Chosen && c.Reason == "" {
			t.Errorf("%s fell without a reason", c.Offer)
		}
	}
}

func TestCaps_CountPerOfferGroupPlacementChannelAndPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cap  string
		free bool
	}{
		"offer":               {`{"times":2}`, false},
		"offer, more":         {`{"times":3}`, true},
		"group":               {`{"per":"group","times":3}`, false},
		"group, more":         {`{"per":"group","times":4}`, true},
		"placement":           {`{"per":"placement","times":3}`, false},
		"channel":             {`{"per":"channel","times":3}`, false},
		"person":              {`{"per":"person","times":4}`, false},
		"person, more":        {`{"per":"person","times":5}`, true},
		"long ago":            {`{"times":2,"period":"90m"}`, true},
		"another outcome":     {`{"times":1,"of":"clicked"}`, true},
		"this day":            {`{"times":2,"each":"day"}`, false},
		"this hour":           {`{"times":1,"each":"hour"}`, true},
		"of another group":    {`{"per":"group","key":"other","times":1}`, true},
		"of the other's own":  {`{"per":"group","key":"g","times":3}`, false},
		"of a group, in time": {`{"per":"group","times":1,"period":"30m"}`, true},
	} {
		w := made(t, `{}`, `a {"groups":["g"],"caps":[`+c.cap+`]}`, `b {"groups":["g"],"to":"2020-01-01T00:00:00Z"}`, `c {"to":"2020-01-01T00:00:00Z"}`)
		q := asked()
		happened(t, q.Shown, "Offer Viewed a", now-hour)
		happened(t, q.Shown, "Offer Viewed a", now-2*hour)
		happened(t, q.Shown, "Offer Viewed b", now-2*hour)
		happened(t, q.Shown, "Offer Viewed c other email", now-2*hour)
		if got := chosen(w.set().Decide(q)); (got == "a") != c.free {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestDecide_OneCapOfThePlaceStopsAll(t *testing.T) {
	t.Parallel()
	w := made(t, `{"caps":[{"times":1,"period":"24h"}]}`, `a {}`)
	q := asked()
	if d := w.set().Decide(q); chosen(d) != "a" || d.Dropped.Stage != "" {
		t.Fatalf("got %+v", d)
	}
	happened(t, q.Shown, "Offer Viewed other", now-hour)
	if d := w.set().Decide(q); chosen(d) != "" || d.Dropped.Stage != offer.StageCap {
		t.Errorf("got %+v", d)
	}
}

func propensity(t testing.TB) *predict.Model {
	t.Helper()
	m, err := predict.Load(predict.Spec{Name: "buy"}, []byte(`{"format":"linear","link":"logit","inputs":[{"name":"visits"},{"name":"price"}],"sums":[{"intercept":-1,"weights":{"visits":0.5,"price":-0.1}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRanking_ByModelIsPropensityTimesValueTimesLever(t *testing.T) {
	t.Parallel()
	w := made(
		t, `{"count":3,"ranking":{"model":"buy","inputs":{"price":"offer.attributes.price"}}}`,
		`cheap {"value":1,"attributes":{"price":1}}`, `dear {"value":3,"attributes":{"price":20}}`, `pushed {"value":1,"lever":2,"attributes":{"price":1}}`,
	)
	w.model = propensity(t)
	q := asked()
	q.Value = feel.ContextOf(feel.Entry{Key: "traits", Value: feel.ContextOf(feel.Entry{Key: "visits", Value: feel.Int(4)})})
	d := w.set().Decide(q)
	if got := chosen(d); got != "pushed dear cheap" {
		t.Errorf("got %s: %+v", got, d.Candidates)
	}
	for _, c := range d.Candidates {
		if c.Score == nil || c.Propensity == nil || *c.Score != *c.Propensity*c.Value*c.Lever {
			t.Errorf("%+v", c)
		}
	}
	w.model = nil
	if d := w.set().Decide(q); chosen(d) != "" || d.Candidates[0].Stage != offer.StageScore {
		t.Errorf("without its model something is ranked: %+v", d)
	}
}

func TestRanking_ByFormulaSeesWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := made(
		t, `{"count":2,"ranking":{"formula":"if offer.attributes.category = person.favourite then 10 else 1"}}`,
		`shoes {"attributes":{"category":"shoes"}}`, `hats {"priority":5,"attributes":{"category":"hats"}}`,
	)
	q := asked()
	q.Value = feel.ContextOf(feel.Entry{Key: "favourite", Value: feel.String("shoes")})
	if got := chosen(w.set().Decide(q)); got != "shoes hats" {
		t.Errorf("got %s", got)
	}
}

func TestContent_FitsPlaceAndLanguage(t *testing.T) {
	t.Parallel()
	c := offer.Content{"hero": {"de": json.RawMessage("1"), "*": json.RawMessage("2")}, "*": {"fr": json.RawMessage("3")}}
	for _, x := range [][3]string{{"hero", "de-AT", "1"}, {"hero", "DE", "1"}, {"hero", "fr", "2"}, {"side", "fr-FR", "3"}, {"side", "de", ""}, {"hero", "", "2"}} {
		if got, _ := c.For(x[0], x[1]); string(got) != x[2] {
			t.Errorf("%v: got %s", x, got)
		}
	}
}

func TestKeep_EndsWhereAnOfferMayNotBeShownAnyMore(t *testing.T) {
	t.Parallel()
	w := made(t, `{}`, `a {"eligibility":{"segments":["s"]},"caps":[{"times":1}]}`)
	held := &shown.Held{Items: []shown.HeldItem{{Offer: "a", Version: 1}}}
	q := asked("s")
	happened(t, q.Shown, "Offer Viewed a", now)
	if got, ok := w.set().Keep(q, held); !ok || len(got) != 1 {
		t.Error("a cap ended a decision that holds")
	}
	if _, ok := w.set().Keep(asked(), held); ok {
		t.Error("it holds for somebody who may not see it")
	}
	q.Without = []string{"a"}
	if _, ok := w.set().Keep(q, held); ok {
		t.Error("it holds beside itself")
	}
	q.Without = nil
	held.Items[0].Version = 2
	if _, ok := w.set().Keep(q, held); ok {
		t.Error("it holds for another version")
	}
}

func TestDecide_IsTheSameForAPersonEachTime(t *testing.T) {
	t.Parallel()
	var offers []string
	for i := range 40 {
		offers = append(offers, fmt.Sprintf(`o%02d {}`, i))
	}
	w := made(t, `{"count":3}`, offers...)
	first := map[string]int{}
	for seed := range uint64(400) {
		q := asked()
		q.Seed = seed
		a, b := w.set().Decide(q), w.set().Decide(q)
		if chosen(a) != chosen(b) || a.Basis != b.Basis {
			t.Fatalf("seed %d: %s, then %s", seed, chosen(a), chosen(b))
		}
		first[a.Chosen[0].Key]++
	}
	if len(first) < 35 {
		t.Errorf("of 40 equal offers %d ever come first", len(first))
	}
}

// The naive model: each rule by itself, in the plainest way.
func TestDecide_AgreesWithAPlainModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		segments := []string{"a", "b", "c"}
		var mine []string
		for _, s := range segments {
			if r.IntN(2) == 0 {
				mine = append(mine, s)
			}
		}
		type plain struct {
			key      string
			priority int
			in       string
			times    int
			seen     int
		}
		var all []plain
		var offers []string
		q := asked(mine...)
		for i := range 30 {
			p := plain{fmt.Sprintf("o%02d", i), r.IntN(1000), segments[r.IntN(3)], r.IntN(3) + 1, r.IntN(4)}
			all = append(all, p)
			offers = append(offers, fmt.Sprintf(`%s {"priority":%d,"eligibility":{"segments":[%q]},"caps":[{"times":%d,"period":"1d"}]}`, p.key, p.priority, p.in, p.times))
			for range p.seen {
				happened(t, q.Shown, "Offer Viewed "+p.key, now-clock.Instant(r.IntN(20))*hour)
			}
		}
		all = slices.DeleteFunc(all, func(p plain) bool { return !slices.Contains(mine, p.in) || p.seen >= p.times })
		slices.SortStableFunc(all, func(x, y plain) int { return y.priority - x.priority })
		want := map[int]bool{}
		for _, p := range all[:min(3, len(all))] {
			want[p.priority] = true
		}
		d := made(t, `{"count":3}`, offers...).set().Decide(q)
		if len(d.Chosen) != min(3, len(all)) {
			t.Fatalf("seed %d: %d chosen of %d", seed, len(d.Chosen), len(all))
		}
		for _, c := range d.Chosen {
			if !want[int(c.Priority)] {
				t.Fatalf("seed %d: %s was chosen", seed, c.Key)
			}
		}
	}
}

func TestRead_SaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	for document, at := range map[string]string{
		`{"content":{}}`: "/content", `{}`: "/content", `{"content":{"*":{}}}`: "/content/*", `{"x":1}`: "/",
		`{"content":{"*":{"*":1}},"caps":[{"times":0}]}`: "/caps/0/times", `{"content":{"*":{"*":1}},"eligibility":{"when":"1 +"}}`: "/eligibility/when",
		`{"content":{"*":{"*":1}},"stock":{}}`: "/stock", `{"content":{"*":{"*":1}},"inventory":{"total":-1}}`: "/inventory/total",
		`{"content":{"*":{"*":1}},"suppress":[{"after":"decided","for":"1d"}]}`: "/suppress/0",
	} {
		_, err := offer.ReadOffer("k", 1, []byte(document))
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Kind != fault.Invalid || f.Field != at {
			t.Errorf("%s: got %v", document, err)
		}
	}
	for _, document := range []string{`{"count":99}`, `{"content_type":"pdf"}`, `{"ranking":{"by":"formula"}}`, `{"caps":[{"per":"offer","times":1}]}`, `{"valid_for":"100d"}`, `{} {}`} {
		if _, err := offer.ReadPlacement("k", 1, []byte(document)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", document, err)
		}
	}
}

func BenchmarkDecide_500To3(b *testing.B) {
	var offers []string
	for i := range 500 {
		offers = append(offers, fmt.Sprintf(
			`o%03d {"priority":%d,"groups":["g%d"],"attributes":{"category":"c%d","price":%d},"eligibility":{"segments":["s"],"when":"person.traits.age >= 18 and offer.attributes.price < 1000"},"caps":[{"times":3,"period":"1d"}]}`,
			i, i%97, i%20, i%7, i))
	}
	w := made(b, `{"count":3,"max_per_group":1,"ranking":{"formula":"offer.priority * (if offer.attributes.category = person.traits.favourite then 2 else 1)"}}`, offers...)
	set := w.set()
	q := asked("s")
	q.Explain = false
	q.Value = feel.ContextOf(feel.Entry{Key: "traits", Value: feel.ContextOf(
		feel.Entry{Key: "age", Value: feel.Int(33)}, feel.Entry{Key: "favourite", Value: feel.String("c3")})})
	for i := range 10 {
		happened(b, q.Shown, fmt.Sprintf("Offer Viewed o%03d", i*50), now-hour)
	}
	b.ReportAllocs()
	used := func() int64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return r.Utime.Nano() + r.Stime.Nano()
	}
	before := used()
	defer func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }()
	for b.Loop() {
		s := *q.Situation
		c := *q
		c.Situation = &s
		if d := set.Decide(&c); len(d.Chosen) != 3 {
			b.Fatal(chosen(d))
		}
	}
}
