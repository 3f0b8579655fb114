package decider

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/dmn"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/predict"
	"rapport/internal/script"
)

// predictors keeps predictive models loaded.
type predictors struct {
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

// prediction calls a predictive model: the live version, or the one that stands
// behind an @. Its inputs are named by the parameters.
func (w *wiring) prediction(f dmn.ExternalFunction, field string) (feel.NativeFunc, error) {
	if f.Fields[field] == "" {
		return nil, fmt.Errorf("it needs the entry %q: the key of a predictive model", field)
	}
	names := make([]string, len(f.Params))
	for i, p := range f.Params {
		names[i] = p.Name
	}
	p, b, err := w.bound(f.Fields[field], names)
	if err != nil {
		if w.strict {
			return nil, err
		}
		return func(*feel.Evaluator, []feel.Value) (feel.Value, error) { return feel.Null, err }, nil
	}
	return func(ev *feel.Evaluator, args []feel.Value) (feel.Value, error) {
		if !ev.Spend(scoreSteps) {
			return feel.Null, nil
		}
		return p.score(b, args)
	}, nil
}

// bound loads the predictive model that is named and binds its inputs.
func (w *wiring) bound(name string, inputs []string) (*predictor, *predict.Binding, error) {
	key, version, err := splitVersion(name)
	if err != nil {
		return nil, nil, err
	}
	s := w.index.Get(definition.PredictiveModel, key)
	switch {
	case version != 0 && s.At(version) == nil:
		return nil, nil, fault.Errorf(fault.NotFound, "predictive_model_not_found", "there is no version %d of a predictive model %q", version, key)
	case version == 0:
		if version = w.version(definition.PredictiveModel, key); version == 0 {
			return nil, nil, fault.Errorf(fault.NotFound, "predictive_model_not_found", "there is no live predictive model %q: PUT it first", key)
		}
	}
	p, err := w.predictors.version(w.ctx, key, version)
	if err != nil {
		return nil, nil, err
	}
	b, err := p.Bind(inputs...)
	return p, b, err
}

func (e *predictors) version(ctx context.Context, key string, version int) (*predictor, error) {
	at := modelKey{key, version}
	if p, ok := e.held.Load(at); ok {
		return p.(*predictor), nil
	}
	d, err := e.source.Definition(ctx, definition.PredictiveModel, key, version)
	if err != nil {
		return nil, err
	}
	spec, file, err := predict.Unpack(key, d.ContentType, d.Document)
	if err != nil {
		return nil, err
	}
	spec.Version = strconv.Itoa(version)
	m, err := predict.Load(spec, file)
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

// Predictive gives a version of a predictive model, loaded.
func (d *Decider) Predictive(ctx context.Context, key string, version int) (*predict.Model, error) {
	p, err := d.models.predictors.version(ctx, key, version)
	if err != nil {
		return nil, err
	}
	return p.Model, nil
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
		in := script.Input{Args: make([]any, len(args))}
		for i, a := range args {
			in.Args[i] = plain(a.Go())
		}
		// The script's clock and chance are those of the decision, which keeps
		// them: the script gives the same whenever the decision is made again.
		if outside, ok := dmn.Outside(ev).(*model.Outside); ok {
			seed := outside.Seed()
			in.Now, in.Seed = outside.Now.Time(), &seed
		}
		out, usage, err := program.Run(in, limits)
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
