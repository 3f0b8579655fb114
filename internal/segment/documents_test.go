package segment_test

import (
	"errors"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/segment"
)

func TestReadDocument_TakesJSONAndYAML(t *testing.T) {
	t.Parallel()
	one, err := segment.ReadDocument([]byte(`{"name":"Gold","condition":{"all":[{"trait":"plan","op":"=","value":"gold"},{"event":"Visit","within":"30d"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	two, err := segment.ReadDocument([]byte("name: Gold\ncondition:\n  all:\n    - {trait: plan, op: \"=\", value: gold}\n    - {event: Visit, within: 30d}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if one.Name != "Gold" || two.Name != "Gold" || one.Condition.Canonical() != two.Condition.Canonical() {
		t.Errorf("%+v and %+v", one, two)
	}
}

func TestReadAffinity_ReadsWeights(t *testing.T) {
	t.Parallel()
	a, err := segment.ReadAffinity("brand", []byte(`{"dimension":"brand","half_life":"14d","weights":[{"when":{"event":"Order Completed"},"points":20}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if a.Key != "brand" || a.Dimension != "brand" || a.HalfLife != 14*24*time.Hour || len(a.Weights) != 1 ||
		a.Weights[0].Points != 20 || a.Weights[0].Match.Name != "Order Completed" {
		t.Errorf("%+v", a)
	}
}

func TestReadDocuments_NameWhatIsWrong(t *testing.T) {
	t.Parallel()
	for doc, at := range map[string]string{
		`{"name":"x"}`: "/condition",
		`{"name":"x","condition":{"all":[{"trait":"a","op":"between-ish","value":1}]}}`: "/condition/all/0/op",
		`{"name":"x","colour":"red","condition":{"trait":"a"}}`:                         "/colour",
		`{"name":{},"condition":{"trait":"a"}}`:                                         "/name",
		`{"name":5,"condition":{"trait":"a"}}`:                                          "/name",
	} {
		_, err := segment.ReadDocument([]byte(doc))
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Kind != fault.Invalid || f.Field != at {
			t.Errorf("%s: %v at %q, want %q", doc, err, f.Field, at)
		}
	}
	for weight, at := range map[string]string{
		`{"when":{"event":"A"},"ponts":3}`:                "/weights/0",
		`{"when":{"event":"A"}}`:                          "/weights/0",
		`{"when":{"event":"A","within":"3d"},"points":3}`: "/weights/0/when/within",
		`{"when":{"trait":"a"},"points":3}`:               "/weights/0/when/trait",
		`{"when":{"event":""},"points":3}`:                "/weights/0/when/event",
	} {
		_, err := segment.ReadAffinity("a", []byte(`{"dimension":"brand","weights":[`+weight+`]}`))
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Field != at {
			t.Errorf("%s: %v, want it at %q", weight, err, at)
		}
	}
	if _, err := segment.ReadTrait("t", []byte(`{"value":{"trait":"a"}}`)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a trait that is a test: %v", err)
	}
	if _, err := segment.ReadAffinity("a", []byte(`{"dimension":"brand","half_life":"soon"}`)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a half-life that is none: %v", err)
	}
}
