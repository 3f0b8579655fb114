package segment_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/segment"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
)

const (
	ok  = `{"success":true}`
	now = "2026-03-01T12:00:00.000Z"
)

type keys map[string]segment.Source

func (k keys) SourceByWriteKey(key string) (segment.Source, bool) {
	s, found := k[key]
	return s, found
}

func someKeys() keys {
	return keys{
		"wk":  {Key: "shop", Name: "Shop"},
		"wk2": {Key: "blog", Name: "Blog"},
		"sk":  {Key: "shop", Name: "Shop", Verified: true},
		"old": {Key: "crm", Name: "CRM", Historical: true},
	}
}

func config(l *dialecttest.Ledger) segment.Config {
	return segment.Config{
		Accept: l, Keys: someKeys(), Rules: identity.DefaultRules(),
		Now:    func() time.Time { return dialecttest.At(now).Time() },
		Random: func(b []byte) { copy(b, "0123456789abcdef") },
	}
}

type call struct {
	method, path, body string
	header             map[string]string
}

func basic(key string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(key)) }

func auth(key string) map[string]string { return map[string]string{"Authorization": basic(key + ":")} }

func send(d http.Handler, c call) *httptest.ResponseRecorder {
	if c.method == "" {
		c.method = http.MethodPost
	}
	r := httptest.NewRequestWithContext(context.Background(), c.method, c.path, strings.NewReader(c.body))
	r.RemoteAddr = "203.0.113.9:4711"
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

const visit = `{"type":"track","event":"Seen","messageId":"m1","anonymousId":"a1","timestamp":"2026-03-01T11:59:59Z"}`

func TestDoor_TakesEveryTrackingPath(t *testing.T) {
	t.Parallel()
	single := `{"event":"Seen","name":"Home","groupId":"g","previousId":"p","userId":"u1","writeKey":"wk"}`
	batch := `{"batch":[` + visit + `],"writeKey":"wk"}`
	for path, want := range map[string]string{
		"/v1/track": "track", "/v1/identify": "identify", "/v1/page": "page", "/v1/screen": "screen", "/v1/group": "group", "/v1/alias": "alias",
		"/v1/t": "track", "/v1/i": "identify", "/v1/p": "page", "/v1/s": "screen", "/v1/g": "group", "/v1/a": "alias",
		"/v1/batch": "", "/v1/import": "", "/v1/import/": "", "/v1/b": "", "/beacon/v1/batch?writeKey=wk": "",
	} {
		for name, body := range map[string]string{"plain": "", "gzip": "gzip"} {
			l := &dialecttest.Ledger{Dialect: segment.Dialect}
			c := call{path: path, body: single, header: map[string]string{"Content-Type": "text/plain", "Content-Encoding": body}}
			if want == "" {
				c.body = batch
			}
			if body == "gzip" {
				c.body = zipped(c.body)
			} else {
				delete(c.header, "Content-Encoding")
			}
			w := send(segment.New(config(l)), c)
			if w.Code != 200 || w.Body.String() != ok || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s %s: %d %s %s", path, name, w.Code, w.Body, w.Header().Get("Content-Type"))
				continue
			}
			got := l.Only(t)
			if got.Event.Type.String() != cmp.Or(want, "track") || got.Event.Source != "shop" || got.Envelope.Source != "shop" {
				t.Errorf("%s %s: took %s of %s", path, name, got.Event.Type, got.Event.Source)
			}
		}
	}
}

// Events that carry keys of their own are held against limits as one sum for each
// key, those too that could not be understood.
func TestDoor_SaysWhatCameWithEachKey(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: segment.Dialect}
	list := []string{`{"writeKey":"wk"}`}
	for _, k := range []string{"wk", "wk2", "sk", "wk", "nobody", "wk2"} {
		list = append(list, strings.Replace(visit, "{", `{"writeKey":"`+k+`",`, 1))
	}
	w := send(segment.New(config(l)), call{path: "/v1/batch", body: `{"batch":[` + strings.Join(list, ",") + `]}`})
	want := []pipeline.Brought{{Source: "shop", Key: "wk", Events: 3}, {Source: "blog", Key: "wk2", Events: 2}, {Source: "shop", Key: "sk", Events: 1}}
	if w.Code != 200 || len(l.Subs) != 1 || !slices.Equal(l.Subs[0].Brought, want) {
		t.Errorf("%d %s: %+v", w.Code, w.Body, l.Subs)
	}
}

