package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/pipeline"
)

// KeyBody is what a secret key is made with.
type KeyBody struct {
	Name   string   `json:"name" minLength:"1" maxLength:"200" doc:"For people: what it is used for"`
	Scopes []string `json:"scopes" minItems:"1" maxItems:"3" enum:"read,write,admin" doc:"What it may do; admin holds the others"`
}

// KeyView is a secret key as the API shows it: without the key.
type KeyView struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Hint      string   `json:"hint" doc:"Its last four characters"`
	Scopes    []string `json:"scopes" nullable:"false"`
	CreatedAt string   `json:"created_at" format:"date-time"`
	Secret    string   `json:"secret,omitempty" doc:"The key itself; only in the answer that made it"`
}

func (a *API) keyRoutes() {
	at := func(id, method, path, summary string, status int) spec {
		return spec{id: id, method: method, path: "/keys" + path, tag: "access", summary: summary, scope: access.ScopeAdmin, status: status}
	}
	register(a, at("list-keys", http.MethodGet, "", "The secret keys, without the keys", http.StatusOK), a.listKeys)
	register(a, at("create-key", http.MethodPost, "", "Make a secret key; it is shown this once", http.StatusCreated), a.createKey)
	register(a, at("revoke-key", http.MethodDelete, "/{id}", "Refuse a secret key from now on", http.StatusNoContent), a.revokeKey)
}

func keyView(k access.SecretKey) KeyView {
	return KeyView{ID: k.ID, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, CreatedAt: k.Created}
}

func (a *API) listKeys(_ context.Context, in *Paging) (*body[List[KeyView]], error) {
	page, err := pageOf(a.Access.Index().Document().SecretKeys, func(k access.SecretKey) string { return k.ID }, *in)
	if err != nil {
		return nil, err
	}
	views := pipeline.Page[KeyView]{Next: page.Next}
	for _, k := range page.Items {
		views.Items = append(views.Items, keyView(k))
	}
	return &body[List[KeyView]]{listOf(views)}, nil
}

func (a *API) createKey(ctx context.Context, in *struct {
	Waiting
	Body KeyBody
},
) (*changed[KeyView], error) {
	k, err := a.Access.CreateSecretKey(author(ctx), in.Body.Name, "", in.Body.Scopes)
	if err != nil {
		return nil, err
	}
	v := keyView(k.SecretKey)
	v.Secret = k.Secret
	return &changed[KeyView]{in.done(), v}, nil
}

func (a *API) revokeKey(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
	Waiting
},
) (*decided, error) {
	return &decided{in.done()}, a.Access.RevokeSecretKey(author(ctx), in.ID)
}
