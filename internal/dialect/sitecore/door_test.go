package sitecore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/sitecore"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
)

const (
	now     = "2026-03-01T12:00:00.000Z"
	browser = "11111111-1111-4111-8111-111111111111"
)

type keys map[string]sitecore.Source

func (k keys) SourceByWriteKey(key string) (sitecore.Source, bool) {
	s, ok := k[key]
	return s, ok
}

func (keys) Secret(key, _ string) (sitecore.Caller, bool) {
	switch key {
	case "secret":
		return sitecore.Caller{ID: "key_1", Read: true, Write: true}, true
	case "reader":
		return sitecore.Caller{ID: "key_2", Read: true}, true
	}
	return sitecore.Caller{}, false
}

type book struct{}

func (book) Current() *identity.Rules {
	r := identity.DefaultRules()
	return &r
}

func config(l *dialecttest.Ledger) sitecore.Config {
	n := byte(0)
	return sitecore.Config{
		Accept: l, Keys: keys{"ctx": {Key: "shop"}}, Book: book{},
		Now: func() time.Time { return dialecttest.At(now).Time() },
		Random: func(b []byte) {
			n++
			for i := range b {
				b[i] = n
			}
		},
		Ref: func(i event.Identifier) string { return i.Key().String() },
		Key: [16]byte{1},
	}
}

func send(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decoded(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return out
}

func TestDoor_TakesAnEventInEveryWireStyle(t *testing.T) {
	t.Parallel()
	view := `{"type":"VIEW","browser_id":"` + browser + `","channel":"WEB","client_key":"","page":"home","pos":"","language":"EN"}`
	direct := strings.Replace(view, `"client_key":""`, `"client_key":"ctx"`, 1)
	for name, c := range map[string]struct{ method, path, body, header, key string }{
		"edge":             {"POST", "/v1/events/v1.2/events?sitecoreContextId=ctx&siteId=main", view, "", ""},
		"edge 0.1":         {"POST", "/events/v1.2/events?sitecoreContextId=ctx&siteId=main", view, "", ""},
		"content-sdk":      {"POST", "/v1/events/v1.2/events?siteId=main", view, "ctx", ""},
		"direct":           {"POST", "/v1.2/events", direct, "", "ctx"},
		"script":           {"GET", "/v1.2/event/create.json?client_key=ctx&message=" + url.QueryEscape(view), "", "", "ctx"},
		"key in the event": {"GET", "/v1.2/event/create.json?message=" + url.QueryEscape(direct), "", "", "ctx"},
	} {
		l := &dialecttest.Ledger{Dialect: sitecore.Dialect}
		w := send(sitecore.New(config(l)), c.method, c.path, c.body, "x-sitecore-contextid", c.header)
		got := decoded(t, w)
		a := l.Only(t)
		want := map[string]any{"status": "OK", "version": "1.2", "client_key": c.key, "ref": a.Envelope.MessageID}
		if w.Code != 201 || !reflect.DeepEqual(got, want) || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v, want %v", name, w.Code, got, want)
		}
		if a.Envelope.Source != "shop" || a.Envelope.Dialect != "sitecore" || a.Event.Name != "home" || a.Event.Type != event.Page {
			t.Errorf("%s: %+v", name, a)
		}
		if site := a.Event.About("site").Text(); strings.Contains(c.path, "siteId") != (site == "main") {
			t.Errorf("%s: site %q", name, site)
		}
	}
}

func TestDoor_CallsBackWhereAScriptAsks(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: sitecore.Dialect}
	d := sitecore.New(config(l))
	message := url.QueryEscape(`{"type":"VIEW","browser_id":"b"}`)
	w := send(d, "GET", "/v1.2/event/create.json?client_key=ctx&callback=Boxever.cb1&message="+message, "")
	if got := w.Body.String(); w.Code != 200 || !strings.HasPrefix(got, `/**/Boxever.cb1({"status":"OK"`) || !strings.HasSuffix(got, "});") ||
		!strings.HasPrefix(w.Header().Get("Content-Type"), "application/javascript") {
		t.Errorf("%d %v %s", w.Code, w.Header(), got)
	}
	w = send(d, "GET", "/v1.2/browser/"+browser+"/show.json?client_key=ctx&callback=f", "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"NOT_FOUND"`) {
		t.Errorf("an error as a script: %d %s", w.Code, w.Body)
	}
	for _, bad := range []string{"alert(1)//", "1a", "a-b", "a;b", ".a", strings.Repeat("a", 200)} {
		if w = send(d, "GET", "/v1.2/browser/create.json?client_key=ctx&callback="+url.QueryEscape(bad), ""); w.Code != 400 {
			t.Errorf("callback %q: %d %s", bad, w.Code, w.Body)
		}
	}
}

