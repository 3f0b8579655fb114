package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/decision/model"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// EvaluateBody asks a decision model.
type EvaluateBody struct {
	Inputs    map[string]any `json:"inputs,omitempty" doc:"Values by the names of input data; dates, times and durations as text"`
	Profile   string         `json:"profile,omitempty" doc:"namespace:value or a profile id: input data called profile, events, session, segments or identifiers, or like a trait or computed field, get what is known of this person, where inputs does not say otherwise"`
	Decisions []string       `json:"decisions,omitempty" doc:"Names of decisions; left out: all"`
	Service   string         `json:"service,omitempty" doc:"Name of a decision service instead"`
}

// question is what of a body is read; inputs stay as they came.
type question struct {
	Inputs    map[string]json.RawMessage `json:"inputs"`
	Profile   string                     `json:"profile"`
	Decisions []string                   `json:"decisions"`
	Service   string                     `json:"service"`
}

// Evaluated is the answer of a decision model.
type Evaluated struct {
	Model   string  `json:"model" doc:"Its key"`
	Version int     `json:"version"`
	Profile string  `json:"profile_id,omitempty" doc:"Whom it decided about"`
	Took    float64 `json:"took_us" doc:"Microseconds of the decision itself; reading the profile is not in it"`
	*model.Answer
}

func (a *API) evaluateModel(ctx context.Context, in *struct {
	ModelKey
	Version string `query:"version" maxLength:"20" default:"live" doc:"A number, for drafts and tests; left out: the live version"`
	Explain bool   `query:"explain" doc:"true: also the inputs and a trace of every node"`
	RawBody []byte
},
) (*body[Evaluated], error) {
	v, err := a.pick(in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	var asked question
	if err := strictly(in.RawBody, &asked); err != nil {
		return nil, err
	}
	m, err := a.models.get(ctx, in.Key, v.Version)
	if err != nil {
		return nil, err
	}
	q := &model.Question{Inputs: asked.Inputs, Decisions: asked.Decisions, Service: asked.Service, Now: a.Clock.Now(), Explain: in.Explain}
	out := Evaluated{Model: in.Key, Version: v.Version}
	if asked.Profile != "" {
		if q.Person, err = a.person(ctx, asked.Profile, m.WantsEvents()); err != nil {
			return nil, err
		}
		out.Profile = q.Person.ID()
	}
	start := time.Now()
	if in.Explain {
		q.Clock = func() int64 { return int64(time.Since(start)) }
	}
	if out.Answer, err = m.answer(q); err != nil {
		return nil, err
	}
	out.Took = float64(time.Since(start)) / float64(time.Microsecond)
	return &body[Evaluated]{out}, nil
}

// person reads whom a question is about, and no more than the model wants.
func (a *API) person(ctx context.Context, ref string, events bool) (*model.Person, error) {
	view, err := a.Spine.Profile(ctx, ref, pipeline.ProfileOptions{})
	if err != nil {
		return nil, err
	}
	var last []profile.Item
	if events {
		page, err := a.Spine.Timeline(ctx, ref, pipeline.TimelineQuery{Limit: model.MaxEvents})
		if err != nil {
			return nil, err
		}
		last = page.Items
	}
	return model.NewPerson(view, last), nil
}
