package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/decider"
	"rapport/internal/decision/connection"
	"rapport/internal/definition"
	"rapport/internal/fault"
)

const connectionsPath = "/connections"

// ConnectionView is one version of a data connection.
type ConnectionView struct {
	Key     string              `json:"key"`
	Version int                 `json:"version" doc:"Counted from 1"`
	Status  definition.Status   `json:"status" enum:"draft,test,live,archived"`
	Live    *int                `json:"live_version" doc:"The version that models ask, null where none is"`
	Changes []definition.Change `json:"changes" doc:"What became of the version, oldest first"`
	connection.Definition
}

// ConnectionTrial asks a connection once.
type ConnectionTrial struct {
	Parameters map[string]any `json:"parameters,omitempty" doc:"Values of the parameters, by name"`
}

func (a *API) connectionRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: connectionsPath + path, tag: "decisions", summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("list-connections", http.MethodGet, "", "All data connections, with their newest versions", access.ScopeRead), a.listConnections)
	register(a, at("get-connection", http.MethodGet, "/{key}", "One version of a data connection; its secret is masked", access.ScopeRead), a.getConnection)
	put := at("put-connection", http.MethodPut, "/{key}", "Add a version, live at once unless status says draft", access.ScopeWrite)
	put.body, put.also = connection.Definition{}, []int{http.StatusCreated}
	register(a, put, a.putConnection)
	register(a, at("set-connection-status", http.MethodPost, "/{key}/status", "Take a version from draft to live or archived", access.ScopeWrite), a.setConnectionStatus)
	test := at("test-connection", http.MethodPost, "/{key}/test", "Ask a data connection once, past its cache, and show the answer and the value that a model would read", access.ScopeWrite)
	test.body = ConnectionTrial{}
	register(a, test, a.testConnection)
}

func (a *API) listConnections(_ context.Context, in *Paging) (*body[List[ModelSummary]], error) {
	return a.summaries(definition.DataConnection, in)
}

// connectionVersion finds a version; 0 is the newest.
func (a *API) connectionVersion(ctx context.Context, key string, version int) (*definition.Version, *connection.Connection, error) {
	s := a.Spine.Definitions().Get(definition.DataConnection, key)
	if s.Newest() == nil {
		return nil, nil, fault.Errorf(fault.NotFound, "connection_not_found", "there is no connection %q: PUT %s%s/%s makes one", key, prefix[:len(prefix)-1], connectionsPath, key)
	}
	v, err := s.Pick(version)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.Spine.Definition(ctx, v.Kind, key, v.Version)
	if err != nil {
		return nil, nil, err
	}
	c, err := connection.Read(d.Document)
	return v, c, err
}

func (a *API) viewConnection(v *definition.Version, c *connection.Connection) ConnectionView {
	return ConnectionView{
		Key: v.Key, Version: v.Version, Status: v.Status(), Live: liveOf(a.Spine.Definitions().Get(v.Kind, v.Key)), Changes: v.Changes,
		Definition: c.Shown(),
	}
}

func (a *API) getConnection(ctx context.Context, in *struct {
	ModelKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
},
) (*stored[ConnectionView], error) {
	v, c, err := a.connectionVersion(ctx, in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	return &stored[ConnectionView]{Status: http.StatusOK, ETag: v.ETag(), Body: a.viewConnection(v, c)}, nil
}

func (a *API) putConnection(ctx context.Context, in *struct {
	ModelKey
	DraftPut
	RawBody []byte
},
) (*stored[ConnectionView], error) {
	c, err := connection.Read(in.RawBody)
	if err != nil {
		return nil, err
	}
	var before *connection.Connection
	if a.Spine.Definitions().Get(definition.DataConnection, in.Key).Newest() != nil {
		if _, before, err = a.connectionVersion(ctx, in.Key, 0); err != nil {
			return nil, err
		}
	}
	document, err := c.Store(a.Seal, before)
	if err != nil {
		return nil, err
	}
	return a.defineConnection(ctx, in.Waiting, c, in.command(in.Key, document, "application/json"))
}

func (a *API) setConnectionStatus(ctx context.Context, in *modelStatus) (*stored[ConnectionView], error) {
	v, c, err := a.connectionVersion(ctx, in.Key, in.Body.Version)
	if err != nil {
		return nil, err
	}
	return a.defineConnection(ctx, in.Waiting, c, definition.Command{
		Key: in.Key, Status: definition.Status(in.Body.Status), Version: v.Version, Note: in.Body.Note, IfMatch: in.IfMatch,
	})
}

func (a *API) defineConnection(ctx context.Context, w Waiting, c *connection.Connection, cmd definition.Command) (*stored[ConnectionView], error) {
	cmd.Kind = definition.DataConnection
	return define(ctx, a, w, connectionsPath+"/"+cmd.Key, cmd, func(v *definition.Version) (ConnectionView, error) {
		return a.viewConnection(v, c), nil
	})
}

func (a *API) testConnection(ctx context.Context, in *struct {
	ModelKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
	RawBody []byte
},
) (*body[decider.Tried], error) {
	var b struct {
		Parameters map[string]json.RawMessage `json:"parameters"`
	}
	if err := strictly(in.RawBody, &b); err != nil {
		return nil, err
	}
	v, c, err := a.connectionVersion(ctx, in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	t, err := a.Decider.TryConnection(ctx, decider.Source{Key: in.Key, Version: v.Version, Connection: c}, b.Parameters)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_parameters", "the connection cannot be asked with these parameters: %v", err).At("/parameters")
	}
	return &body[decider.Tried]{*t}, nil
}
