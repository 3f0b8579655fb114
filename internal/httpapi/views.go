package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// SavedViewBody is what is said of a saved view.
type SavedViewBody struct {
	Name   string            `json:"name" minLength:"1" maxLength:"100"`
	Screen string            `json:"screen" enum:"people,segments,live,dead-letters" doc:"Of which list"`
	Search map[string]string `json:"search" doc:"What of the list's address says what is shown: segment of people, q of segments, source and outcome of live, reason and source of dead-letters"`
	Shared bool              `json:"shared,omitempty" doc:"Everybody sees it"`
}

// SavedView is a saved view as the API shows it.
type SavedView struct {
	ID string `json:"id"`
	SavedViewBody
	Mine      bool   `json:"mine"`
	Owner     string `json:"owner,omitempty" doc:"Name of who made it; left out where they are gone"`
	CreatedAt string `json:"created_at" format:"date-time"`
}

// ViewID names a saved view in a path.
type ViewID struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) viewRoutes() {
	at := func(id, method, path, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: sessionPath + "/views" + path, tag: "self", summary: summary, scope: scope, status: status, data: impersonal}
	}
	register(a, at("list-views", http.MethodGet, "", "The saved views of a list: the own ones, and those that are shared", access.ScopeRead, http.StatusOK), a.listViews)
	register(a, at("create-view", http.MethodPost, "", "Save a view of a list", access.ScopeWrite, http.StatusCreated), a.createView)
	register(a, at("put-view", http.MethodPut, "/{id}", "Change a saved view", access.ScopeWrite, http.StatusOK), a.putView)
	register(a, at("drop-view", http.MethodDelete, "/{id}", "Take a saved view away", access.ScopeWrite, http.StatusNoContent), a.dropView)
}

func (a *API) viewOf(ctx context.Context, w access.View) SavedView {
	out := SavedView{ID: w.ID, SavedViewBody: SavedViewBody{w.Name, w.Screen, w.Search, w.Shared}, Mine: w.Owner == principal(ctx).ID, CreatedAt: w.Created}
	if m := a.Access.Index().Member(w.Owner); m != nil {
		out.Owner = m.Name
	}
	return out
}

func (a *API) listViews(ctx context.Context, in *struct {
	Screen string `query:"screen" required:"true" enum:"people,segments,live,dead-letters"`
	Paging
},
) (*body[List[SavedView]], error) {
	all, err := a.Views.Of(principal(ctx).ID, in.Screen)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(all, access.View.Order, in.Paging)
	if err != nil {
		return nil, err
	}
	out := pipeline.Page[SavedView]{Next: page.Next}
	for _, w := range page.Items {
		out.Items = append(out.Items, a.viewOf(ctx, w))
	}
	return &body[List[SavedView]]{listOf(out)}, nil
}

// keepView writes a view. Views are part of what is kept, so an instance that is
// read-only takes none, though they are about who signed in.
func (a *API) keepView(ctx context.Context, id string, b SavedViewBody) (*body[SavedView], error) {
	if err := a.changeable(); err != nil {
		return nil, err
	}
	w, err := a.Views.Put(principal(ctx).Member, access.View{ID: id, Name: b.Name, Screen: b.Screen, Search: b.Search, Shared: b.Shared})
	return &body[SavedView]{a.viewOf(ctx, w)}, err
}

func (a *API) changeable() error {
	if a.ReadOnly {
		return fault.Errorf(fault.Unavailable, "read_only", "the instance is read-only for now: nothing can be changed until the setting read_only is taken away")
	}
	return nil
}

func (a *API) createView(ctx context.Context, in *struct{ Body SavedViewBody }) (*body[SavedView], error) {
	return a.keepView(ctx, "", in.Body)
}

func (a *API) putView(ctx context.Context, in *struct {
	ViewID
	Body SavedViewBody
},
) (*body[SavedView], error) {
	return a.keepView(ctx, in.ID, in.Body)
}

func (a *API) dropView(ctx context.Context, in *ViewID) (*struct{}, error) {
	if err := a.changeable(); err != nil {
		return nil, err
	}
	return nil, a.Views.Drop(principal(ctx).Member, in.ID)
}
