package httpapi

import (
	"bytes"
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/consent"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// SuppressionKey names a suppression list in a path.
type SuppressionKey struct {
	List string `path:"list" maxLength:"64" doc:"The list's key"`
}

// SuppressionBody is what is said of a list.
type SuppressionBody struct {
	Name    string `json:"name" minLength:"1" maxLength:"200"`
	Channel string `json:"channel,omitempty" maxLength:"100" doc:"On which its contacts must not be used; left out: on all"`
}

// LookupBody names a contact or a person.
type LookupBody struct {
	consent.SuppressedContact
	Profile string `json:"profile,omitempty" maxLength:"512" doc:"namespace:value or a profile id, instead of a contact: all addresses and numbers of the person"`
}

// contactsChanged is the answer to contacts that came or went.
type contactsChanged struct {
	Applied
	Body pipeline.SuppressionResult
}

// listStored is the answer to a list that was written.
type listStored struct {
	Status int
	Applied
	Body pipeline.SuppressionView
}

func (a *API) suppressionRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: "/suppressions" + path, tag: "privacy", summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("list-suppressions", http.MethodGet, "", "Suppression lists, which hold contacts that must not be used on a channel", access.ScopeRead), a.listSuppressions)
	register(a, at("get-suppression", http.MethodGet, "/{list}", "One suppression list", access.ScopeRead), a.getSuppression)
	put := at("put-suppression", http.MethodPut, "/{list}", "Make a suppression list, or say something else of it", access.ScopeWrite)
	put.also = []int{http.StatusCreated}
	register(a, put, a.putSuppression)
	drop := at("delete-suppression", http.MethodDelete, "/{list}", "Remove a suppression list with all that is on it", access.ScopeWrite)
	drop.status = http.StatusNoContent
	register(a, drop, a.dropSuppression)
	register(a, at("list-suppressed", http.MethodGet, "/{list}/entries", "What is on a list: keyed hashes, from which nobody can be told", access.ScopeRead), a.listSuppressed)
	add := at("suppress", http.MethodPost, "/{list}/entries", "Put contacts on a list: lines of JSON, or CSV with the columns email, phone, email_sha256, phone_sha256", access.ScopeWrite)
	remove := at("unsuppress", http.MethodPost, "/{list}/entries/remove", "Take contacts from a list; the same body", access.ScopeWrite)
	for _, s := range []*spec{&add, &remove} {
		s.body, s.accepts, s.maxBody = consent.SuppressedContact{}, []string{"application/x-ndjson", "text/csv", "text/plain"}, maxContacts
	}
	register(a, add, a.suppress(pipeline.SuppressAdd))
	register(a, remove, a.suppress(pipeline.SuppressRemove))
	register(a, at("lookup-suppressions", http.MethodPost, "/lookup", "Which lists a contact, or a person, is on", access.ScopeRead), a.lookupSuppressions)
}

// maxContacts is bytes of one import: all lines of one call, were all of them
// hashes.
const maxContacts = 32 << 20

func (a *API) listSuppressions(_ context.Context, in *Paging) (*body[List[pipeline.SuppressionView]], error) {
	page, err := pageOf(a.Spine.SuppressionLists(), func(v pipeline.SuppressionView) string { return v.Key }, *in)
	if err != nil {
		return nil, err
	}
	return &body[List[pipeline.SuppressionView]]{listOf(page)}, nil
}

func (a *API) suppressionList(key string) (pipeline.SuppressionView, error) {
	for _, v := range a.Spine.SuppressionLists() {
		if v.Key == key {
			return v, nil
		}
	}
	return pipeline.SuppressionView{}, fault.Errorf(fault.NotFound, "list_not_found", "there is no suppression list %q: PUT /api/v1/suppressions/%s makes one", key, key)
}

func (a *API) getSuppression(_ context.Context, in *SuppressionKey) (*body[pipeline.SuppressionView], error) {
	v, err := a.suppressionList(in.List)
	if err != nil {
		return nil, err
	}
	return &body[pipeline.SuppressionView]{v}, nil
}

func (a *API) putSuppression(ctx context.Context, in *struct {
	SuppressionKey
	Waiting
	Body SuppressionBody
},
) (*listStored, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	made, receipt, err := a.Spine.PutSuppressionList(ctx, consent.SuppressionList{Key: in.List, Name: in.Body.Name, Channel: in.Body.Channel})
	if err != nil {
		return nil, err
	}
	out := &listStored{Status: http.StatusOK}
	if made {
		out.Status = http.StatusCreated
	}
	if out.Body, err = a.suppressionList(in.List); err != nil {
		return nil, err
	}
	out.Applied, err = a.await(ctx, in.Waiting, receipt)
	return out, err
}

func (a *API) dropSuppression(ctx context.Context, in *struct {
	SuppressionKey
	Waiting
},
) (*decided, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	receipt, err := a.Spine.DropSuppressionList(ctx, in.List)
	if err != nil {
		return nil, err
	}
	out := &decided{}
	out.Applied, err = a.await(ctx, in.Waiting, receipt)
	return out, err
}

func (a *API) listSuppressed(_ context.Context, in *struct {
	SuppressionKey
	Paging
},
) (*body[List[pipeline.SuppressionEntry]], error) {
	page, err := a.Spine.Suppressions(in.List, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return &body[List[pipeline.SuppressionEntry]]{listOf(page)}, nil
}

// contactsIn is a call that brings contacts.
type contactsIn struct {
	SuppressionKey
	Waiting
	RawBody []byte
}

func (a *API) suppress(op pipeline.SuppressionOp) func(context.Context, *contactsIn) (*contactsChanged, error) {
	return func(ctx context.Context, in *contactsIn) (*contactsChanged, error) {
		if err := a.waitable(in.Waiting); err != nil {
			return nil, err
		}
		result, receipt, err := a.Spine.Suppress(ctx, in.List, op, bytes.Clone(in.RawBody))
		if err != nil {
			return nil, err
		}
		out := &contactsChanged{Body: result}
		out.Applied, err = a.await(ctx, in.Waiting, receipt)
		return out, err
	}
}

// Lookup says which lists somebody is on.
type Lookup struct {
	Items []pipeline.SuppressedOn `json:"items" nullable:"false"`
}

func (a *API) lookupSuppressions(ctx context.Context, in *struct{ Body LookupBody }) (*body[Lookup], error) {
	found, err := a.Spine.SuppressedOn(ctx, in.Body.Profile, &in.Body.SuppressedContact)
	if err != nil {
		return nil, err
	}
	if found == nil {
		found = []pipeline.SuppressedOn{}
	}
	return &body[Lookup]{Lookup{found}}, nil
}
