// Package openidtest is an OpenID provider on the loopback, for tests: discovery,
// keys, codes with PKCE that are good once, signed ID tokens and userinfo. It signs
// in whoever it is told to, without asking, and is never part of an instance.
package openidtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// The client that is registered.
const (
	ClientID     = "rapport"
	ClientSecret = "a secret: with/signs"
)

// Provider is the provider. Its fields are changed before somebody signs in.
type Provider struct {
	*httptest.Server
	// Back is the address that is registered to come back to.
	Back string
	// Claims are those of who signs in; Info those that only userinfo tells.
	Claims, Info map[string]any
	// Bend changes an ID token's claims on the way: to lie with.
	Bend func(claims map[string]any)
	// Sign takes the place of the key that signs; nil: none does.
	Sign crypto.Signer

	mu    sync.Mutex
	key   *ecdsa.PrivateKey
	codes map[string]grant
	given map[string]map[string]any // userinfo by access token
	// Seen are the requests at the token endpoint.
	Seen []url.Values
}

type grant struct {
	challenge, nonce string
	claims, info     map[string]any
}

// Start starts a provider; whoever starts it closes it.
func Start() (*Provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &Provider{key: key, codes: map[string]grant{}, given: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discover)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("post_logout_redirect_uri"), http.StatusSeeOther)
	})
	p.Server = httptest.NewServer(mux)
	return p, nil
}

func (p *Provider) discover(w http.ResponseWriter, _ *http.Request) {
	tell(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"userinfo_endpoint": p.URL + "/userinfo", "end_session_endpoint": p.URL + "/logout", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	tell(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
}

// authorize signs in at once and sends the browser back with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("redirect_uri") != p.Back || q.Get("response_type") != "code" {
		http.Error(w, "unknown client or address: "+q.Encode(), http.StatusBadRequest) // never led on
		return
	}
	back := url.Values{"state": {q.Get("state")}, "iss": {p.URL}}
	switch {
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"), q.Get("code_challenge_method") != "S256", q.Get("code_challenge") == "", q.Get("nonce") == "":
		back.Set("error", "invalid_request")
	case p.Claims == nil:
		back.Set("error", "access_denied")
	default:
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = grant{q.Get("code_challenge"), q.Get("nonce"), p.Claims, p.Info}
		p.mu.Unlock()
		back.Set("code", code)
		back.Set("session_state", "as some providers add")
	}
	http.Redirect(w, r, p.Back+"?"+back.Encode(), http.StatusSeeOther)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	no := func(status int, code string) { tell(w, status, map[string]any{"error": code}) }
	if err := r.ParseForm(); err != nil {
		no(http.StatusBadRequest, "invalid_request")
		return
	}
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749 has both encoded as in forms
		id, _ = url.QueryUnescape(id)         //nolint:errcheck // it then fits nobody
		secret, _ = url.QueryUnescape(secret) //nolint:errcheck // it then fits nobody
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	p.mu.Lock()
	p.Seen = append(p.Seen, r.PostForm)
	g, ok := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	fits := subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(g.challenge)) == 1
	switch {
	case id != ClientID || secret != ClientSecret:
		no(http.StatusUnauthorized, "invalid_client")
		return
	case !ok || !fits || r.PostForm.Get("redirect_uri") != p.Back || r.PostForm.Get("grant_type") != "authorization_code":
		no(http.StatusBadRequest, "invalid_grant")
		return
	}
	now := time.Now()
	claims := map[string]any{
		"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "nonce": g.nonce,
	}
	for name, v := range g.claims {
		claims[name] = v
	}
	info := map[string]any{"sub": claims["sub"]}
	for name, v := range g.info {
		info[name] = v
	}
	if p.Bend != nil {
		p.Bend(claims)
	}
	var key any = p.key
	if p.Sign != nil {
		key = p.Sign
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	access := rand.Text()
	p.mu.Lock()
	p.given[access] = info
	p.mu.Unlock()
	tell(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": text})
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	info := p.given[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	p.mu.Unlock()
	if info == nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	tell(w, http.StatusOK, info)
}

func tell(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}
