package httpapi

import (
	"bytes"
	cryptorand "crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/decider"
	"rapport/internal/fault"
	"rapport/internal/httpapi/contract"
	"rapport/internal/quota"
	"rapport/internal/telemetry"
)

// door is an API under test with its keys and its log.
type door struct {
	*fake
	api      *API
	handler  http.Handler
	secret   string
	writeKey string
	welcome  string
	log      *bytes.Buffer
	now      time.Time
	ready    error
	imports  *fakeImports
	outbox   *fakeOutbox
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return d.now }
	register, _, err := access.Open(vfs.Default, t.TempDir(), now, cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := register.Prepare("", "")
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := access.OpenSessions(register)
	if err != nil {
		t.Fatal(err)
	}
	tickets, err := access.NewTickets(register)
	if err != nil {
		t.Fatal(err)
	}
	audit, err := access.OpenAudit(register)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(audit.Close)
	d.fake, d.log, d.imports, d.outbox = &fake{disputed: disputed()}, &bytes.Buffer{}, &fakeImports{dir: t.TempDir()}, &fakeOutbox{}
	d.secret, d.writeKey, d.welcome = keys.SecretKey, keys.WriteKey, keys.Welcome
	metrics := telemetry.NewMetrics("test")
	log := telemetry.NewLogger(d.log, "info", "json")
	d.api = New(Deps{
		Spine: d.fake, Jobs: fakeJobs{}, Health: fakeHealth{}, Alerts: fakeAlerts{}, Live: fakeLive{}, Seen: fakeSeen{}, Quota: quota.New(register, now), Tracker: fakeTracker{}, Webhooks: fakeWebhooks{}, Snippets: fakeSnippets{}, Imports: d.imports, Outbox: d.outbox, Broadcasts: fakeBroadcasts{}, Lake: fakeLake{}, Decider: decider.New(decider.Deps{Spine: d.fake, Clock: clock.Clock(now), Random: func(b []byte) { clear(b) }, Log: log}),
		Seal: func(b []byte) ([]byte, error) { return append([]byte("sealed "), b...), nil }, Access: register, Sessions: sessions, Audit: audit, Tickets: tickets, Metrics: metrics, Log: log, Clock: clock.Clock(now),
		Ready: func() error { return d.ready }, Version: "test", NewID: cryptorand.Text, BackupURL: "/backups",
		Backups: fakeBackups{}, Views: access.OpenViews(register),
		Limits: Limits{Body: 64 << 10, ReadTimeout: 5 * time.Second, Wait: time.Millisecond, MaxWait: time.Millisecond},
		CheckMapping: func(b []byte) error {
			if bytes.Contains(b, []byte("refuse-me")) {
				return fault.Errorf(fault.Invalid, "invalid_mapping", "no such class").At("/item_actions")
			}
			return nil
		},
	})
	d.handler = Outer(d.api.Handler(), metrics, log, cryptorand.Reader)
	return d
}

// ask sends a request with the secret key and gives the answer with its body.
func (d *door) ask(t *testing.T, method, path, body string, headers ...string) (reply, string) {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, reader)
	r.Header.Set("Authorization", "Bearer "+d.secret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	if byBrowsers.MatchString(r.URL.Path) {
		hold(t, r, w)
	}
	return reply{w.Code, w.Header()}, w.Body.String()
}

// hold fails where an answer is not what the OpenAPI document says.
func hold(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	c, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	a := contract.Answer{Method: r.Method, Path: r.URL.EscapedPath(), Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
	if why := c.Breaks(a); why != "" {
		t.Errorf("%s %s: %d: %s\n%.500s", a.Method, a.Path, a.Status, why, a.Body)
	}
}

// reply is an answer without its body.
type reply struct {
	StatusCode int
	Header     http.Header
}

// problem checks the whole shape of an error.
func (d *door) problem(t *testing.T, res reply, text string) Problem {
	t.Helper()
	var p Problem
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		t.Fatalf("%d: body is no problem: %v: %s", res.StatusCode, err, text)
	}
	if ct := res.Header.Get("Content-Type"); ct != problemType {
		t.Errorf("content type %q", ct)
	}
	id := res.Header.Get("X-Request-Id")
	if id == "" || p.RequestID != id {
		t.Errorf("request id %q in the body, %q in the header", p.RequestID, id)
	}
	if p.Status != res.StatusCode || p.Title != http.StatusText(res.StatusCode) || p.Detail == "" || p.Code == "" || p.Type != typePrefix+p.Code {
		t.Errorf("problem %+v with status %d", p, res.StatusCode)
	}
	return p
}

