package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/predict"
)

// ScoreBody is one row to score.
type ScoreBody struct {
	Inputs map[string]any `json:"inputs" doc:"Values by the names of inputs; what is left out or null is missing"`
}

// Scored is what a predictive model gives for a row.
type Scored struct {
	Version int                    `json:"version"`
	Outputs map[string]any         `json:"outputs" doc:"By the names of outputs; null where the model gives none"`
	Drivers []predict.Contribution `json:"drivers,omitempty" doc:"What each input adds to the raw sum of the first class, the strongest first; left out where the format does not hold it"`
	Base    *float64               `json:"base,omitempty" doc:"The raw sum without any of them"`
}

// predictiveFile gives the file of a version.
func (a *API) predictiveFile(ctx context.Context, in *struct {
	ModelKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
},
) (*modelAnswer, error) {
	v, err := a.pickPredictive(in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	d, err := a.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	_, file, err := predict.Unpack(v.Key, d.ContentType, d.Document)
	if err != nil {
		return nil, err
	}
	return &modelAnswer{ETag: v.ETag(), Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/octet-stream")
		c.SetHeader("Content-Disposition", "attachment; filename="+strconv.Quote(v.Key+"@"+strconv.Itoa(v.Version)))
		c.SetStatus(http.StatusOK)
		c.BodyWriter().Write(file) //nolint:errcheck // the client is gone
	}}, nil
}

func (a *API) scorePredictive(ctx context.Context, in *struct {
	ModelKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
	RawBody []byte
},
) (*body[Scored], error) {
	v, err := a.pickPredictive(in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	var asked struct {
		Inputs map[string]json.RawMessage `json:"inputs"`
	}
	if err := strictly(in.RawBody, &asked); err != nil {
		return nil, err
	}
	m, err := a.Decider.Predictive(ctx, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	names, values := make([]string, 0, len(asked.Inputs)), make([]predict.Value, 0, len(asked.Inputs))
	for name, text := range asked.Inputs {
		value, err := scoreValue(text)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_input", "the input %q is no number, text, boolean or null", name).At("/inputs/" + name)
		}
		names, values = append(names, name), append(values, value)
	}
	binding, err := m.Bind(names...)
	if err != nil {
		return nil, err
	}
	run := m.NewRun()
	if _, err := binding.Score(run, values); err != nil {
		return nil, err
	}
	out := Scored{Version: v.Version, Outputs: map[string]any{}}
	for i, o := range m.Outputs() {
		out.Outputs[o.Name] = scoreOutput(run.Output(i))
	}
	if drivers, base, err := run.Explain(0); err == nil {
		out.Drivers, out.Base = drivers, &base
	}
	return &body[Scored]{out}, nil
}

func scoreValue(text json.RawMessage) (v predict.Value, err error) {
	var x any
	if err := json.Unmarshal(text, &x); err != nil {
		return v, err
	}
	switch x := x.(type) {
	case nil:
		return v, nil
	case float64:
		return predict.Number(x), nil
	case string:
		return predict.Text(x), nil
	case bool:
		return predict.Bool(x), nil
	}
	return v, errNoScalar
}

var errNoScalar = fault.Errorf(fault.Invalid, "invalid_input", "no number, text, boolean or null")

func scoreOutput(v predict.Value) any {
	if x, ok := v.Number(); ok {
		return x
	}
	if s, ok := v.Text(); ok {
		return s
	}
	if b, ok := v.Bool(); ok {
		return b
	}
	return nil
}
