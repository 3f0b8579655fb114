package httpapi

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/catalog/declared"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// ObjectBody is what is written of an entity of a declared type.
type ObjectBody struct {
	ID       string            `json:"id,omitempty" doc:"If given, that of the address"`
	Customer *event.Identifier `json:"customer,omitempty" doc:"Whose it is; also as a text, namespace:value"`
	Fields   map[string]any    `json:"fields,omitempty" doc:"As the type declares them; null in a patch takes one away"`
}

// ObjectType names a declared type in a path.
type ObjectType struct {
	Type string `path:"type" maxLength:"64" doc:"The key of an entity type, such as ticket"`
}

// objectNoun is one address under which entities of declared types are: of any
// type, or of one.
type objectNoun struct {
	one, many, path string
	kind            string // the type; empty: the path names it
}

func objectNouns() []objectNoun {
	return []objectNoun{
		{"entity", "entities", "/entities/{type}", ""},
		{"ticket", "tickets", "/tickets", "ticket"},
		{"subscription", "subscriptions", "/subscriptions", "subscription"},
	}
}

func (a *API) objectRoutes() {
	for _, n := range objectNouns() {
		at := func(id, method, path, summary string) spec {
			s := spec{id: id, method: method, path: n.path + path, tag: "entities", summary: summary, scope: access.ScopeWrite, status: http.StatusOK, returns: catalog.ObjectView{}}
			if method == http.MethodGet {
				s.scope = access.ScopeRead
			}
			return s
		}
		list := at("list-"+n.many, http.MethodGet, "", "All "+n.many)
		list.returns = List[catalog.ObjectView]{}
		one := at("get-"+n.one, http.MethodGet, "/{id}", "One "+n.one)
		one.also = []int{http.StatusNotModified}
		put := at("put-"+n.one, http.MethodPut, "/{id}", "Make or replace the "+n.one)
		put.body, put.also = ObjectBody{}, []int{http.StatusCreated}
		patch := at("patch-"+n.one, http.MethodPatch, "/{id}", "Change fields of the "+n.one+" (merge patch, RFC 7396)")
		patch.body = ObjectBody{}
		remove := at("delete-"+n.one, http.MethodDelete, "/{id}", "Remove the "+n.one)
		remove.status, remove.returns = http.StatusNoContent, nil
		if n.kind == "" {
			a.anyObjects(n, list, one, remove)
		} else {
			a.oneKind(n, list, one, remove)
		}
		specs := map[catalog.Op]spec{catalog.Put: put, catalog.Merge: patch}
		for _, op := range [...]catalog.Op{catalog.Put, catalog.Merge} {
			s := specs[op]
			if n.kind == "" {
				register(a, s, func(ctx context.Context, in *typedChange) (*written, error) {
					return a.writeObject(ctx, n, in.Type, op, in.entity())
				})
			} else {
				register(a, s, func(ctx context.Context, in *entityChange) (*written, error) {
					return a.writeObject(ctx, n, n.kind, op, in)
				})
			}
		}
	}
}

type typedChange struct {
	ObjectType
	EntityID
	Conditions
	Waiting
	RawBody []byte
}

func (c *typedChange) entity() *entityChange {
	return &entityChange{c.EntityID, c.Conditions, c.Waiting, c.RawBody}
}

// anyObjects are the routes whose path tells the type.
func (a *API) anyObjects(n objectNoun, list, one, remove spec) {
	register(a, list, func(ctx context.Context, in *struct {
		ObjectType
		Paging
	},
	) (*body[List[any]], error) {
		return a.listObjects(ctx, in.Type, in.Paging)
	})
	register(a, one, func(ctx context.Context, in *struct {
		ObjectType
		EntityID
		IfNoneMatch string `header:"If-None-Match" doc:"Answer 304 if the entity still has this ETag"`
	},
	) (*read, error) {
		return a.getObject(ctx, in.Type, entityQuestion{in.EntityID, in.IfNoneMatch})
	})
	register(a, remove, func(ctx context.Context, in *struct {
		ObjectType
		EntityID
		Conditions
		Waiting
	},
	) (*removed, error) {
		return a.removeObject(ctx, n, in.Type, &entityChange{in.EntityID, in.Conditions, in.Waiting, nil})
	})
}

// oneKind are the routes of one type.
func (a *API) oneKind(n objectNoun, list, one, remove spec) {
	register(a, list, func(ctx context.Context, in *Paging) (*body[List[any]], error) {
		return a.listObjects(ctx, n.kind, *in)
	})
	register(a, one, func(ctx context.Context, in *entityQuestion) (*read, error) { return a.getObject(ctx, n.kind, *in) })
	register(a, remove, func(ctx context.Context, in *entityRemoval) (*removed, error) {
		return a.removeObject(ctx, n, n.kind, &entityChange{in.EntityID, in.Conditions, in.Waiting, nil})
	})
}