func TestErrors_EveryOneIsAProblem(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	reader, err := d.api.Access.CreateSecretKey("test", "", access.KeyTerms{Name: "reader", Scopes: []string{access.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 70<<10)
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code, field        string
	}{
		"no key":            {"GET", "/api/v1/accounting", "", []string{"Authorization", ""}, 401, "no_key", ""},
		"no bearer":         {"GET", "/api/v1/accounting", "", []string{"Authorization", "Basic eDp5"}, 401, "no_key", ""},
		"unknown key":       {"GET", "/api/v1/accounting", "", []string{"Authorization", "Bearer rp_sk_0"}, 401, "unknown_key", ""},
		"write key":         {"GET", "/api/v1/accounting", "", []string{"Authorization", "Bearer " + d.writeKey}, 401, "write_key", ""},
		"stranger's route":  {"GET", "/api/v1/nothing", "", []string{"Authorization", ""}, 401, "no_key", ""},
		"scope":             {"PUT", "/api/v1/orders/1", "{}", []string{"Authorization", "Bearer " + reader.Secret}, 403, "missing_scope", ""},
		"no route":          {"GET", "/api/v1/nothing", "", nil, 404, "no_route", ""},
		"no route at all":   {"GET", "/nothing", "", nil, 404, "no_route", ""},
		"root":              {"GET", "/", "", nil, 404, "no_route", ""},
		"method":            {"DELETE", "/api/v1/accounting", "", nil, 405, "method_not_allowed", ""},
		"method of health":  {"POST", "/healthz", "{}", nil, 405, "method_not_allowed", ""},
		"too large":         {"PUT", "/api/v1/orders/1", `{"a":"` + long + `"}`, nil, 413, "too_large", ""},
		"form":              {"PUT", "/api/v1/orders/1", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", ""},
		"form for a source": {"PUT", "/api/v1/sources/shop", "a=b", []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type", ""},
		"broken type":       {"PUT", "/api/v1/orders/1", "{}", []string{"Content-Type", ";;"}, 415, "unsupported_media_type", ""},
		"bad JSON":          {"PUT", "/api/v1/sources/shop", `{"name":`, nil, 400, "invalid_request", ""},
		"trailing":          {"PUT", "/api/v1/sources/shop", `{"name":"x","kind":"web"} x`, nil, 400, "invalid_request", ""},
		"no body":           {"PUT", "/api/v1/sources/shop", "", nil, 400, "invalid_request", ""},
		"unknown field":     {"PUT", "/api/v1/sources/shop", `{"name":"x","kind":"web","colour":"red"}`, nil, 400, "invalid_request", "/colour"},
		"wrong type":        {"PUT", "/api/v1/sources/shop", `{"name":7,"kind":"web"}`, nil, 400, "invalid_request", "/name"},
		"missing field":     {"PUT", "/api/v1/sources/shop", `{"name":"x"}`, nil, 400, "invalid_request", ""},
		"bad mapping":       {"PUT", "/api/v1/sources/shop", `{"name":"x","kind":"web","item_actions":{"events":{"refuse-me":"x"}}}`, nil, 400, "invalid_mapping", "/item_actions"},
		"limit":             {"GET", "/api/v1/orders?limit=0", "", nil, 400, "invalid_request", "limit"},
		"limit no number":   {"GET", "/api/v1/orders?limit=many", "", nil, 400, "invalid_request", "limit"},
		"unknown parameter": {"GET", "/api/v1/orders?page=2", "", nil, 400, "invalid_request", "page"},
		"bad time":          {"GET", "/api/v1/profiles/user_id:1/timeline?from=yesterday", "", nil, 400, "invalid_time", "from"},
		"bad order":         {"GET", "/api/v1/profiles/user_id:1/timeline?order=up", "", nil, 400, "invalid_request", "order"},
		"bad type":          {"GET", "/api/v1/profiles/user_id:1/timeline?type=trick", "", nil, 400, "invalid_request", ""},
		"bad include":       {"GET", "/api/v1/profiles/user_id:1?include=all", "", nil, 400, "invalid_request", ""},
		"bad wait":          {"PUT", "/api/v1/orders/1?wait=stored", "{}", nil, 400, "invalid_request", "wait"},
		"bad timeout":       {"PUT", "/api/v1/orders/1?wait=applied&timeout=soon", "{}", nil, 400, "invalid_timeout", "timeout"},
		"empty query":       {"GET", "/api/v1/profiles?query=%20", "", nil, 400, "missing_query", "query"},
		"no query":          {"GET", "/api/v1/profiles", "", nil, 400, "missing_query", "query"},
		"unknown source":    {"GET", "/api/v1/sources/nobody", "", nil, 404, "unknown_source", ""},
		"unknown key id":    {"DELETE", "/api/v1/keys/key_0", "", nil, 404, "unknown_key", ""},
		"foreign cursor":    {"GET", "/api/v1/sources?cursor=%21", "", nil, 400, "invalid_cursor", "cursor"},
		"made-up cursor":    {"GET", "/api/v1/keys?cursor=AAAA", "", nil, 400, "invalid_cursor", "cursor"},
		"bad scopes":        {"POST", "/api/v1/keys", `{"name":"x","scopes":["all"]}`, nil, 400, "invalid_request", ""},
	} {
		res, text := d.ask(t, c.method, c.path, c.body, c.headers...)
		p := d.problem(t, res, text)
		if p.Status != c.status || p.Code != c.code {
			t.Errorf("%s: %d %s (%s), want %d %s", name, p.Status, p.Code, p.Detail, c.status, c.code)
		}
		if c.field != "" && !slices.ContainsFunc(p.Errors, func(e FieldError) bool { return e.Field == c.field }) {
			t.Errorf("%s: no error of field %s in %+v", name, c.field, p.Errors)
		}
		if c.status == 401 && res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
		if c.status == 405 && res.Header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", name)
		}
	}
	if len(d.commands) != 0 {
		t.Errorf("a refused request reached the pipeline: %+v", d.commands)
	}
}

func TestErrors_FaultsHaveOneStatusEach(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for kind, status := range map[fault.Kind]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Gone: 410,
		fault.Conflict: 409, fault.Precondition: 412, fault.TooLarge: 413, fault.Limited: 429, fault.Unavailable: 503,
	} {
		d.err = fault.Errorf(kind, "some_code", "what, where, the mend: %w", errors.New("cause")).At("/lines/0")
		res, text := d.ask(t, "GET", "/api/v1/profiles/user_id:1", "")
		p := d.problem(t, res, text)
		if p.Status != status || p.Code != "some_code" || len(p.Errors) != 1 || p.Errors[0].Field != "/lines/0" {
			t.Errorf("kind %d: %+v", kind, p)
		}
		if wait := res.Header.Get("Retry-After") != ""; wait != (status == 429 || status == 503) {
			t.Errorf("kind %d: Retry-After is there: %v", kind, wait)
		}
	}
}

func TestErrors_InternalCausesGoToTheLogOnly(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.err = errors.New("pebble: sstable 7 is torn")
	res, text := d.ask(t, "GET", "/api/v1/orders/1", "")
	p := d.problem(t, res, text)
	if p.Status != 500 || p.Code != "internal" || strings.Contains(text, "sstable") {
		t.Errorf("problem %s", text)
	}
	if !strings.Contains(d.log.String(), "sstable 7") || !strings.Contains(d.log.String(), p.RequestID) {
		t.Errorf("log lacks the cause or the request id: %s", d.log)
	}
}

func TestErrors_AnAnswerThatIsNoJSONIsAnInternalError(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.broken = true
	res, text := d.ask(t, "GET", "/api/v1/profiles/user_id:1/timeline", "")
	p := d.problem(t, res, text)
	if p.Status != 500 || p.Code != "internal" {
		t.Errorf("status %d, %s", res.StatusCode, text)
	}
	if !strings.Contains(d.log.String(), "encode the answer") || !strings.Contains(d.log.String(), p.RequestID) {
		t.Errorf("log lacks the cause or the request id: %s", d.log)
	}
}

func TestOuter_APanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	h := Outer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret detail") }),
		d.api.Metrics, d.api.Log, cryptorand.Reader)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/x", nil))
	p := d.problem(t, reply{w.Code, w.Header()}, w.Body.String())
	if p.Status != 500 || strings.Contains(w.Body.String(), "secret detail") || !strings.Contains(d.log.String(), "secret detail") {
		t.Errorf("%s; log %s", w.Body, d.log)
	}
}