func TestDoor_KnowsTheCallerByHeaderThenBody(t *testing.T) {
	t.Parallel()
	one := func(extra string) string { return `{"batch":[` + visit + `]` + extra + `}` }
	own := func(keys ...string) string {
		var list []string
		for _, k := range keys {
			list = append(list, strings.Replace(visit, "{", `{"writeKey":"`+k+`",`, 1))
		}
		return `{"batch":[` + strings.Join(list, ",") + `]}`
	}
	for name, c := range map[string]struct {
		header, body string
		status       int
		sources      string
	}{
		"basic with colon":        {basic("wk:"), one(""), 200, "shop"},
		"basic without colon":     {basic("wk"), one(""), 200, "shop"},
		"basic with a password":   {basic("wk:secret"), one(""), 200, "shop"},
		"basic without padding":   {strings.TrimRight(basic("wk2:x"), "="), one(""), 200, "blog"},
		"header before body":      {basic("wk2:"), one(`,"writeKey":"wk"`), 200, "blog"},
		"empty user, key in body": {basic(":"), one(`,"writeKey":"wk"`), 200, "shop"},
		"key in body":             {"", one(`,"writeKey":"wk"`), 200, "shop"},
		"key per event":           {"", own("wk", "wk2"), 200, "shop blog"},
		"a stranger among events": {"", own("wk", "nobody", "wk2"), 200, "shop blog"},
		"only strangers":          {"", own("nobody"), 401, ""},
		"no key":                  {"", one(""), 401, ""},
		"unknown key in header":   {basic("nobody:"), one(`,"writeKey":"wk"`), 401, ""},
		"unknown key in body":     {"", one(`,"writeKey":"nobody"`), 401, ""},
		"not base64":              {"Basic !!", one(`,"writeKey":"wk"`), 401, ""},
		"another scheme":          {"Digest x", one(`,"writeKey":"wk"`), 401, ""},
		"a token without OAuth":   {"Bearer rp_at_x", one(`,"writeKey":"wk"`), 401, ""},
		"lower-case scheme":       {strings.Replace(basic("wk:"), "Basic", "basic", 1), one(""), 200, "shop"},
		"a key that is no string": {"", one(`,"writeKey":5`), 401, ""},
		"secret key":              {basic("sk:"), one(""), 200, "shop"},
	} {
		l := &dialecttest.Ledger{Dialect: segment.Dialect}
		w := send(segment.New(config(l)), call{path: "/v1/batch", body: c.body, header: map[string]string{"Authorization": c.header}})
		var sources []string
		for _, s := range l.Subs {
			for _, e := range s.Events {
				sources = append(sources, e.Event.Source)
			}
		}
		if w.Code != c.status || strings.Join(sources, " ") != c.sources {
			t.Errorf("%s: %d %s, sources %v", name, w.Code, w.Body, sources)
		}
		if c.status == 401 && len(l.Subs) > 0 {
			t.Errorf("%s: counted %s", name, l.Sums())
		}
	}
}

func TestDoor_AnswersErrorsInTheShapeAllClientsRead(t *testing.T) {
	t.Parallel()
	w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), call{path: "/v1/batch", body: `{"batch":[]}`, header: auth("nobody")})
	var got struct {
		Success              *bool
		Code, Message, Error string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 401 || got.Success == nil || *got.Success || got.Code != "invalid_write_key" || got.Message == "" || got.Error != got.Message {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("content type %q", w.Header().Get("Content-Type"))
	}
}

func TestDoor_LenientAnswersUnknownKeysAndDrops(t *testing.T) {
	t.Parallel()
	for _, c := range []call{
		{path: "/v1/batch", body: `{"batch":[` + visit + `]}`, header: auth("nobody")},
		{path: "/v1/batch", body: `{"writeKey":"nobody","batch":[` + visit + `]}`},
		{path: "/v1/track", body: visit},
	} {
		l := &dialecttest.Ledger{Dialect: segment.Dialect}
		cfg := config(l)
		cfg.Lenient = true
		if w := send(segment.New(cfg), c); w.Code != 200 || w.Body.String() != ok || len(l.Subs) > 0 {
			t.Errorf("%s: %d %s, took %s", c.body, w.Code, w.Body, l.Sums())
		}
	}
}

type full struct{ wait time.Duration }

func (full) Error() string               { return "queue" }
func (f full) RetryAfter() time.Duration { return f.wait }

func TestDoor_TellsClientsToWaitUnderPressure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		after  string
	}{
		"full":             {fault.Errorf(fault.Limited, "", "the queue is full"), 429, "1"},
		"full with a hint": {fault.Errorf(fault.Limited, "", "the queue is full: %w", full{2500 * time.Millisecond}), 429, "3"},
		"full for hours":   {fault.Errorf(fault.Limited, "", "the queue is full: %w", full{time.Hour}), 429, "300"},
		"stopping":         {fault.Errorf(fault.Unavailable, "", "stopping"), 503, "1"},
		"broken":           {errors.New("disk on fire"), 500, ""},
	} {
		for _, body := range []string{`{"batch":[` + visit + `]}`, `{"batch":`} {
			w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect, Err: c.err})), call{path: "/v1/batch", body: body, header: auth("wk")})
			if w.Code != c.status || w.Header().Get("Retry-After") != c.after {
				t.Errorf("%s: %d, Retry-After %q", name, w.Code, w.Header().Get("Retry-After"))
			}
			if strings.Contains(w.Body.String(), "disk") || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: body %s", name, w.Body)
			}
		}
	}
}

