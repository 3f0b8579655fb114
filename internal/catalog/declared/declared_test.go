package declared_test

import (
	"errors"
	"strings"
	"testing"

	"rapport/internal/catalog/declared"
	"rapport/internal/fault"
)

func TestParse_RefusesWhatIsNoType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, document, at string }{
		{"order", `{"fields":{}}`, "/key"},
		{"a.b", `{"fields":{}}`, "/key"},
		{"card", `{"fields":{"x":{"type":"colour"}}}`, "/fields/x/type"},
		{"card", `{"fields":{"x":{"type":"number","max_length":3}}}`, "/fields/x/max_length"},
		{"card", `{"fields":{"x":{"type":"number","values":["a"]}}}`, "/fields/x/values"},
		{"card", `{"fields":{},"others":"drop"}`, "/others"},
		{"card", `{"fields":{},"customer":"maybe"}`, "/customer"},
		{"card", `{"fields":{},"colour":1}`, ""},
		{"card", `{"fields":{}} {}`, ""},
	} {
		_, err := declared.Parse(c.key, []byte(c.document))
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Kind != fault.Invalid || f.Field != c.at {
			t.Errorf("%s %s: %v", c.key, c.document, err)
		}
	}
}

func TestCheck_HoldsBodiesAgainstTheType(t *testing.T) {
	t.Parallel()
	card, err := declared.Parse("card", []byte(`{"customer":"required","fields":{
		"tier":{"type":"text","required":true,"values":["gold","silver"]},
		"points":{"type":"integer"},"since":{"type":"date"},"until":{"type":"time"},"note":{"type":"text","max_length":3},
		"on":{"type":"boolean"},"tags":{"type":"list"},"more":{"type":"object"},"rate":{"type":"number"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body  string
		patch bool
		at    string // of the fault, "" for none
	}{
		{`{"customer":"user_id:1","fields":{"tier":"gold","points":3,"since":"2024-05-31","until":"2024-05-31T00:00:00+02:00","note":"äöü","on":true,"tags":[],"more":{},"rate":1.5}}`, false, ""},
		{`{"customer":"user_id:1","fields":{}}`, false, "/fields/tier"},
		{`{"customer":"user_id:1","fields":{"tier":null}}`, false, "/fields/tier"},
		{`{"fields":{"tier":"gold"}}`, false, "/customer"},
		{`{"fields":{"points":null}}`, true, ""},
		{`{"fields":{"tier":null}}`, true, "/fields/tier"},
		{`{"customer":null}`, true, "/customer"},
		{`{"fields":{"tier":"tin"}}`, true, "/fields/tier"},
		{`{"fields":{"points":1.5}}`, true, "/fields/points"},
		{`{"fields":{"points":"1"}}`, true, "/fields/points"},
		{`{"fields":{"since":"31.5.2024"}}`, true, "/fields/since"},
		{`{"fields":{"until":"2024-05-31"}}`, true, "/fields/until"},
		{`{"fields":{"note":"four"}}`, true, "/fields/note"},
		{`{"fields":{"on":"true"}}`, true, "/fields/on"},
		{`{"fields":{"tags":{}}}`, true, "/fields/tags"},
		{`{"fields":{"more":[]}}`, true, "/fields/more"},
		{`{"fields":{"rate":"1"}}`, true, "/fields/rate"},
		{`{"fields":{"unknown":1}}`, true, "/fields/unknown"},
		{`{"fields":{"more":{"x":"` + strings.Repeat("x", declared.MaxValueBytes) + `"}}}`, true, "/fields/more"},
	} {
		err := card.Check([]byte(c.body), c.patch)
		f, _ := errors.AsType[*fault.Fault](err)
		if (err == nil) != (c.at == "") || f != nil && f.Field != c.at {
			t.Errorf("%s: %v", c.body, err)
		}
	}
}

func TestBuiltIn_HasTicketsAndSubscriptions(t *testing.T) {
	t.Parallel()
	for _, key := range declared.BuiltIns() {
		if declared.BuiltIn(key) == nil {
			t.Errorf("no %s", key)
		}
	}
	if declared.BuiltIn("ticket") == nil || declared.BuiltIn("subscription") == nil || declared.BuiltIn("other") != nil {
		t.Error("there are others than tickets and subscriptions")
	}
	ticket := declared.BuiltIn("ticket")
	if err := ticket.Check([]byte(`{"fields":{"subject":"x","status":"open","own":1}}`), false); err != nil {
		t.Error(err)
	}
}
