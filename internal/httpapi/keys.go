package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/quota"
)

// KeyBody is what a secret key is made with.
type KeyBody struct {
	Name      string         `json:"name" minLength:"1" maxLength:"200" doc:"For people: what it is used for"`
	Scopes    []string       `json:"scopes" minItems:"1" maxItems:"3" enum:"read,write,admin" doc:"What it may do; admin holds the others"`
	ExpiresAt string         `json:"expires_at,omitempty" format:"date-time" doc:"When it ends; left out: never"`
	Networks  []string       `json:"networks,omitempty" maxItems:"100" doc:"Addresses or networks (CIDR) that may use it; left out: any"`
	Limits    *access.Limits `json:"limits,omitempty" doc:"How many requests may come with it; left out: any"`
}

// RotateBody is how a key gives way to another.
type RotateBody struct {
	Overlap string `json:"overlap,omitempty" maxLength:"20" doc:"How long the old key stays good, such as 24h; left out: a day, at most 90 days"`
}

// KeyView is a secret key as the API shows it: without the key.
type KeyView struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Hint      string          `json:"hint" doc:"Its last four characters"`
	Scopes    []string        `json:"scopes" nullable:"false"`
	CreatedAt string          `json:"created_at" format:"date-time"`
	ExpiresAt string          `json:"expires_at,omitempty" format:"date-time"`
	Networks  []string        `json:"networks,omitempty"`
	Limits    *access.Limits  `json:"limits,omitempty" doc:"How many requests may come with it"`
	Used      *quota.LimitUse `json:"use,omitempty" doc:"How much of the limits is used; left out: it has none"`
	LastUsed  string          `json:"last_used_at,omitempty" format:"date-time" doc:"To the minute; left out: never, as far as is known"`
	Secret    string          `json:"secret,omitempty" doc:"The key itself; only in the answer that made it"`
}

func (a *API) keyRoutes() {
	at := func(id, method, path, summary string, status int) spec {
		return spec{id: id, method: method, path: "/keys" + path, tag: "access", summary: summary, scope: access.ScopeAdmin, status: status}
	}
	register(a, at("list-keys", http.MethodGet, "", "The secret keys, without the keys", http.StatusOK), a.listKeys)
	register(a, at("create-key", http.MethodPost, "", "Make a secret key; it is shown this once", http.StatusCreated), a.createKey)
	register(a, at("rotate-key", http.MethodPost, "/{id}/rotate", "Make a key with the same terms, shown this once; the old one ends after the overlap", http.StatusCreated), a.rotateKey)
	register(a, at("revoke-key", http.MethodDelete, "/{id}", "Refuse a secret key from now on", http.StatusNoContent), a.revokeKey)
}

func (a *API) keyView(k access.SecretKey) KeyView {
	v := KeyView{
		ID: k.ID, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, CreatedAt: k.Created, ExpiresAt: k.Expires, Networks: k.Networks,
		Limits: k.Limits, LastUsed: a.Access.LastUse(k.ID).String(),
	}
	if use, ok := a.Quota.Key(k.ID, ""); ok {
		v.Used = &use
	}
	return v
}

func (a *API) listKeys(_ context.Context, in *Paging) (*body[List[KeyView]], error) {
	page, err := pageOf(a.Access.Index().Document().SecretKeys, func(k access.SecretKey) string { return k.ID }, *in)
	if err != nil {
		return nil, err
	}
	views := pipeline.Page[KeyView]{Next: page.Next}
	for _, k := range page.Items {
		views.Items = append(views.Items, a.keyView(k))
	}
	return &body[List[KeyView]]{listOf(views)}, nil
}

func (a *API) createKey(ctx context.Context, in *struct {
	Waiting
	Body KeyBody
},
) (*changed[KeyView], error) {
	terms := access.KeyTerms{Name: in.Body.Name, Scopes: in.Body.Scopes, Networks: in.Body.Networks, Limits: in.Body.Limits}
	if err := terms.Expires.UnmarshalText([]byte(in.Body.ExpiresAt)); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_time", "%q is no time: give RFC 3339, such as 2027-01-01T00:00:00Z", in.Body.ExpiresAt).At("/expires_at")
	}
	k, err := a.Access.CreateSecretKey(author(ctx), "", terms)
	if err != nil {
		return nil, err
	}
	return &changed[KeyView]{in.done(), a.newKeyView(k)}, nil
}

func (a *API) newKeyView(k access.NewKey) KeyView {
	v := a.keyView(k.SecretKey)
	v.Secret = k.Secret
	return v
}

func (a *API) rotateKey(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
	Waiting
	Body RotateBody
},
) (*changed[KeyView], error) {
	overlap, err := time.ParseDuration(cmp.Or(in.Body.Overlap, "24h"))
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_duration", "%q is no duration: give one such as 24h", in.Body.Overlap).At("/overlap")
	}
	k, err := a.Access.RotateSecretKey(author(ctx), in.ID, overlap)
	if err != nil {
		return nil, err
	}
	return &changed[KeyView]{in.done(), a.newKeyView(k)}, nil
}

func (a *API) revokeKey(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
	Waiting
},
) (*decided, error) {
	return &decided{in.done()}, a.Access.RevokeSecretKey(author(ctx), in.ID)
}
