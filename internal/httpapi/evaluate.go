package httpapi

import (
	"context"
	"encoding/json"

	"rapport/internal/decider"
	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// EvaluateBody asks a decision model.
type EvaluateBody struct {
	Inputs    map[string]any `json:"inputs,omitempty" doc:"Values by the names of input data; dates, times and durations as text"`
	Profile   string         `json:"profile,omitempty" doc:"namespace:value or a profile id: input data called profile, events, session, segments or identifiers, or like a trait or computed field, get what is known of this person, where inputs does not say otherwise"`
	Item      string         `json:"item,omitempty" doc:"Id of a catalog item: input data called item gets it"`
	Context   map[string]any `json:"context,omitempty" doc:"Of the request that is decided for, such as {\"locale\":\"de-DE\",\"url\":\"https://…\",\"device\":{\"type\":\"mobile\"}}: input data called request gets it, with time, host, path and query added"`
	Decisions []string       `json:"decisions,omitempty" doc:"Names of decisions; left out: all"`
	Service   string         `json:"service,omitempty" doc:"Name of a decision service instead"`
	Purpose   string         `json:"purpose,omitempty" maxLength:"100" doc:"What the person must have agreed to, beside what the model's settings name: nothing is read of who did not"`
	Channel   string         `json:"channel,omitempty" maxLength:"100" doc:"Of the purpose; suppression lists of the channel hold, too"`
}

// question is what of a body is read; inputs stay as they came.
type question struct {
	Inputs    map[string]json.RawMessage `json:"inputs"`
	Profile   string                     `json:"profile"`
	Item      string                     `json:"item"`
	Context   json.RawMessage            `json:"context"`
	Decisions []string                   `json:"decisions"`
	Service   string                     `json:"service"`
	Purpose   string                     `json:"purpose"`
	Channel   string                     `json:"channel"`
}

// uses is what an answer is for, by the request.
func uses(purpose, channel string) ([]pipeline.Use, error) {
	switch {
	case purpose == "" && channel == "":
		return nil, nil
	case purpose == "":
		return nil, fault.Errorf(fault.Invalid, "missing_purpose", "channel is %q and purpose is missing: name the purpose, too", channel).At("/purpose")
	}
	return []pipeline.Use{{Purpose: purpose, Channel: channel}}, nil
}

// Evaluated is the answer of a decision model.
type Evaluated struct {
	Model   string  `json:"model" doc:"Its key"`
	Version int     `json:"version"`
	Profile string  `json:"profile_id,omitempty" doc:"Whom it decided about"`
	Took    float64 `json:"took_us" doc:"Microseconds of the decision itself; neither connections nor reading the profile are in it"`
	kept.TookElsewhere
	Decision    *kept.ID          `json:"decision_id,omitempty" doc:"Under which the decision is kept, a moment later"`
	NotKept     string            `json:"not_kept,omitempty" enum:"not_live,sampling,busy" doc:"Why the decision is not kept"`
	Connections []decider.Contact `json:"connections,omitempty" doc:"The data connections that were asked"`
	Consent     *kept.Permission  `json:"consent,omitempty" doc:"Whether the person had agreed to what the answer is for"`
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
	wanted, err := uses(asked.Purpose, asked.Channel)
	if err != nil {
		return nil, err
	}
	out, err := a.Decider.Evaluate(ctx, &decider.Ask{
		Model: in.Key, Version: v.Version, Status: v.Status(), Inputs: asked.Inputs, Context: asked.Context, Item: asked.Item,
		Profile: asked.Profile, Decisions: asked.Decisions, Service: asked.Service, Explain: in.Explain, Author: author(ctx), Uses: wanted,
	})
	if err != nil {
		return nil, err
	}
	return &body[Evaluated]{Evaluated{
		Model: in.Key, Version: v.Version, Profile: out.Profile, Took: out.Took.Own, TookElsewhere: out.Took.TookElsewhere,
		Decision: out.Decision, NotKept: out.NotKept, Connections: out.Connections, Consent: out.Consent, Answer: out.Answer,
	}}, nil
}
