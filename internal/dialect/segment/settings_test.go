package segment_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/segment"
	"rapport/internal/fault"
)

func TestSettings_LetTheLibrariesStart(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/projects/wk/settings", "/projects/wk/settings"} {
		w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), call{method: http.MethodGet, path: path})
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "max-age") || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("%s: %d %v", path, w.Code, w.Header())
		}
		var doc struct {
			Integrations map[string]struct {
				APIKey     string `json:"apiKey"`
				APIHost    string `json:"apiHost"`
				Protocol   string `json:"protocol"`
				RetryQueue bool   `json:"retryQueue"`
			} `json:"integrations"`
			Plan map[string]map[string]struct {
				Enabled bool `json:"enabled"`
			} `json:"plan"`
			EdgeFunction, MiddlewareSettings, ConsentSettings, AutoInstrumentation map[string]any
			Metrics                                                                map[string]float64
			AnalyticsNextEnabled                                                   bool
		}
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		own, there := doc.Integrations["Segment.io"]
		if len(doc.Integrations) != 1 || !there || own.APIKey != "wk" || own.APIHost != "example.com/v1" || own.Protocol != "http" || !own.RetryQueue {
			t.Errorf("%s: integrations %+v", path, doc.Integrations)
		}
		for _, kind := range []string{"track", "identify", "group"} {
			if !doc.Plan[kind]["__default"].Enabled {
				t.Errorf("%s: %s is not planned", path, kind)
			}
		}
		if doc.EdgeFunction == nil || doc.MiddlewareSettings == nil || doc.ConsentSettings == nil || doc.AutoInstrumentation == nil || !doc.AnalyticsNextEnabled {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	for _, path := range []string{"/v1/projects/nobody/settings", "/projects/nobody/settings"} {
		if w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), call{method: http.MethodGet, path: path}); w.Code != 404 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestSettings_NameTheAddressClientsUse(t *testing.T) {
	t.Parallel()
	cfg := config(&dialecttest.Ledger{Dialect: segment.Dialect})
	proxied := call{method: http.MethodGet, path: "/projects/wk/settings", header: map[string]string{"X-Forwarded-Proto": "https"}}
	if w := send(segment.New(cfg), proxied); !strings.Contains(w.Body.String(), `"apiHost":"example.com/v1","protocol":"https"`) {
		t.Errorf("behind a proxy: %s", w.Body)
	}
	cfg.PublicURL = "https://events.shop.example:8443"
	if w := send(segment.New(cfg), proxied); !strings.Contains(w.Body.String(), `"apiHost":"events.shop.example:8443/v1","protocol":"https"`) {
		t.Errorf("with a public address: %s", w.Body)
	}
}