func (a *API) getObject(ctx context.Context, kind string, in entityQuestion) (*read, error) {
	in.ID = catalog.ObjectID(kind, in.ID)
	return a.getEntity(ctx, catalog.Object, &in)
}

func (a *API) removeObject(ctx context.Context, n objectNoun, kind string, in *entityChange) (*removed, error) {
	out, err := a.writeObject(ctx, n, kind, catalog.Delete, in)
	if err != nil {
		return nil, err
	}
	return &removed{out.Applied}, nil
}

// objectType gives the live type of a key, or the one that every instance has.
func (a *API) objectType(ctx context.Context, key string) (*declared.Type, error) {
	if v := a.Spine.Definitions().Get(definition.EntityType, key).Live(); v != nil {
		d, err := a.Spine.Definition(ctx, definition.EntityType, key, v.Version)
		if err != nil {
			return nil, err
		}
		return declared.Parse(key, d.Document)
	}
	if t := declared.BuiltIn(key); t != nil {
		return t, nil
	}
	return nil, fault.Errorf(fault.NotFound, "unknown_entity_type", "there is no entity type %q that is live: PUT %sentity-types/%s declares one", key, prefix, url.PathEscape(key))
}

func (a *API) listObjects(ctx context.Context, kind string, in Paging) (*body[List[any]], error) {
	if _, err := a.objectType(ctx, kind); err != nil {
		return nil, err
	}
	page, err := a.Spine.Objects(ctx, kind, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return &body[List[any]]{listOf(viewsOf(page))}, nil
}

func viewsOf(page pipeline.Page[pipeline.Stored]) pipeline.Page[any] {
	views := pipeline.Page[any]{Items: make([]any, len(page.Items)), Next: page.Next}
	for i, s := range page.Items {
		views.Items[i] = s.View
	}
	return views
}

func (a *API) writeObject(ctx context.Context, n objectNoun, kind string, op catalog.Op, in *entityChange) (*written, error) {
	t, err := a.objectType(ctx, kind)
	if err != nil {
		return nil, err
	}
	if in.ID == "" {
		return nil, fault.Errorf(fault.Invalid, "invalid_id", "id: it is empty: name the entity").At("id")
	}
	if op != catalog.Delete {
		if err := t.Check(in.RawBody, op == catalog.Merge); err != nil {
			return nil, err
		}
	}
	c := pipeline.Command{
		Kind: catalog.Object, ID: catalog.ObjectID(kind, in.ID), Op: op, Body: append([]byte(nil), in.RawBody...),
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IdempotencyKey: in.IdempotencyKey,
	}
	if !t.Document.Silent {
		c.Tell = func(told pipeline.Told) (*pipeline.Arrival, error) { return a.tellObject(t, in.ID, told) }
	}
	out, err := a.command(ctx, noun{kind: catalog.Object}, in.Waiting, c)
	if err != nil {
		return nil, err
	}
	if out.Status == http.StatusCreated {
		path := n.path
		if n.kind == "" {
			path = "/entities/" + kind
		}
		out.Location = prefix[:len(prefix)-1] + path + "/" + url.PathEscape(in.ID)
	}
	return out, nil
}

// tellObject is the event on the timeline of the customer: what the entity is
// from now on, and what of it changed. Nobody is told of a change that changed
// nothing.
func (a *API) tellObject(t *declared.Type, own string, told pipeline.Told) (*pipeline.Arrival, error) {
	before, _ := told.Before.(*catalog.ObjectView)
	after, _ := told.After.(*catalog.ObjectView)
	verb, now := " Updated", after
	switch {
	case before == nil && after == nil:
		return nil, nil
	case before == nil:
		verb, before = " Created", &catalog.ObjectView{}
	case after == nil:
		verb, now, after = " Deleted", before, &catalog.ObjectView{}
	}
	customer := now.Customer
	changed := differing(before.Fields, after.Fields)
	if customer == nil || verb == " Updated" && len(changed) == 0 && before.Customer != nil && *before.Customer == *customer {
		return nil, nil
	}
	properties := maps.Clone(now.Fields)
	for name, v := range map[string]any{"entity_type": t.Key, "entity_id": own, "changed": changed} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		properties[name] = text
	}
	e := map[string]any{
		"type": "track", "event": t.Document.Name + verb, "properties": properties,
		"messageId": "entity-" + told.Change.ChangeID, "timestamp": told.Change.Time,
	}
	naming(e, []event.Identifier{*customer})
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return a.Tracker.Read(Source, text)
}

// differing are the names of fields that are not the same, sorted.
func differing(a, b map[string]json.RawMessage) []string {
	out := []string{}
	for name, v := range a {
		if string(v) != string(b[name]) {
			out = append(out, name)
		}
	}
	for name := range b {
		if _, there := a[name]; !there {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
