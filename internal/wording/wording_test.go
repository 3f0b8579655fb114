package wording_test

import (
	"testing"

	"rapport/internal/wording"
)

func TestPreferred_IsWhatTheReaderLikesBest(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]wording.Language{
		"": "en", "de": "de", "de-AT,en;q=0.8": "de", "en-GB,de;q=0.9": "en", "fr, de;q=0.5, en;q=0.4": "de", "fr": "en", "de;q=0": "en", "DE ; q=0.7,*;q=0.1": "de", "de;q=x": "en",
	} {
		if got := wording.Preferred(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
	c := wording.Catalog{"%d people": "%d Personen"}
	if got := c.Say(wording.German, "%d people", 3) + c.Say(wording.English, "%d people", 3) + c.Say(wording.German, "nobody"); got != "3 Personen3 peoplenobody" {
		t.Error(got)
	}
}
