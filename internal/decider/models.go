package decider

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/decision/settings"
	"rapport/internal/definition"
	"rapport/internal/dmn"
	"rapport/internal/fault"
	"rapport/internal/feel"
)

// models keeps decision models compiled, each with the versions of everything
// it depends on. Where one of these changes it is compiled anew; reading takes
// no lock.
type models struct {
	source     definitions
	predictors predictors
	held       sync.Map // of modelKey to *runnable
	holding    atomic.Int64
	compiling  sync.Mutex // one at a time: many may ask for the same
	spaces     sync.Map   // of modelKey to the namespace of a model's document
}

// maxModels is how many compiled versions are held: beyond that all are let
// go, and those in use come back.
const maxModels = 500

type modelKey struct {
	key     string
	version int
}

// runnable is a compiled version with runs to evaluate it in.
type runnable struct {
	*model.Model
	key      string
	version  int
	pins     []kept.Pin // what it depends on; those the document itself pins are not among them
	settings *settings.Settings
	inputs   []answered
	runs     sync.Pool                        // of *dmn.Session
	verified atomic.Pointer[definition.Index] // the definitions it was last found to agree with
}

// answered is an input data that a connection answers.
type answered struct {
	name   string
	source Source
	params []settings.Parameter
	broken error // why the connection cannot be asked
}

// answer evaluates in a run that is free.
func (r *runnable) answer(q *model.Question) (*model.Answer, error) {
	run := r.runs.Get().(*dmn.Session)
	defer r.runs.Put(run)
	return r.Evaluate(run, q)
}

// agrees tells whether what the model depends on still has the versions that
// it was compiled with.
func (r *runnable) agrees(index *definition.Index) bool {
	if r.verified.Load() == index {
		return true
	}
	for _, p := range r.pins {
		if p.Namespace != "" && p.Key == "" {
			return false // an import that nobody could answer: somebody may now
		}
		if now := index.Get(p.Kind, p.Key).Live(); now == nil && p.Version != 0 || now != nil && now.Version != p.Version {
			return false
		}
	}
	r.verified.Store(index)
	return true
}

// get gives a version, compiling it where that was not done yet.
func (c *models) get(ctx context.Context, key string, version int) (*runnable, error) {
	at, index := modelKey{key, version}, c.source.Definitions()
	if r, ok := c.held.Load(at); ok && r.(*runnable).agrees(index) {
		return r.(*runnable), nil
	}
	c.compiling.Lock()
	defer c.compiling.Unlock()
	index = c.source.Definitions()
	if r, ok := c.held.Load(at); ok && r.(*runnable).agrees(index) {
		return r.(*runnable), nil
	}
	r, err := c.make(ctx, index, at, nil)
	if err != nil {
		return nil, err
	}
	if _, loaded := c.held.Swap(at, r); !loaded && c.holding.Add(1) > maxModels {
		c.held.Clear()
		c.holding.Store(0)
	}
	return r, nil
}

// pinned gives a version with what it depended on when it decided.
func (c *models) pinned(ctx context.Context, key string, version int, pins []kept.Pin) (*runnable, error) {
	if r, err := c.get(ctx, key, version); err == nil && slices.Equal(r.pins, pins) {
		return r, nil
	}
	if pins == nil {
		pins = []kept.Pin{}
	}
	return c.make(ctx, c.source.Definitions(), modelKey{key, version}, pins)
}

func (c *models) make(ctx context.Context, index *definition.Index, at modelKey, fixed []kept.Pin) (*runnable, error) {
	d, err := c.source.Definition(ctx, definition.DecisionModel, at.key, at.version)
	if err != nil {
		return nil, err
	}
	w := &wiring{models: c, ctx: ctx, index: index, key: at.key, fixed: fixed}
	r, problems := w.compile(d.Document)
	if r == nil {
		return nil, fault.Errorf(fault.Conflict, "model_outdated", "version %d of %q does not compile in this release: %s; PUT a mended one", at.version, at.key, firstError(problems))
	}
	r.version = at.version
	r.verified.Store(index)
	return r, nil
}

func firstError(problems []model.Problem) string {
	for _, p := range problems {
		if p.Severity == "error" {
			return p.Message
		}
	}
	return "it is empty"
}

// Compile makes a document ready that is to become a version of a key. All that
// it depends on must be there; without a model, at least one problem is an error.
func (d *Decider) Compile(ctx context.Context, key string, document []byte) (*model.Model, []model.Problem) {
	w := &wiring{models: &d.models, ctx: ctx, index: d.Spine.Definitions(), key: key, strict: true}
	r, problems := w.compile(document)
	if r == nil {
		return nil, problems
	}
	return r.Model, problems
}

// Model gives a version compiled.
func (d *Decider) Model(ctx context.Context, key string, version int) (*model.Model, error) {
	r, err := d.models.get(ctx, key, version)
	if err != nil {
		return nil, err
	}
	return r.Model, nil
}

// types of what connections answer, by the names of input data.
func (r *runnable) types() map[string]*feel.Type {
	out := make(map[string]*feel.Type, len(r.inputs))
	for _, in := range r.inputs {
		if in.source.Connection != nil {
			out[in.name] = in.source.ValueType()
		} else {
			out[in.name] = nil
		}
	}
	return out
}
