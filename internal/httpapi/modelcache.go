package httpapi

import (
	"context"
	"sync"
	"sync/atomic"

	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/dmn"
	"rapport/internal/fault"
)

// models keeps decision models compiled. Versions never change, so nothing in
// it ever has to be taken back; reading takes no lock.
type models struct {
	source  definitions
	outside externals
	held    sync.Map // of modelKey to *runnable
	holding atomic.Int64
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
	runs sync.Pool // of *dmn.Session
}

func newRunnable(m *model.Model) *runnable {
	r := &runnable{Model: m}
	r.runs.New = func() any { return m.NewRun() }
	return r
}

// answer evaluates in a run that is free.
func (r *runnable) answer(q *model.Question) (*model.Answer, error) {
	run := r.runs.Get().(*dmn.Session)
	defer r.runs.Put(run)
	return r.Evaluate(run, q)
}

// get gives a version, compiling it where that was not done yet.
func (c *models) get(ctx context.Context, key string, version int) (*runnable, error) {
	at := modelKey{key, version}
	if r, ok := c.held.Load(at); ok {
		return r.(*runnable), nil
	}
	d, err := c.source.Definition(ctx, definition.DecisionModel, key, version)
	if err != nil {
		return nil, err
	}
	m, problems := c.compile(d.Document, false)
	if m == nil {
		return nil, fault.Errorf(fault.Conflict, "model_outdated", "version %d of %q does not compile in this release: %s; PUT a mended one", version, key, firstError(problems))
	}
	r, loaded := c.held.LoadOrStore(at, newRunnable(m))
	if !loaded && c.holding.Add(1) > maxModels {
		c.held.Clear()
		c.holding.Store(0)
	}
	return r.(*runnable), nil
}

// compile makes a document ready. Strict means that the predictive models it
// calls must be there: one that went missing later makes values null.
func (c *models) compile(document []byte, strict bool) (*model.Model, []model.Problem) {
	return model.Compile(document, dmn.CompileOptions{External: c.outside.resolver(strict)})
}

func firstError(problems []model.Problem) string {
	for _, p := range problems {
		if p.Severity == "error" {
			return p.Message
		}
	}
	return "it is empty"
}
