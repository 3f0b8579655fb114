package destination_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"rapport/internal/destination"
	"rapport/internal/fault"
)

type auth struct {
	Kind   string `json:"kind,omitempty" enum:"none,key" default:"none" doc:"How"`
	Secret string `json:"secret,omitempty" secret:"true"`
}

type settings struct {
	URL     string            `json:"url" required:"true" doc:"Where to"`
	Auth    auth              `json:"auth,omitzero"`
	Headers map[string]string `json:"headers,omitempty" secret:"true"`
	Retries int               `json:"retries,omitempty" default:"3"`
	Tags    []string          `json:"tags,omitempty"`
}

func TestSchemaOf_SaysWhatSettingsMayBe(t *testing.T) {
	t.Parallel()
	schema := destination.SchemaOf[settings]()
	want := `{"type":"object","additionalProperties":false,"properties":{` +
		`"url":{"type":"string","description":"Where to"},` +
		`"auth":{"type":"object","additionalProperties":false,"properties":{` +
		`"kind":{"type":"string","description":"How","default":"none","enum":["none","key"]},"secret":{"type":"string","writeOnly":true}}},` +
		`"headers":{"type":"object","additionalProperties":{"type":"string"},"writeOnly":true},` +
		`"retries":{"type":"integer","default":3},"tags":{"type":"array","items":{"type":"string"}}},"required":["url"]}`
	if string(schema) != want {
		t.Errorf("schema\n%s\nwant\n%s", schema, want)
	}
	if got := destination.Secrets(schema); !reflect.DeepEqual(got, [][]string{{"auth", "secret"}, {"headers"}}) {
		t.Errorf("secrets %q", got)
	}
}

func TestDecode_FillsAndRefuses(t *testing.T) {
	t.Parallel()
	var s settings
	if err := destination.Decode(json.RawMessage(`{"url":"x"}`), &s); err != nil || s.Retries != 3 || s.Auth.Kind != "none" {
		t.Errorf("%+v, %v", s, err)
	}
	for text, field := range map[string]string{
		`{}`:                                 "/settings/url",
		`{"url":"x","auth":{"kind":"wave"}}`: "/settings/auth/kind",
		`{"url":"x","other":1}`:              "/settings/other",
		`{"url":"x"} {}`:                     "/settings/",
		`{"url":5}`:                          "/settings/url",
		`{"url":"x","auth":{"secret":[]}}`:   "/settings/auth/secret",
		``:                                   "/settings/",
	} {
		var s settings
		err := destination.Decode(json.RawMessage(text), &s)
		if f, ok := err.(*fault.Fault); !ok || f.Field != field || f.Code != "invalid_destination" { //nolint:errorlint // the fault itself is returned
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMasker_FindsEachFormOfASecret(t *testing.T) {
	t.Parallel()
	const secret = `s"e c/r+e&t`
	m := destination.NewMasker(secret, "", "abc")
	for _, form := range []string{
		secret, `{"k":"s\"e c/r+e&t"}`, "/x?k=s%22e+c%2Fr%2Be%26t", base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if got := m.Text("before " + form + " after"); strings.Contains(got, "c/r") || strings.Contains(got, "%2Fr") || !strings.Contains(got, destination.Mask) {
			t.Errorf("%q is shown as %q", form, got)
		}
	}
	if got := m.Text("abc"); got != "abc" {
		t.Errorf("a secret too short to hide masks the text: %q", got)
	}
}

func TestMasker_ShowsNoPartOfASecretAtTheEnd(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdefghijklmnopqrstuvwxyz"
	m := destination.NewMasker(secret)
	for cut := range 60 {
		text := append(bytes.Repeat([]byte("x"), destination.MaxShown-cut), secret...)
		shown := m.Show(append(text, bytes.Repeat([]byte("y"), 10_000)...))
		if len(shown) > destination.MaxShown || bytes.Contains(shown, []byte(secret[:5])) {
			t.Fatalf("%d bytes end in %q", len(shown), shown[len(shown)-50:])
		}
	}
}

func TestRetryAfter_ReadsSecondsAndDates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 0.5 ": 500 * time.Millisecond, "-3": 0, "soon": 0, "1e300": 24 * time.Hour, "NaN": 0,
		"Thu, 01 Jan 2026 00:01:00 GMT": time.Minute, "Thu, 01 Jan 2015 00:01:00 GMT": 0, "Thu, 01 Jan 2099 00:01:00 GMT": 24 * time.Hour,
	} {
		if got := destination.RetryAfter(header, now); got != want {
			t.Errorf("%q is %v, want %v", header, got, want)
		}
	}
}
