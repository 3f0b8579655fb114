package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/definition"
	"rapport/internal/dmn"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/predict"
	"rapport/internal/script"
)

// externals are the functions in decision models whose bodies are not FEEL:
// predictive models and JavaScript.
type externals struct {
	source  definitions
	held    sync.Map // of modelKey to *predictor
	holding atomic.Int64
}

// maxPredictors is how many loaded versions are held: beyond that all are let
// go, and those in use come back.
const maxPredictors = 50

// predictor is a loaded predictive model with runs to score in.
type predictor struct {
	*predict.Model
	outputs []predict.Output
	runs    sync.Pool // of *predict.Run
}

// bound is a call's binding to the version it was made for.
type bound struct {
	to *predictor
	*predict.Binding
}

func newPredictor(m *predict.Model) *predictor {
	p := &predictor{Model: m, outputs: m.Outputs()}
	p.runs.New = func() any { return m.NewRun() }
	return p
}

// What a call takes off the budget of an evaluation: about as much as it takes
// time.
const (
	scoreSteps  = 50
	scriptSteps = 5_000
)

// resolver gives the bodies of external functions.
func (e *externals) resolver(strict bool) func(dmn.ExternalFunction) (feel.NativeFunc, error) {
	return func(f dmn.ExternalFunction) (feel.NativeFunc, error) {
		switch strings.ToLower(f.Kind) {
		case "pmml":
			return e.prediction(f, "document", strict)
		case "predictive":
			return e.prediction(f, "model", strict)
		case "javascript":
			return scripted(f)
		}
		return nil, fmt.Errorf("functions of kind %q are not known: PMML, predictive and JavaScript are", f.Kind)
	}
}

// prediction calls the live version of a predictive model. Its inputs are
// named by the parameters.
func (e *externals) prediction(f dmn.ExternalFunction, field string, strict bool) (feel.NativeFunc, error) {
	key := f.Fields[field]
	if key == "" {
		return nil, fmt.Errorf("it needs the entry %q: the key of a predictive model", field)
	}
	names := make([]string, len(f.Params))
	for i, p := range f.Params {
		names[i] = p.Name
	}
	if strict {
		p, err := e.live(context.Background(), key)
		if err != nil {
			return nil, err
		}
		if _, err := p.Bind(names...); err != nil {
			return nil, err
		}
	}
	var last atomic.Pointer[bound]
	return func(ev *feel.Evaluator, args []feel.Value) (feel.Value, error) {
		if !ev.Spend(scoreSteps) {
			return feel.Null, nil
		}
		p, err := e.live(context.Background(), key)
		if err != nil {
			return feel.Null, err
		}
		b := last.Load()
		if b == nil || b.to != p {
			binding, err := p.Bind(names...)
			if err != nil {
				return feel.Null, err
			}
			b = &bound{p, binding}
			last.Store(b)
		}
		return p.score(b.Binding, args)
	}, nil
}

// live gives the live version of a predictive model, loading it where that was
// not done yet.
func (e *externals) live(ctx context.Context, key string) (*predictor, error) {
	v := e.source.Definitions().Get(definition.PredictiveModel, key).Live()
	if v == nil {
		return nil, fault.Errorf(fault.NotFound, "predictive_model_not_found", "there is no live predictive model %q: PUT it first", key)
	}
	return e.version(ctx, v)
}

func (e *externals) version(ctx context.Context, v *definition.Version) (*predictor, error) {
	at := modelKey{v.Key, v.Version}
	if p, ok := e.held.Load(at); ok {
		return p.(*predictor), nil
	}
	d, err := e.source.Definition(ctx, definition.PredictiveModel, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	m, err := predict.Load(predict.Spec{Name: v.Key, Version: number(v.Version)}, d.Document)
	if err != nil {
		return nil, err
	}
	p, loaded := e.held.LoadOrStore(at, newPredictor(m))
	if !loaded && e.holding.Add(1) > maxPredictors {
		e.held.Clear()
		e.holding.Store(0)
	}
	return p.(*predictor), nil
}

func (p *predictor) score(b *predict.Binding, args []feel.Value) (feel.Value, error) {
	values := make([]predict.Value, len(args))
	for i, a := range args {
		var err error
		if values[i], err = predictValue(a); err != nil {
			return feel.Null, err
		}
	}
	run := p.runs.Get().(*predict.Run)
	defer p.runs.Put(run)
	if _, err := b.Score(run, values); err != nil {
		return feel.Null, err
	}
	if len(p.outputs) == 1 {
		return feelValue(run.Output(0)), nil
	}
	entries := make([]feel.Entry, len(p.outputs))
	for i, o := range p.outputs {
		entries[i] = feel.Entry{Key: o.Name, Value: feelValue(run.Output(i))}
	}
	return feel.ContextOf(entries...), nil
}

func predictValue(v feel.Value) (predict.Value, error) {
	if v.IsNull() {
		return predict.Value{}, nil
	}
	if x, ok := v.AsFloat(); ok {
		return predict.Number(x), nil
	}
	if s, ok := v.AsString(); ok {
		return predict.Text(s), nil
	}
	if b, ok := v.AsBool(); ok {
		return predict.Bool(b), nil
	}
	return predict.Value{}, fmt.Errorf("%s is no number, text or boolean", v.Literal())
}

func feelValue(v predict.Value) feel.Value {
	if x, ok := v.Number(); ok {
		return feel.Float(x)
	}
	if s, ok := v.Text(); ok {
		return feel.String(s)
	}
	if b, ok := v.Bool(); ok {
		return feel.Bool(b)
	}
	return feel.Null
}

// scripted is a box of JavaScript: the body of a function of its parameters.
func scripted(f dmn.ExternalFunction) (feel.NativeFunc, error) {
	source := f.Fields["source"]
	if strings.TrimSpace(source) == "" {
		return nil, fmt.Errorf("it needs the entry \"source\": the body of a function, such as return a + b")
	}
	names := make([]string, len(f.Params))
	for i, p := range f.Params {
		names[i] = p.Name
	}
	program, err := script.Compile("JavaScript", source, names...)
	if err != nil {
		return nil, err
	}
	limits := script.Limits{Steps: 200_000, Bytes: 8 << 20, Depth: 100, Time: 200 * time.Millisecond}
	return func(ev *feel.Evaluator, args []feel.Value) (feel.Value, error) {
		if !ev.Spend(scriptSteps) {
			return feel.Null, nil
		}
		values := make([]any, len(args))
		for i, a := range args {
			values[i] = plain(a.Go())
		}
		out, usage, err := program.Run(script.Input{Args: values}, limits)
		ev.Spend(int64(usage.Steps))
		if err != nil {
			return feel.Null, err
		}
		return feel.FromGo(out)
	}, nil
}

// plain makes of numbers what JavaScript has for them.
func plain(x any) any {
	switch x := x.(type) {
	case json.Number:
		f, err := x.Float64()
		if err != nil {
			return nil
		}
		return f
	case []any:
		for i := range x {
			x[i] = plain(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = plain(x[k])
		}
	}
	return x
}
