package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/access/passkey"
	"rapport/internal/fault"
)

// The purposes of tickets.
const (
	ticketMakes = "make a passkey"
	ticketShows = "show a passkey"
)

// CeremonyView is what the browser is asked for.
type CeremonyView struct {
	Ticket  string          `json:"ticket" doc:"Comes back with the answer"`
	Options json.RawMessage `json:"options" doc:"For navigator.credentials, with binary parts as base64url"`
}

// NewPasskeyBody is a passkey that was made.
type NewPasskeyBody struct {
	Ticket     string          `json:"ticket" maxLength:"8000"`
	Name       string          `json:"name,omitempty" maxLength:"200" doc:"What the member calls it"`
	Credential json.RawMessage `json:"credential" doc:"What navigator.credentials.create gave, as toJSON writes it"`
}

// PasskeySignInBody is a passkey that is shown.
type PasskeySignInBody struct {
	Ticket     string          `json:"ticket" maxLength:"8000"`
	Credential json.RawMessage `json:"credential" doc:"What navigator.credentials.get gave, as toJSON writes it"`
}

// PasskeyView is a passkey as its member sees it.
type PasskeyView struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Syncs     bool   `json:"syncs" doc:"Whether it may be on several devices of the member"`
	Here      bool   `json:"here" doc:"Whether it was made for the host that is asked"`
	CreatedAt string `json:"created_at" format:"date-time"`
	LastUsed  string `json:"last_used_at,omitempty" format:"date-time"`
}

// PasskeyKey is which passkey.
type PasskeyKey struct {
	ID string `path:"id" maxLength:"64"`
}

// PasskeyName is what a passkey is called.
type PasskeyName struct {
	Name string `json:"name" minLength:"1" maxLength:"200"`
}

// makingNote and showingNote are what tickets hold.
type makingNote struct {
	Member  string          `json:"member"`
	Base    string          `json:"base"`
	Session json.RawMessage `json:"session"`
}

type showingNote struct {
	Base    string          `json:"base"`
	Session json.RawMessage `json:"session"`
}

func (a *API) passkeyRoutes() {
	at := func(id, method, path, summary string, status int) spec {
		return spec{id: id, method: method, path: sessionPath + path, tag: "self", summary: summary, status: status, data: impersonal}
	}
	ask := at("begin-passkey-sign-in", http.MethodPost, "/passkey/begin", "Ask for a passkey to sign in with", http.StatusOK)
	ask.open = true
	register(a, ask, a.askPasskey)
	show := at("sign-in-passkey", http.MethodPost, "/passkey", "Sign in with a passkey; the session is in the cookie", http.StatusOK)
	show.open = true
	register(a, show, a.signInPasskey)
	list := at("list-passkeys", http.MethodGet, "/passkeys", "The own passkeys", http.StatusOK)
	list.scope = access.ScopeRead
	register(a, list, a.listPasskeys)
	begin := at("begin-passkey", http.MethodPost, "/passkeys/begin", "Ask for a new passkey", http.StatusOK)
	begin.scope = access.ScopeWrite
	register(a, begin, a.beginPasskey)
	add := at("add-passkey", http.MethodPost, "/passkeys", "Keep a passkey that was made", http.StatusCreated)
	add.scope = access.ScopeWrite
	register(a, add, a.addPasskey)
	name := at("name-passkey", http.MethodPut, "/passkeys/{id}", "Call a passkey something else", http.StatusOK)
	name.scope = access.ScopeWrite
	register(a, name, a.namePasskey)
	drop := at("drop-passkey", http.MethodDelete, "/passkeys/{id}", "Take an own passkey away", http.StatusNoContent)
	drop.scope = access.ScopeWrite
	register(a, drop, a.dropPasskey)
}

// party is who asks for passkeys: the host by which the browser came.
func (a *API) party(base string) (passkey.Party, error) {
	p, ok := passkey.At(base)
	if !ok {
		return p, fault.Errorf(fault.Conflict, "no_passkeys", "browsers know no passkeys for %s: reach the instance by a name over https, and set http.public_url to it", base)
	}
	return p, nil
}

func (a *API) askPasskey(ctx context.Context, _ *struct{}) (*body[CeremonyView], error) {
	base := a.baseURL(ctx)
	p, err := a.party(base)
	if err != nil {
		return nil, err
	}
	c, err := p.BeginShowing()
	if err != nil {
		return nil, err
	}
	return a.ceremony(ticketShows, showingNote{base, c.Session}, c.Options)
}

func (a *API) ceremony(purpose string, note any, options json.RawMessage) (*body[CeremonyView], error) {
	ticket, err := a.Tickets.Give(purpose, note)
	if err != nil {
		return nil, err
	}
	return &body[CeremonyView]{CeremonyView{ticket, options}}, nil
}

func (a *API) signInPasskey(ctx context.Context, in *struct{ Body PasskeySignInBody }) (*sessionAnswer, error) {
	m, err := a.shown(ctx, &in.Body)
	if err != nil {
		a.noteSession(ctx, "unknown", "refused-sign-in", "")
		return nil, err
	}
	token, err := a.Sessions.BeginVia(m.ID, access.ViaPasskey)
	if err != nil {
		return nil, err
	}
	a.noteSession(ctx, m.ID, "sign-in-passkey", "")
	return a.begun(ctx, token, m)
}

