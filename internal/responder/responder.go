// Package responder answers what to show to whom: it gathers the person who
// asks, asks offers and experiences, holds on to what was decided and writes it
// down. It never speaks HTTP, never lets an answer wait for the log but where
// there are only so many of an offer, and never tells a caller more of a person
// than the caller may know.
//
// Start reading at decide.go.
package responder

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/decider"
	"rapport/internal/decision/offer"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
)

// Spine is what the responder asks of the pipeline.
type Spine interface {
	definitions
	people
	stocks
}

type definitions interface {
	Definitions() *definition.Index
	Definition(ctx context.Context, kind definition.Kind, key string, version int) (definition.Definition, error)
}

type people interface {
	Visitor(ctx context.Context, ident event.Identifier, bare bool) (*pipeline.Visitor, error)
	Entity(ctx context.Context, kind catalog.Kind, id string) (pipeline.Stored, error)
	Permit(ctx context.Context, ref string, uses []pipeline.Use, at clock.Instant) (*pipeline.Permission, error)
	Rules() *identity.Rules
	WaitApplied(ctx context.Context, r pipeline.Receipt) error
}

type stocks interface {
	Taken(ctx context.Context, offer string) (int64, error)
	Reserve(ctx context.Context, offer string, n, total int64, decision string) (*pipeline.Reservation, error)
	Release(r *pipeline.Reservation)
}

// Model answers decision models.
type Model interface {
	Evaluate(ctx context.Context, ask *decider.Ask) (*decider.Outcome, error)
	// Begin says that people are read from now on, until what it gives is called.
	Begin() (end func())
}

// Tell takes events of the tracking protocol that the server itself makes, all
// in one step.
type Tell func(ctx context.Context, bodies [][]byte) (pipeline.Receipt, error)

// TellTaken takes one such event and what is taken of offers for it, in one step.
type TellTaken func(ctx context.Context, body []byte, taken []*pipeline.Reservation) (pipeline.Receipt, error)

// Deps is what a responder is made of.
type Deps struct {
	Spine     Spine
	Model     Model
	Tell      Tell
	TellTaken TellTaken
	Clock     clock.Clock
	Random    func([]byte)
	// Key signs previews.
	Key []byte
	Log *slog.Logger
}

// Responder answers. It is safe for concurrent use.
type Responder struct {
	Deps
	shelf     shelves
	templates templates
	recent    recent
	record    recorder
	rooms     sync.Pool       // of *offer.Room
	turns     [256]sync.Mutex // a person's decisions are made one after another
}

// New makes a responder that writes nothing down yet.
func New(d Deps) *Responder {
	r := &Responder{Deps: d}
	r.rooms.New = func() any { return &offer.Room{} }
	r.shelf.source = d.Spine
	r.record.init()
	return r
}

// Request asks what to show.
type Request struct {
	// Identifiers are who asks, strongest first, normalised.
	Identifiers []event.Identifier
	// Trusted says that a secret key or a signature vouches for them. Without it
	// the caller only claims to be that person.
	Trusted     bool
	Placements  []string
	Experiences []string
	Channel     string
	Language    string
	Page        VisitedPage
	// Params are plain values by name.
	Params map[string]json.RawMessage
	// Preview is a token that forces a variant, with nothing written down.
	Preview string
	// Explain gives every candidate. Only operators ask so.
	Explain bool
	// Dry writes nothing down and takes nothing.
	Dry bool
}

// VisitedPage is where a visitor is.
type VisitedPage struct {
	URL      string `json:"url,omitempty"`
	Path     string `json:"path,omitempty"`
	Title    string `json:"title,omitempty"`
	Referrer string `json:"referrer,omitempty"`
}

// Start lets decisions be written down, until Close.
func (r *Responder) Start() { r.record.start(r) }

// Close writes down what was decided and ends.
func (r *Responder) Close() { r.record.close() }

// Flush returns when what was decided before it can be read.
func (r *Responder) Flush(ctx context.Context) error {
	at, err := r.record.flush(ctx)
	if err != nil {
		return err
	}
	return r.Spine.WaitApplied(ctx, at)
}