func TestDoor_RefusesWithTheStatusAndCountsEveryEventOnce(t *testing.T) {
	t.Parallel()
	const events = "/v1/events/v1.2/events?sitecoreContextId=ctx"
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		sums               string
	}{
		"unknown key":     {"POST", "/v1.2/events", `{"type":"VIEW","browser_id":"b","client_key":"other"}`, 401, "0"},
		"unknown context": {"POST", "/v1/events/v1.2/events?sitecoreContextId=other", `{"type":"VIEW","browser_id":"b","client_key":"ctx"}`, 401, "0"},
		"no key":          {"POST", "/v1.2/events", `{"type":"VIEW","browser_id":"b"}`, 401, "0"},
		"no browser":      {"POST", events, `{"type":"VIEW"}`, 400, "0, dead missing_browser_id"},
		"no type":         {"POST", events, `{"browser_id":"b"}`, 400, "0, dead missing_type"},
		"type no text":    {"POST", events, `{"type":1,"browser_id":"b"}`, 400, "0, dead invalid_type"},
		"browser no text": {"POST", events, `{"type":"VIEW","browser_id":{}}`, 400, "0, dead invalid_browser_id"},
		"nobody's":        {"POST", events, `{"type":"VIEW","browser_id":"null"}`, 400, "0, dead missing_identifier"},
		"no time":         {"POST", events, `{"type":"VIEW","browser_id":"b","requested_at":"soon"}`, 400, "0, dead invalid_requested_at"},
		"twice":           {"POST", events, `{"type":"VIEW","type":"X","browser_id":"b"}`, 400, "0, dead duplicate_key"},
		"no JSON":         {"POST", events, `{"type":`, 400, "0, rejected invalid_json 1"},
		"no object":       {"POST", events, `[]`, 400, "0, dead invalid_event"},
		"nothing":         {"POST", events, ``, 400, "0, rejected invalid_json 1"},
		"too large":       {"POST", events, `{"type":"` + strings.Repeat("x", sitecore.MaxEvent) + `"}`, 400, "0, rejected event_too_large 1"},
		"no message":      {"GET", "/v1.2/event/create.json?client_key=ctx", "", 400, "0, rejected invalid_json 1"},
		"no such path":    {"GET", "/v1.2/nothing", "", 404, "0"},
		"no flows":        {"POST", "/v1/personalize?sitecoreContextId=ctx", "{}", 404, "0"},
		"other method":    {"GET", events, "", 405, "0"},
	} {
		l := &dialecttest.Ledger{Dialect: sitecore.Dialect}
		w := send(sitecore.New(config(l)), c.method, c.path, c.body)
		got := decoded(t, w)
		if w.Code != c.status || l.Sums() != c.sums {
			t.Errorf("%s: %d %v, took %s; want %d and %s", name, w.Code, got, l.Sums(), c.status, c.sums)
		}
		if got["error_msg"] == nil && got["message"] == nil || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: no message or no origin: %v", name, got)
		}
	}
	l := &dialecttest.Ledger{Dialect: sitecore.Dialect, Err: fault.Errorf(fault.Limited, "busy", "later")}
	w := send(sitecore.New(config(l)), "POST", events, `{"type":"VIEW","browser_id":"b"}`)
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("busy: %d %v", w.Code, w.Header())
	}
}

