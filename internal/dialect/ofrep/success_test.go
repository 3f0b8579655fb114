package ofrep

import (
	"encoding/json"
	"testing"
)

// TestSuccess holds what is written against encoding/json.
func TestSuccess(t *testing.T) {
	t.Parallel()
	for _, s := range []*success{
		{Key: "e", Reason: "UNKNOWN"},
		{Key: `a"b`, Value: json.RawMessage(`{"x":[1,2,"ü"]}`), Reason: "SPLIT", Variant: "v\n1", Metadata: &metadata{Reason: "assigned", Phase: 12}},
		{Key: "e", Value: json.RawMessage(`true`), Reason: "DISABLED", Metadata: &metadata{Reason: "not_running"}},
	} {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(s.append(nil)); got != string(want) {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
}
