package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestLanguage_TheConditionOfASegmentIsSaidAsTheReaderAsks reads one segment in
// two languages: the definition stays as it was written.
func TestLanguage_TheConditionOfASegmentIsSaidAsTheReaderAsks(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	if res, text := d.ask(t, "PUT", "/api/v1/segments/gold", `{"name":"Gold","condition":{"trait":"plan","exists":false}}`); res.StatusCode/100 != 2 {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	for header, want := range map[string]string{"": "the trait plan is not known", "de-AT,en;q=0.5": "das Merkmal plan ist nicht bekannt", "fr": "the trait plan is not known"} {
		res, text := d.ask(t, "GET", "/api/v1/segments/gold?version=1", "", "Accept-Language", header)
		var v CriterionView
		if err := json.Unmarshal([]byte(text), &v); err != nil || res.StatusCode != http.StatusOK || v.Sentence != want || res.Header.Get("Vary") != "Accept-Language" {
			t.Errorf("%q: %d %s", header, res.StatusCode, text)
		}
		if !strings.Contains(string(v.Document), `"trait":"plan"`) {
			t.Errorf("%q: the document is %s", header, v.Document)
		}
	}
}
