package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"rapport/internal/access"
	"rapport/internal/access/openid"
	"rapport/internal/access/passkey"
	"rapport/internal/fault"
)

// OpenID is the provider at which members sign in.
type OpenID struct {
	Provider *openid.Provider
	// Name is what people call it; empty: the issuer's host.
	Name      string
	Admission access.Admission
	// SignOut has who signs out here be led to the provider too.
	SignOut bool
}

const (
	openIDPath   = sessionPath + "/openid"
	openIDCookie = "rapport_openid"
	openIDTicket = "openid" // the purpose
	consolePath  = "/console"
)

// WaysView is how one can sign in.
type WaysView struct {
	OpenID   *OpenIDWay `json:"openid" doc:"The OpenID provider; null: there is none"`
	Passkeys bool       `json:"passkeys" doc:"Whether browsers know passkeys for the address that they came by: a name over https, or localhost"`
}

// OpenIDWay is the provider as the sign-in page names it.
type OpenIDWay struct {
	Name string `json:"name"`
	URL  string `json:"url" doc:"Where the browser goes to sign in; ?to= names the page of the console to come back to"`
}

// openIDNote is what the ticket of a sign-in at the provider holds.
type openIDNote struct {
	Errand openid.Errand `json:"errand"`
	To     string        `json:"to"`
	// Member connects the account; empty: somebody signs in.
	Member string `json:"member,omitempty"`
}

// hop leads the browser on.
type hop struct {
	Status    int
	Location  string        `header:"Location"`
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

// AddressView is where the browser goes.
type AddressView struct {
	URL string `json:"url"`
}

type addressAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      AddressView
}

func (a *API) openIDRoutes() {
	at := func(id, method, path, summary string, status int) spec {
		return spec{id: id, method: method, path: path, tag: "self", summary: summary, status: status, data: impersonal}
	}
	ways := at("get-sign-in-ways", http.MethodGet, sessionPath+"/ways", "How one can sign in beside address and password", http.StatusOK)
	ways.open = true
	register(a, ways, a.signInWays)
	begin := at("begin-openid", http.MethodGet, openIDPath, "Go to the OpenID provider to sign in: a browser follows it", http.StatusSeeOther)
	begin.open = true
	register(a, begin, a.beginOpenID)
	back := at("finish-openid", http.MethodGet, openIDPath+"/callback", "Where the OpenID provider sends the browser back to; it goes on to the console", http.StatusSeeOther)
	back.open, back.foreign = true, true
	register(a, back, a.finishOpenID)
	link := at("link-openid", http.MethodPost, openIDPath+"/link", "Connect the own account at the OpenID provider: the browser goes to the address", http.StatusOK)
	link.scope = access.ScopeWrite
	register(a, link, a.linkOpenID)
	drop := at("unlink-openid", http.MethodDelete, openIDPath, "Part from the own account at the OpenID provider", http.StatusNoContent)
	drop.scope = access.ScopeWrite
	register(a, drop, a.unlinkOpenID)
}

func (a *API) signInWays(ctx context.Context, _ *struct{}) (*body[WaysView], error) {
	v := WaysView{}
	_, v.Passkeys = passkey.At(a.baseURL(ctx))
	if a.OpenID != nil {
		v.OpenID = &OpenIDWay{Name: a.OpenID.Name, URL: prefix[:len(prefix)-1] + openIDPath}
	}
	return &body[WaysView]{v}, nil
}

func (a *API) beginOpenID(ctx context.Context, in *struct {
	To string `query:"to" maxLength:"1000" doc:"Page of the console, such as /segments"`
},
) (*hop, error) {
	address, cookie, err := a.toProvider(ctx, in.To, "")
	if err != nil {
		return a.notIn(ctx, in.To, err), nil
	}
	return &hop{Status: http.StatusSeeOther, Location: address, SetCookie: []http.Cookie{cookie}}, nil
}

func (a *API) linkOpenID(ctx context.Context, _ *struct{}) (*addressAnswer, error) {
	address, cookie, err := a.toProvider(ctx, "/settings?tab=account", principal(ctx).Member.ID)
	if err != nil {
		return nil, err
	}
	return &addressAnswer{cookie, AddressView{address}}, nil
}

func (a *API) unlinkOpenID(ctx context.Context, _ *struct{}) (*struct{}, error) {
	m := principal(ctx).Member
	if m.Password == "" && len(m.Passkeys) == 0 {
		return nil, fault.Errorf(fault.Conflict, "last_way_in", "it is the only way in that you have: set a password first")
	}
	return nil, a.Access.DropIdentities(m.ID, m.ID)
}

func (a *API) dropMemberOpenID(ctx context.Context, in *MemberKey) (*struct{}, error) {
	return nil, a.Access.DropIdentities(author(ctx), in.ID)
}

// toProvider gives where the browser goes, and the cookie that it comes back with.
func (a *API) toProvider(ctx context.Context, to, member string) (string, http.Cookie, error) {
	if a.OpenID == nil {
		return "", http.Cookie{}, fault.Errorf(fault.NotFound, "no_provider", "there is no OpenID provider here: sign in with address and password, or ask whoever runs this instance to set oidc.issuer")
	}
	address, errand, err := a.OpenID.Provider.Begin(ctx, a.callbackURL(ctx))
	if err != nil {
		return "", http.Cookie{}, err
	}
	ticket, err := a.Tickets.Give(openIDTicket, openIDNote{errand, inConsole(to), member})
	return address, a.openIDCookie(ctx, ticket, int(access.TicketLife.Seconds())), err
}

