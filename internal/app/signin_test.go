package app_test

import (
	"net/http"
	"strings"
	"testing"

	"rapport/internal/access/openid/openidtest"
	"rapport/internal/config"
)

// TestSignIn_TheProviderIsReachedByTheRulesOfTheEgress asks for a sign-in at a
// provider in a private network: not named in egress.allow, it is not reached.
func TestSignIn_TheProviderIsReachedByTheRulesOfTheEgress(t *testing.T) {
	t.Parallel()
	p, err := openidtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for allow, want := range map[string]string{
		"":          "/console/?refused=provider_away",
		"127.0.0.1": p.URL + "/authorize?",
	} {
		c := settings(t, t.TempDir())
		c.HTTP.PublicURL, c.Egress.Allow = "https://rapport.example.com", allow
		c.OIDC = config.OIDC{Issuer: p.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, Scopes: "openid email"}
		a := open(t, c)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/api/v1/session/openid", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close() //nolint:errcheck // a redirect
		if at := res.Header.Get("Location"); !strings.HasPrefix(at, want) {
			t.Errorf("with egress.allow %q: led to %s", allow, at)
		}
	}
}
