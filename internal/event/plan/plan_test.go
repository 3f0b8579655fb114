package plan_test

import (
	"slices"
	"strings"
	"testing"

	"rapport/internal/event/plan"
)

const document = `{
	"name": "Shop", "unplanned": "block", "invalid": "warn",
	"events": [
		{"name": "Order Completed", "invalid": "block", "schema": {
			"type": "object", "required": ["order_id", "total"], "additionalProperties": false,
			"properties": {"order_id": {"type": "string", "pattern": "^o-"}, "total": {"type": "number", "minimum": 0}, "when": {"type": "string", "format": "date-time"},
				"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
			"$defs": {"line": {"type": "object", "required": ["sku"]}}
		}},
		{"type": "page"},
		{"type": "identify", "schema": {"properties": {"age": {"type": "integer"}}}}
	]
}`

func TestJudge_SaysWhatDoesNotFitAndNoValue(t *testing.T) {
	t.Parallel()
	p, err := plan.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, name, members string
		mode                plan.Mode
		planned             bool
		rules               []string
	}{
		{"track", "Order Completed", `{"order_id":"o-1","total":12.5}`, plan.Block, true, nil},
		{"track", "Order Completed", `{"order_id":"secret","total":-1}`, plan.Block, true, []string{"/order_id: pattern", "/total: minimum"}},
		{"track", "Order Completed", ``, plan.Block, true, []string{"/: required"}},
		{"track", "Order Completed", `{"order_id":"o-1","total":1,"ada@example.org":1}`, plan.Block, true, []string{"/: additionalProperties"}},
		{"track", "Order Completed", `{"order_id":"o-1","total":1,"when":"yesterday","lines":[{"sku":1},{}]}`, plan.Block, true, []string{"/lines/*: required", "/when: format"}},
		{"page", "Home", `{}`, plan.Warn, true, nil},
		{"identify", "", `{"age":"old"}`, plan.Warn, true, []string{"/age: type"}},
		{"track", "Cart Viewed", `{}`, plan.Block, false, nil},
	} {
		v := p.Judge(c.kind, c.name, []byte(c.members))
		slices.Sort(v.Rules)
		if v.Mode != c.mode || v.Planned != c.planned || !slices.Equal(v.Rules, c.rules) {
			t.Errorf("%s %s %s: %+v", c.kind, c.name, c.members, v)
		}
		if strings.Contains(strings.Join(v.Rules, " "), "secret") || strings.Contains(strings.Join(v.Rules, " "), "ada") {
			t.Errorf("a value is told: %v", v.Rules)
		}
	}
}

func TestParse_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		``:                                       "cannot be read",
		`{"events":[]} {}`:                       "behind",
		`{"event":[]}`:                           "unknown field",
		`{"events":[{}]}`:                        "has a name",
		`{"events":[{"type":"tick"}]}`:           "no type of event",
		`{"events":[{"name":"a"},{"name":"a"}]}`: "twice",
		`{"events":[],"unplanned":"maybe"}`:      "no mode",
		`{"events":[{"name":"a","schema":{"type":"text"}}]}`:                       "the schema of",
		`{"events":[{"name":"a","schema":{"pattern":"("}}]}`:                       "the schema of",
		`{"events":[{"name":"a","schema":{"$ref":"file:///etc/passwd"}}]}`:         "outside of the schema",
		`{"events":[{"name":"a","schema":{"$ref":"https://example.com/x.json"}}]}`: "outside of the schema",
	} {
		if _, err := plan.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

func FuzzPlan(f *testing.F) {
	f.Add(document, `{"order_id":"o-1"}`)
	f.Add(`{"events":[{"name":"Order Completed","schema":{"$ref":"#"}}]}`, `{}`)
	f.Fuzz(func(t *testing.T, text, members string) {
		p, err := plan.Parse([]byte(text))
		if err != nil {
			return
		}
		p.Names(func(kind, name string) {
			p.Judge(kind, name, []byte(members))
			p.Members(kind, name)
		})
	})
}
