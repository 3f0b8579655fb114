package condition_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rapport/internal/segment/condition"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("../../../spec/condition.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("condition.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("condition.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// refused are documents that are wrong by their shape: both the schema and the
// parser say so.
var refused = []string{
	`{}`, `[]`, `"x"`, `null`, `{"triat":"x"}`, `{"trait":"x","vlaue":3}`, `{"trait":""}`, `{"trait":5}`, `{"all":[]}`, `{"all":{}}`, `{"all":[{"trait":"x"},5]}`,
	`{"all":[{"trait":"x"}],"any":[{"trait":"x"}]}`, `{"not":5}`, `{"trait":"x","op":"~"}`, `{"trait":"x","op":5,"value":1}`, `{"trait":"x","in":[]}`, `{"trait":"x","in":["a",1]}`,
	`{"trait":"x","in":"a"}`, `{"trait":"x","min":"soon"}`, `{"trait":"x","exists":"yes"}`, `{"trait":"x","value":null}`, `{"trait":"x","value":{}}`,
	`{"trait":"x","within":30}`, `{"trait":"x","within":"2 months"}`, `{"profile":"last_sen"}`, `{"context":"weather"}`, `{"device":"type","seen":"middle"}`,
	`{"event":"X","within":"30 moons"}`, `{"event":"X","sum":5}`, `{"event":"X","count":-1}`, `{"event":"X","count":1.5}`, `{"event":"X","window":{}}`, `{"event":"X","window":{"this":"eon"}}`,
	`{"event":"X","window":{"last":"30d","zone":"UTC"}}`, `{"event":"X","window":"30d","within":"30d"}`, `{"event":"X","where":5}`, `{"event":"X","where":[]}`, `{"event":"X","where":[{"value":5}]}`,
	`{"event":"X","type":"click"}`, `{"event":"X","item":5}`, `{"event":"X","item":{"name":"x"}}`, `{"order":5}`, `{"order":{"status":"x"}}`,
	`{"sequence":[{"event":"A"}]}`, `{"sequence":[{"event":"A"},5]}`, `{"sequence":[{"event":"A"},{}]}`, `{"event":"A","followed_by":5}`,
	`{"segment":5}`, `{"segment":"a","op":"="}`, `{"feel":""}`, `{"feel":5}`, `{"always":false}`, `{"affinity":"c"}`, `{"affinity":"c","value":"x","top":0}`,
}

func TestSchema_SaysWhatTheParserSays(t *testing.T) {
	t.Parallel()
	s := schema(t)
	valid := func(text string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return s.Validate(v)
	}
	accepted := 0
	for _, g := range guesses {
		for _, text := range []string{g.doc, g.canonical} {
			if !strings.HasPrefix(text, "{") {
				continue // YAML
			}
			accepted++
			if err := valid(text); err != nil {
				t.Errorf("the schema refuses %s: %v", text, err)
			}
		}
	}
	for _, text := range refused {
		if valid(text) == nil {
			t.Errorf("the schema accepts %s", text)
		}
		if _, err := condition.Read([]byte(text)); err == nil {
			t.Errorf("the parser accepts %s", text)
		}
	}
	t.Logf("%d accepted, %d refused", accepted, len(refused))
}
