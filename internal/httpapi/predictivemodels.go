package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/predict"
)

const predictivePath = "/predictive-models"

// PredictiveView is one version of a predictive model.
type PredictiveView struct {
	Key      string              `json:"key"`
	Version  int                 `json:"version" doc:"Counted from 1"`
	Status   definition.Status   `json:"status" enum:"draft,test,live,archived"`
	Live     *int                `json:"live_version" doc:"The version that decision models call, null where there is none"`
	Format   string              `json:"format" enum:"lightgbm,xgboost,linear,pmml"`
	Checksum string              `json:"checksum" doc:"SHA-256 of the file"`
	Options  json.RawMessage     `json:"options,omitempty" doc:"What was said of the model beside its file; left out: nothing, and in lists"`
	Inputs   []PredictiveField   `json:"inputs" doc:"What a function in a decision model names its parameters after"`
	Outputs  []PredictiveField   `json:"outputs" doc:"One: the function gives its value. Several: a context of them"`
	Changes  []definition.Change `json:"changes" doc:"What became of the version, oldest first"`
}

// PredictiveField is an input or an output.
type PredictiveField struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind" enum:"number,category,code,boolean"`
	Categories []string `json:"categories,omitempty"`
	Required   bool     `json:"required,omitempty"`
}

func (a *API) predictiveRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: predictivePath + path, tag: "decisions", summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("list-predictive-models", http.MethodGet, "", "All predictive models, with their newest versions", access.ScopeRead), a.listPredictive)
	register(a, at("get-predictive-model", http.MethodGet, "/{key}", "One version of a predictive model: what it reads and gives", access.ScopeRead), a.getPredictive)
	put := at("put-predictive-model", http.MethodPut, "/{key}", "Add a version: the file of a LightGBM, XGBoost (JSON), PMML or linear model, live at once unless status says draft or test", access.ScopeWrite)
	put.body, put.accepts, put.also = map[string]any{}, []string{"application/xml", "text/xml", "text/plain", "application/octet-stream"}, []int{http.StatusCreated}
	put.maxBody = definition.MaxPredictive
	register(a, put, a.putPredictive)
	file := at("get-predictive-model-file", http.MethodGet, "/{key}/file", "The file of a version, as it was sent", access.ScopeRead)
	file.returns, file.gives, file.data = nil, []string{"application/octet-stream"}, impersonal
	register(a, file, a.predictiveFile)
	score := at("score-predictive-model", http.MethodPost, "/{key}/score", "Score one row, and say what drove the score where the format allows it", access.ScopeRead)
	score.body = ScoreBody{}
	register(a, score, a.scorePredictive)
	register(a, at("set-predictive-model-status", http.MethodPost, "/{key}/status", "Take a version from draft to test, live or archived", access.ScopeWrite), a.setPredictiveStatus)
}

func (a *API) putPredictive(ctx context.Context, in *struct {
	ModelKey
	DefinitionPut
	Options string `query:"options" maxLength:"100000" doc:"JSON: {\"classes\":[…]} names the classes, {\"inputs\":[{\"name\",\"categories\",\"open\",\"required\"}]} says of inputs what the file does not"`
	RawBody []byte
},
) (*stored[PredictiveView], error) {
	options, err := predict.ReadOptions([]byte(cmp.Or(in.Options, "{}")))
	if err != nil {
		return nil, err
	}
	m, err := predict.Load(options.Spec(in.Key), in.RawBody)
	if err != nil {
		return nil, err
	}
	kind, document, err := predict.Pack(options, bytes.Clone(in.RawBody))
	if err != nil {
		return nil, err
	}
	return a.definePredictive(ctx, in.Waiting, m, in.command(in.Key, document, kind))
}

func (a *API) setPredictiveStatus(ctx context.Context, in *modelStatus) (*stored[PredictiveView], error) {
	v, err := a.pickPredictive(in.Key, in.Body.Version)
	if err != nil {
		return nil, err
	}
	m, err := a.Decider.Predictive(ctx, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	return a.definePredictive(ctx, in.Waiting, m, definition.Command{
		Key: in.Key, Status: definition.Status(in.Body.Status), Version: v.Version, Note: in.Body.Note, IfMatch: in.IfMatch,
	})
}

func (a *API) definePredictive(ctx context.Context, w Waiting, m *predict.Model, c definition.Command) (*stored[PredictiveView], error) {
	c.Kind = definition.PredictiveModel
	return define(ctx, a, w, predictivePath+"/"+c.Key, c, func(v *definition.Version) (PredictiveView, error) {
		return a.viewPredictive(v, m), nil
	})
}

func (a *API) getPredictive(ctx context.Context, in *struct {
	ModelKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
},
) (*stored[PredictiveView], error) {
	v, err := a.pickPredictive(in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	m, err := a.Decider.Predictive(ctx, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	out := &stored[PredictiveView]{Status: http.StatusOK, ETag: v.ETag(), Body: a.viewPredictive(v, m)}
	d, err := a.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	if d.ContentType == predict.PackedType {
		said, _, err := predict.Unpack(v.Key, d.ContentType, d.Document)
		if err != nil {
			return nil, err
		}
		if out.Body.Options, err = json.Marshal(predict.Options{Format: said.Format, Classes: said.Classes, Inputs: said.Declared}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *API) listPredictive(_ context.Context, in *Paging) (*body[List[ModelSummary]], error) {
	return a.summaries(definition.PredictiveModel, in)
}

func (a *API) summaries(kind definition.Kind, in *Paging) (*body[List[ModelSummary]], error) {
	page, err := pageOf(a.Spine.Definitions().List(kind), func(s *definition.Series) string { return s.Key }, *in)
	if err != nil {
		return nil, err
	}
	out := pipeline.Page[ModelSummary]{Items: make([]ModelSummary, len(page.Items)), Next: page.Next}
	for i, s := range page.Items {
		v := s.Newest()
		out.Items[i] = ModelSummary{Key: s.Key, Version: v.Version, Status: v.Status(), Live: liveOf(s), Author: v.Made().Author, Time: v.Made().Time.String()}
	}
	return &body[List[ModelSummary]]{listOf(out)}, nil
}

func (a *API) pickPredictive(key string, version int) (*definition.Version, error) {
	s := a.Spine.Definitions().Get(definition.PredictiveModel, key)
	if s.Newest() == nil {
		return nil, fault.Errorf(fault.NotFound, "predictive_model_not_found", "there is no predictive model %q: PUT %s%s/%s makes one", key, prefix[:len(prefix)-1], predictivePath, key)
	}
	return s.Pick(version)
}

func (a *API) viewPredictive(v *definition.Version, m *predict.Model) PredictiveView {
	view := PredictiveView{
		Key: v.Key, Version: v.Version, Status: v.Status(), Live: liveOf(a.Spine.Definitions().Get(v.Kind, v.Key)),
		Format: string(m.Format()), Checksum: m.Checksum(), Changes: v.Changes,
	}
	for _, in := range m.Inputs() {
		view.Inputs = append(view.Inputs, PredictiveField{in.Name, in.Kind.String(), in.Categories, in.Required})
	}
	for _, out := range m.Outputs() {
		view.Outputs = append(view.Outputs, PredictiveField{Name: out.Name, Kind: out.Kind.String(), Categories: out.Categories})
	}
	return view
}
