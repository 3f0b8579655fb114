package jsondoc_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rapport/internal/jsondoc"
)

func TestStrict_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                         "empty",
		`{"name": 1}`:              "name cannot be a number",
		`{"nam": "x"}`:             "unknown field",
		`[1]`:                      "it cannot be an array",
		`{"at": "2026-01-02"}`:     `"2026-01-02" is no time: write`,
		`{"name": "x"} {}`:         "goes on",
		`{"name": "x"`:             "unexpected EOF",
		`{"name": "x", "any": 1e}`: "invalid character",
	} {
		var into struct {
			Name string    `json:"name"`
			Any  any       `json:"any"`
			At   time.Time `json:"at"`
		}
		if err := jsondoc.Strict([]byte(text), &into); err == nil || strings.Contains(err.Error(), "json: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestStrict_KeepsNumbersAsWritten(t *testing.T) {
	t.Parallel()
	var into struct {
		Any any `json:"any"`
	}
	if err := jsondoc.Strict([]byte(` {"any": 9007199254740993.10} `), &into); err != nil || into.Any != json.Number("9007199254740993.10") {
		t.Fatalf("got %v, %v", into.Any, err)
	}
}
