package consent_test

import (
	"encoding/json"
	"testing"

	"rapport/internal/consent"
	"rapport/internal/event"
)

func ada() *consent.Mentions {
	return consent.NewMentions([]event.Identifier{
		{Namespace: "email", Value: "ada@example.com"},
		{Namespace: "user_id", Value: "7"},
		{Namespace: "user_id", Value: "ada-lovelace"},
		{Namespace: "phone", Value: "+491701234567"},
	}, "0123456789abcdef0123456789abcdef")
}

func TestMentions_FindsValuesHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"to":"ada@example.com"}`:             true,
		`{"to":"Ada@EXAMPLE.com, bob"}`:        true,
		`{"to":"ad\u0061\u0040example.com"}`:   true,
		`{broken ada@example.com`:              true,
		`linada@example.com`:                   false,
		`ada@example.community`:                false,
		`{"call":"0170 / 123 45 67"}`:          true,
		`{"call":"+49 (170) 123-4567"}`:        true,
		`{"call":491701234567}`:                true,
		`{"call":"0170 123 45 68"}`:            false,
		`{"user":"ada-lovelace"}`:              true,
		`{"user":"7","quantity":7}`:            false,
		"\x07\x05email\x0fada@example.com\x00": true,
		`/p/0123456789ABCDEF0123456789abcdef`:  true,
		``:                                     false,
	} {
		if got := ada().In([]byte(text)); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}

func TestMentions_RedactTakesTheValuesAndNothingElse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":"x ada@example.com y","n":1.50,"k":[true]}`: `{"a":"x  y","n":1.50,"k":[true]}`,
		`{"ADA@example.com":1}`:                           `{"":1}`,
		`{"t":"call 0170 1234567"}`:                       `{"t":""}`,
		`{"t":"say \"hi\" to ada@example.com"}`:           `{"t":"say \"hi\" to "}`,
		`{"t":"nothing"}`:                                 `{"t":"nothing"}`,
	} {
		got, changed := ada().Redact([]byte(text))
		if string(got) != want || changed != (text != want) {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add([]byte(`{"a":"ada@example.com","b":"\\\"0170 1234567"}`))
	f.Add([]byte(`"ada@example.comada@example.com`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m := ada()
		out, changed := m.Redact(doc)
		if !changed && string(out) != string(doc) {
			t.Errorf("%q became %q unsaid", doc, out)
		}
		if json.Valid(doc) && !json.Valid(out) {
			t.Errorf("%q became %q", doc, out)
		}
	})
}
