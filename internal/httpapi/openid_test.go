package httpapi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rapport/internal/access"
	"rapport/internal/access/openid"
	"rapport/internal/access/openid/openidtest"
	"rapport/internal/clock"
)

const atHome = "https://rapport.example.com"

// lovelace is somebody whom the provider knows.
func lovelace(more map[string]any) map[string]any {
	out := map[string]any{"sub": "248289761001", "email": "Ada@Example.org", "email_verified": true, "name": "Ada Lovelace"}
	maps.Copy(out, more)
	return out
}

// withProvider gives a door whose members sign in at a provider.
func withProvider(t *testing.T, by access.Admission, claim string) (*door, *openidtest.Provider) {
	t.Helper()
	p, err := openidtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.Back = atHome + "/api/v1/session/openid/callback"
	d := newDoor(t)
	d.api.PublicURL = atHome
	d.api.OpenID = &OpenID{Name: "Example Ltd", Admission: by, Provider: openid.New(openid.Config{
		Issuer: p.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, Scopes: []string{"profile", "email"},
		RoleClaim: claim, HTTP: http.DefaultTransport, Clock: clock.Clock(time.Now), Random: rand.Text,
	})}
	// Somebody is admin, so that others may go.
	if _, _, err := d.api.Access.PutMember("test", access.Member{Name: "Root", Email: "root@example.org", Roles: []access.Role{access.Admin}}); err != nil {
		t.Fatal(err)
	}
	return d, p
}

var anybody = []string{"Authorization", ""}

// authorized goes to the provider and comes back with its answer and the cookie.
func (d *door) authorized(t *testing.T, begin reply) (answer, cookie string) {
	t.Helper()
	at := begin.Header.Get("Location")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	res.Body.Close() //nolint:errcheck // a redirect
	back, ok := strings.CutPrefix(res.Header.Get("Location"), atHome)
	if !ok {
		t.Fatalf("the provider leads to %q", res.Header.Get("Location"))
	}
	return back, strings.SplitN(begin.Header.Get("Set-Cookie"), ";", 2)[0]
}

// comeIn signs in at the provider and gives where the browser lands and the cookies.
func (d *door) comeIn(t *testing.T, to string) (where string, cookies []string) {
	t.Helper()
	begin, text := d.ask(t, "GET", "/api/v1/session/openid?to="+url.QueryEscape(to), "", anybody...)
	if begin.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", begin.StatusCode, text)
	}
	answer, cookie := d.authorized(t, begin)
	res, text := d.ask(t, "GET", answer, "", append(anybody, "Cookie", cookie)...)
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	return res.Header.Get("Location"), res.Header.Values("Set-Cookie")
}

// signedIn is the cookie of a session among those that were set; empty: none is.
func signedIn(cookies []string) string {
	for _, c := range cookies {
		if v := strings.SplitN(c, ";", 2)[0]; strings.HasPrefix(v, sessionCookie+"=") {
			return v
		}
	}
	return ""
}

func TestOpenID_AnInvitedMemberSignsInAndStaysTheSame(t *testing.T) {
	t.Parallel()
	d, p := withProvider(t, access.Admission{}, "")
	m, _, err := d.api.Access.PutMember("test", access.Member{Name: "Ada", Email: "ada@example.org", Roles: []access.Role{access.Marketer}})
	if err != nil {
		t.Fatal(err)
	}
	p.Claims = lovelace(nil)
	where, cookies := d.comeIn(t, "/segments?tab=all")
	if where != "/console/segments?tab=all" {
		t.Errorf("lands at %s", where)
	}
	session := signedIn(cookies)
	for _, part := range []string{"Secure", "HttpOnly", "SameSite=Strict"} {
		if !strings.Contains(strings.Join(cookies, "\n"), part) {
			t.Errorf("the cookies lack %s: %v", part, cookies)
		}
	}
	_, text := d.ask(t, "GET", "/api/v1/session", "", "Authorization", "", "Cookie", session)
	if !strings.Contains(text, `"id":"`+m.ID+`"`) || !strings.Contains(text, `"openid":true`) {
		t.Errorf("signed in as %s", text)
	}
	// The address may change there: the account leads to the same member.
	p.Claims = lovelace(map[string]any{"email": "lovelace@elsewhere.example", "email_verified": false})
	if _, cookies := d.comeIn(t, "/"); signedIn(cookies) == "" {
		t.Error("a linked member does not come in with a new address")
	}
	if got := d.api.Access.Index().Member(m.ID); got.Email != "ada@example.org" || len(got.Identities) != 1 {
		t.Errorf("the member became %+v", got)
	}
	_, text = d.ask(t, "GET", "/api/v1/audit", "")
	for _, op := range []string{"link-openid", "sign-in-openid"} {
		if !strings.Contains(text, `"operation":"`+op+`"`) {
			t.Errorf("the audit lacks %s: %s", op, text)
		}
	}
	if strings.Contains(d.log.String(), "248289761001") {
		t.Errorf("the log names who signed in: %s", d.log)
	}
}

