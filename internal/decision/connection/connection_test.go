package connection_test

import (
	"strings"
	"testing"

	"rapport/internal/decision/connection"
	"rapport/internal/fault"
	"rapport/internal/feel"
)

func read(t *testing.T, document string) *connection.Connection {
	t.Helper()
	c, err := connection.Read([]byte(document))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return c
}

func TestRead_RefusesWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	for document, field := range map[string]string{
		`{}`:                                                                   "/url",
		`{"url":"ftp://x/"}`:                                                   "/url",
		`{"url":"https://{h}/"}`:                                               "/url",
		`{"url":"https://a{h}.b/"}`:                                            "/url",
		`{"url":"https://u:p@h/"}`:                                             "/url",
		`{"url":"https://h/{a}"}`:                                              "/url",
		`{"url":"https://h/","method":"DELETE"}`:                               "/method",
		`{"url":"https://h/","body":"1"}`:                                      "/body",
		`{"url":"https://h/","method":"POST","body":"1 +"}`:                    "/body",
		`{"url":"https://h/","result":"("}`:                                    "/result",
		`{"url":"https://h/","type":"nothing"}`:                                "/type",
		`{"url":"https://h/","timeout":"1m"}`:                                  "/timeout",
		`{"url":"https://h/","cache":{"ttl":"48h"}}`:                           "/cache/ttl",
		`{"url":"https://h/","retry":{"attempts":9}}`:                          "/retry/attempts",
		`{"url":"https://h/","headers":{"Host":"x"}}`:                          "/headers",
		`{"url":"https://h/","headers":{"X":"a\r\nb"}}`:                        "/headers",
		`{"url":"https://h/","auth":{"kind":"magic"}}`:                         "/auth/kind",
		`{"url":"https://h/","auth":{"kind":"key"}}`:                           "/auth/secret",
		`{"url":"https://h/","auth":{"kind":"basic","secret":"s"}}`:            "/auth/user",
		`{"url":"https://h/","auth":{"kind":"oauth","user":"u","secret":"s"}}`: "/auth/token_url",
	} {
		_, err := connection.Read([]byte(document))
		if f, ok := err.(*fault.Fault); !ok || f.Field != field { //nolint:errorlint // it is one, not wraps one
			t.Errorf("%s: %v, want %s", document, err, field)
		}
	}
}

func TestRequest_ParametersCannotLeaveTheirPlace(t *testing.T) {
	t.Parallel()
	c := read(t, `{"url":"https://h/a/{p}?q={p}","method":"POST","parameters":["p"],"headers":{"X-P":"<{p}>"},"body":"{p: p, n: 1.50}"}`)
	r, err := c.Request(map[string]feel.Value{"p": feel.String("../x?y=1&z#\r\nEvil: 1")})
	if err != nil {
		t.Fatal(err)
	}
	if r.URL != "https://h/a/..%2Fx%3Fy=1&z%23%0D%0AEvil:%201?q=..%2Fx%3Fy%3D1%26z%23%0D%0AEvil%3A+1" {
		t.Errorf("address %s", r.URL)
	}
	if strings.ContainsAny(r.Headers["X-P"], "\r\n") {
		t.Errorf("header %q", r.Headers["X-P"])
	}
	if string(r.Body) != `{"n":1.5,"p":"../x?y=1\u0026z#\r\nEvil: 1"}` {
		t.Errorf("body %s", r.Body)
	}
	other, err := c.Request(map[string]feel.Value{"p": feel.Int(1)})
	if err != nil || other.Key() == r.Key() {
		t.Errorf("two questions with one key: %v", err)
	}
}

func TestValue_IsMappedAndChecked(t *testing.T) {
	t.Parallel()
	c := read(t, `{"url":"https://h/","result":"{n: body.a[1], s: status, h: headers.etag}","type":"context<n: number>"}`)
	for body, want := range map[string]string{`{"a":[12.50,2]}`: `{n: 12.5, s: 200, h: "v1"}`, `{"a":["x"]}`: "", `no`: "", `{} {}`: ""} {
		v, err := c.Value(&connection.Answer{Status: 200, Headers: map[string]string{"etag": "v1"}, Body: []byte(body)})
		if (err != nil) != (want == "") || err == nil && v.Literal() != want {
			t.Errorf("%s: %s %v", body, v.Literal(), err)
		}
	}
	if _, err := c.Value(&connection.Answer{Status: 404, Body: []byte(`{}`)}); err == nil {
		t.Error("a 404 has a value")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"url":"https://h/{p}?q={p}","parameters":["p"],"auth":{"kind":"key","secret":"s"},"fallback":{"a":1},"type":"number"}`))
	f.Add([]byte(`{"url":"https://h/","method":"POST","body":"{a: 1}","timeout":"1s","cache":{"ttl":"1m"}}`))
	f.Add([]byte(`{"url":"https://{"}`))
	seal := func(b []byte) ([]byte, error) { return append([]byte{1}, b...), nil }
	f.Fuzz(func(t *testing.T, document []byte) {
		c, err := connection.Read(document)
		if err != nil {
			return
		}
		if c.Shown().Auth.SecretSealed != nil {
			t.Fatal("a sealed secret is shown")
		}
		stored, err := c.Store(seal, nil)
		if err != nil {
			return
		}
		if again, err := connection.Read(stored); err != nil || again.Auth.Secret != "" {
			t.Fatalf("%s comes back as %v", stored, err)
		}
	})
}
