// Package decider answers decision models for those who ask: it holds them
// compiled with everything they depend on, gathers what they read, keeps what
// was decided, and runs the jobs around that. It never speaks HTTP, never lets
// an answer wait for the log, and never holds a rule of a model itself.
package decider

import (
	"context"
	"log/slog"
	"sync"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/decision/connection"
	"rapport/internal/decision/kept"
	"rapport/internal/definition"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// Spine is what the decider asks of the pipeline.
type Spine interface {
	definitions
	people
	decisions
}

// definitions are read without their documents at no cost.
type definitions interface {
	Definitions() *definition.Index
	Definition(ctx context.Context, kind definition.Kind, key string, version int) (definition.Definition, error)
}

type people interface {
	Profile(ctx context.Context, ref string, o pipeline.ProfileOptions) (*profile.View, error)
	Timeline(ctx context.Context, ref string, q pipeline.TimelineQuery) (pipeline.Page[profile.Item], error)
	Entity(ctx context.Context, kind catalog.Kind, id string) (pipeline.Stored, error)
	People(ctx context.Context, cursor string, limit int) (pipeline.Page[string], error)
	SegmentMembers(ctx context.Context, key, cursor string, limit int) (pipeline.Page[pipeline.SegmentMember], error)
	Permit(ctx context.Context, ref string, uses []pipeline.Use, at clock.Instant) (*pipeline.Permission, error)
}

type decisions interface {
	Keep(ctx context.Context, list []pipeline.Keepsake) (pipeline.Receipt, error)
	Decision(ctx context.Context, id string) (*kept.Decision, error)
	Decisions(ctx context.Context, q pipeline.DecisionQuery) (pipeline.Page[kept.Head], error)
	EachDecision(ctx context.Context, q pipeline.DecisionQuery, visit func(*kept.Decision) error) error
	PurgeDecisions(ctx context.Context) (int, error)
	WaitApplied(ctx context.Context, r pipeline.Receipt) error
}

// Fetcher asks data connections: with who asks, repeated, cached, and left
// alone while they fail.
type Fetcher interface {
	Fetch(ctx context.Context, at Source, r *connection.Request) (*connection.Answer, error)
}

// Source is the version of a connection that is asked.
type Source struct {
	Key     string
	Version int
	*connection.Connection
}

// Deps is what a decider is made of.
type Deps struct {
	Spine   Spine
	Fetcher Fetcher
	Clock   clock.Clock
	Random  func([]byte)
	Log     *slog.Logger
}

// Decider answers decision models. It is safe for concurrent use.
type Decider struct {
	Deps
	models   models
	recorder recorder
	beside   beside
	turns    turns
	wait     sync.WaitGroup
}

// New makes a decider that keeps nothing yet.
func New(d Deps) *Decider {
	out := &Decider{Deps: d}
	out.models.source = d.Spine
	out.models.predictors.source = d.Spine
	out.recorder.init()
	out.beside.init()
	return out
}

// Start lets decisions be kept, until Close.
func (d *Decider) Start() {
	d.recorder.counts.running.Store(true)
	d.wait.Go(d.runBeside)
	d.wait.Go(d.record)
}

// Close keeps what was decided and ends. No question may come any more.
func (d *Decider) Close() {
	if !d.recorder.counts.running.Swap(false) {
		return
	}
	close(d.beside.queue)
	<-d.beside.ended
	close(d.recorder.queue)
	d.wait.Wait()
}

// Flush returns when what was decided before it can be read, or could not get
// into the log.
func (d *Decider) Flush(ctx context.Context) error {
	if !d.recorder.counts.running.Load() {
		return nil
	}
	done := make(chan struct{})
	d.beside.queue <- besideWork{flush: done}
	<-done
	done = make(chan struct{})
	d.recorder.queue <- pending{flush: done}
	<-done
	return d.Spine.WaitApplied(ctx, pipeline.Receipt{Position: store.Position(d.recorder.last.Load())})
}