// TestOpenID_WhoDoesNotComeIn has each of them refused with a code that the console
// has words for, and nobody made a member.
func TestOpenID_WhoDoesNotComeIn(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	provision := access.Admission{Provision: true, Default: access.Viewer, Domains: []string{"example.org"}}
	for name, c := range map[string]struct {
		by     access.Admission
		claims map[string]any
		bend   func(*openidtest.Provider)
		before func(t *testing.T, d *door)
		code   string
	}{
		"nobody invited them":           {claims: lovelace(nil), code: "not_invited"},
		"an address not vouched for":    {claims: lovelace(map[string]any{"email_verified": false}), before: invite, code: "email_unverified"},
		"an address of unknown worth":   {claims: map[string]any{"sub": "1", "email": "ada@example.org"}, before: invite, code: "email_unverified"},
		"no address":                    {by: access.Admission{Provision: true, Default: access.Viewer}, claims: map[string]any{"sub": "1", "email_verified": true}, code: "email_unverified"},
		"made, but not vouched for":     {by: provision, claims: lovelace(map[string]any{"email_verified": "false"}), code: "email_unverified"},
		"another domain":                {by: provision, claims: lovelace(map[string]any{"email": "ada@example.org.evil.example"}), code: "foreign_domain"},
		"a domain at the wrong place":   {by: provision, claims: lovelace(map[string]any{"email": "x@evil.example@example.org"}), code: "foreign_domain"},
		"a group that leads nowhere":    {by: access.Admission{Provision: true, Follow: true, Roles: map[string]access.Role{"crm": access.Marketer}}, claims: lovelace(map[string]any{"groups": []string{"hr"}}), code: "no_role"},
		"a member who is switched off":  {claims: lovelace(nil), before: block, code: "member_blocked"},
		"a member who was removed":      {by: provision, claims: lovelace(nil), before: remove, code: "member_removed"},
		"who says no at the provider":   {by: provision, code: "provider_refused"},
		"a token for another client":    {by: provision, claims: lovelace(nil), bend: lie("aud", "other"), code: "provider_answer"},
		"a token for several, not us":   {by: provision, claims: lovelace(nil), bend: lie("aud", []string{"rapport", "other"}), code: "provider_answer"},
		"a token of another issuer":     {by: provision, claims: lovelace(nil), bend: lie("iss", "https://evil.example"), code: "provider_answer"},
		"a token of another sign-in":    {by: provision, claims: lovelace(nil), bend: lie("nonce", "another"), code: "provider_answer"},
		"a token that is over":          {by: provision, claims: lovelace(nil), bend: lie("exp", 1), code: "provider_answer"},
		"a token that names nobody":     {by: provision, claims: lovelace(nil), bend: lie("sub", ""), code: "provider_answer"},
		"a token that somebody forged":  {by: provision, claims: lovelace(nil), bend: func(p *openidtest.Provider) { p.Sign = other }, code: "provider_answer"},
		"userinfo about another person": {by: provision, claims: map[string]any{"sub": "1"}, bend: func(p *openidtest.Provider) { p.Info = lovelace(map[string]any{"sub": "2"}) }, code: "provider_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, p := withProvider(t, c.by, "groups")
			if c.before != nil {
				c.before(t, d)
			}
			p.Claims = c.claims
			if c.bend != nil {
				c.bend(p)
			}
			version := d.api.Access.Index().Document().Version
			where, cookies := d.comeIn(t, "/people")
			if where != "/console/people?refused="+c.code || signedIn(cookies) != "" {
				t.Errorf("lands at %s with %v: %s", where, cookies, d.log)
			}
			if d.api.Access.Index().Document().Version != version {
				t.Error("something changed")
			}
		})
	}
}

