package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

const (
	sessionCookie = "rapport_session"
	sessionPath   = "/session"
	// consoleHeader comes with every request of the console that changes
	// something: a page of another site cannot send it without being asked.
	consoleHeader = "X-Rapport-Console"
)

// SessionView is who signed in.
type SessionView struct {
	Member MemberView `json:"member"`
	// SignOutURL is only of sessions that began at a provider.
	SignOutURL string                 `json:"sign_out_url,omitempty" doc:"Where the browser goes after it signed out here, to sign out at the provider too"`
	Rights     map[access.Area]string `json:"rights" doc:"The highest scope in each area: read, write or admin; an area left out is closed"`
	MayUnmask  bool                   `json:"may_unmask" doc:"Whether the header X-Rapport-Unmask may ask to see what is personal"`
	ExpiresAt  string                 `json:"expires_at" format:"date-time"`
}

// SignInBody is how a member signs in.
type SignInBody struct {
	Email    string `json:"email" minLength:"3" maxLength:"200"`
	Password string `json:"password" minLength:"1" maxLength:"200"`
}

// EnterBody is how a link is used up.
type EnterBody struct {
	Token    string `json:"token" minLength:"1" maxLength:"200" doc:"What stands behind the # of the link"`
	Name     string `json:"name,omitempty" maxLength:"200"`
	Email    string `json:"email,omitempty" maxLength:"200" doc:"Of the first member of an instance; others have one"`
	Password string `json:"password" minLength:"1" maxLength:"200"`
}

// PasswordBody is how members change their own password.
type PasswordBody struct {
	Old      string `json:"old,omitempty" maxLength:"200"`
	Password string `json:"password" minLength:"1" maxLength:"200"`
}

type sessionAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      SessionView
}

type sessionEnd struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (a *API) sessionRoutes() {
	at := func(id, method, path, summary string, status int) spec {
		return spec{id: id, method: method, path: sessionPath + path, tag: "self", summary: summary, status: status, data: impersonal}
	}
	in := at("sign-in", http.MethodPost, "", "Sign in with address and password; the session is in the cookie", http.StatusOK)
	in.open = true
	register(a, in, a.signIn)
	first := at("enter-by-link", http.MethodPost, "/first", "Use up a link: of the first start, of an invitation, or back in", http.StatusOK)
	first.open = true
	register(a, first, a.enter)
	get := at("get-session", http.MethodGet, "", "Who signed in, and what they may do", http.StatusOK)
	get.scope = access.ScopeRead
	register(a, get, a.getSession)
	out := at("sign-out", http.MethodDelete, "", "End the session; ?everywhere=true ends the member's others too", http.StatusNoContent)
	out.scope = access.ScopeRead
	register(a, out, a.signOut)
	password := at("set-password", http.MethodPut, "/password", "Change the own password; the member's other sessions end", http.StatusOK)
	password.scope = access.ScopeWrite
	register(a, password, a.setPassword)
}

// signedIn tells the member whose session a request is part of; nil: it has
// none. What changes something has to come from the console's own page.
func (a *API) signedIn(r *http.Request) (*access.Principal, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, nil //nolint:nilnil // documented: no session
	}
	m, _ := a.Sessions.Of(cookie.Value)
	if m == nil {
		return nil, fault.Errorf(fault.Unauthenticated, "session_over", "the session is over: sign in again")
	}
	site := r.Header.Get("Sec-Fetch-Site")
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead
	if site == "cross-site" || site == "same-site" || changes && r.Header.Get(consoleHeader) == "" {
		return nil, fault.Errorf(fault.Forbidden, "foreign_page", "a session is used by the console's own pages only, which send %s: 1: use a secret key from elsewhere", consoleHeader)
	}
	return access.OfMember(m), nil
}

type requestKey struct{}

// requestOf is the request behind a call.
func requestOf(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	return r
}

func (a *API) signIn(ctx context.Context, in *struct{ Body SignInBody }) (*sessionAnswer, error) {
	token, m, err := a.Sessions.SignIn(in.Body.Email, in.Body.Password)
	if err != nil {
		a.noteSession(ctx, "unknown", "refused-sign-in", a.Audit.Mark(strings.ToLower(in.Body.Email)))
		return nil, err
	}
	a.noteSession(ctx, m.ID, "sign-in", "")
	return a.begun(ctx, token, m)
}

func (a *API) enter(ctx context.Context, in *struct{ Body EnterBody }) (*sessionAnswer, error) {
	m, err := a.Access.Enter(in.Body.Token, in.Body.Name, in.Body.Email, in.Body.Password)
	if err != nil {
		if fault.KindOf(err) == fault.Unauthenticated {
			a.noteSession(ctx, "unknown", "refused-link", "")
		}
		return nil, err
	}
	if err := a.Sessions.EndMember(m.ID); err != nil {
		return nil, err
	}
	token, err := a.Sessions.Begin(m.ID)
	if err != nil {
		return nil, err
	}
	a.noteSession(ctx, m.ID, "enter-by-link", "")
	return a.begun(ctx, token, &m)
}

func (a *API) begun(ctx context.Context, token string, m *access.Member) (*sessionAnswer, error) {
	return &sessionAnswer{
		SetCookie: a.cookie(ctx, token, access.SessionLife),
		Body:      a.sessionView(m, a.Clock.Now().Add(access.SessionLife)),
	}, nil
}

// cookie is only ever sent back to the API, and never by another site.
func (a *API) cookie(ctx context.Context, token string, life time.Duration) http.Cookie {
	r := requestOf(ctx)
	return http.Cookie{
		Name: sessionCookie, Value: token, Path: prefix, MaxAge: int(life.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r != nil && (r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")),
	}
}

func (a *API) sessionView(m *access.Member, until clock.Instant) SessionView {
	p := access.OfMember(m)
	return SessionView{Member: a.memberView(m), Rights: p.Rights(), MayUnmask: p.MayUnmask(), ExpiresAt: until.String()}
}

func (a *API) getSession(ctx context.Context, _ *struct{}) (*body[SessionView], error) {
	p := principal(ctx)
	_, until := a.Sessions.Of(tokenOf(ctx))
	v := a.sessionView(p.Member, until)
	if a.OpenID != nil && a.OpenID.SignOut && a.Sessions.Via(tokenOf(ctx)) == access.ViaOpenID {
		v.SignOutURL = a.OpenID.Provider.End(ctx, a.baseURL(ctx)+consolePath+"/")
	}
	return &body[SessionView]{v}, nil
}

func (a *API) signOut(ctx context.Context, in *struct {
	Everywhere bool `query:"everywhere" doc:"End the member's other sessions too"`
},
) (*sessionEnd, error) {
	if err := a.Sessions.End(tokenOf(ctx), in.Everywhere); err != nil {
		return nil, err
	}
	return &sessionEnd{SetCookie: a.cookie(ctx, "", -time.Second)}, nil
}

func (a *API) setPassword(ctx context.Context, in *struct{ Body PasswordBody }) (*sessionAnswer, error) {
	m := principal(ctx).Member
	if err := a.Access.SetPassword(m.ID, in.Body.Old, in.Body.Password); err != nil {
		return nil, err
	}
	if err := a.Sessions.EndMember(m.ID); err != nil {
		return nil, err
	}
	token, err := a.Sessions.Begin(m.ID)
	if err != nil {
		return nil, err
	}
	return a.begun(ctx, token, m)
}

func tokenOf(ctx context.Context) string {
	if r := requestOf(ctx); r != nil {
		if c, err := r.Cookie(sessionCookie); err == nil {
			return c.Value
		}
	}
	return ""
}
