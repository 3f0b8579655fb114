// Package openid finds out who somebody is at an OpenID provider: the authorization
// code flow with PKCE, a state and a nonce (OpenID Connect Core 1.0, RFC 7636, RFC
// 9207). It never says what they may do here, and keeps nothing of them.
package openid

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Config is how a provider is reached, and as whom.
type Config struct {
	Issuer, ClientID, ClientSecret string
	Scopes                         []string
	// RoleClaim is the claim whose values are wanted: a name, or a path with dots
	// as realm_access.roles; empty: none is.
	RoleClaim string
	// HTTP leads out.
	HTTP  http.RoundTripper
	Clock clock.Clock
	// Random gives texts that nobody guesses.
	Random func() string
}

// Provider is an OpenID provider. What it says of itself is asked for when it is
// first needed. Safe for concurrent use.
type Provider struct {
	config Config
	client *http.Client
	known  atomic.Pointer[found]
	asking sync.Mutex    // over what follows; held while the provider is asked
	again  clock.Instant // when it is asked again what it is
	failed error
}

type found struct {
	provider *oidc.Provider
	end      string // where sessions there end; empty: nowhere
}

const (
	patience = 10 * time.Second
	// goodFor is how long what a provider says of itself counts, badFor how long
	// one that did not answer is left alone.
	goodFor = time.Hour
	badFor  = 5 * time.Second
	// maxAnswer bounds what is read of a provider's answers.
	maxAnswer = 1 << 20
)

// New makes a provider of settings. It is not asked for anything yet.
func New(c Config) *Provider {
	if !slices.Contains(c.Scopes, oidc.ScopeOpenID) {
		c.Scopes = append([]string{oidc.ScopeOpenID}, c.Scopes...)
	}
	return &Provider{config: c, client: &http.Client{
		Transport: bounded{c.HTTP}, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Errand is a sign-in under way: what only the browser that began it knows.
type Errand struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// Person is somebody who signed in at the provider.
type Person struct {
	Issuer, Subject string
	Email           string
	Verified        bool // the provider vouches for the address
	Name            string
	Values          []string // of the claim of roles
}

// Begin gives where the browser goes to sign in; it comes back to the address back.
func (p *Provider) Begin(ctx context.Context, back string) (address string, e Errand, err error) {
	f, err := p.discover(ctx)
	if err != nil {
		return "", Errand{}, err
	}
	e = Errand{State: p.config.Random(), Nonce: p.config.Random(), Verifier: p.config.Random() + p.config.Random()}
	return p.oauth(f, back).AuthCodeURL(e.State, oidc.Nonce(e.Nonce), oauth2.S256ChallengeOption(e.Verifier)), e, nil
}

// Finish tells who came back with an answer of the provider.
func (p *Provider) Finish(ctx context.Context, back string, e Errand, answer url.Values) (*Person, error) {
	if e.State == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(e.State)) != 1 {
		return nil, fault.Errorf(fault.Unauthenticated, "sign_in_over", "this answer belongs to another sign-in: begin again")
	}
	if iss := answer.Get("iss"); iss != "" && iss != p.config.Issuer {
		return nil, bad("the answer is of the issuer %q", iss)
	}
	if why := answer.Get("error"); why != "" {
		return nil, fault.Errorf(fault.Unauthenticated, "provider_refused", "the provider lets nobody in: %s %s", why, answer.Get("error_description"))
	}
	f, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.oauth(f, back).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(e.Verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return nil, bad("it takes no code: %s", cmp.Or(refused.ErrorCode, refused.Response.Status))
	}
	if err != nil {
		return nil, p.away(err)
	}
	text, _ := token.Extra("id_token").(string)
	verifier := f.provider.VerifierContext(ctx, &oidc.Config{ClientID: p.config.ClientID, Now: func() time.Time { return p.config.Clock.Now().Time() }})
	id, err := verifier.Verify(ctx, text)
	if err != nil {
		return nil, bad("its ID token does not hold: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(e.Nonce)) != 1 {
		return nil, bad("its ID token is of another sign-in")
	}
	if id.Subject == "" {
		return nil, bad("its ID token names nobody")
	}
	all := claims{}
	if err := id.Claims(&all); err != nil {
		return nil, bad("its claims cannot be read: %w", err)
	}
	if azp := all.text("azp"); azp != "" && azp != p.config.ClientID || azp == "" && len(id.Audience) > 1 {
		return nil, bad("its ID token was made for another client")
	}
	if all.lacks(p.config.RoleClaim) && f.provider.UserInfoEndpoint() != "" {
		if err := p.ask(ctx, f, token, id.Subject, all); err != nil {
			return nil, err
		}
	}
	return &Person{
		Issuer: p.config.Issuer, Subject: id.Subject, Email: all.text("email"), Verified: all.holds("email_verified"),
		Name: cmp.Or(all.text("name"), all.text("preferred_username")), Values: all.values(p.config.RoleClaim),
	}, nil
}

// ask adds to the claims what only the provider's second answer says. An address
// and whether it is vouched for come from one answer, never from two.
func (p *Provider) ask(ctx context.Context, f *found, token *oauth2.Token, subject string, all claims) error {
	info, err := f.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return p.away(err)
	}
	if info.Subject != subject {
		return bad("its userinfo is about another person")
	}
	more := claims{}
	if err := info.Claims(&more); err != nil {
		return bad("its userinfo cannot be read: %w", err)
	}
	if _, known := all["email_verified"]; !known && more["email"] != nil {
		delete(all, "email")
	} else {
		delete(more, "email_verified")
		delete(more, "email")
	}
	for name, value := range more {
		if _, known := all[name]; !known {
			all[name] = value
		}
	}
	return nil
}

// End is where the browser ends its session at the provider, and comes back from;
// empty: the provider has no such place, or does not say where. What is known of it
// is good enough: whoever is signed in does not wait for a provider that is away.
func (p *Provider) End(ctx context.Context, back string) string {
	f := p.known.Load()
	if f == nil {
		f, _ = p.discover(ctx) //nolint:errcheck // then nothing says where
	}
	if f == nil || f.end == "" {
		return ""
	}
	u, err := url.Parse(f.end)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.config.ClientID)
	q.Set("post_logout_redirect_uri", back)
	u.RawQuery = q.Encode()
	return u.String()
}

func (p *Provider) oauth(f *found, back string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: f.provider.Endpoint(),
		RedirectURL: back, Scopes: p.config.Scopes,
	}
}

