package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/access"
)

func TestWebhooks_AreDefinedTriedAndReceived(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, s := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/api/v1/webhooks/crm", "", 404, "webhook_not_found"},
		{"POST", "/api/v1/webhooks/crm/test", "{}", 404, "webhook_not_found"},
		{"PUT", "/api/v1/webhooks/crm", `{"source":"default","provider":"sendgrid","verify":{"kind":"none"}}`, 201, `"version":1`},
		{"GET", "/api/v1/webhooks/crm", "", 200, `"provider":"sendgrid"`},
		{"POST", "/api/v1/webhooks/crm/test", "{}", 200, `"type":"track"`},
		{"POST", "/webhooks/crm", "{}", 200, `"events":1`},
		{"POST", "/api/v1/webhooks/crm/status", `{"status":"archived"}`, 200, "archived"},
		{"POST", "/api/v1/profiles", `{"profiles":[{"identifiers":[{"namespace":"user_id","value":"1"}],"traits":{"a":1}},{"identifiers":[{"namespace":"email","value":"x"}]}]}`, 200, `"accepted":1,"failed":[{"index":1,"code":"missing_identifier"`},
		{"POST", "/api/v1/profiles?source=nobody", `{"profiles":[{"identifiers":[{"namespace":"user_id","value":"1"}]}]}`, 400, "unknown_source"},
		{"POST", "/api/v1/profiles", `{"profiles":[]}`, 400, "profiles"},
	} {
		res, text := d.ask(t, s.method, s.path, s.body)
		if res.StatusCode != s.status || !strings.Contains(text, s.says) {
			t.Errorf("%s %s: %d %s, want %d and %s", s.method, s.path, res.StatusCode, text, s.status, s.says)
		}
	}
	// Services have no key of ours, send forms and texts, and sign in headers.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/webhooks/crm", nil)
	w := httptest.NewRecorder()
	if d.api.Handler().ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("asked whether it is there: %d", w.Code)
	}
	for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "text/plain; charset=UTF-8"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/crm?token=x", strings.NewReader("a=b"))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		d.api.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", kind, w.Code, w.Body)
		}
		r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/crm", strings.NewReader("a=b"))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("X-Bad", "1")
		w = httptest.NewRecorder()
		d.api.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "invalid_signature") {
			t.Errorf("%s, forged: %d %s", kind, w.Code, w.Body)
		}
	}
}

func TestOAuth_GivesTokensForClientCredentials(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	key, err := d.api.Access.CreateSecretKey("test", "", access.KeyTerms{Name: "a client", Scopes: []string{access.ScopeRead, access.ScopeWrite}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(form url.Values, basic string) (int, TokenView) {
		w, v := tokenRequest(t, d, tokenPath, formType, basic, form.Encode())
		return w.Code, v
	}
	with := func(more ...string) url.Values {
		v := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	_, whole := ask(with("client_id", key.ID, "client_secret", key.Secret), "")
	_, part := ask(with("scope", "read"), key.ID+":"+key.Secret)
	if whole.Scope != "read write" || part.Scope != "read" || part.Type != "Bearer" || part.ExpiresIn != 3600 {
		t.Fatalf("%+v %+v", whole, part)
	}
	use := func(token, method, path, body string) int {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		d.api.Handler().ServeHTTP(w, r)
		return w.Code
	}
	const plan = `{"events":[]}`
	for _, c := range []struct {
		token, method, path string
		want                int
	}{
		{part.Token, "GET", "/api/v1/tracking-plans", 200},
		{part.Token, "PUT", "/api/v1/tracking-plans/p", 403},
		{whole.Token, "PUT", "/api/v1/tracking-plans/p", 201},
		{whole.Token + "x", "GET", "/api/v1/tracking-plans", 401},
		{"rp_at_" + part.Token, "GET", "/api/v1/tracking-plans", 401},
	} {
		if got := use(c.token, c.method, c.path, plan); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got, c.want)
		}
	}
	if d.api.Access.Index().Token(whole.Token, d.api.Clock.Now()) != nil {
		t.Error("the token of a key stands for a source")
	}
	if err := d.api.Access.RevokeSecretKey("test", key.ID); err != nil {
		t.Fatal(err)
	}
	if got := use(whole.Token, "GET", "/api/v1/tracking-plans", ""); got != 401 {
		t.Errorf("after the key was revoked: %d", got)
	}
}
