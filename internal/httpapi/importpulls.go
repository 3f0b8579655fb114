package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/feed"
)

const pullsPath = "/import-pulls"

// PullView is one version of a pull, and how the pull stands.
type PullView struct {
	Key     string              `json:"key"`
	Version int                 `json:"version" doc:"Counted from 1"`
	Status  definition.Status   `json:"status" enum:"draft,live,archived"`
	Live    *int                `json:"live_version" doc:"The version that looks, null where none does"`
	Changes []definition.Change `json:"changes" doc:"What became of the version, oldest first"`
	Pull    feed.Pull           `json:"pull" doc:"Its secret is masked"`
	State   feed.PullStatus     `json:"state"`
}

func (a *API) pullRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: pullsPath + path, tag: "imports", summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("list-import-pulls", http.MethodGet, "", "All pulls, with their newest versions", access.ScopeRead), a.listPulls)
	register(a, at("get-import-pull", http.MethodGet, "/{key}", "One version of a pull, and how it stands; its secret is masked", access.ScopeRead), a.getPull)
	put := at("put-import-pull", http.MethodPut, "/{key}", "Add a version of a pull, live at once unless status says draft: a watched folder, SFTP, S3, HTTP or a query, looked at on a schedule", access.ScopeAdmin)
	put.body, put.also = feed.Pull{}, []int{http.StatusCreated}
	register(a, put, a.putPull)
	register(a, at("set-import-pull-status", http.MethodPost, "/{key}/status", "Take a version from draft to live or archived", access.ScopeAdmin), a.setPullStatus)
	run := at("run-import-pull", http.MethodPost, "/{key}/run", "Look now", access.ScopeWrite)
	run.status = http.StatusAccepted
	register(a, run, a.runPull)
}

func (a *API) listPulls(_ context.Context, in *Paging) (*body[List[ModelSummary]], error) {
	return a.summaries(definition.ImportPull, in)
}

// pickPull finds a version; 0 is the newest.
func (a *API) pickPull(ctx context.Context, key string, version int) (*definition.Version, *feed.Pull, error) {
	s := a.Spine.Definitions().Get(definition.ImportPull, key)
	if s.Newest() == nil {
		return nil, nil, fault.Errorf(fault.NotFound, "pull_not_found", "there is no pull %q: PUT %s%s/%s makes one", key, prefix[:len(prefix)-1], pullsPath, key)
	}
	v, err := s.Pick(version)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.Spine.Definition(ctx, v.Kind, key, v.Version)
	if err != nil {
		return nil, nil, err
	}
	p, err := feed.ReadPull(d.Document)
	return v, p, err
}

func (a *API) viewPull(ctx context.Context, v *definition.Version, p *feed.Pull) (PullView, error) {
	state, err := a.Imports.PullStatus(ctx, v.Key)
	return PullView{
		Key: v.Key, Version: v.Version, Status: v.Status(), Live: liveOf(a.Spine.Definitions().Get(v.Kind, v.Key)), Changes: v.Changes,
		Pull: p.Shown(), State: state,
	}, err
}

func (a *API) getPull(ctx context.Context, in *struct {
	ModelKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
},
) (*stored[PullView], error) {
	v, p, err := a.pickPull(ctx, in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	view, err := a.viewPull(ctx, v, p)
	return &stored[PullView]{Status: http.StatusOK, ETag: v.ETag(), Body: view}, err
}

func (a *API) putPull(ctx context.Context, in *struct {
	ModelKey
	DraftPut
	RawBody []byte
},
) (*stored[PullView], error) {
	p, err := feed.ReadPull(in.RawBody)
	if err != nil {
		return nil, err
	}
	var before *feed.Pull
	if a.Spine.Definitions().Get(definition.ImportPull, in.Key).Newest() != nil {
		if _, before, err = a.pickPull(ctx, in.Key, 0); err != nil {
			return nil, err
		}
	}
	document, err := p.Store(a.Seal, before)
	if err != nil {
		return nil, err
	}
	return a.definePull(ctx, in.Waiting, document, in.command(in.Key, document, "application/json"))
}

func (a *API) setPullStatus(ctx context.Context, in *modelStatus) (*stored[PullView], error) {
	v, p, err := a.pickPull(ctx, in.Key, in.Body.Version)
	if err != nil {
		return nil, err
	}
	document, err := p.Encode()
	if err != nil {
		return nil, err
	}
	return a.definePull(ctx, in.Waiting, document, definition.Command{
		Key: in.Key, Status: definition.Status(in.Body.Status), Version: v.Version, Note: in.Body.Note, IfMatch: in.IfMatch,
	})
}

func (a *API) definePull(ctx context.Context, w Waiting, document []byte, cmd definition.Command) (*stored[PullView], error) {
	p, err := feed.ReadPull(document)
	if err != nil {
		return nil, err
	}
	cmd.Kind = definition.ImportPull
	return define(ctx, a, w, pullsPath+"/"+cmd.Key, cmd, func(v *definition.Version) (PullView, error) {
		return a.viewPull(ctx, v, p)
	})
}

func (a *API) runPull(ctx context.Context, in *ModelKey) (*body[feed.PullStatus], error) {
	if err := a.Imports.RunPull(ctx, in.Key); err != nil {
		return nil, err
	}
	state, err := a.Imports.PullStatus(ctx, in.Key)
	return &body[feed.PullStatus]{state}, err
}