func lie(claim string, v any) func(*openidtest.Provider) {
	return func(p *openidtest.Provider) { p.Bend = func(claims map[string]any) { claims[claim] = v } }
}

func invite(t *testing.T, d *door) {
	t.Helper()
	if _, _, err := d.api.Access.PutMember("test", access.Member{Name: "Ada", Email: "ada@example.org", Roles: []access.Role{access.Admin}}); err != nil {
		t.Fatal(err)
	}
}

func block(t *testing.T, d *door) {
	t.Helper()
	invite(t, d)
	m := *d.api.Access.Index().Member("ada@example.org")
	m.Disabled = true
	if _, _, err := d.api.Access.PutMember("test", m); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, d *door) {
	t.Helper()
	invite(t, d)
	if err := d.api.Access.DropMember("test", d.api.Access.Index().Member("ada@example.org").ID); err != nil {
		t.Fatal(err)
	}
}

func TestOpenID_ProvisionedMembersFollowTheirGroups(t *testing.T) {
	t.Parallel()
	d, p := withProvider(t, access.Admission{
		Domains: []string{"example.org"}, Provision: true, Follow: true, Roles: map[string]access.Role{"/crm": access.Marketer, "/crm/admins": access.Admin},
	}, "realm_access.roles")
	// What the ID token lacks, userinfo says.
	p.Claims = map[string]any{"sub": "7", "realm_access": map[string]any{"roles": []string{"offline", "/crm/admins", "/crm"}}}
	p.Info = map[string]any{"email": "grace@example.org", "email_verified": "true", "preferred_username": "grace"}
	_, cookies := d.comeIn(t, "//evil.example/x")
	session := signedIn(cookies)
	m := d.api.Access.Index().Member("grace@example.org")
	if session == "" || m == nil || m.Name != "grace" || len(m.Roles) != 2 || m.Roles[1] != access.Admin {
		t.Fatalf("%v: %+v %s", cookies, m, d.log)
	}
	p.Claims = map[string]any{"sub": "7", "realm_access": map[string]any{"roles": "/crm"}}
	d.comeIn(t, "/")
	if m := d.api.Access.Index().Member(m.ID); len(m.Roles) != 1 || m.Roles[0] != access.Marketer {
		t.Errorf("roles %v", m.Roles)
	}
	d.comeIn(t, "/")
	if entries, _, err := d.api.Audit.List(access.AuditQuery{Operation: "follow-roles", Limit: 10}); err != nil || len(entries) != 1 || entries[0].Actor != m.ID {
		t.Errorf("the audit log has other roles as %v, %v", entries, err)
	}
	// A session that began before has the roles of now.
	if res, _ := d.ask(t, "GET", "/api/v1/members", "", "Authorization", "", "Cookie", session); res.StatusCode != http.StatusForbidden {
		t.Errorf("a session keeps the right of an admin: %d", res.StatusCode)
	}
	if res, text := d.ask(t, "DELETE", "/api/v1/members/"+m.ID, ""); res.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	p.Info["email"] = "grace.new@example.org"
	if where, cookies := d.comeIn(t, "/"); where != "/console/?refused=member_removed" || signedIn(cookies) != "" {
		t.Errorf("a removed member lands at %s", where)
	}
	if res, _ := d.ask(t, "GET", "/api/v1/session", "", "Authorization", "", "Cookie", session); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session of a removed member: %d", res.StatusCode)
	}
}

