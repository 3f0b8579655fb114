package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/decision/model"
	"rapport/internal/definition"
)

// ModelSummary is a decision model in a list.
type ModelSummary struct {
	Key     string            `json:"key"`
	Version int               `json:"version" doc:"The newest"`
	Status  definition.Status `json:"status" enum:"draft,test,live,archived" doc:"Of the newest version"`
	Live    *int              `json:"live_version" doc:"The version that runs, null where none does"`
	Author  string            `json:"author" doc:"Of the newest version"`
	Time    string            `json:"time" format:"date-time"`
	// Document is of kinds whose lists can be asked for it.
	Document json.RawMessage `json:"document,omitempty" doc:"Of the newest version, with include=document"`
}

// VersionView is a version in a list.
type VersionView struct {
	definition.Version
	Status definition.Status `json:"status" enum:"draft,test,live,archived"`
}

// ModelDiff is what differs between two versions.
type ModelDiff struct {
	From  int               `json:"from"`
	To    int               `json:"to"`
	Lines []definition.Line `json:"lines" nullable:"false"`
}

func liveOf(s *definition.Series) *int {
	if v := s.Live(); v != nil {
		n := v.Version
		return &n
	}
	return nil
}

func viewModel(s *definition.Series, v *definition.Version, m *model.Model) ModelView {
	made := v.Made()
	view := ModelView{
		Key: v.Key, Name: m.Name(), Version: v.Version, Status: v.Status(), Live: liveOf(s), Rollback: v.RollbackOf,
		Author: made.Author, Time: made.Time.String(), Note: made.Note, Changes: v.Changes,
		Inputs: m.Inputs(), Decisions: m.Decisions(), Services: m.Services(), Problems: m.Warnings(),
	}
	if view.Problems == nil {
		view.Problems = []model.Problem{}
	}
	return view
}

func (a *API) listModels(_ context.Context, in *Paging) (*body[List[ModelSummary]], error) {
	return a.summaries(definition.DecisionModel, in)
}

// PickVersion names a version in a query.
type PickVersion struct {
	Version string `query:"version" maxLength:"20" doc:"A number, or live"`
}

type modelQuestion struct {
	ModelKey
	PickVersion
	Accept      string `header:"Accept" doc:"application/xml or text/xml: the document itself"`
	IfNoneMatch string `header:"If-None-Match" doc:"Answer 304 if the version still has this ETag"`
}

// modelAnswer is written by hand: its form depends on Accept.
type modelAnswer struct {
	ETag string `header:"ETag"`
	Vary string `header:"Vary"`
	Body func(huma.Context)
}

func (a *API) getModel(ctx context.Context, in *modelQuestion) (*modelAnswer, error) {
	v, err := a.pick(in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	out := &modelAnswer{ETag: v.ETag(), Vary: "Accept"}
	if matches(in.IfNoneMatch, out.ETag) {
		out.Body = func(c huma.Context) { c.SetStatus(http.StatusNotModified) }
		return out, nil
	}
	d, err := a.Spine.Definition(ctx, definition.DecisionModel, in.Key, v.Version)
	if err != nil {
		return nil, err
	}
	if wantsXML(in.Accept) {
		out.Body = func(c huma.Context) {
			c.SetHeader("Content-Type", "application/xml")
			c.BodyWriter().Write(d.Document) //nolint:errcheck // the client is gone
		}
		return out, nil
	}
	m, err := a.Decider.Model(ctx, in.Key, v.Version)
	if err != nil {
		return nil, err
	}
	view := viewModel(a.series(in.Key), v, m)
	view.XML = string(d.Document)
	out.Body = func(c huma.Context) {
		c.SetHeader("Content-Type", "application/json")
		jsonFormat.Marshal(c.BodyWriter(), view) //nolint:errcheck // the client is gone
	}
	return out, nil
}

// wantsXML tells whether XML is asked for before JSON.
func wantsXML(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, _ := strings.Cut(part, ";")
		switch strings.TrimSpace(kind) {
		case "application/xml", "text/xml":
			return true
		case "application/json":
			return false
		}
	}
	return false
}

func (a *API) listModelVersions(_ context.Context, in *struct {
	ModelKey
	Paging
},
) (*body[List[VersionView]], error) {
	if _, err := a.pick(in.Key, ""); err != nil {
		return nil, err
	}
	return versionsOf(a.series(in.Key), in.Paging)
}

func (a *API) diffModel(ctx context.Context, in *struct {
	ModelKey
	From string `query:"from" required:"true" maxLength:"20" doc:"A version: a number, or live"`
	To   string `query:"to" maxLength:"20" doc:"A version; left out: the newest"`
},
) (*body[ModelDiff], error) {
	var documents [2][]byte
	var numbers [2]int
	for i, version := range []string{in.From, in.To} {
		v, err := a.pick(in.Key, version)
		if err != nil {
			return nil, err
		}
		d, err := a.Spine.Definition(ctx, definition.DecisionModel, in.Key, v.Version)
		if err != nil {
			return nil, err
		}
		documents[i], numbers[i] = d.Document, v.Version
	}
	return &body[ModelDiff]{ModelDiff{numbers[0], numbers[1], definition.Diff(documents[0], documents[1])}}, nil
}
