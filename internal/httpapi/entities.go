package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/pipeline"
)

// noun is a kind of entity in the API.
type noun struct {
	kind     catalog.Kind
	one      string // in operation ids
	many     string
	path     string
	document any // values of the types of its document and of what is
	body     any // written of it, for the OpenAPI
}

// EntityID names an entity in a path.
type EntityID struct {
	ID string `path:"id" maxLength:"2048" doc:"The entity's own id, percent-encoded"`
}

// Conditions are the headers of a conditional write.
type Conditions struct {
	IfMatch        string `header:"If-Match" maxLength:"512" doc:"Write only if the entity has this ETag"`
	IfNoneMatch    string `header:"If-None-Match" maxLength:"512" doc:"*: write only if there is no such entity"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same body is answered the same and done once"`
}

// written is the answer to a write of an entity.
type written struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Applied
	Body any
}

// read is the answer to a read of an entity.
type read struct {
	Status int
	ETag   string `header:"ETag"`
	Body   any
}

func nouns() []noun {
	return []noun{
		{catalog.Order, "order", "orders", "/orders", catalog.OrderView{}, OrderBody{}},
		{catalog.Cart, "cart", "carts", "/carts", catalog.CartView{}, CartBody{}},
		{catalog.Item, "item", "items", "/catalog/items", catalog.ItemView{}, ItemBody{}},
		{catalog.Account, "account", "accounts", "/accounts", catalog.AccountView{}, AccountBody{}},
	}
}

func (a *API) entityRoutes() {
	for _, n := range nouns() {
		at := func(id, method, path, summary string) spec {
			s := spec{id: id, method: method, path: n.path + path, tag: "entities", summary: summary, scope: access.ScopeWrite, status: http.StatusOK, returns: n.document}
			if method == http.MethodGet {
				s.scope = access.ScopeRead
			}
			return s
		}
		list := at("list-"+n.many, http.MethodGet, "", "All "+n.many)
		list.returns = nil
		register(a, list, func(ctx context.Context, in *Paging) (*body[List[any]], error) {
			return a.listEntities(ctx, n.kind, in)
		})

		one := at("get-"+n.one, http.MethodGet, "/{id}", "One "+n.one)
		one.also = []int{http.StatusNotModified}
		register(a, one, func(ctx context.Context, in *entityQuestion) (*read, error) { return a.getEntity(ctx, n.kind, in) })

		put := at("put-"+n.one, http.MethodPut, "/{id}", "Make or replace the "+n.one)
		put.body, put.also = n.body, []int{http.StatusCreated}
		register(a, put, a.change(n, catalog.Put))

		patch := at("patch-"+n.one, http.MethodPatch, "/{id}", "Change fields of the "+n.one+" (merge patch, RFC 7396)")
		patch.body = n.body
		register(a, patch, a.change(n, catalog.Merge))

		remove := at("delete-"+n.one, http.MethodDelete, "/{id}", "Remove the "+n.one)
		remove.status, remove.returns = http.StatusNoContent, nil
		register(a, remove, a.deleteEntity(n))
	}
}

func (a *API) listEntities(ctx context.Context, kind catalog.Kind, in *Paging) (*body[List[any]], error) {
	page, err := a.Spine.Entities(ctx, kind, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return &body[List[any]]{listOf(viewsOf(page))}, nil
}

type entityQuestion struct {
	EntityID
	IfNoneMatch string `header:"If-None-Match" doc:"Answer 304 if the entity still has this ETag"`
}

func (a *API) getEntity(ctx context.Context, kind catalog.Kind, in *entityQuestion) (*read, error) {
	s, err := a.Spine.Entity(ctx, kind, in.ID)
	if err != nil {
		return nil, err
	}
	out := &read{Status: http.StatusOK, ETag: s.ETag, Body: s.View}
	if matches(in.IfNoneMatch, s.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

// matches tells whether a header of entity tags names one; weak marks do not
// matter in a comparison for a read.
func matches(header, etag string) bool {
	if header == "" {
		return false
	}
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for part := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(part), "W/") == etag {
			return true
		}
	}
	return false
}

type entityChange struct {
	EntityID
	Conditions
	Waiting
	RawBody []byte
}

func (a *API) change(n noun, op catalog.Op) func(context.Context, *entityChange) (*written, error) {
	return func(ctx context.Context, in *entityChange) (*written, error) {
		return a.command(ctx, n, in.Waiting, pipeline.Command{
			Kind: n.kind, ID: in.ID, Op: op, Body: append([]byte(nil), in.RawBody...),
			IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IdempotencyKey: in.IdempotencyKey,
		})
	}
}

type entityRemoval struct {
	EntityID
	Conditions
	Waiting
}

type removed struct {
	Applied
}

func (a *API) deleteEntity(n noun) func(context.Context, *entityRemoval) (*removed, error) {
	return func(ctx context.Context, in *entityRemoval) (*removed, error) {
		out, err := a.command(ctx, n, in.Waiting, pipeline.Command{
			Kind: n.kind, ID: in.ID, Op: catalog.Delete,
			IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IdempotencyKey: in.IdempotencyKey,
		})
		if err != nil {
			return nil, err
		}
		return &removed{out.Applied}, nil
	}
}

// command has the pipeline decide, and waits where it was asked for.
func (a *API) command(ctx context.Context, n noun, w Waiting, c pipeline.Command) (*written, error) {
	if err := a.waitable(w); err != nil {
		return nil, err
	}
	c.Source, c.Received = Source, a.Clock.Now()
	if in := insiderOf(ctx); in != nil {
		c.Source = in.source
	}
	outcome, err := a.Spine.Change(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &written{Status: http.StatusOK, ETag: outcome.ETag, Body: outcome.View}
	if outcome.Created {
		out.Status = http.StatusCreated
		out.Location = prefix[:len(prefix)-1] + n.path + "/" + url.PathEscape(c.ID)
	}
	out.Applied, err = a.await(ctx, w, outcome.Receipt)
	return out, err
}

// Source is the source of what comes through this API.
const Source = "api"
