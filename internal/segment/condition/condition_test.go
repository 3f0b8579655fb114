package condition_test

import (
	"testing"

	"rapport/internal/segment/condition"
	"rapport/internal/wording"
)

// guesses are forms that people write without a manual, with the canonical
// form and the sentence of what they mean.
var guesses = []struct{ doc, canonical, sentence string }{
	{`{"trait":"plan","op":"=","value":"gold"}`, `{"trait":"plan","op":"=","value":"gold"}`, `the trait plan is "gold"`},
	{`{"trait":"plan","value":"gold"}`, `{"trait":"plan","op":"=","value":"gold"}`, `the trait plan is "gold"`},
	{"trait: plan\nvalue: gold", `{"trait":"plan","op":"=","value":"gold"}`, `the trait plan is "gold"`},
	{`{"trait":"plan"}`, `{"trait":"plan","op":"exists"}`, "the trait plan is known"},
	{`{"trait":"plan","exists":false}`, `{"trait":"plan","op":"missing"}`, "the trait plan is not known"},
	{`{"trait":"plan","in":["b","a","b"]}`, `{"trait":"plan","op":"in","value":["a","b"]}`, `the trait plan is one of "a" or "b"`},
	{`{"trait":"age","min":18,"max":30.50}`, `{"trait":"age","op":"between","from":18,"to":30.5}`, "the trait age is between 18 and 30.5"},
	{`{"trait":"age","op":"gt","value":1e2}`, `{"trait":"age","op":">","value":100}`, "the trait age is more than 100"},
	{`{"trait":"vip","value":true}`, `{"trait":"vip","op":"=","value":true}`, "the trait vip is true"},
	{`{"trait":"n","contains":"a_b"}`, `{"trait":"n","op":"like","value":"%a\\_b%"}`, `the trait n is like "%a\\_b%"`},
	{`{"trait":"n","op":"starts with","value":"ab"}`, `{"trait":"n","op":"like","value":"ab%"}`, `the trait n begins with "ab"`},
	{`{"trait":"renewal","within_next":"7d"}`, `{"trait":"renewal","op":"between","from":"now","to":"now+7d","from_open":true}`, "the trait renewal is in the next 7 days"},
	{`{"trait":"since","before":"2026-01-01"}`, `{"trait":"since","op":"<","value":"2026-01-01"}`, "the trait since is before 2026-01-01"},
	{`{"last_seen":{"within":"30 days"}}`, `{"profile":"last_seen","op":">","value":"now-30d"}`, "last seen is in the last 30 days"},
	{`{"identifier":"email"}`, `{"identifier":"email","op":"exists"}`, "an identifier email is known"},
	{`{"consent":"marketing"}`, `{"consent":"marketing","op":"=","value":"granted"}`, `the consent to marketing is "granted"`},
	{`{"geo":"country","value":"DE","seen":"first"}`, `{"context":"location.country","seen":"first","op":"=","value":"DE"}`, `the first location country is "DE"`},
	{`{"event":"X"}`, `{"event":"X","count":{"op":">=","value":1}}`, `the number of events "X" is at least 1`},
	{`{"event":"Order Completed","count":{"min":2},"within":"30d"}`, `{"event":"Order Completed","count":{"op":">=","value":2},"window":{"last":"30d"}}`, `the number of events "Order Completed" in the last 30 days is at least 2`},
	{`{"event":"X","where":{"size":["M","L"]},"sum":{"property":"total","max":9}}`, `{"event":"X","where":[{"property":"size","op":"in","value":["L","M"]}],"sum":{"property":"total","op":"<=","value":9}}`, `the sum of total of events "X" where size is one of "L" or "M" is at most 9`},
	{`{"event":"X","last":{"within":"2h"}}`, `{"event":"X","last":{"op":">","value":"now-2h"}}`, `the last of events "X" is in the last 2 hours`},
	{`{"page":"Home","times":3,"window":{"this":"month","zone":"Europe/Berlin"}}`, `{"page":"Home","count":{"op":"=","value":3},"window":{"calendar":"month","zone":"Europe/Berlin"}}`, `the number of pages "Home" in this month (Europe/Berlin) is 3`},
	{`{"event":"A","followed_by":{"event":"B"},"within":"2d"}`, `{"sequence":[{"event":"A"},{"event":"B"}],"within":"2d"}`, `events "A" and then events "B" within 2 days`},
	{`{"event":"A","not_followed_by":{"event":"B"},"within":"2d"}`, `{"sequence":[{"event":"A"},{"event":"B","absent":true}],"within":"2d"}`, `events "A" and then none of events "B" within 2 days`},
	{`{"order":{},"sum":{"currency":"eur","min":100},"window":"90d"}`, `{"order":{},"sum":{"property":"total","currency":"EUR","op":">=","value":100},"window":{"last":"90d"}}`, "the sum of total in EUR of orders in the last 90 days is at least 100"},
	{`{"order_item":{},"item":"S1"}`, `{"order_item":{},"item":{"id":{"op":"=","value":"S1"}},"count":{"op":">=","value":1}}`, `the number of order items whose item id is "S1" is at least 1`},
	{`{"item":{"attribute":"Category","value":"Shoes"},"action":"View Item"}`, `{"event":"*","action":"View Item","item":{"attribute":"Category","op":"=","value":"Shoes"},"count":{"op":">=","value":1}}`, `the number of events that "View Item" whose item's Category is "Shoes" is at least 1`},
	{`{"affinity":"category","value":"Shoes","top":3}`, `{"affinity":"category","value":"Shoes","top":3}`, `the affinity category to "Shoes" is among the first 3`},
	{`{"computed":"ltv","op":">","value":100}`, `{"computed":"ltv","op":">","value":100}`, "the computed trait ltv is more than 100"},
	{`{"all":[{"segment":"vip"},{"any":[{"feel":"traits.x > 3"},{"not":{"always":true}}]}]}`, `{"all":[{"segment":"vip"},{"any":[{"feel":"traits.x > 3"},{"not":{"always":true}}]}]}`, `is in the segment "vip" and (the expression traits.x > 3 holds or not (everybody))`},
	{`{"none":[{"segment":"a"},{"segment":"b"}]}`, `{"not":{"any":[{"segment":"a"},{"segment":"b"}]}}`, `not (is in the segment "a" or is in the segment "b")`},
}