func TestOpenID_AnAnswerBelongsToTheBrowserThatBegan(t *testing.T) {
	t.Parallel()
	d, p := withProvider(t, access.Admission{Provision: true, Default: access.Viewer}, "")
	p.Claims = lovelace(nil)
	begin, _ := d.ask(t, "GET", "/api/v1/session/openid", "", anybody...)
	answer, cookie := d.authorized(t, begin)
	second, _ := d.ask(t, "GET", "/api/v1/session/openid", "", anybody...)
	_, foreign := d.authorized(t, second)
	for name, c := range map[string]string{"no cookie": "", "another's cookie": foreign, "a forged cookie": openIDCookie + "=AAAA"} {
		res, _ := d.ask(t, "GET", answer, "", append(anybody, "Cookie", c)...)
		if at := res.Header.Get("Location"); at != "/console/?refused=sign_in_over" || signedIn(res.Header.Values("Set-Cookie")) != "" {
			t.Errorf("%s: lands at %s", name, at)
		}
	}
	if res, _ := d.ask(t, "GET", answer, "", append(anybody, "Cookie", cookie)...); signedIn(res.Header.Values("Set-Cookie")) == "" {
		t.Errorf("the browser that began: %s", res.Header.Get("Location"))
	}
	if res, _ := d.ask(t, "GET", answer, "", append(anybody, "Cookie", cookie)...); signedIn(res.Header.Values("Set-Cookie")) != "" {
		t.Error("an answer counts twice")
	}
	if len(p.Seen) == 0 || p.Seen[0].Get("code_verifier") == "" {
		t.Error("no verifier came with the code")
	}
}

func TestOpenID_AMemberConnectsTheirAccount(t *testing.T) {
	t.Parallel()
	d, p := withProvider(t, access.Admission{}, "")
	m, cookie := d.member(t, access.Admin)
	in := []string{"Authorization", "", "Cookie", cookie, consoleHeader, "1"}
	// An address that the provider does not vouch for: the session does.
	p.Claims = lovelace(map[string]any{"email_verified": false})
	res, text := d.ask(t, "POST", "/api/v1/session/openid/link", "{}", in...)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	_, at, _ := strings.Cut(text, `"url":"`)
	at, _, _ = strings.Cut(at, `"`)
	res.Header.Set("Location", at)
	answer, ticket := d.authorized(t, res)
	if res, _ := d.ask(t, "GET", answer, "", append(anybody, "Cookie", ticket)...); res.Header.Get("Location") != "/console/settings?tab=account" || signedIn(res.Header.Values("Set-Cookie")) != "" {
		t.Fatalf("lands at %s", res.Header.Get("Location"))
	}
	if _, cookies := d.comeIn(t, "/"); signedIn(cookies) == "" {
		t.Errorf("a connected account does not lead in: %s", d.log)
	}
	if res, text := d.ask(t, "DELETE", "/api/v1/session/openid", "", in...); res.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if got := d.api.Access.Index().Member(m.ID); len(got.Identities) != 0 {
		t.Errorf("still connected: %+v", got.Identities)
	}
	if where, _ := d.comeIn(t, "/"); where != "/console/?refused=email_unverified" {
		t.Errorf("a parted account lands at %s", where)
	}
}

func TestOpenID_AProviderThatIsAwaySaysSo(t *testing.T) {
	t.Parallel()
	d, p := withProvider(t, access.Admission{}, "")
	p.Close()
	res, _ := d.ask(t, "GET", "/api/v1/session/openid?to=/people", "", anybody...)
	if res.Header.Get("Location") != "/console/people?refused=provider_away" {
		t.Errorf("lands at %s", res.Header.Get("Location"))
	}
	if !strings.Contains(d.log.String(), "egress.allow") {
		t.Errorf("the log does not say what to do: %s", d.log)
	}
	if res, text := d.ask(t, "GET", "/api/v1/session/ways", "", anybody...); res.StatusCode != http.StatusOK || !strings.Contains(text, "Example Ltd") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}
