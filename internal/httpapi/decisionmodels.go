package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"rapport/internal/access"
	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/fault"
)

const modelsPath = "/decision-models"

// ModelKey names a decision model in a path.
type ModelKey struct {
	Key string `path:"key" maxLength:"128" doc:"The model's key: letters, digits, dots, hyphens, underscores"`
}

// ModelBody is a decision model as JSON; the XML alone does as well.
type ModelBody struct {
	XML  string `json:"xml" doc:"DMN 1.1 to 1.5"`
	Note string `json:"note,omitempty" doc:"Why it changed"`
}

// ModelView is one version of a decision model.
type ModelView struct {
	Key       string              `json:"key"`
	Name      string              `json:"name" doc:"As the document says"`
	Version   int                 `json:"version" doc:"Counted from 1"`
	Status    definition.Status   `json:"status" enum:"draft,test,live,archived"`
	Live      *int                `json:"live_version" doc:"The version that runs, null where none does"`
	Rollback  int                 `json:"rollback_of,omitempty" doc:"The version whose document this is again"`
	Author    string              `json:"author" doc:"Id of the key that made the version"`
	Time      string              `json:"time" format:"date-time"`
	Note      string              `json:"note,omitempty"`
	Changes   []definition.Change `json:"changes" doc:"What became of the version, oldest first"`
	Inputs    []model.Variable    `json:"inputs"`
	Decisions []model.Variable    `json:"decisions"`
	Services  []string            `json:"services"`
	Problems  []model.Problem     `json:"problems" doc:"Warnings"`
	XML       string              `json:"xml,omitempty" doc:"Only where one version is asked for"`
}

func (a *API) modelRoutes() {
	at := func(id, method, path, summary string) spec {
		s := spec{id: id, method: method, path: modelsPath + path, tag: "decisions", summary: summary, scope: access.ScopeWrite, status: http.StatusOK}
		if method == http.MethodGet {
			s.scope = access.ScopeRead
		}
		return s
	}
	register(a, at("list-decision-models", http.MethodGet, "", "All decision models, with their newest versions"), a.listModels)
	one := at("get-decision-model", http.MethodGet, "/{key}", "One version of a decision model, as JSON or, with Accept: application/xml, as its document")
	one.returns, one.gives, one.also = ModelView{}, []string{"application/xml"}, []int{http.StatusNotModified}
	register(a, one, a.getModel)
	put := at("put-decision-model", http.MethodPut, "/{key}", "Add a version. It is compiled, tried with its test cases and live at once, unless status says draft or test")
	put.maxBody = 2 * definition.MaxDocument // as JSON, its line ends and quotes are longer
	put.body, put.accepts, put.also = ModelBody{}, []string{"application/xml", "text/xml"}, []int{http.StatusCreated}
	register(a, put, a.putModel)
	register(a, at("list-decision-model-versions", http.MethodGet, "/{key}/versions", "The versions, newest first"), a.listModelVersions)
	register(a, at("diff-decision-model", http.MethodGet, "/{key}/diff", "The lines that differ between two versions"), a.diffModel)
	register(a, at("set-decision-model-status", http.MethodPost, "/{key}/status", "Take a version from draft to test, live or archived"), a.setModelStatus)
	register(a, at("rollback-decision-model", http.MethodPost, "/{key}/rollback", "Add a version with the document of an older one, live at once"), a.rollbackModel)
	register(a, at("get-decision-model-tests", http.MethodGet, "/{key}/test-cases", "The test cases of a model"), a.getModelTests)
	tests := at("put-decision-model-tests", http.MethodPut, "/{key}/test-cases", "Replace the test cases, which every version must pass before it goes live")
	tests.body = model.Cases{}
	register(a, tests, a.putModelTests)
	try := at("test-decision-model", http.MethodPost, "/{key}/test", "Run the test cases")
	try.scope = access.ScopeRead
	register(a, try, a.testModel)
	evaluate := at("evaluate-decision-model", http.MethodPost, "/{key}/evaluate", "Decide for inputs, a person or both")
	evaluate.scope, evaluate.body = access.ScopeRead, EvaluateBody{}
	register(a, evaluate, a.evaluateModel)
}

type modelPut struct {
	ModelKey
	DefinitionPut
	RawBody []byte
}

func (a *API) putModel(ctx context.Context, in *modelPut) (*stored[ModelView], error) {
	document, note := bytes.Clone(in.RawBody), in.Note
	if trimmed := bytes.TrimSpace(document); len(trimmed) > 0 && trimmed[0] == '{' {
		var b ModelBody
		if err := strictly(document, &b); err != nil {
			return nil, err
		}
		document, note = []byte(b.XML), cmp.Or(b.Note, note)
	}
	m, problems := a.Decider.Compile(ctx, in.Key, document)
	if m == nil {
		return nil, invalidModel(problems)
	}
	status := definition.Status(in.Status)
	if status == definition.Live {
		if err := a.passes(ctx, in.Key, m); err != nil {
			return nil, err
		}
	}
	c := in.command(in.Key, document, "application/xml")
	c.Note = note
	return a.defineModel(ctx, in.Waiting, m, c)
}