func TestDoor_SaysThatTheDiskIsFull(t *testing.T) {
	t.Parallel()
	full := fault.Errorf(fault.Unavailable, fault.DiskFull, "no room; free some: %w", errors.New("/var/lib/secret"))
	w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect, Err: full})), call{path: "/v1/batch", body: `{"batch":[` + visit + `]}`, header: auth("wk")})
	const want = `{"success":false,"code":"disk_full","message":"no room; free some","error":"no room; free some"}`
	if w.Code != 503 || w.Body.String() != want {
		t.Errorf("%d %s, want 503 %s", w.Code, w.Body, want)
	}
}

func TestDoor_WaitsUntilApplied(t *testing.T) {
	t.Parallel()
	body := `{"batch":[` + visit + `]}`
	for query, c := range map[string]struct {
		applied bool
		want    string
	}{
		"?wait=applied": {true, "yes"}, "?wait=applied&timeout=1ms": {false, "no"}, "?wait=applied&timeout=0.001": {false, "no"},
		"?wait=applied&timeout=0": {false, "no"}, "?wait=applied&timeout=nonsense": {true, "yes"}, "": {true, ""}, "?wait=no": {true, ""},
	} {
		w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect, Applied: c.applied})), call{path: "/v1/batch" + query, body: body, header: auth("wk")})
		if w.Code != 200 || w.Body.String() != ok || w.Header().Get("Rapport-Applied") != c.want {
			t.Errorf("%q: %d %s, Rapport-Applied %q", query, w.Code, w.Body, w.Header().Get("Rapport-Applied"))
		}
	}
}

func TestDoor_AnswersPreflightsOfAnyOriginAndPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/t", "/v1/batch", "/v1/projects/wk/settings", "/sourceConfig/", "/v1/unknown"} {
		w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), call{method: http.MethodOptions, path: path, header: map[string]string{
			"Origin": "https://shop.example", "Access-Control-Request-Headers": "authorization,rsa-attempt-number,x-evil, Rsa-Bad\tname",
		}})
		h := w.Header()
		if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Access-Control-Max-Age") == "" {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
		allowed := strings.Split(strings.ToLower(h.Get("Access-Control-Allow-Headers")), ", ")
		for _, name := range []string{"authorization", "content-type", "content-encoding", "x-retry-count", "anonymousid", "sentat", "rsa-attempt-number"} {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s: %s is not allowed", path, name)
			}
		}
		if slices.Contains(allowed, "x-evil") || len(allowed) != 7 {
			t.Errorf("%s: allows %v", path, allowed)
		}
	}
	if w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), call{path: "/v1/track", body: "{", header: auth("wk")}); w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Error("an error cannot be read by the page")
	}
}

func TestDoor_AnswersOtherAddressesAndMethods(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/v1/track", 405, "method_not_allowed"},
		{"POST", "/v1/nothing", 404, "not_found"},
		{"POST", "/v1/", 404, "not_found"},
		{"GET", "/analytics.js/v1/wk/analytics.min.js", 404, "bundle_not_served"},
		{"GET", "/analytics-next/bundles/1.js", 404, "bundle_not_served"},
		{"POST", "/v1/m", 200, "success"},
		{"POST", "/rsaMetrics", 200, "success"},
		{"GET", "/cluster-info", 200, `"nodeCount":1`},
		{"PUT", "/v1/batch", 405, "method_not_allowed"},
		{"GET", "/v1/projects//settings", 404, "not_found"},
	} {
		w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), call{method: c.method, path: c.path, body: `{"series":[]}`})
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

// brokenBody is a client that hangs up in the middle.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func sendRequest(d http.Handler, r *http.Request) *httptest.ResponseRecorder {
	r.Header.Set("Authorization", basic("wk:"))
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestBusy_IsReadableByAPageOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	segment.Busy(w, 1500*time.Millisecond)
	h := w.Header()
	if w.Code != 429 || h.Get("Retry-After") != "2" || h.Get("Access-Control-Allow-Origin") != "*" ||
		!strings.Contains(h.Get("Access-Control-Expose-Headers"), "Retry-After") || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %v %s", w.Code, h, w.Body)
	}
}
