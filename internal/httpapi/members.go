package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// MemberBody is what is said of a member.
type MemberBody struct {
	Name     string        `json:"name" minLength:"1" maxLength:"200"`
	Email    string        `json:"email" minLength:"3" maxLength:"200" doc:"With which they sign in"`
	Roles    []access.Role `json:"roles" minItems:"1" maxItems:"6" doc:"viewer, analyst, marketer, developer, privacy, admin; each adds what it may"`
	Hidden   []string      `json:"hidden_traits,omitempty" maxItems:"200" doc:"Traits that the member never sees"`
	Disabled bool          `json:"disabled,omitempty" doc:"May not sign in; open sessions end"`
}

// MemberView is a member as the API shows them.
type MemberView struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Email     string        `json:"email"`
	Roles     []access.Role `json:"roles" nullable:"false"`
	Hidden    []string      `json:"hidden_traits,omitempty"`
	Disabled  bool          `json:"disabled"`
	Status    string        `json:"status" enum:"invited,active,disabled"`
	OpenID    bool          `json:"openid" doc:"Whether an account at an OpenID provider is theirs"`
	Passkeys  int           `json:"passkeys" doc:"How many they have"`
	CreatedAt string        `json:"created_at" format:"date-time"`
	// Link is only in the answer that made it.
	Link string `json:"link,omitempty" doc:"Where the member sets a password; shown this once, good for a day"`
}

// MemberKey is which member.
type MemberKey struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) memberRoutes() {
	at := func(id, method, path, summary string, status int) spec {
		return spec{id: id, method: method, path: "/members" + path, tag: "access", summary: summary, scope: access.ScopeAdmin, status: status}
	}
	register(a, at("list-members", http.MethodGet, "", "Who may sign in", http.StatusOK), a.listStaff)
	register(a, at("invite-member", http.MethodPost, "", "Invite somebody: the answer holds the link with which they set a password", http.StatusCreated), a.inviteMember)
	register(a, at("get-member", http.MethodGet, "/{id}", "One member", http.StatusOK), a.getMember)
	register(a, at("put-member", http.MethodPut, "/{id}", "Change name, address, roles and what is hidden", http.StatusOK), a.putMember)
	register(a, at("drop-member", http.MethodDelete, "/{id}", "Take a member away; their sessions end", http.StatusNoContent), a.dropMember)
	register(a, at("drop-member-openid", http.MethodDelete, "/{id}/openid", "Part a member from their account at the OpenID provider; sessions that are open stay", http.StatusNoContent), a.dropMemberOpenID)
	register(a, at("drop-member-passkeys", http.MethodDelete, "/{id}/passkeys", "Take all passkeys of a member away, of a device that was lost for instance; sessions that are open stay", http.StatusNoContent), a.dropMemberPasskeys)
	register(a, at("link-member", http.MethodPost, "/{id}/link", "A new link for somebody who forgot their password", http.StatusOK), a.linkMember)
}

func (a *API) memberView(m *access.Member) MemberView {
	v := MemberView{
		ID: m.ID, Name: m.Name, Email: m.Email, Roles: m.Roles, Hidden: m.Hidden, Disabled: m.Disabled, Status: "active", CreatedAt: m.Created,
		OpenID: len(m.Identities) > 0, Passkeys: len(m.Passkeys),
	}
	switch {
	case m.Disabled:
		v.Status = "disabled"
	case !m.CanSignIn():
		v.Status = "invited"
	}
	return v
}

func (a *API) listStaff(_ context.Context, in *Paging) (*body[List[MemberView]], error) {
	page, err := pageOf(a.Access.Index().Document().Members, func(m access.Member) string { return m.ID }, *in)
	if err != nil {
		return nil, err
	}
	views := pipeline.Page[MemberView]{Next: page.Next}
	for _, m := range page.Items {
		views.Items = append(views.Items, a.memberView(&m))
	}
	return &body[List[MemberView]]{listOf(views)}, nil
}

func (b *MemberBody) member(id string) access.Member {
	return access.Member{ID: id, Name: b.Name, Email: b.Email, Roles: b.Roles, Hidden: b.Hidden, Disabled: b.Disabled}
}

func (a *API) inviteMember(ctx context.Context, in *struct{ Body MemberBody }) (*body[MemberView], error) {
	m, token, err := a.Access.PutMember(author(ctx), in.Body.member(""))
	if err != nil {
		return nil, err
	}
	v := a.memberView(&m)
	v.Link = access.WelcomePath + token
	return &body[MemberView]{v}, nil
}

func (a *API) getMember(_ context.Context, in *MemberKey) (*body[MemberView], error) {
	m := a.Access.Index().Member(in.ID)
	if m == nil {
		return nil, fault.Errorf(fault.NotFound, "unknown_member", "no member %q: list the members to see who there is", in.ID)
	}
	return &body[MemberView]{a.memberView(m)}, nil
}

func (a *API) putMember(ctx context.Context, in *struct {
	MemberKey
	Body MemberBody
},
) (*body[MemberView], error) {
	m, _, err := a.Access.PutMember(author(ctx), in.Body.member(in.ID))
	if err != nil {
		return nil, err
	}
	if m.Disabled {
		if err := a.Sessions.EndMember(m.ID); err != nil {
			return nil, err
		}
	}
	return &body[MemberView]{a.memberView(&m)}, nil
}

func (a *API) dropMember(ctx context.Context, in *MemberKey) (*struct{}, error) {
	if err := a.Access.DropMember(author(ctx), in.ID); err != nil {
		return nil, err
	}
	if err := a.Views.Sweep(); err != nil {
		return nil, err
	}
	return nil, a.Sessions.EndMember(in.ID)
}

func (a *API) linkMember(ctx context.Context, in *MemberKey) (*body[MemberView], error) {
	token, m, err := a.Access.MemberLink(author(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	v := a.memberView(&m)
	v.Link = access.WelcomePath + token
	return &body[MemberView]{v}, nil
}