func (a *API) defineModel(ctx context.Context, w Waiting, m *model.Model, c definition.Command) (*stored[ModelView], error) {
	c.Kind = definition.DecisionModel
	return define(ctx, a, w, modelsPath+"/"+c.Key, c, func(v *definition.Version) (ModelView, error) {
		return viewModel(a.series(c.Key), v, m), nil
	})
}

type modelStatus struct {
	ModelKey
	DefinitionChange
	Body StatusBody
}

func (a *API) setModelStatus(ctx context.Context, in *modelStatus) (*stored[ModelView], error) {
	v, err := a.pick(in.Key, number(in.Body.Version))
	if err != nil {
		return nil, err
	}
	m, err := a.Decider.Model(ctx, in.Key, v.Version)
	if err != nil {
		return nil, err
	}
	status := definition.Status(in.Body.Status)
	if status == definition.Live {
		if err := a.passes(ctx, in.Key, m); err != nil {
			return nil, err
		}
	}
	// The number is given even where the caller left it out: what is tested
	// here must be what goes live.
	return a.defineModel(ctx, in.Waiting, m, definition.Command{
		Key: in.Key, Status: status, Version: v.Version, Note: in.Body.Note, IfMatch: in.IfMatch,
	})
}

type modelRollback struct {
	ModelKey
	DefinitionChange
	Body RollbackBody
}

func (a *API) rollbackModel(ctx context.Context, in *modelRollback) (*stored[ModelView], error) {
	if _, err := a.pick(in.Key, number(in.Body.Version)); err != nil {
		return nil, err
	}
	m, err := a.Decider.Model(ctx, in.Key, in.Body.Version)
	if err != nil {
		return nil, err
	}
	c := in.Body.command(in.IfMatch)
	c.Key = in.Key
	if c.Status == definition.Live {
		if err := a.passes(ctx, in.Key, m); err != nil {
			return nil, err
		}
	}
	return a.defineModel(ctx, in.Waiting, m, c)
}

// invalidModel tells each error of a document with its place.
func invalidModel(problems []model.Problem) error {
	p := newProblem(http.StatusBadRequest, "invalid_model", "")
	for _, e := range problems {
		if e.Severity != "error" {
			continue
		}
		f := FieldError{Field: e.Node, Message: e.Message, Line: e.Line, Column: e.Column}
		p.Errors = append(p.Errors, f)
	}
	first := p.Errors[0]
	p.Detail = "the model does not compile: " + first.Message
	if first.Line > 0 {
		p.Detail = "the model does not compile: line " + strconv.Itoa(first.Line) + ", column " + strconv.Itoa(first.Column) + ": " + first.Message
	}
	if n := len(p.Errors); n > 1 {
		p.Detail += " (and " + strconv.Itoa(n-1) + " more, see errors)"
	}
	p.Detail += "; nothing was stored, mend it and PUT it again"
	return p
}

func (a *API) series(key string) *definition.Series {
	return a.Spine.Definitions().Get(definition.DecisionModel, key)
}

// pick finds a version by its number, "live", or the newest where nothing is
// said.
func (a *API) pick(key, version string) (*definition.Version, error) {
	s := a.series(key)
	if s == nil {
		return nil, fault.Errorf(fault.NotFound, "model_not_found", "there is no decision model %q: PUT %s%s/%s makes one", key, prefix[:len(prefix)-1], modelsPath, key)
	}
	var v *definition.Version
	switch version {
	case "":
		return s.Newest(), nil
	case "live":
		if v = s.Live(); v == nil {
			return nil, fault.Errorf(fault.NotFound, "no_live_version", "no version of %q is live: its newest is %d (%s); make one live with POST …/status, or ask for a version", key, s.Newest().Version, s.Newest().Status())
		}
		return v, nil
	}
	n, err := strconv.Atoi(version)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_version", "version %q: give a number or live", version).At("version")
	}
	if v = s.At(n); v == nil {
		return nil, fault.Errorf(fault.NotFound, "version_not_found", "%q has no version %d: it has 1 to %d", key, n, s.Newest().Version).At("version")
	}
	return v, nil
}

// number is a version as pick takes it; zero means none.
func number(version int) string {
	if version == 0 {
		return ""
	}
	return strconv.Itoa(version)
}

// strictly reads a JSON body and refuses members it does not know.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return fault.Errorf(fault.Invalid, "unknown_field", "unknown field %s: take it away, or correct its name", name)
		}
		return fault.Errorf(fault.Invalid, "invalid_json", "the body cannot be read: %v", err)
	}
	if d.More() {
		return fault.Errorf(fault.Invalid, "invalid_json", "the body goes on behind its JSON object: send one object")
	}
	return nil
}