func TestRead_TakesTheFormsThatPeopleGuess(t *testing.T) {
	t.Parallel()
	for _, g := range guesses {
		n, err := condition.Read([]byte(g.doc))
		if err != nil {
			t.Errorf("%s: %v", g.doc, err)
			continue
		}
		if got := n.Canonical(); got != g.canonical {
			t.Errorf("%s\n is %s\nwant %s", g.doc, got, g.canonical)
		}
		if got := n.Sentence(); got != g.sentence {
			t.Errorf("%s\nsays %s\nwant %s", g.doc, got, g.sentence)
		}
		again, err := condition.Read([]byte(g.canonical))
		if err != nil || again.Canonical() != g.canonical {
			t.Errorf("%s does not come back as itself: %v", g.canonical, err)
		}
	}
}

func TestRead_NamesTheNodeAndTheMend(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string][3]string{
		`{"triat":"x"}`:                          {"unknown_member", "/triat", `did you mean "trait"`},
		`{"trait":"x","vlaue":3}`:                {"unknown_member", "/vlaue", `did you mean "value"`},
		`{"all":[{"trait":"x"},{"not":{}}]}`:     {"invalid_condition", "/all/1/not", "name one of"},
		`{"trait":"age","op":">","value":"ab"}`:  {"type_mismatch", "/value", "now-30d"},
		`{"trait":"age","op":"~","value":"ab"}`:  {"unknown_operator", "/op", "there is"},
		`{"event":"X","within":"2 months"}`:      {"invalid_window", "/within", "calendar"},
		`{"event":"X","within":"20000d"}`:        {"window_too_long", "/within", "leave the window out"},
		`{"event":"X","count":{"min":-1}}`:       {"invalid_condition", "/count", "0 to 10000"},
		`{"profile":"last_sen"}`:                 {"unknown_field", "/profile", `did you mean "last_seen"`},
		`{"profile":"event_count","value":"a"}`:  {"type_mismatch", "/value", "numbers"},
		`{"trait":"x","in":["a",1]}`:             {"type_mismatch", "/in/1", "one list per type"},
		`{"trait":"x","min":5,"max":1}`:          {"invalid_condition", "", "swap"},
		`{"trait":"x","min":5,"like":"a"}`:       {"invalid_condition", "/min", "two tests"},
		`{"event":"X","sum":{"min":5}}`:          {"invalid_condition", "/sum", "property"},
		`{"order":{},"sum":{"min":5}}`:           {"invalid_condition", "/sum", "currency"},
		`{"event":"X","window":{"this":"eon"}}`:  {"invalid_window", "/window/this", "quarter"},
		`{"sequence":[{"event":"A"}]}`:           {"invalid_condition", "/sequence", "2 to 10 events, not a list of 1"},
		`{"all":[]}`:                             {"invalid_condition", "/all", "at least one condition, not an empty list"},
		`{"event":"X","within":"99999d"}`:        {"window_too_long", "/within", "leave the window out"},
		`{"event":"X","count":{"min":"two"}}`:    {"type_mismatch", "/count/min", "give a number"},
		`{"order":{"status":"paid"}}`:            {"invalid_condition", "/order", `not an object with "status"`},
		`{"order":{},"sum":{"currency":"Euro"}}`: {"invalid_condition", "/sum/currency", "three letters"},
		`{"trait":`:                              {"invalid_condition", "", "no JSON"},
		"a: &x 1\nb: *x":                         {"invalid_condition", "/b", "alias"},
		"":                                       {"invalid_condition", "", "empty"},
	} {
		_, err := condition.Read([]byte(doc))
		checkFault(t, doc, err, want)
	}
}

// A computed trait is told by what it stands for, not by whether there is any.
func TestValueSentence_SaysNoTest(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`{"event":"Visit","count":{},"within":"30d"}`:           `the number of events "Visit" in the last 30 days`,
		`{"event":"Visit","most_frequent":{"property":"sku"}}`:  `the most frequent sku of events "Visit"`,
		`{"event":"Visit","first":{}}`:                          `the first of events "Visit"`,
		`{"order":{},"sum":{"currency":"EUR"}}`:                 `the sum of total in EUR of orders`,
		`{"event":"Visit","unique":{"property":"sku","min":3}}`: `the number of different sku of events "Visit"`,
		`{"feel":"if  traits.age > 40 then computed.n else 0"}`: `the value of if traits.age > 40 then computed.n else 0`,
	} {
		n, err := condition.Read([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if got := n.ValueSentenceIn(wording.English); got != want {
			t.Errorf("%s is %q, want %q", doc, got, want)
		}
	}
}