func TestBrowser_IsMadeShownAndKept(t *testing.T) {
	t.Parallel()
	d := sitecore.New(config(&dialecttest.Ledger{Dialect: sitecore.Dialect}))
	for _, base := range []string{"/v1/events/v1.2", "/events/v1.2", "/v1.2"} {
		query := "?sitecoreContextId=ctx&client_key="
		w := send(d, "GET", base+"/browser/create.json"+query, "")
		made := decoded(t, w)
		ref, _ := made["ref"].(string)
		if w.Code != 201 || len(ref) != 36 || len(made["customer_ref"].(string)) != 36 {
			t.Fatalf("%s: %d %v", base, w.Code, made)
		}
		w = send(d, "GET", base+"/browser/"+ref+"/show.json"+query+"&api_token=", "")
		shown := decoded(t, w)
		if guest, _ := shown["customer"].(map[string]any); w.Code != 200 || shown["ref"] != ref || guest["ref"] != made["customer_ref"] {
			t.Errorf("%s: %d %v, made was %v", base, w.Code, shown, made)
		}
		for _, other := range []string{browser, ref[:35] + "x", strings.ToUpper(ref[:8]) + "0", "x"} {
			w = send(d, "GET", base+"/browser/"+other+"/show.json"+query, "")
			if got := decoded(t, w); w.Code != 404 || got["status"] != "NOT_FOUND" || got["error_msg"] != "Invalid browser id/ref specified" {
				t.Errorf("%s: %d %v", other, w.Code, got)
			}
		}
	}
	if w := send(d, "GET", "/v1.2/browser/create.json?client_key=other", ""); w.Code != 401 {
		t.Errorf("unknown key: %d", w.Code)
	}
}

func TestBrowser_CookieIsSetForTheServersOwnDomainOnly(t *testing.T) {
	t.Parallel()
	d := sitecore.New(config(&dialecttest.Ledger{Dialect: sitecore.Dialect}))
	ask := func(domain, cookie string) (int, []*http.Cookie) {
		r := httptest.NewRequestWithContext(context.Background(), "GET", "http://data.shop.example:8080/v1.2/browser/create.json?client_key=ctx&cookie_domain="+domain, nil)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "bid_ctx", Value: cookie})
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		answer := w.Result()
		defer answer.Body.Close() //nolint:errcheck // it is in memory
		return answer.StatusCode, answer.Cookies()
	}
	_, set := ask(".shop.example", "")
	if len(set) != 1 || set[0].Name != "bid_ctx" || set[0].MaxAge != 63072000 || !set[0].Secure || set[0].SameSite != http.SameSiteNoneMode || set[0].Domain != "shop.example" {
		t.Fatalf("cookies %v", set)
	}
	if _, again := ask("shop.example", set[0].Value); len(again) != 1 || again[0].Value != set[0].Value {
		t.Errorf("a browser that comes again has %v, had %v", again, set)
	}
	if _, forged := ask("shop.example", browser); len(forged) != 1 || forged[0].Value == browser {
		t.Errorf("a cookie that was not made here stays: %v", forged)
	}
	for _, other := range []string{"other.example", "example", "hop.example"} {
		if status, cookies := ask(other, ""); status != 400 || len(cookies) != 0 {
			t.Errorf("%s: %d %v", other, status, cookies)
		}
	}
}

func TestBrowser_UpdateIsAnIdentityEventOfIt(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: sitecore.Dialect}
	d := sitecore.New(config(l))
	made := decoded(t, send(d, "GET", "/v1.2/browser/create.json?client_key=ctx", ""))["ref"].(string)
	message := url.QueryEscape(`{"type":"VIEW","browser_id":"other","email":"Ann@Example.com","firstname":"Ann"}`)
	if w := send(d, "GET", "/v1.2/browser/"+made+"/update.json?client_key=ctx&message="+message, ""); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	e := l.Only(t).Event
	if e.Type != event.Identify || fmt.Sprint(e.Identifiers) != "[email:ann@example.com anonymous_id:"+made+"]" || e.Traits.Get("firstName").Text() != "Ann" {
		t.Errorf("%v %v %s", e.Type, e.Identifiers, e.Traits.Raw())
	}
	if w := send(d, "GET", "/v1.2/browser/"+browser+"/update.json?client_key=ctx&message="+message, ""); w.Code != 404 {
		t.Errorf("a browser that was not made here: %d", w.Code)
	}
}

func TestPreflight_AllowsWhatTheClientsSend(t *testing.T) {
	t.Parallel()
	w := send(sitecore.New(config(&dialecttest.Ledger{Dialect: sitecore.Dialect})), "OPTIONS", "/v1/events/v1.2/events", "")
	allowed := w.Header().Get("Access-Control-Allow-Headers")
	for _, h := range []string{"Content-Type", "X-Library-Version", "X-Client-Software-ID", "x-sc-correlation-id", "x-sitecore-contextid"} {
		if w.Code != 204 || !strings.Contains(allowed, h) {
			t.Errorf("%d: %s is not among %s", w.Code, h, allowed)
		}
	}
}

// canonical is a value as it is compared.
func canonical(v jsondoc.Value) string { return string(jsondoc.AppendCanonical(nil, v)) }
