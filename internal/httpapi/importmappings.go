package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/feed"
)

const mappingsPath = "/import-mappings"

// MappingView is one version of an import mapping.
type MappingView struct {
	Key     string              `json:"key"`
	Version int                 `json:"version" doc:"Counted from 1"`
	Status  definition.Status   `json:"status" enum:"draft,live,archived"`
	Live    *int                `json:"live_version" doc:"The version that imports use, null where none is"`
	Changes []definition.Change `json:"changes" doc:"What became of the version, oldest first"`
	Mapping feed.Mapping        `json:"mapping"`
}

func (a *API) mappingRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: mappingsPath + path, tag: "imports", summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("list-import-mappings", http.MethodGet, "", "All import mappings, with their newest versions", access.ScopeRead), a.listMappings)
	register(a, at("get-import-mapping", http.MethodGet, "/{key}", "One version of an import mapping", access.ScopeRead), a.getMapping)
	put := at("put-import-mapping", http.MethodPut, "/{key}", "Add a version of an import mapping, live at once unless status says draft", access.ScopeWrite)
	put.body, put.also = feed.Mapping{}, []int{http.StatusCreated}
	register(a, put, a.putMapping)
	register(a, at("set-import-mapping-status", http.MethodPost, "/{key}/status", "Take a version from draft to live or archived", access.ScopeWrite), a.setMappingStatus)
}

func (a *API) listMappings(_ context.Context, in *Paging) (*body[List[ModelSummary]], error) {
	return a.summaries(definition.ImportMapping, in)
}

// pickMapping finds a version; 0 is the newest.
func (a *API) pickMapping(ctx context.Context, key string, version int) (*definition.Version, *feed.Mapping, error) {
	s := a.Spine.Definitions().Get(definition.ImportMapping, key)
	if s.Newest() == nil {
		return nil, nil, fault.Errorf(fault.NotFound, "mapping_not_found", "there is no mapping %q: PUT %s%s/%s makes one", key, prefix[:len(prefix)-1], mappingsPath, key)
	}
	v, err := s.Pick(version)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.Spine.Definition(ctx, v.Kind, key, v.Version)
	if err != nil {
		return nil, nil, err
	}
	m, err := feed.Read(d.Document)
	return v, m, err
}

func (a *API) viewMapping(v *definition.Version, m *feed.Mapping) MappingView {
	return MappingView{
		Key: v.Key, Version: v.Version, Status: v.Status(), Live: liveOf(a.Spine.Definitions().Get(v.Kind, v.Key)), Changes: v.Changes, Mapping: *m,
	}
}

func (a *API) getMapping(ctx context.Context, in *struct {
	ModelKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
},
) (*stored[MappingView], error) {
	v, m, err := a.pickMapping(ctx, in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	return &stored[MappingView]{Status: http.StatusOK, ETag: v.ETag(), Body: a.viewMapping(v, m)}, nil
}

func (a *API) putMapping(ctx context.Context, in *struct {
	ModelKey
	DraftPut
	RawBody []byte
},
) (*stored[MappingView], error) {
	m, err := feed.Read(in.RawBody)
	if err != nil {
		return nil, err
	}
	document, err := m.Encode()
	if err != nil {
		return nil, err
	}
	return a.defineMapping(ctx, in.Waiting, m, in.command(in.Key, document, "application/json"))
}

func (a *API) setMappingStatus(ctx context.Context, in *modelStatus) (*stored[MappingView], error) {
	v, m, err := a.pickMapping(ctx, in.Key, in.Body.Version)
	if err != nil {
		return nil, err
	}
	return a.defineMapping(ctx, in.Waiting, m, definition.Command{
		Key: in.Key, Status: definition.Status(in.Body.Status), Version: v.Version, Note: in.Body.Note, IfMatch: in.IfMatch,
	})
}

func (a *API) defineMapping(ctx context.Context, w Waiting, m *feed.Mapping, cmd definition.Command) (*stored[MappingView], error) {
	cmd.Kind = definition.ImportMapping
	return define(ctx, a, w, mappingsPath+"/"+cmd.Key, cmd, func(v *definition.Version) (MappingView, error) {
		return a.viewMapping(v, m), nil
	})
}