func TestOuter_KeepsAGoodRequestIDAndReplacesABadOne(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	if res, _ := d.ask(t, "GET", "/healthz", "", "X-Request-Id", "trace-42"); res.Header.Get("X-Request-Id") != "trace-42" {
		t.Errorf("got %q", res.Header.Get("X-Request-Id"))
	}
	for _, bad := range []string{"a b", strings.Repeat("x", 65), "é"} {
		if res, _ := d.ask(t, "GET", "/healthz", "", "X-Request-Id", bad); res.Header.Get("X-Request-Id") == bad {
			t.Errorf("kept %q", bad)
		}
	}
	one, _ := d.ask(t, "GET", "/healthz", "")
	two, _ := d.ask(t, "GET", "/healthz", "")
	if one.Header.Get("X-Request-Id") == two.Header.Get("X-Request-Id") {
		t.Error("two requests share an id")
	}
}

func TestLimits_AKeyThatAsksTooMuchIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	k, err := d.api.Access.CreateSecretKey("test", "", access.KeyTerms{Name: "busy", Scopes: []string{access.ScopeRead}, Limits: &access.Limits{PerSecond: 1, Burst: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/health", nil)
		r.Header.Set("Authorization", "Bearer "+k.Secret)
		d.handler.ServeHTTP(w, r)
		if w.Code != want || want == http.StatusTooManyRequests && (w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"rate_limited"`)) {
			t.Errorf("request %d: %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
}
