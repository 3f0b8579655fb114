package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"rapport/internal/access"
	"rapport/internal/broadcast"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/policy"
	"rapport/internal/profile"
	"rapport/internal/profile/golden"
	"rapport/internal/profile/rfm"
	"rapport/internal/profile/schema"
	"rapport/internal/retention"
)

// ruleBook is a definition that an instance has one of: how profiles are put
// together.
type ruleBook struct {
	*API
	kind  definition.Kind
	path  string
	what  string
	body  any
	usual string // what holds where nobody wrote anything
	check func(document []byte) error
	into  func(document []byte) profile.Documents // nil: it changes no trait
	tag   string                                  // empty: profiles
	scope string                                  // of a key that may change it; empty: write
}

func checked[T any](parse func([]byte) (T, error)) func([]byte) error {
	return func(document []byte) error {
		_, err := parse(document)
		return err
	}
}

func (a *API) ruleBooks() []ruleBook {
	usual := identity.DefaultRules()
	return []ruleBook{
		{
			a, definition.Reconciliation, "/reconciliation", "which value of a trait counts",
			golden.Document{},
			`{"default":{"rule":"last_updated"}}`, checked(golden.Parse),
			func(d []byte) profile.Documents { return profile.Documents{Golden: d} }, "", "",
		},
		{
			a, definition.TraitSchema, "/trait-schema", "what traits are: types, allowed values, which are personal",
			schema.Document{},
			`{"traits":{}}`, checked(schema.Parse),
			func(d []byte) profile.Documents { return profile.Documents{Schema: d} }, "", "",
		},
		{
			a, definition.RFMBoundaries, "/rfm", "when somebody bought recently, often and for much",
			rfm.Document{},
			`{"recency_days":[30,90,180,365],"frequency":[2,3,5,10],"monetary":{"*":[50,150,400,1000]}}`, checked(rfm.Parse), nil, "", "",
		},
		{
			a, definition.ConsentPolicy, "/consent-policy", "what is asked of consent: purposes, what the events of each source need, what signals mean",
			policy.Document{},
			`{"purposes":[]}`, checked(policy.Parse), nil, "privacy", access.ScopeAdmin,
		},
		{
			a, definition.ProcessingStatement, "/processing-statement", "what the controller says for the record of processing",
			retention.Statement{},
			`{}`, checked(retention.ReadStatement), nil, "privacy", access.ScopeAdmin,
		},
		{
			a, definition.IdentityRules, "/identity/rules", "which identifiers make one person",
			identity.Rules{},
			string(usual.Document()), checked(identity.Parse), nil, "identity", "",
		},
		{
			a, definition.BroadcastRules, "/broadcast-rules", "what holds for all broadcasts: approval, quiet hours, how many a person gets",
			broadcast.Rules{},
			`{}`, checked(broadcast.ReadRules), nil, "broadcasts", access.ScopeAdmin,
		},
	}
}

// RulesView is one version of rules.
type RulesView struct {
	Version  int                 `json:"version" doc:"Counted from 1; 0: nobody wrote any, and the document is what holds then"`
	Status   definition.Status   `json:"status" enum:"draft,test,live,archived"`
	Live     *int                `json:"live_version" doc:"The version that holds, null where none does"`
	Rollback int                 `json:"rollback_of,omitempty" doc:"The version whose document this is again"`
	Changes  []definition.Change `json:"changes" nullable:"false" doc:"What became of the version, oldest first"`
	Document any                 `json:"document"`
}

func (a *API) ruleRoutes() {
	for _, b := range a.ruleBooks() {
		b.register()
	}
}

