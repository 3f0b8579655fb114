package web_test

import (
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rapport/internal/dialect"
	"rapport/internal/dialect/web"
)

const key = "wk_test"

// door is one with a library of two words, behind which doors tell their path.
func door() *web.Door {
	told := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.URL.Path+"?"+r.URL.RawQuery+" "+string(body))
	})
	return web.New(web.Config{
		Files: func(version, name string) ([]byte, bool) {
			return []byte("library " + name), version == "1.0.0" && strings.HasPrefix(name, "rapport")
		},
		Version:  "1.0.0",
		Settings: func(k string) (web.Settings, bool) { return web.Settings{Key: k, Consent: "pending"}, k == key },
		Origins: func(k string) (dialect.Origins, bool) {
			return func(origin string) bool { return origin != "https://evil.example" }, k == key
		},
		Key: []byte("secret"), Random: func(b []byte) { clear(b) }, Track: told, Decide: told, TrackPath: "/v1/b", DecidePath: "/v1/decide",
	})
}

// serve answers a call such as "GET /site/id".
func serve(t *testing.T, d http.Handler, call, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	method, path, _ := strings.Cut(call, " ")
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestSnippet_NamesBytesThatAreServed(t *testing.T) {
	t.Parallel()
	d := door()
	s, err := d.Snippet(key, "/")
	if err != nil {
		t.Fatal(err)
	}
	w := serve(t, d, "GET /site"+s.URL, "")
	sum := sha512.Sum384(w.Body.Bytes())
	if want := "sha384-" + base64.StdEncoding.EncodeToString(sum[:]); w.Code != http.StatusOK || s.Integrity != want || !strings.Contains(s.HTML, want) {
		t.Errorf("%d %q: integrity %s in %s, want %s", w.Code, w.Body, s.Integrity, s.HTML, want)
	}
	if want := `{const RAPPORT={"key":"wk_test","base":"../../","consent":"pending"};library rapport.js}` + "\n"; w.Body.String() != want {
		t.Errorf("got %s, want %s", w.Body, want)
	}
	packed := serve(t, d, "GET /site"+s.URL, "", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if plain, _ := io.ReadAll(z); string(plain) != w.Body.String() {
		t.Errorf("packed it is %s", plain)
	}
	for _, base := range []string{"", "/m", "m/", "javascript:/", `/"><script>/`, "//evil.example/"} {
		if _, err := d.Snippet(key, base); err == nil {
			t.Errorf("a snippet with the base %q", base)
		}
	}
	if _, err := d.Snippet("wk_nobody", "/"); err == nil {
		t.Error("a snippet for a key that nobody has")
	}
}

func TestFile_AnswersOnlyWhatThisInstancePrinted(t *testing.T) {
	t.Parallel()
	d := door()
	s, err := d.Snippet(key, "/site/")
	if err != nil {
		t.Fatal(err)
	}
	part := strings.Split(s.URL, "/")[3]
	raw, _ := base64.RawURLEncoding.DecodeString(part)
	forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), "pending", "granted", 1)))
	for path, want := range map[string]int{
		s.URL: 200, s.LatestURL: 200, s.Module: 200, s.Markup: 200, s.Panels: 200, "/site/1.0.0/rapport.d.ts": 200,
		"/site/1.0.0/" + forged + "/rapport.js": 404, "/site/0.9.0/" + part + "/rapport.js": 404, "/site/1.0.0/" + part + "/rapport.mjs": 404,
		"/site/wk_nobody.js": 404, "/site/.js": 404, "/site/": 404, "/site/1.0.0/rapport.js": 404, "/site/1.0.0/x/": 404,
	} {
		w := serve(t, d, "GET "+path, "")
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		if immutable := strings.Contains(w.Header().Get("Cache-Control"), "immutable"); immutable != (want == 200 && path != s.LatestURL) {
			t.Errorf("%s: %s", path, w.Header().Get("Cache-Control"))
		}
	}
	if w := serve(t, d, "PUT "+s.URL, ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", w.Code)
	}
}

func TestDoor_HandsOnEventsAndQuestions(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/site/b?wait=applied": "/v1/b?wait=applied {}", "/site/d": "/v1/decide? {}"} {
		if got := serve(t, door(), "POST "+path, "{}").Body.String(); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestIdentify_KeepsAnIDForPagesOfTheOrigin(t *testing.T) {
	t.Parallel()
	d := door()
	const own = "Sec-Fetch-Site"
	ask := func(body string, headers ...string) (int, string, string) {
		w := serve(t, d, "POST /site/id", body, headers...)
		var out struct{ ID string }
		_ = json.Unmarshal(w.Body.Bytes(), &out)
		return w.Code, out.ID, w.Header().Get("Set-Cookie")
	}
	status, id, cookie := ask(`{"key":"wk_test","path":"/m/"}`, own, "same-origin", "X-Forwarded-Proto", "https")
	if status != 200 || len(id) != 36 || cookie != "rapport_id="+id+"; Path=/m/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("new: %d %q %q", status, id, cookie)
	}
	if _, again, _ := ask(`{"key":"wk_test","path":"/m/"}`, own, "same-origin", "Cookie", "rapport_id=kept-id-1"); again != "kept-id-1" {
		t.Errorf("the one that is kept: %q", again)
	}
	if _, said, _ := ask(`{"key":"wk_test","path":"/m/","id":"said-id-1"}`, own, "same-origin", "Cookie", "rapport_id=kept-id-1"); said != "said-id-1" {
		t.Errorf("the one that the page has: %q", said)
	}
	if status, _, gone := ask(`{"key":"wk_test","path":"/m/","id":null}`, own, "same-origin"); status != 204 || !strings.Contains(gone, "Max-Age=0") {
		t.Errorf("taken away: %d %q", status, gone)
	}
	for want, tries := range map[int][][]string{
		403: {{`{"key":"wk_test","path":"/"}`}, {`{"key":"wk_test","path":"/"}`, own, "same-site"}, {`{"key":"wk_test","path":"/"}`, own, "same-origin", "Origin", "https://evil.example"}},
		401: {{`{"key":"wk_nobody","path":"/"}`, own, "same-origin"}, {`{}`, own, "same-origin"}},
		400: {
			{`{"key":"wk_test","path":"/;Domain=x/"}`, own, "same-origin"},
			{`{"key":"wk_test","path":"/x"}`, own, "same-origin"},
			{`{"key":"wk_test","path":"/","id":"a b c d e"}`, own, "same-origin"},
			{`{"key":"wk_test","path":"/","id":7}`, own, "same-origin"},
			{`[]`, own, "same-origin"},
			{strings.Repeat(" ", 5000), own, "same-origin"},
		},
	} {
		for _, try := range tries {
			if status, _, cookie := ask(try[0], try[1:]...); status != want || cookie != "" {
				t.Errorf("%.60s %v: %d %q, want %d and no cookie", try[0], try[1:], status, cookie, want)
			}
		}
	}
}