// discover gives what the provider says of itself, asked for at most once an hour;
// what was known goes on counting while it does not answer. One asks: who comes
// meanwhile takes what was known, or waits for what that one hears.
func (p *Provider) discover(ctx context.Context) (*found, error) {
	known := p.known.Load()
	if known == nil {
		p.asking.Lock()
	} else if !p.asking.TryLock() {
		return known, nil
	}
	defer p.asking.Unlock()
	known = p.known.Load()
	if p.config.Clock.Now() >= p.again {
		f, err := p.look(ctx)
		// Counted from now on: not to answer takes longer than badFor, and those who
		// waited would ask one after the other.
		now := p.config.Clock.Now()
		if err == nil {
			p.known.Store(f)
			p.failed, p.again = nil, now.Add(goodFor)
			return f, nil
		}
		p.failed, p.again = p.away(err), now.Add(badFor)
	}
	if known == nil {
		return nil, p.failed
	}
	return known, nil
}

// look asks the provider what it is.
func (p *Provider) look(ctx context.Context) (*found, error) {
	// Whoever asks may go away: the answer is for all.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), p.client)
	provider, err := oidc.NewProvider(ctx, p.config.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		End string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, err
	}
	return &found{provider, more.End}, nil
}

// away is a fault of a provider that does not answer, or not as one.
func (p *Provider) away(err error) error {
	return fault.Errorf(fault.Unavailable, "provider_away",
		"the provider %s does not answer as one: check oidc.issuer, and egress.allow where it is in a private network: %w", p.config.Issuer, err)
}

func bad(format string, args ...any) error {
	return fault.Errorf(fault.Unauthenticated, "provider_answer", "the provider's answer is not good: %w", fmt.Errorf(format, args...))
}

// claims are what a provider says of somebody.
type claims map[string]json.RawMessage

// lacks tells whether something that counts is missing.
func (c claims) lacks(role string) bool {
	return c["email"] == nil || c["email_verified"] == nil || role != "" && c.at(role) == nil
}

func (c claims) text(name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// holds reads a claim that is true, or the word: some providers write one.
func (c claims) holds(name string) bool {
	var b bool
	if json.Unmarshal(c[name], &b) == nil {
		return b
	}
	return c.text(name) == "true"
}

// at finds a claim by its name or by a path with dots.
func (c claims) at(path string) json.RawMessage {
	if v, ok := c[path]; ok {
		return v
	}
	first, rest, deeper := strings.Cut(path, ".")
	inner := claims{}
	if !deeper || json.Unmarshal(c[first], &inner) != nil {
		return nil
	}
	return inner.at(rest)
}

// values are the texts of a claim: one, or several.
func (c claims) values(path string) []string {
	v := c.at(path)
	var one string
	if json.Unmarshal(v, &one) == nil && one != "" {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(v, &many) != nil {
		return nil
	}
	return many
}

// bounded reads no endless answers.
type bounded struct{ next http.RoundTripper }

// RoundTrip asks.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}
