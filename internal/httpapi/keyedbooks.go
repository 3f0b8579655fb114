package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"rapport/internal/access"
	"rapport/internal/catalog/declared"
	"rapport/internal/decision/offer"
	"rapport/internal/definition"
	"rapport/internal/event/hook"
	"rapport/internal/event/plan"
	"rapport/internal/experience"
	"rapport/internal/fault"
)

func topLevel(path string) bool { return !strings.Contains(path, ".") }

func compareText(a, b string) int { return strings.Compare(a, b) }

// shelf is a kind of definition of which there may be many, each under its key:
// written as JSON, shown as it was written.
type shelf struct {
	*API
	kind definition.Kind
	path string
	one  string // in operation ids and messages
	// plural is of one, where it is not made by an s.
	plural string
	many   string
	tag    string
	body   any
	scope  string
	data   data // whether documents hold what is personal; left out: as the tag says
	// read checks a document and gives what is kept of it. before is the document
	// of the version that it follows, nil where there is none.
	read func(key string, document, before []byte) ([]byte, error)
	// follows is the version that a new one follows; nil: the newest.
	follows func(*definition.Series) *definition.Version
	// fits checks what a document says of other definitions; nil: nothing.
	fits func(ctx context.Context, key string, document []byte) error
	// show gives what is shown of a document; nil: all of it.
	show func(document []byte) ([]byte, error)
}

func (a *API) shelves() []shelf {
	return []shelf{
		{
			API: a, kind: definition.TrackingPlan, path: "/tracking-plans", one: "tracking-plan", many: "tracking plans", tag: "sources",
			body: plan.Document{}, scope: access.ScopeWrite,
			read: func(_ string, document, _ []byte) ([]byte, error) {
				_, err := plan.Parse(document)
				return document, err
			},
		},
		{
			API: a, kind: definition.EntityType, path: "/entity-types", one: "entity-type", many: "entity types", tag: "sources",
			body: declared.Document{}, scope: access.ScopeWrite,
			read: func(key string, document, _ []byte) ([]byte, error) {
				_, err := declared.Parse(key, document)
				return document, err
			},
		},
		a.retentionShelf(),
		{
			API: a, kind: definition.Webhook, path: "/webhooks", one: "webhook", many: "inbound webhooks", tag: "sources",
			body: hook.Definition{}, scope: access.ScopeAdmin, show: a.Webhooks.Show,
			read: func(_ string, document, before []byte) ([]byte, error) { return a.Webhooks.Check(document, before) },
		},
		{
			API: a, kind: definition.Offer, path: "/offers", one: "offer", many: "offers", tag: "decisions", body: offer.Offer{}, scope: access.ScopeWrite,
			read: func(_ string, document, _ []byte) ([]byte, error) {
				_, err := offer.ReadOffer("", 0, document)
				return document, err
			},
		},
		{
			API: a, kind: definition.Placement, path: "/placements", one: "placement", many: "placements", tag: "decisions", body: offer.Placement{}, scope: access.ScopeWrite,
			read: func(_ string, document, _ []byte) ([]byte, error) {
				_, err := offer.ReadPlacement("", 0, document)
				return document, err
			},
		},
		{
			API: a, kind: definition.Experience, path: "/experiences", one: "experience", many: "experiences", tag: "decisions", body: experience.Experience{}, scope: access.ScopeWrite,
			read: func(_ string, document, _ []byte) ([]byte, error) {
				_, err := experience.Read("", 0, document)
				return document, err
			},
			fits: func(ctx context.Context, key string, document []byte) error {
				x, err := experience.Read(key, 0, document)
				if err == nil {
					err = a.Outbox.CheckExperience(ctx, x)
				}
				return err
			},
		},
		{
			API: a, kind: definition.PublicData, path: "/public-data", one: "public-data", many: "documents of public data", tag: "decisions", body: offer.PublicData{}, scope: access.ScopeAdmin,
			read: func(_ string, document, _ []byte) ([]byte, error) {
				_, err := offer.ReadPublicData(document)
				return document, err
			},
		},
	}
}

// DefinitionView is one version of a definition.
type DefinitionView struct {
	Key      string              `json:"key"`
	Version  int                 `json:"version" doc:"Counted from 1"`
	Status   definition.Status   `json:"status" enum:"draft,test,live,archived"`
	Live     *int                `json:"live_version" doc:"The version that holds, null where none does"`
	Rollback int                 `json:"rollback_of,omitempty" doc:"The version whose document this is again"`
	Changes  []definition.Change `json:"changes" nullable:"false" doc:"What became of the version, oldest first"`
	Document json.RawMessage     `json:"document"`
}

func (a *API) shelfRoutes() {
	for _, s := range a.shelves() {
		s.register()
	}
}

func (s shelf) register() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: s.path + path, tag: s.tag, summary: summary, scope: scope, status: http.StatusOK, data: s.data}
	}
	register(s.API, at("list-"+cmp.Or(s.plural, s.one+"s"), http.MethodGet, "", "All "+s.many+", with their newest versions", access.ScopeRead), s.list)
	register(s.API, at("get-"+s.one, http.MethodGet, "/{key}", "One version of the "+s.name(), access.ScopeRead), s.get)
	put := at("put-"+s.one, http.MethodPut, "/{key}", "Add a version, live at once unless status says draft or test", s.scope)
	put.body, put.also = s.body, []int{http.StatusCreated}
	register(s.API, put, s.put)
	register(s.API, at("list-versions-of-"+s.one, http.MethodGet, "/{key}/versions", "The versions of the "+s.name()+", newest first", access.ScopeRead), s.versions)
	register(s.API, at("set-status-of-"+s.one, http.MethodPost, "/{key}/status", "Take a version of the "+s.name()+" from draft to test, live or archived", s.scope), s.status)
	register(s.API, at("rollback-"+s.one, http.MethodPost, "/{key}/rollback", "Add a version with the document of an older one", s.scope), s.rollback)
}

