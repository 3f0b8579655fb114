package destination

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Auth are the settings of how a request says who asks.
type Auth struct {
	Kind     string `json:"kind,omitempty" enum:"none,key,basic,oauth" default:"none" doc:"key: a fixed key; basic: user and password; oauth: client credentials"`
	Header   string `json:"header,omitempty" doc:"Of a key: the header that carries it; left out: Authorization"`
	Prefix   string `json:"prefix,omitempty" doc:"Of a key: what stands before it, such as Bearer"`
	Query    string `json:"query,omitempty" doc:"Of a key: the query parameter that carries it, instead of a header"`
	User     string `json:"user,omitempty" doc:"Of basic: the user; of oauth: the client id"`
	TokenURL string `json:"token_url,omitempty" doc:"Of oauth: where tokens are had"`
	Scope    string `json:"scope,omitempty" doc:"Of oauth: the scope that is asked for"`
	Secret   string `json:"secret,omitempty" secret:"true" doc:"The key, the password or the client secret"`
}

// Check checks the settings.
func (a *Auth) Check() error {
	switch a.Kind {
	case "none":
		return nil
	case "key":
		if a.Header != "" && !httpguts.ValidHeaderFieldName(a.Header) {
			return Invalid("auth/header", "header %q cannot be sent", a.Header)
		}
	case "basic", "oauth":
		if a.User == "" {
			return Invalid("auth/user", "auth/user is missing: %s needs the user or client id", a.Kind)
		}
	}
	if a.Secret == "" {
		return Invalid("auth/secret", "auth/secret is missing: %s needs it", a.Kind)
	}
	if !httpguts.ValidHeaderFieldValue(a.Secret + a.Prefix) {
		return Invalid("auth/secret", "the secret or its prefix cannot be sent in a header: it holds a control character")
	}
	if a.Kind == "oauth" {
		return CheckURL("auth/token_url", a.TokenURL)
	}
	return nil
}

// Secrets are what must not be shown.
func (a *Auth) Secrets() []string {
	return []string{a.Secret, base64.StdEncoding.EncodeToString([]byte(a.User + ":" + a.Secret))}
}

// Signer says who asks, with each request.
type Signer struct {
	Auth
	Caller *Caller
	mu     sync.Mutex
	token  string
	until  time.Time
}

// tokenMargin is how long before its end a token is no longer used.
const tokenMargin = 30 * time.Second

// Do signs a request, sends it, and once more with a new token where the old
// one is not taken any longer.
func (s *Signer) Do(ctx context.Context, q *http.Request, body []byte) (Result, []byte) {
	for again := false; ; again = true {
		token, bad := s.sign(ctx, q)
		if bad != nil {
			return *bad, nil
		}
		r, text := s.Caller.Do(ctx, q, body)
		if s.Kind == "oauth" {
			mask := NewMasker(token)
			r.Request, r.Answer, r.Reason = mask.Show(r.Request), mask.Show(r.Answer), mask.Text(r.Reason)
		}
		if s.Kind != "oauth" || r.Status != http.StatusUnauthorized || again {
			return r, text
		}
		s.forget(token)
	}
}

func (s *Signer) sign(ctx context.Context, q *http.Request) (token string, bad *Result) {
	switch s.Kind {
	case "basic":
		q.SetBasicAuth(s.User, s.Secret)
	case "key":
		s.signKey(q)
	case "oauth":
		if token, bad = s.tokenOf(ctx); bad != nil {
			return "", bad
		}
		q.Header.Set("Authorization", "Bearer "+token)
	}
	return token, nil
}

func (s *Signer) signKey(q *http.Request) {
	secret := s.Secret
	if s.Prefix != "" {
		secret = s.Prefix + " " + secret
	}
	if s.Query != "" {
		values := q.URL.Query()
		values.Set(s.Query, secret)
		q.URL.RawQuery = values.Encode()
		return
	}
	name := s.Header
	if name == "" {
		name = "Authorization"
	}
	q.Header.Set(name, secret)
}

func (s *Signer) forget(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == token {
		s.token = ""
	}
}

// tokenOf gives the token, asking for one where there is none. Requests that
// need one at the same time wait for one another.
func (s *Signer) tokenOf(ctx context.Context) (string, *Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && s.Caller.Now().Before(s.until) {
		return s.token, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if s.Scope != "" {
		form.Set("scope", s.Scope)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.TokenURL, strings.NewReader(""))
	if err != nil {
		return "", &Result{Outcome: Refused, Reason: "the address of tokens cannot be asked"}
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Accept", "application/json")
	q.SetBasicAuth(url.QueryEscape(s.User), url.QueryEscape(s.Secret))
	asker := *s.Caller
	asker.Judge = nil
	r, text := asker.Do(ctx, q, []byte(form.Encode()))
	// A token is no answer to show.
	r.Answer = nil
	if r.Outcome != Delivered {
		r.Reason = "the server of tokens: " + r.Reason
		return "", &r
	}
	var given struct {
		Token   string  `json:"access_token"`
		Expires float64 `json:"expires_in"`
	}
	if err := json.Unmarshal(text, &given); err != nil || !httpguts.ValidHeaderFieldValue(given.Token) || given.Token == "" {
		r.Outcome, r.Reason = Retry, fmt.Sprintf("the server of tokens answers %d without an access_token", r.Status)
		return "", &r
	}
	if !(given.Expires > 0) { // no number is no number of seconds either
		given.Expires = 300
	}
	life := time.Duration(min(given.Expires, longestWait.Seconds())*float64(time.Second)) - tokenMargin
	s.token, s.until = given.Token, s.Caller.Now().Add(max(life, time.Second))
	return s.token, nil
}