// openIDCookie comes back with the browser from the provider, which is another
// site: Strict would keep it away.
func (a *API) openIDCookie(ctx context.Context, ticket string, seconds int) http.Cookie {
	return http.Cookie{
		Name: openIDCookie, Value: ticket, Path: prefix[:len(prefix)-1] + openIDPath, MaxAge: seconds, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(a.baseURL(ctx), "https:"),
	}
}

func (a *API) finishOpenID(ctx context.Context, _ *struct{}) (*hop, error) {
	r := requestOf(ctx)
	var note openIDNote
	token, err := a.finished(ctx, r, &note)
	if err != nil {
		return a.notIn(ctx, note.To, err), nil
	}
	out := &hop{Status: http.StatusSeeOther, Location: consolePath + inConsole(note.To), SetCookie: []http.Cookie{a.openIDCookie(ctx, "", -1)}}
	if token != "" {
		out.SetCookie = append(out.SetCookie, a.cookie(ctx, token, access.SessionLife))
	}
	return out, nil
}

// finished takes the provider's answer: it begins a session, or connects the
// account of the member who asked for that.
func (a *API) finished(ctx context.Context, r *http.Request, note *openIDNote) (token string, err error) {
	if a.OpenID == nil {
		return "", fault.Errorf(fault.NotFound, "no_provider", "there is no OpenID provider here")
	}
	cookie, err := r.Cookie(openIDCookie)
	if err != nil {
		cookie = &http.Cookie{}
	}
	ticket, err := a.Tickets.Read(openIDTicket, cookie.Value, note)
	if err != nil {
		return "", err
	}
	p, err := a.OpenID.Provider.Finish(ctx, a.callbackURL(ctx), note.Errand, r.URL.Query())
	if err != nil {
		return "", err
	}
	if err := ticket.Spend(); err != nil {
		return "", err
	}
	v := access.Vouched(*p)
	if note.Member != "" {
		if m := a.Access.Index().Member(note.Member); m == nil || m.Disabled {
			return "", fault.Errorf(fault.Forbidden, "member_blocked", "your account is switched off: ask an admin to switch it on")
		}
		if err := a.Access.LinkVouched(note.Member, v); err != nil {
			return "", err
		}
		a.noteSession(ctx, note.Member, "link-openid", "")
		return "", nil
	}
	in, err := a.Access.EnterVouched(v, a.OpenID.Admission)
	if err != nil {
		a.noteRefused(ctx, v.Email, err)
		return "", err
	}
	if in.Made {
		a.noteSession(ctx, in.Member.ID, "provision-member", "")
	}
	if in.Linked {
		a.noteSession(ctx, in.Member.ID, "link-openid", "")
	}
	if in.Moved {
		a.noteSession(ctx, in.Member.ID, "follow-roles", "")
	}
	if token, err = a.Sessions.BeginVia(in.Member.ID, access.ViaOpenID); err != nil {
		return "", err
	}
	a.noteSession(ctx, in.Member.ID, "sign-in-openid", "")
	return token, nil
}

// noteRefused writes down that somebody who is known elsewhere does not come in.
func (a *API) noteRefused(ctx context.Context, email string, err error) {
	a.noteSession(ctx, "unknown", "refused-sign-in", a.Audit.Mark(strings.ToLower(email)))
	a.Log.Info("a sign-in at the OpenID provider was refused", "why", problemOf(err).Code)
}

// notIn leads back to the console, which says what is wrong by its code. The text
// is not in the address: whoever makes a link could put their own there.
func (a *API) notIn(ctx context.Context, to string, err error) *hop {
	p := problemOf(err)
	if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Kind == fault.Internal || f.Kind == fault.Unavailable || p.Code == "provider_answer" {
		a.Log.Error("a sign-in at the OpenID provider failed", "error", err)
	}
	path, query, _ := strings.Cut(inConsole(to), "?")
	values, _ := url.ParseQuery(query) //nolint:errcheck // what cannot be read is left out
	values.Set("refused", p.Code)
	return &hop{
		Status: http.StatusSeeOther, Location: consolePath + path + "?" + values.Encode(),
		SetCookie: []http.Cookie{a.openIDCookie(ctx, "", -1)},
	}
}

// inConsole gives a page of the console; what is none becomes the first one.
func inConsole(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.ContainsAny(to, "\\\r\n") {
		return "/"
	}
	return u.EscapedPath() + strings.TrimSuffix("?"+u.RawQuery, "?")
}

func (a *API) callbackURL(ctx context.Context) string {
	return a.baseURL(ctx) + prefix[:len(prefix)-1] + openIDPath + "/callback"
}

// baseURL is how the browser reached us: scheme and host.
func (a *API) baseURL(ctx context.Context) string {
	r := requestOf(ctx)
	if a.PublicURL != "" || r == nil {
		return a.PublicURL
	}
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
