package experience_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/decision/offer"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/profile/shown"
)

const (
	second = clock.Instant(1_000_000)
	hour   = 3600 * second
	day    = 24 * hour
	start  = clock.Instant(1_800_000_000) * second
)

func read(t testing.TB, document string) *experience.Ready {
	t.Helper()
	r, err := experience.Read("welcome", 1, []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOnPage_FollowsIncludeAndExclude(t *testing.T) {
	t.Parallel()
	for rules, cases := range map[string]map[string]bool{
		``: {"": true, "https://a.example/x": true},
		`,"pages":{"include":[{"match":"equals","value":"/shoes"}]}`:                                                  {"https://a.example/shoes": true, "https://a.example/shoes/?a=1": true, "https://a.example/hats": false, "": false},
		`,"pages":{"include":[{"match":"prefix","value":"https://a.example/shop"}]}`:                                  {"https://a.example/shop/x": true, "https://b.example/shop/x": false},
		`,"pages":{"exclude":[{"match":"contains","value":"debug=1"}]}`:                                               {"https://a.example/?debug=1": false, "https://a.example/": true, "": true},
		`,"pages":{"include":[{"match":"regex","value":"/p/[0-9]+$"}],"exclude":[{"match":"equals","value":"/p/7"}]}`: {"https://a.example/p/8": true, "https://a.example/p/7": false, "https://a.example/p/x": false},
	} {
		r := read(t, `{"type":"web","placement":"hero","variants":[{"key":"a"}]`+rules+`}`)
		for address, want := range cases {
			if got := r.OnPage(address); got != want {
				t.Errorf("%s on %q: %v", rules, address, got)
			}
		}
	}
}

func visit(unit string) *experience.Visit {
	return &experience.Visit{Unit: unit, Situation: &offer.Situation{Now: start, Person: &offer.Person{}}}
}

func TestChoose_SplitsByWeightAndStays(t *testing.T) {
	t.Parallel()
	r := read(t, `{"type":"interactive","traffic":50,"variants":[{"key":"a","weight":3},{"key":"b","weight":1},{"key":"off","weight":0}]}`)
	got := map[string]int{}
	for i := range 20_000 {
		unit := fmt.Sprint("anonymous_id:", i)
		v, drop := r.Choose(visit(unit))
		again, _ := r.Choose(visit(unit))
		switch {
		case again != v:
			t.Fatal("another variant the second time")
		case v == nil && drop.Stage != experience.StageTraffic:
			t.Fatalf("got %+v", drop)
		case v == nil:
			got["none"]++
		default:
			got[v.Key]++
		}
	}
	for key, want := range map[string]int{"none": 10_000, "a": 7_500, "b": 2_500, "off": 0} {
		if n := got[key]; n < want*95/100 || n > want*105/100 {
			t.Errorf("%s: %d, about %d are due", key, n, want)
		}
	}
}

func TestChoose_KeepsTheVariantThatWasGivenFirst(t *testing.T) {
	t.Parallel()
	r := read(t, `{"type":"interactive","traffic":0,"variants":[{"key":"a"},{"key":"b"}]}`)
	v := visit("anonymous_id:1")
	v.Shown = &shown.State{}
	v.Shown.Fold(track(t, shown.DecisionMade, start, `{"experience":"welcome","experience_version":1,"variant":"b"}`))
	if got, _ := r.Choose(v); got == nil || got.Key != "b" {
		t.Errorf("got %+v", got)
	}
}

func track(t testing.TB, name string, at clock.Instant, properties string) *event.Event {
	t.Helper()
	doc, err := jsondoc.Parse([]byte(properties), jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	e := &event.Event{
		Type: event.Track, Name: name, MessageID: fmt.Sprint(name, at), Time: at, ReceivedAt: at, Source: "shop",
		Identifiers: []event.Identifier{{Namespace: event.AnonymousID, Value: "a"}}, Properties: doc.Root(),
	}
	if name == shown.DecisionMade {
		e.Source, e.Verified = shown.Source, true
	}
	return e
}

func book(t testing.TB, documents ...string) *experience.Book {
	t.Helper()
	var b *experience.Book
	for i, d := range documents {
		b = b.Learn(&definition.Fact{Kind: definition.Experience, Key: "welcome", Version: i + 1, Status: definition.Live, Time: clock.Instant(i+1) * second, Document: []byte(d)})
	}
	return b
}

func TestCreditsOf_CountsWhatFollowedWhatWasSeen(t *testing.T) {
	t.Parallel()
	b := book(t, `{"type":"web","placement":"hero","variants":[{"key":"a"}],"goals":[{"key":"signup","event":"Signed Up","within":"24h"}]}`)
	const about = `{"placement":"hero","experience":"welcome","experience_version":1,"variant":"a","channel":"web"}`
	fold := func(events ...*event.Event) *profile.Partial {
		p := profile.New()
		for i, e := range events {
			p.Fold(e, profile.Input{Short: uint64(i + 1)})
		}
		return p
	}
	total := func(p *profile.Partial) (sum experience.Sums) {
		for _, x := range experience.CreditsOf(p, b) {
			sum.Add(x, 1)
		}
		return sum
	}
	decided, viewed := track(t, shown.DecisionMade, start, about), track(t, "Experience Viewed", start+second, about)
	for name, c := range map[string]struct {
		p    *profile.Partial
		goal int64
	}{
		"after":         {fold(decided, viewed, track(t, "Signed Up", start+hour, `{}`)), 1},
		"at once":       {fold(decided, viewed, track(t, "Signed Up", start+2*second, `{}`)), 1},
		"before":        {fold(track(t, "Signed Up", start-second, `{}`), decided, viewed), 0},
		"too late":      {fold(decided, viewed, track(t, "Signed Up", start+2*day, `{}`)), 0},
		"twice is once": {fold(decided, viewed, track(t, "Signed Up", start+hour, `{}`), track(t, "Signed Up", start+2*hour, `{}`)), 1},
	} {
		sum := total(c.p)
		var goal int64
		for _, g := range sum.Goals {
			goal += g.Count
		}
		if sum.People != 1 || sum.N[shown.Decided] != 1 || sum.N[shown.Viewed] != 1 || goal != c.goal {
			t.Errorf("%s: got %+v", name, sum)
		}
	}
	if c := experience.CreditsOf(fold(viewed, track(t, "Signed Up", start+hour, `{}`)), b); len(c) != 0 {
		t.Errorf("what nobody decided counts: %v", c)
	}
}

func TestSums_AreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	var x, zero experience.Sums
	one := experience.Sums{People: 1, Goals: []experience.GoalSum{{Goal: "g", Currency: "EUR", Count: 2}}}
	one.Goals[0].Sum, _ = catalog.ParseSum("12.30")
	x.Add(&one, 1)
	x.Add(&one, 1)
	back, err := experience.ReadSums(x.Append(nil))
	if err != nil || back.People != 2 || back.Goals[0].Count != 4 || back.Goals[0].Sum.Text() != "24.6" {
		t.Fatalf("got %+v %v", back, err)
	}
	back.Add(&one, -1)
	back.Add(&one, -1)
	if back.People != zero.People || back.Goals[0].Sum.Sign() != 0 {
		t.Errorf("got %+v", back)
	}
	c := experience.Cell{Subject: shown.Subject{Experience: "e", Placement: "p", Version: 3, Variant: "v", Offer: "o", Channel: "c"}, Day: 9}
	if got, err := experience.ReadKey(c.AppendKey(nil)); err != nil || got != c {
		t.Errorf("got %+v %v", got, err)
	}
}

func TestTriggers_SayWhenAnExperienceIsDue(t *testing.T) {
	t.Parallel()
	none := func() feel.Value { return feel.Null }
	made := func(trigger string) *experience.Ready {
		return read(t, `{"type":"triggered","destination":"d","variants":[{"key":"a"}],"delay":"10m","trigger":`+trigger+`}`)
	}
	traits := func(text string) *event.Event {
		e := track(t, "", start, `{}`)
		doc, err := jsondoc.Parse([]byte(text), jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		e.Type, e.Traits = event.Identify, doc.Root()
		return e
	}
	for trigger, cases := range map[string][]struct {
		e   *event.Event
		due clock.Instant // zero: it is not set off
	}{
		`{"event":{"names":["Signed Up"]}}`:          {{track(t, "Signed Up", start, `{}`), start + 600*second}, {track(t, "Signed In", start, `{}`), 0}},
		`{"session":{}}`:                             {{track(t, "Anything", start, `{}`), start + 2400*second}, {track(t, "Email Sent", start, `{}`), 0}, {track(t, "Session Ended", start, `{}`), start + 600*second}},
		`{"cart":{"idle":"2h"}}`:                     {{track(t, "Product Added", start, `{}`), start + 7800*second}, {track(t, "Product Viewed", start, `{}`), 0}},
		`{"date":{"trait":"renews","before":"24h"}}`: {{traits(`{"renews":"2040-01-02T00:00:00Z"}`), clock.Instant(2_208_988_800)*second + 600*second}, {traits(`{"x":1}`), 0}},
	} {
		for _, c := range cases {
			s, ok := made(trigger).OnEvent(c.e, none)
			if ok != (c.due != 0) || ok && s.Due != c.due {
				t.Errorf("%s by %q: %+v %v, due %v", trigger, c.e.Name, s, ok, c.due)
			}
		}
	}
	// The next fifth of March behind January 2027, and ten minutes.
	if s, ok := made(`{"date":{"trait":"born","yearly":true}}`).OnEvent(traits(`{"born":"1980-03-05"}`), none); !ok || s.Due.String() != "2027-03-05T00:10:00.000Z" {
		t.Errorf("got %v %v", s.Due, ok)
	}
	if s, ok := made(`{"segment":{"key":"k","on":"left"}}`).OnPassage("k", false, start); !ok || s.Due != start+600*second {
		t.Errorf("got %+v %v", s, ok)
	}
	if _, ok := made(`{"segment":{"key":"k"}}`).OnPassage("k", false, start); ok {
		t.Error("an exit set off what waits for an entry")
	}
}

func TestRead_SaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	for document, at := range map[string]string{
		`{"type":"web","variants":[{"key":"a"}]}`:                                                             "/placement",
		`{"type":"x","variants":[{"key":"a"}]}`:                                                               "/type",
		`{"type":"interactive"}`:                                                                              "/variants",
		`{"type":"interactive","variants":[{"key":"a"},{"key":"a"}]}`:                                         "/variants/1/key",
		`{"type":"interactive","variants":[{"key":"a","weight":0}]}`:                                          "/variants",
		`{"type":"interactive","variants":[{"key":"a","content":{"*":{"js":"alert(1)"}}}]}`:                   "/variants/0/content/*/js",
		`{"type":"interactive","variants":[{"key":"a"}],"goals":[{"key":"g"}]}`:                               "/goals/0",
		`{"type":"triggered","variants":[{"key":"a"}]}`:                                                       "/trigger",
		`{"type":"triggered","destination":"d","trigger":{},"variants":[{"key":"a"}]}`:                        "/trigger",
		`{"type":"interactive","destination":"d","variants":[{"key":"a"}]}`:                                   "/trigger",
		`{"type":"interactive","variants":[{"key":"a"}],"pages":{"include":[{"match":"regex","value":"("}]}}`: "/pages/include/0/value",
		`{"type":"interactive","variants":[{"key":"a"}],"audience":{"when":"1 +"}}`:                           "/audience/when",
	} {
		_, err := experience.Read("k", 1, []byte(document))
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Kind != fault.Invalid || f.Field != at {
			t.Errorf("%s: got %v", document, err)
		}
	}
}

func TestCapped_CountsWhatThePersonWasGiven(t *testing.T) {
	t.Parallel()
	fold := func(s *shown.State, name, key, offer, channel string, at clock.Instant) {
		t.Helper()
		items := "[]"
		if offer != "" {
			items = fmt.Sprintf(`[{"offer":%q},{"offer":"other"}]`, offer)
		}
		if !s.Fold(track(t, name, at, fmt.Sprintf(`{"experience":%q,"variant":"a","offer":%q,"channel":%q,"items":%s}`, key, offer, channel, items))) {
			t.Fatal("the event says nothing")
		}
	}
	seen := &shown.State{}
	fold(seen, shown.DecisionMade, "welcome", "", "web", start-30*hour)
	fold(seen, shown.DecisionMade, "welcome", "o", "web", start-2*hour) // of two offers: given once
	fold(seen, shown.DecisionMade, "welcome", "", "email", start-hour)
	fold(seen, shown.DecisionMade, "y", "", "web", start-hour)
	fold(seen, "Experience Viewed", "welcome", "", "web", start-hour)
	for caps, want := range map[string]string{
		`[{"times":4}]`:                                         "",
		`[{"times":3}]`:                                         "decided 3 times per experience, 3 are allowed",
		`[{"times":3,"period":"24h"}]`:                          "",
		`[{"times":2,"period":"24h"}]`:                          "decided 2 times per experience in 1d, 2 are allowed",
		`[{"times":2,"per":"channel"}]`:                         "decided 2 times per channel, 2 are allowed",
		`[{"times":3,"per":"channel"}]`:                         "",
		`[{"times":4,"per":"person"}]`:                          "decided 4 times per person, 4 are allowed",
		`[{"times":5,"per":"person"}]`:                          "",
		`[{"times":1,"of":"viewed"}]`:                           "viewed 1 times per experience, 1 are allowed",
		`[{"times":1,"of":"clicked"}]`:                          "",
		`[{"times":9},{"times":1,"of":"viewed","period":"2h"}]`: "viewed 1 times per experience in 2h0m0s, 1 are allowed",
	} {
		r := read(t, `{"type":"interactive","caps":`+caps+`,"variants":[{"key":"a"}]}`)
		v := visit("u")
		v.Channel, v.Shown = "web", seen
		if got := r.Capped(v, nil, 0); got.Reason != want || (want != "") != (got.Stage == offer.StageCap) {
			t.Errorf("%s: got %q, want %q", caps, got.Reason, want)
		}
	}
	r := read(t, `{"type":"interactive","caps":[{"times":3,"period":"24h"}],"variants":[{"key":"a"}]}`)
	v := visit("u")
	v.Channel, v.Shown = "web", seen
	just := []experience.Given{{Experience: "welcome", Channel: "web", At: start - hour}, {Experience: "y", Channel: "web", At: start - 1}}
	if d := r.Capped(v, just, 0); d.Stage != "" {
		t.Errorf("what can be read already, and what is another's, counts twice: %v", d)
	}
	just = append(just, experience.Given{Experience: "welcome", Channel: "web", At: start - 1})
	if d := r.Capped(v, just, 0); d.Stage == "" {
		t.Error("what cannot be read yet does not count")
	}
	if d := r.Capped(v, just, start-1); d.Stage != "" {
		t.Errorf("a decision that is made again stands in its own way: %v", d)
	}
	// Of two that one event sets off, both due at once, the second is one more.
	one := read(t, `{"type":"interactive","caps":[{"times":1,"per":"person"}],"variants":[{"key":"a"}]}`)
	fresh := visit("u")
	fresh.Channel = "web"
	if d := one.Capped(fresh, []experience.Given{{Experience: "y", Channel: "web", At: start}}, start); d.Stage == "" {
		t.Error("what another experience gave at that moment does not count")
	}
	for _, bad := range []string{`[{"times":0}]`, `[{"times":101}]`, `[{"times":1,"per":"offer"}]`, `[{"times":1,"of":"loved"}]`, `[{"times":1,"each":"year"}]`, `[{"times":1,"each":"day","period":"1d"}]`} {
		_, err := experience.Read("welcome", 1, []byte(`{"type":"interactive","caps":`+bad+`,"variants":[{"key":"a"}]}`))
		if f, ok := errors.AsType[*fault.Fault](err); !ok || !strings.HasPrefix(f.Field, "/caps/0") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
