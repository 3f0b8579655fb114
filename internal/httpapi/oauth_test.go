package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rapport/internal/access"
)

// tokenRequest asks an address for a token.
func tokenRequest(t *testing.T, d *door, path, kind, basic, body string) (*httptest.ResponseRecorder, TokenView) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if basic != "" {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(basic)))
	}
	w := httptest.NewRecorder()
	d.api.Handler().ServeHTTP(w, r)
	var v TokenView
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w, v
}

func TestOAuth_EveryAddressAnswersAsRFC6749Says(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	key, err := d.api.Access.CreateSecretKey("test", "", access.KeyTerms{Name: "a client", Scopes: []string{access.ScopeRead, access.ScopeWrite}})
	if err != nil {
		t.Fatal(err)
	}
	basic := key.ID + ":" + key.Secret
	_, first := tokenRequest(t, d, tokenPath, formType, basic, "grant_type=client_credentials&scope=read")
	for _, s := range tokenServices() {
		good := url.Values{"grant_type": {s.grant}}
		if s.grant == exchangeGrant {
			good.Set("subject_token", first.Token)
			good.Set("subject_token_type", accessTokenType)
		}
		asJSON := map[string]string{"client_id": key.ID, "client_secret": key.Secret}
		for name := range good {
			asJSON[name] = good.Get(name)
		}
		text, err := json.Marshal(asJSON)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, kind, basic, body string
			status                  int
			code                    string
		}{
			{"a form", formType, basic, good.Encode(), 200, ""},
			{"a form with a charset", formType + "; charset=UTF-8", basic, good.Encode(), 200, ""},
			{"JSON", "application/json", "", string(text), 200, ""},
			{"what it does not know beside it", formType, basic, good.Encode() + "&audience=https%3A%2F%2Fapi", 200, ""},
			{"nothing", formType, basic, "", 400, "invalid_request"},
			{"nothing at all", "", "", "", 400, "invalid_request"},
			{"no grant", formType, basic, "scope=read", 400, "invalid_request"},
			{"a grant twice", formType, basic, good.Encode() + "&grant_type=x", 400, "invalid_request"},
			{"another grant", formType, basic, "grant_type=password&username=a&password=b", 400, "unsupported_grant_type"},
			{"no form", formType, basic, "grant_type=%zz", 400, "invalid_request"},
			{"a member of JSON twice", "application/json", "", strings.Replace(string(text), "{", `{"grant_type":"x",`, 1), 400, "invalid_request"},
			{"JSON cut off", "application/json", basic, `{"grant_type":`, 400, "invalid_request"},
			{"a list", "application/json", basic, `{"grant_type":["client_credentials"]}`, 400, "invalid_request"},
		} {
			w, v := tokenRequest(t, d, s.path, c.kind, c.basic, c.body)
			if w.Code != c.status || v.Error != c.code || w.Header().Get("Cache-Control") != "no-store" || (v.Token != "") != (c.status == 200) || (v.Description != "") != (c.code != "") {
				t.Errorf("%s, %s: %d %s", s.path, c.name, w.Code, w.Body)
			}
			if c.status == 200 && (v.Type != "Bearer" || v.ExpiresIn != 3600 || (v.Instance != "") != (s.instance != nil)) {
				t.Errorf("%s, %s: %+v", s.path, c.name, v)
			}
		}
		if s.grant == exchangeGrant {
			continue
		}
		for _, wrong := range []string{"", key.ID + ":wrong", "key_other:" + key.Secret} {
			if w, v := tokenRequest(t, d, s.path, formType, wrong, good.Encode()); w.Code != 401 || v.Error != "invalid_client" || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %q: %d %s", s.path, wrong, w.Code, w.Body)
			}
		}
		if w, v := tokenRequest(t, d, s.path, formType, basic, good.Encode()+"&scope=admin"); w.Code != 400 || v.Error != "invalid_scope" {
			t.Errorf("%s: %d %s", s.path, w.Code, w.Body)
		}
	}
}

// What is exchanged may and lasts what it was exchanged for.
func TestOAuth_AnExchangeAddsNothing(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	key, err := d.api.Access.CreateSecretKey("test", "", access.KeyTerms{Name: "a client", Scopes: []string{access.ScopeRead, access.ScopeWrite}})
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(subject string) (*httptest.ResponseRecorder, TokenView) {
		return tokenRequest(t, d, exchangePath, formType, "", url.Values{
			"grant_type": {exchangeGrant}, "subject_token": {subject}, "subject_token_type": {accessTokenType},
		}.Encode())
	}
	index, now := d.api.Access.Index(), d.api.Clock.Now()
	early, err := index.ClientToken(key.ID, key.Secret, []string{access.ScopeRead}, now.Add(-access.TokenLife+time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	w, v := exchange(early.Token)
	if w.Code != 200 || v.Scope != "read" || v.ExpiresIn > 60 || v.ExpiresIn < 1 || v.Instance != "example.com" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if k := index.SecretOfToken(v.Token, now.Add(2*time.Minute)); k != nil {
		t.Error("the token outlives the one that it was given for")
	}
	over, err := index.ClientToken(key.ID, key.Secret, nil, now.Add(-access.TokenLife))
	if err != nil {
		t.Fatal(err)
	}
	for name, subject := range map[string]string{"over": over.Token, "forged": early.Token + "x", "a key": key.Secret, "of a source": "rp_at_AAAA"} {
		if w, v := exchange(subject); w.Code != 400 || v.Error != "invalid_grant" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if err := d.api.Access.RevokeSecretKey("test", key.ID); err != nil {
		t.Fatal(err)
	}
	if w, got := exchange(v.Token); w.Code != 400 || got.Error != "invalid_grant" {
		t.Errorf("of a revoked key: %d %s", w.Code, w.Body)
	}
}
