package settings_test

import (
	"encoding/json"
	"testing"
	"time"

	"rapport/internal/decision/settings"
	"rapport/internal/fault"
)

func TestRead_SaysWhatCannotBe(t *testing.T) {
	t.Parallel()
	for document, field := range map[string]string{
		`{"keep":{"sample":1.5}}`:                                        "/keep/sample",
		`{"keep":{"test_sample":-1}}`:                                    "/keep/test_sample",
		`{"keep":{"days":4000}}`:                                         "/keep/days",
		`{"keep":{},"inputs":{"A":{}}}`:                                  "/inputs/A",
		`{"keep":{},"inputs":{"A":{"connection":"c","with":{"p":"("}}}}`: "/inputs/A/with/p",
		`{"keep":{},"nightly":{"at":"25:00"}}`:                           "/nightly/at",
		`{"keep":{},"nightly":{"at":"02:00","sample":-1}}`:               "/nightly/sample",
		`{"keep":{},"nightly":{"at":"02:00","version":"newest"}}`:        "/nightly/version",
		`{"keeps":{}}`: "",
		`{"keep":{},"consent":{"channel":"web"}}`: "/consent/purpose",
	} {
		_, err := settings.Read([]byte(document))
		if f, ok := err.(*fault.Fault); !ok || f.Field != field { //nolint:errorlint // it is one, not wraps one
			t.Errorf("%s: %v, want %q", document, err, field)
		}
	}
}

func TestNightly_IsDueFromItsTimeOn(t *testing.T) {
	t.Parallel()
	n := settings.Nightly{At: "02:30"}
	for at, want := range map[string]bool{"00:00": false, "02:29": false, "02:30": true, "23:59": true} {
		now, err := time.Parse(time.RFC3339, "2026-01-02T"+at+":00Z")
		if err != nil {
			t.Fatal(err)
		}
		if n.Due(now) != want {
			t.Errorf("%s: %v", at, !want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"keep":{"sample":0.5,"days":3},"inputs":{"A":{"connection":"c","with":{"p":"profile.traits.a"}}},"nightly":{"at":"02:30"}}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := settings.Read(document)
		if err != nil {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := settings.Read(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	})
}
