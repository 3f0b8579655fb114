package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/decision/settings"
	"rapport/internal/definition"
)

// storedSettings is the answer to a read or write of a model's settings.
type storedSettings struct {
	ETag string `header:"ETag"`
	Applied
	Body settings.Settings
}

func (a *API) settingsRoutes() {
	at := func(id, method, summary, scope string) spec {
		return spec{id: id, method: method, path: modelsPath + "/{key}/settings", tag: "decisions", summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("get-decision-model-settings", http.MethodGet, "What is kept of a model's decisions, which connections it reads, and its nightly trial", access.ScopeRead), a.getSettings)
	put := at("put-decision-model-settings", http.MethodPut, "Replace them; they hold at once", access.ScopeWrite)
	put.body = settings.Settings{}
	register(a, put, a.putSettings)
}

func (a *API) getSettings(ctx context.Context, in *ModelKey) (*storedSettings, error) {
	if _, err := a.pick(in.Key, ""); err != nil {
		return nil, err
	}
	v := a.Spine.Definitions().Get(definition.DecisionModelSettings, in.Key).Live()
	if v == nil {
		return &storedSettings{}, nil
	}
	d, err := a.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	s, err := settings.Read(d.Document)
	if err != nil {
		return nil, err
	}
	return &storedSettings{ETag: v.ETag(), Body: *s}, nil
}

func (a *API) putSettings(ctx context.Context, in *struct {
	ModelKey
	IfMatch string `header:"If-Match" maxLength:"512" doc:"Replace them only if they have this ETag"`
	Waiting
	RawBody []byte
},
) (*storedSettings, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	if _, err := a.pick(in.Key, ""); err != nil {
		return nil, err
	}
	s, err := settings.Read(in.RawBody)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	d, err := a.Spine.Define(ctx, definition.Command{
		Kind: definition.DecisionModelSettings, Key: in.Key, Status: definition.Live, Document: document,
		ContentType: "application/json", Author: author(ctx), Time: a.Clock.Now(), IfMatch: in.IfMatch,
	})
	if err != nil {
		return nil, err
	}
	out := &storedSettings{ETag: d.ETag(), Body: *s}
	out.Applied, err = a.await(ctx, in.Waiting, d.Receipt)
	return out, err
}