// shown tells whose passkey was shown, and notes its use.
func (a *API) shown(ctx context.Context, in *PasskeySignInBody) (*access.Member, error) {
	var note showingNote
	ticket, err := a.Tickets.Read(ticketShows, in.Ticket, &note)
	if err != nil {
		return nil, err
	}
	p, err := a.party(note.Base)
	if err != nil {
		return nil, err
	}
	shown, err := p.FinishShowing(note.Session, in.Credential, func(id string) *passkey.User {
		m := a.Access.Index().Member(id)
		if m == nil || m.Disabled || m.ID != id {
			return nil
		}
		u := a.passkeyUser(m)
		return &u
	})
	if err != nil {
		a.Log.Info("a passkey was refused", "error", err)
		return nil, err
	}
	if err := ticket.Spend(); err != nil {
		return nil, err
	}
	m := a.Access.Index().Member(shown.User)
	if m == nil || m.Disabled {
		return nil, fault.Errorf(fault.Forbidden, "member_blocked", "your account is switched off: ask an admin to switch it on")
	}
	id := base64.RawURLEncoding.EncodeToString(shown.Key)
	for i := range m.Passkeys {
		if m.Passkeys[i].ID == id {
			return m, a.Access.UsePasskey(&m.Passkeys[i], shown.Count)
		}
	}
	return nil, fault.Errorf(fault.Unauthenticated, "wrong_passkey", "this passkey was taken away: choose another one, or sign in with address and password")
}

func (a *API) passkeyUser(m *access.Member) passkey.User {
	u := passkey.User{ID: m.ID, Name: m.Name, Email: m.Email}
	for _, k := range m.Passkeys {
		id, err := base64.RawURLEncoding.DecodeString(k.ID)
		public, err2 := base64.RawURLEncoding.DecodeString(k.Public)
		if err != nil || err2 != nil {
			continue // it fits nothing
		}
		u.Keys = append(u.Keys, passkey.Key{ID: id, Public: public, Party: k.Party, Transports: k.Transports, Syncs: k.Syncs})
	}
	return u
}

func (a *API) passkeyView(ctx context.Context, k *access.Passkey) PasskeyView {
	p, _ := passkey.At(a.baseURL(ctx))
	v := PasskeyView{ID: k.Ref(), Name: k.Name, Syncs: k.Syncs, Here: k.Party == p.ID(), CreatedAt: k.Created}
	if use := a.Access.PasskeyUsed(k.ID); use.Last != 0 {
		v.LastUsed = use.Last.String()
	}
	return v
}

func (a *API) listPasskeys(ctx context.Context, in *Paging) (*body[List[PasskeyView]], error) {
	page, err := pageOf(principal(ctx).Member.Passkeys, func(k access.Passkey) string { return k.Created + k.Ref() }, *in)
	if err != nil {
		return nil, err
	}
	out := List[PasskeyView]{Items: []PasskeyView{}}
	for i := range page.Items {
		out.Items = append(out.Items, a.passkeyView(ctx, &page.Items[i]))
	}
	if page.Next != "" {
		out.Next = &page.Next
	}
	return &body[List[PasskeyView]]{out}, nil
}

func (a *API) beginPasskey(ctx context.Context, _ *struct{}) (*body[CeremonyView], error) {
	base, m := a.baseURL(ctx), principal(ctx).Member
	if !a.Sessions.Fresh(tokenOf(ctx)) {
		return nil, fault.Errorf(fault.Forbidden, "sign_in_again", "a new passkey needs a sign-in of the last %d minutes: sign out, sign in again and make it then", int(access.FreshFor.Minutes()))
	}
	p, err := a.party(base)
	if err != nil {
		return nil, err
	}
	c, err := p.BeginMaking(a.passkeyUser(m))
	if err != nil {
		return nil, err
	}
	return a.ceremony(ticketMakes, makingNote{m.ID, base, c.Session}, c.Options)
}

func (a *API) addPasskey(ctx context.Context, in *struct{ Body NewPasskeyBody }) (*body[PasskeyView], error) {
	m := principal(ctx).Member
	var note makingNote
	ticket, err := a.Tickets.Read(ticketMakes, in.Body.Ticket, &note)
	if err != nil {
		return nil, err
	}
	if note.Member != m.ID {
		return nil, fault.Errorf(fault.Forbidden, "sign_in_over", "this passkey was made for another member: begin again")
	}
	p, err := a.party(note.Base)
	if err != nil {
		return nil, err
	}
	made, err := p.FinishMaking(a.passkeyUser(m), note.Session, in.Body.Credential)
	if err != nil {
		a.Log.Info("a new passkey was refused", "error", err)
		f := fault.Errorf(fault.Invalid, "invalid_passkey", "the passkey is not one that can be kept: make another one, on a device that asks for a finger, a face or a PIN")
		return nil, f.At("/credential")
	}
	if err := ticket.Spend(); err != nil {
		return nil, err
	}
	b64 := base64.RawURLEncoding
	k, err := a.Access.AddPasskey(m.ID, access.Passkey{
		ID: b64.EncodeToString(made.ID), Public: b64.EncodeToString(made.Public), Party: made.Party, Name: cmp.Or(in.Body.Name, "Passkey"),
		Transports: made.Transports, Syncs: made.Syncs, Count: made.Count,
	})
	if err != nil {
		return nil, err
	}
	return &body[PasskeyView]{a.passkeyView(ctx, &k)}, nil
}

func (a *API) namePasskey(ctx context.Context, in *struct {
	PasskeyKey
	Body PasskeyName
},
) (*body[PasskeyView], error) {
	k, err := a.Access.NamePasskey(principal(ctx).Member.ID, in.ID, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &body[PasskeyView]{a.passkeyView(ctx, &k)}, nil
}

func (a *API) dropPasskey(ctx context.Context, in *PasskeyKey) (*struct{}, error) {
	return nil, a.Access.DropPasskey(principal(ctx).Member.ID, in.ID)
}

func (a *API) dropMemberPasskeys(ctx context.Context, in *MemberKey) (*struct{}, error) {
	return nil, a.Access.DropPasskeys(author(ctx), in.ID)
}