func (s shelf) name() string { return strings.ReplaceAll(s.one, "-", " ") }

func (s shelf) list(ctx context.Context, in *struct {
	Paging
	Including
},
) (*body[List[ModelSummary]], error) {
	out, err := s.summaries(s.kind, &in.Paging)
	if err != nil || in.Include == "" {
		return out, err
	}
	read, err := documents(len(out.Body.Items), func(i int) (json.RawMessage, error) {
		v, err := s.version(out.Body.Items[i].Key, out.Body.Items[i].Version)
		if err != nil {
			return nil, err
		}
		view, err := s.view(ctx, v)
		return view.Document, err
	})
	if err != nil {
		return nil, err
	}
	if in.Limit = len(read); in.Limit < len(out.Body.Items) {
		if out, err = s.summaries(s.kind, &in.Paging); err != nil {
			return nil, err
		}
	}
	for i, d := range read {
		out.Body.Items[i].Document = d
	}
	return out, nil
}

// version finds one; 0 is the newest.
func (s shelf) version(key string, version int) (*definition.Version, error) {
	series := s.Spine.Definitions().Get(s.kind, key)
	if series.Newest() == nil {
		return nil, fault.Errorf(fault.NotFound, strings.ReplaceAll(s.one, "-", "_")+"_not_found", "there is no %s %q: PUT %s%s/%s makes one", s.name(), key, prefix, s.path[1:], key)
	}
	return series.Pick(version)
}

func (s shelf) view(ctx context.Context, v *definition.Version) (DefinitionView, error) {
	d, err := s.Spine.Definition(ctx, s.kind, v.Key, v.Version)
	if err != nil {
		return DefinitionView{}, err
	}
	document := d.Document
	if s.show != nil {
		if document, err = s.show(document); err != nil {
			return DefinitionView{}, err
		}
	}
	return DefinitionView{
		Key: v.Key, Version: v.Version, Status: v.Status(), Live: liveOf(s.Spine.Definitions().Get(s.kind, v.Key)),
		Rollback: v.RollbackOf, Changes: v.Changes, Document: document,
	}, nil
}

func (s shelf) get(ctx context.Context, in *struct {
	ModelKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
},
) (*stored[DefinitionView], error) {
	v, err := s.version(in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	view, err := s.view(ctx, v)
	return &stored[DefinitionView]{Status: http.StatusOK, ETag: v.ETag(), Body: view}, err
}

func (s shelf) put(ctx context.Context, in *struct {
	ModelKey
	DefinitionPut
	RawBody []byte
},
) (*stored[DefinitionView], error) {
	var before []byte
	follows := (*definition.Series).Newest
	if s.follows != nil {
		follows = s.follows
	}
	if v := follows(s.Spine.Definitions().Get(s.kind, in.Key)); v != nil {
		d, err := s.Spine.Definition(ctx, s.kind, in.Key, v.Version)
		if err != nil {
			return nil, err
		}
		before = d.Document
	}
	document, err := s.read(in.Key, append([]byte(nil), in.RawBody...), before)
	if err != nil {
		return nil, err
	}
	if s.fits != nil {
		if err := s.fits(ctx, in.Key, document); err != nil {
			return nil, err
		}
	}
	return s.define(ctx, in.Waiting, in.command(in.Key, document, "application/json"))
}

func (s shelf) define(ctx context.Context, w Waiting, c definition.Command) (*stored[DefinitionView], error) {
	c.Kind = s.kind
	return define(ctx, s.API, w, s.path+"/"+c.Key, c, func(v *definition.Version) (DefinitionView, error) { return s.view(ctx, v) })
}

func (s shelf) versions(_ context.Context, in *struct {
	ModelKey
	Paging
},
) (*body[List[VersionView]], error) {
	if _, err := s.version(in.Key, 0); err != nil {
		return nil, err
	}
	return versionsOf(s.Spine.Definitions().Get(s.kind, in.Key), in.Paging)
}

func (s shelf) status(ctx context.Context, in *struct {
	ModelKey
	DefinitionChange
	Body StatusBody
},
) (*stored[DefinitionView], error) {
	v, err := s.version(in.Key, in.Body.Version)
	if err != nil {
		return nil, err
	}
	return s.define(ctx, in.Waiting, definition.Command{
		Key: in.Key, Status: definition.Status(in.Body.Status), Version: v.Version, Note: in.Body.Note, IfMatch: in.IfMatch,
	})
}

func (s shelf) rollback(ctx context.Context, in *struct {
	ModelKey
	DefinitionChange
	Body RollbackBody
},
) (*stored[DefinitionView], error) {
	if _, err := s.version(in.Key, in.Body.Version); err != nil {
		return nil, err
	}
	c := in.Body.command(in.IfMatch)
	c.Key = in.Key
	return s.define(ctx, in.Waiting, c)
}