func (b ruleBook) register() {
	name := strings.ReplaceAll(b.path[1:], "/", "-")
	at := func(verb, method, path, summary, scope string) spec {
		if scope == access.ScopeWrite {
			scope = cmp.Or(b.scope, scope)
		}
		return spec{id: verb + "-" + name, method: method, path: b.path + path, tag: cmp.Or(b.tag, "profiles"), summary: summary + ": " + b.what, scope: scope, status: http.StatusOK}
	}
	register(b.API, at("get", http.MethodGet, "", "Rules", access.ScopeRead), b.get)
	put := at("put", http.MethodPut, "", "Add a version of the rules, live at once unless status says draft or test", access.ScopeWrite)
	put.body, put.also = b.body, []int{http.StatusCreated}
	register(b.API, put, b.put)
	register(b.API, at("list-versions-of", http.MethodGet, "/versions", "The versions of the rules, newest first", access.ScopeRead), b.versions)
	register(b.API, at("set-status-of", http.MethodPost, "/status", "Take a version of the rules from draft to test, live or archived", access.ScopeWrite), b.status)
	register(b.API, at("rollback", http.MethodPost, "/rollback", "Add a version with the document of an older one", access.ScopeWrite), b.rollback)
	if b.into != nil {
		preview := at("preview", http.MethodPost, "/preview", "What other rules would change, on a sample of people", access.ScopeRead)
		preview.body = b.body
		register(b.API, preview, b.preview)
	}
}

func (b ruleBook) series() *definition.Series {
	return b.Spine.Definitions().Get(b.kind, definition.DefaultKey)
}

func (b ruleBook) get(ctx context.Context, in *struct {
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
},
) (*stored[RulesView], error) {
	s := b.series()
	if s.Newest() == nil && in.Version == 0 {
		return &stored[RulesView]{Status: http.StatusOK, Body: RulesView{
			Status: definition.Live, Changes: []definition.Change{}, Document: json.RawMessage(b.usual),
		}}, nil
	}
	v, err := b.pick(in.Version)
	if err != nil {
		return nil, err
	}
	view, err := b.view(ctx, v)
	return &stored[RulesView]{Status: http.StatusOK, ETag: v.ETag(), Body: view}, err
}

func (b ruleBook) pick(version int) (*definition.Version, error) {
	s := b.series()
	v := s.Newest()
	if version != 0 {
		v = s.At(version)
	}
	if v == nil {
		return nil, fault.Errorf(fault.NotFound, "version_not_found", "there is no such version of the rules: PUT %s%s makes one", prefix[:len(prefix)-1], b.path).At("version")
	}
	return v, nil
}

func (b ruleBook) view(ctx context.Context, v *definition.Version) (RulesView, error) {
	d, err := b.Spine.Definition(ctx, b.kind, definition.DefaultKey, v.Version)
	if err != nil {
		return RulesView{}, err
	}
	return RulesView{
		Version: v.Version, Status: v.Status(), Live: liveOf(b.series()), Rollback: v.RollbackOf,
		Changes: v.Changes, Document: json.RawMessage(d.Document),
	}, nil
}

func (b ruleBook) define(ctx context.Context, w Waiting, c definition.Command) (*stored[RulesView], error) {
	c.Kind, c.Key = b.kind, definition.DefaultKey
	return define(ctx, b.API, w, b.path, c, func(v *definition.Version) (RulesView, error) { return b.view(ctx, v) })
}

func (b ruleBook) put(ctx context.Context, in *struct {
	DefinitionPut
	RawBody []byte
},
) (*stored[RulesView], error) {
	document := bytes.Clone(in.RawBody)
	if err := b.check(document); err != nil {
		return nil, err
	}
	return b.define(ctx, in.Waiting, in.command(definition.DefaultKey, document, "application/json"))
}

func (b ruleBook) status(ctx context.Context, in *struct {
	DefinitionChange
	Body StatusBody
},
) (*stored[RulesView], error) {
	v, err := b.pick(in.Body.Version)
	if err != nil {
		return nil, err
	}
	return b.define(ctx, in.Waiting, definition.Command{
		Status: definition.Status(in.Body.Status), Version: v.Version, Note: in.Body.Note, IfMatch: in.IfMatch,
	})
}

func (b ruleBook) rollback(ctx context.Context, in *struct {
	DefinitionChange
	Body RollbackBody
},
) (*stored[RulesView], error) {
	if _, err := b.pick(in.Body.Version); err != nil {
		return nil, err
	}
	return b.define(ctx, in.Waiting, in.Body.command(in.IfMatch))
}

func (b ruleBook) versions(_ context.Context, in *Paging) (*body[List[VersionView]], error) {
	return versionsOf(b.series(), *in)
}