func TestSourceConfig_IsWhatRudderStackCallsValid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]call{
		"key in the query": {path: "/sourceConfig/?p=npm&v=3&writeKey=wk"},
		"key in the head":  {path: "/sourceConfig", header: auth("wk")},
	} {
		c.method = http.MethodGet
		w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), c)
		var doc struct {
			Source struct {
				ID, WriteKey *string
				Config       map[string]any
				Destinations []any
				Enabled      bool
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		s := doc.Source
		if w.Code != 200 || s.ID == nil || *s.ID != "shop" || s.Config == nil || s.Destinations == nil || !s.Enabled || *s.WriteKey != "wk" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/sourceConfig/", "/sourceConfig/?writeKey=nobody"} {
		if w := send(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), call{method: http.MethodGet, path: path}); w.Code != 401 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestPixel_IsAlwaysAnImage(t *testing.T) {
	t.Parallel()
	event := `{"writeKey":"wk","event":"Mail Opened?>~","userId":"u1"}`
	enc := func(e *base64.Encoding) string { return "?data=" + url.QueryEscape(e.EncodeToString([]byte(event))) }
	for name, c := range map[string]struct{ path, sums string }{
		"raw":              {"/v1/pixel/track?data=" + url.QueryEscape(event), "1"},
		"base64":           {"/v1/pixel/track" + enc(base64.StdEncoding), "1"},
		"base64 unescaped": {"/v1/pixel/track?data=" + base64.StdEncoding.EncodeToString([]byte(event)), "1"},
		"base64 for URLs":  {"/v1/pixel/page" + enc(base64.RawURLEncoding), "1"},
		"no person":        {"/v1/pixel/track?data=" + url.QueryEscape(`{"writeKey":"wk","event":"x"}`), "0, dead missing_identifier"},
		"no key":           {"/v1/pixel/track?data=" + url.QueryEscape(`{"event":"x","userId":"u"}`), "0"},
		"unknown key":      {"/v1/pixel/track?data=" + url.QueryEscape(`{"writeKey":"no","event":"x","userId":"u"}`), "0"},
		"no data":          {"/v1/pixel/track", "0"},
		"nonsense":         {"/v1/pixel/track?data=%7Bx", "0"},
		"unknown method":   {"/v1/pixel/dance" + enc(base64.StdEncoding), "0"},
	} {
		for _, err := range []error{nil, fault.Errorf(fault.Limited, "", "full")} {
			l := &dialecttest.Ledger{Dialect: segment.Dialect, Err: err}
			w := send(segment.New(config(l)), call{method: http.MethodGet, path: c.path, header: map[string]string{"User-Agent": "Mail"}})
			if w.Code != 200 || w.Header().Get("Content-Type") != "image/gif" || !strings.HasPrefix(w.Body.String(), "GIF89a") || w.Body.Len() != 43 {
				t.Errorf("%s: %d %q", name, w.Code, w.Body)
			}
			if err == nil && l.Sums() != c.sums {
				t.Errorf("%s: took %s, want %s", name, l.Sums(), c.sums)
			}
			if l.Sums() == "1" && (l.Only(t).Event.Name != "Mail Opened?>~" && l.Only(t).Event.Name != "" || l.Only(t).Envelope.IP != "203.0.113.9") {
				t.Errorf("%s: %+v", name, l.Only(t))
			}
		}
	}
}

// tokens stands in for the package that checks signatures.
type tokens struct{}

func (tokens) Exchange(assertion, host string, at clock.Instant) (string, error) {
	if assertion != "signed" || host == "" || at != dialecttest.At(now) {
		return "", fault.Errorf(fault.Unauthenticated, "invalid_client", "not signed")
	}
	return "tok", nil
}

func (tokens) SourceByToken(token string, at clock.Instant) (segment.Source, bool) {
	return segment.Source{Key: "shop"}, token == "tok" && at == dialecttest.At(now)
}

func TestToken_ChangesAnAssertionIntoAToken(t *testing.T) {
	t.Parallel()
	cfg := config(&dialecttest.Ledger{Dialect: segment.Dialect})
	cfg.Tokens = tokens{}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion": {"signed"}, "scope": {"tracking_api:write"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	ask := func(d http.Handler, name, value string) (int, map[string]any, http.Header) {
		f := url.Values{}
		maps.Copy(f, form)
		if name != "" {
			f.Set(name, value)
		}
		w := send(d, call{path: "/token", body: f.Encode(), header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
		var doc map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		return w.Code, doc, w.Header()
	}
	code, doc, header := ask(segment.New(cfg), "", "")
	if code != 200 || doc["access_token"] != "tok" || doc["expires_in"] != 3600.0 || header.Get("Date") != "Sun, 01 Mar 2026 12:00:00 GMT" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %v", code, doc, header)
	}
	for _, c := range []struct {
		name, value, oauth string
		status             int
	}{
		{"grant_type", "password", "unsupported_grant_type", 400},
		{"scope", "all", "invalid_scope", 400},
		{"client_assertion_type", "x", "invalid_request", 400},
		{"client_assertion", "forged", "invalid_client", 401},
	} {
		if code, doc, _ := ask(segment.New(cfg), c.name, c.value); code != c.status || doc["error"] != c.oauth || doc["error_description"] == "" {
			t.Errorf("%s=%s: %d %v", c.name, c.value, code, doc)
		}
	}
	if code, doc, _ := ask(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})), "", ""); code != 400 || doc["error"] != "unauthorized_client" {
		t.Errorf("without OAuth: %d %v", code, doc)
	}
}

func TestToken_StandsForTheSourceOfItsClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token, key string
		status     int
	}{
		"with its write key": {"tok", "wk", 200}, "without a write key": {"tok", "", 200},
		"another's key": {"tok", "wk2", 401}, "an unknown key": {"tok", "nobody", 401}, "another token": {"tik", "wk", 401},
	} {
		l := &dialecttest.Ledger{Dialect: segment.Dialect}
		cfg := config(l)
		cfg.Tokens = tokens{}
		w := send(segment.New(cfg), call{
			path: "/v1/batch", body: `{"batch":[` + visit + `],"writeKey":"` + c.key + `"}`, header: map[string]string{"Authorization": "Bearer " + c.token},
		})
		if w.Code != c.status || (w.Code == 200) != (len(l.Subs) == 1) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
