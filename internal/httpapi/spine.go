package httpapi

import (
	"context"

	"rapport/internal/catalog"
	"rapport/internal/definition"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// Spine is what the API asks of the pipeline. Errors are faults where the
// caller can do something about them.
type Spine interface {
	people
	sampler
	finder
	entities
	letters
	verdicts
	ledger
	barrier
	definitions
}

// definitions are read without their documents at no cost.
type definitions interface {
	Definitions() *definition.Index
	Definition(ctx context.Context, kind definition.Kind, key string, version int) (definition.Definition, error)
	Define(ctx context.Context, c definition.Command) (pipeline.Defined, error)
}

type people interface {
	Profile(ctx context.Context, ref string, o pipeline.ProfileOptions) (*profile.View, error)
	Timeline(ctx context.Context, ref string, q pipeline.TimelineQuery) (pipeline.Page[profile.Item], error)
	Identity(ctx context.Context, ref string) (*pipeline.IdentityView, error)
}

type finder interface {
	Search(ctx context.Context, query, cursor string, limit int) (pipeline.Page[pipeline.ProfileSummary], error)
}

type entities interface {
	Entity(ctx context.Context, kind catalog.Kind, id string) (pipeline.Stored, error)
	Entities(ctx context.Context, kind catalog.Kind, cursor string, limit int) (pipeline.Page[pipeline.Stored], error)
	Change(ctx context.Context, c pipeline.Command) (pipeline.Outcome, error)
}

type letters interface {
	DeadLetters(ctx context.Context, q pipeline.DeadLetterQuery) (pipeline.Page[pipeline.DeadLetterView], error)
	DeadLetter(ctx context.Context, id string) (pipeline.DeadLetterView, error)
}

type verdicts interface {
	ReplayDeadLetter(ctx context.Context, id string) (pipeline.Receipt, error)
	DiscardDeadLetter(ctx context.Context, id string) (pipeline.Receipt, error)
}

type ledger interface {
	Accounting(ctx context.Context) (pipeline.Accounting, error)
}

type barrier interface {
	WaitApplied(ctx context.Context, r pipeline.Receipt) error
}
