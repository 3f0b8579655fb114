package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/decider"
	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// DecisionID names a kept decision in a path.
type DecisionID struct {
	ID string `path:"id" maxLength:"64" doc:"The decision's id"`
}

// KeptView is a kept decision.
type KeptView struct {
	kept.Head
	Profile     string             `json:"profile_id,omitempty" doc:"Whom it was about, by the id at that time"`
	Author      string             `json:"author,omitempty" doc:"Id of the key that asked"`
	Decisions   []string           `json:"decisions,omitempty" doc:"Those that were asked for; left out: all"`
	Service     string             `json:"service,omitempty"`
	DependedOn  []kept.Pin         `json:"depended_on" nullable:"false" doc:"Settings, connections, predictive and imported models, in the versions they had"`
	Inputs      []model.Bound      `json:"inputs" nullable:"false" doc:"What the model read, and where that came from"`
	Outputs     map[string]any     `json:"outputs"`
	Diagnostics []model.Diagnostic `json:"diagnostics" nullable:"false"`
	Took        kept.Took          `json:"took"`
	Consent     *kept.Permission   `json:"consent,omitempty" doc:"Whether the person had agreed to what the decision was for"`
	Cut         bool               `json:"cut,omitempty" doc:"Inputs or outputs were too large to keep"`
}

// TracedView is a kept decision made again.
type TracedView struct {
	KeptView
	Trace   []model.Step   `json:"trace" nullable:"false" doc:"What ran, in the order in which it began"`
	Again   map[string]any `json:"outputs_again" doc:"What it came to now"`
	Differs []string       `json:"outputs_differ" nullable:"false" doc:"Outputs that are not what was kept: none, unless something is wrong"`
}

func (a *API) decisionRoutes() {
	at := func(id, path, summary string) spec {
		return spec{id: id, method: http.MethodGet, path: "/decisions" + path, tag: "decisions", summary: summary, scope: access.ScopeRead, status: http.StatusOK}
	}
	register(a, at("list-decisions", "", "Kept decisions, newest first"), a.listDecisions)
	register(a, at("get-decisions-summary", "/summary", "How many decisions were kept since the start, and why others were not"), a.decisionsSummary)
	register(a, at("get-decision", "/{id}", "One kept decision with what it read and came to"), a.getDecision)
	register(a, at("trace-decision", "/{id}/trace", "Make a kept decision again, exactly, and show every step"), a.traceDecision)
}

// Span narrows a list to a time.
type Span struct {
	From string `query:"from" doc:"RFC 3339: only what is not older"`
	To   string `query:"to" doc:"RFC 3339: only what is older"`
}

func (s Span) read() (from, to clock.Instant, err error) {
	if err = from.UnmarshalText([]byte(s.From)); err != nil {
		return 0, 0, fault.Errorf(fault.Invalid, "invalid_time", "from %q is no time: give 2026-01-31T08:00:00Z", s.From).At("from")
	}
	if err = to.UnmarshalText([]byte(s.To)); err != nil {
		return 0, 0, fault.Errorf(fault.Invalid, "invalid_time", "to %q is no time: give 2026-01-31T08:00:00Z", s.To).At("to")
	}
	return from, to, nil
}

func (a *API) listDecisions(ctx context.Context, in *struct {
	Model   string `query:"model" maxLength:"128" doc:"Only those of this model"`
	Version int    `query:"version" minimum:"1" doc:"Only those of this version"`
	Status  string `query:"status" enum:"draft,test,live,archived" doc:"Only those of versions that were this then"`
	Profile string `query:"profile" maxLength:"512" doc:"Only those about this person: namespace:value or a profile id"`
	Job     string `query:"job" maxLength:"128" doc:"Only those of this batch"`
	Differs bool   `query:"differs" doc:"true: only those of test versions that differ from the live one"`
	Span
	Paging
},
) (*body[List[kept.Head]], error) {
	from, to, err := in.read()
	if err != nil {
		return nil, err
	}
	page, err := a.Spine.Decisions(ctx, pipeline.DecisionQuery{
		Model: in.Model, Version: in.Version, Status: definition.Status(in.Status), Profile: in.Profile, Job: in.Job,
		Differs: in.Differs, From: from, To: to, Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	return &body[List[kept.Head]]{listOf(page)}, nil
}

func (a *API) decisionsSummary(context.Context, *struct{}) (*body[decider.Kept], error) {
	return &body[decider.Kept]{a.Decider.Counts()}, nil
}

func (a *API) getDecision(ctx context.Context, in *DecisionID) (*body[KeptView], error) {
	d, err := a.Spine.Decision(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[KeptView]{viewDecision(d)}, nil
}

func (a *API) traceDecision(ctx context.Context, in *DecisionID) (*body[TracedView], error) {
	t, err := a.Decider.Trace(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := TracedView{KeptView: viewDecision(t.Decision), Trace: t.Answer.Trace, Again: t.Answer.Outputs, Differs: t.Differs}
	if out.Differs == nil {
		out.Differs = []string{}
	}
	return &body[TracedView]{out}, nil
}

func viewDecision(d *kept.Decision) KeptView {
	v := KeptView{
		Head: d.Head, Profile: d.Profile, Author: d.Author, Decisions: d.Decisions, Service: d.Service, DependedOn: []kept.Pin{},
		Inputs: make([]model.Bound, len(d.Read)), Outputs: make(map[string]any, len(d.Values)), Diagnostics: []model.Diagnostic{},
		Took: d.Took, Consent: d.Consent, Cut: d.Cut,
	}
	for _, p := range d.Pins {
		if p.Version != 0 {
			v.DependedOn = append(v.DependedOn, p)
		}
	}
	for i, r := range d.Read {
		v.Inputs[i] = model.Bound{Name: r.Name, Value: r.Value.Go(), From: r.From}
	}
	for _, e := range d.Values {
		v.Outputs[e.Key] = e.Value.Go()
	}
	v.Diagnostics = append(v.Diagnostics, d.Diagnostics...)
	return v
}
