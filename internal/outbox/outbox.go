// Package outbox tells destinations what was planned for them: it makes what is
// sent out of plans, under the consent of the moment, delivers it in the order
// of each person, tries again what failed, leaves alone who does not answer, and
// writes down what came of everything. One destination never waits for another,
// and nothing here ever makes the door or the fold wait. It never plans, and it
// never keeps a secret in the clear for longer than a sink needs it.
package outbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/pipeline"
	"rapport/internal/responder"
	"rapport/internal/store"
	"rapport/internal/trace"
)

// Spine is what the outbox asks of the pipeline.
type Spine interface {
	plans
	rows
	definitions
	members
	reservations
	farewells
}

type farewells interface {
	ForgetFarewells(ctx context.Context, ids ...string) error
	ExpireFarewells(ctx context.Context) (int, error)
}

type reservations interface {
	Release(r *pipeline.Reservation)
}

type plans interface {
	Planned(ctx context.Context) ([]effect.Plan, error)
	KeepEffects(ctx context.Context, list []pipeline.Effect, reserved ...*pipeline.Reservation) ([]store.Position, error)
	Told(ctx context.Context, asked []effect.Fact) ([]string, error)
	ToldNow(ctx context.Context, asked []effect.Fact) ([]string, error)
	Subject(ctx context.Context, k id.Key, whole bool, uses []pipeline.Use) (*pipeline.Subject, error)
	EventAt(ctx context.Context, at store.Position) (*event.Event, error)
	Applied(ctx context.Context, at store.Position) error
	PassedSince(ctx context.Context, k id.Key, segment string, at store.Position) (bool, error)
}

type rows interface {
	ToSend(ctx context.Context, destination string, after effect.Place, dead bool) ([]pipeline.Message, bool, error)
	EffectAt(ctx context.Context, at store.Position) (pipeline.Effect, error)
	EffectCounts() map[string]map[string]int64
	Deliveries(ctx context.Context, q pipeline.DeliveryQuery) (pipeline.Page[pipeline.Delivery], error)
	Delivery(ctx context.Context, destination, id string) (pipeline.Delivery, error)
	PurgeDeliveries(ctx context.Context, destination string, before clock.Instant) (int, error)
	Responses(ctx context.Context, destination string) (*effect.Responses, error)
}

type definitions interface {
	Definitions() *definition.Index
	Definition(ctx context.Context, kind definition.Kind, key string, version int) (definition.Definition, error)
	Define(ctx context.Context, c definition.Command) (pipeline.Defined, error)
}

type members interface {
	AnchorOf(ctx context.Context, ref string) (id.Key, error)
	ProfileIDOf(i event.Identifier) string
	SegmentState(kind definition.Kind, key string) pipeline.SegmentState
	End() store.Position
	SegmentMembers(ctx context.Context, key, cursor string, limit int) (pipeline.Page[pipeline.SegmentMember], error)
	ToldPeople(ctx context.Context, destination, segment, known string, visit func(person string) error) error
}

// Deps is what an outbox is made of.
type Deps struct {
	Spine Spine
	// Types are the kinds of destination, by name.
	Types map[string]destination.Type
	// Env gives the surroundings of the sink of a destination.
	Env func(key string) destination.Env
	// Decide asks a decision model about a person and gives its answer as JSON.
	Decide func(ctx context.Context, model, person string) (json.RawMessage, error)
	// Give makes what a triggered experience that is due gives a person.
	Give func(ctx context.Context, due *responder.Due) (*responder.Given, error)
	// Item gives an item of the catalog as JSON; nil where there is none.
	Item func(ctx context.Context, id string) (json.RawMessage, error)
	// Person is who stands behind the id that a change is signed with; nil: the id
	// says it.
	Person func(author string) string
	// Seal makes of a secret what can be stored, Open the secret again.
	Seal, Open func([]byte) ([]byte, error)
	Clock      clock.Clock
	Random     func([]byte)
	Log        *slog.Logger
	// Tracer looks at deliveries; nil: nobody does.
	Tracer trace.Tracer
	// Pace replaces the pauses of tests; zero values are the usual ones.
	Pace Pace
}

// Pace is how long the outbox waits for what.
type Pace struct {
	First, Longest time.Duration // between two attempts
	Look           time.Duration // for changed definitions
	Grace          time.Duration // for calls under way at a stop
}

func (p Pace) filled() Pace {
	fill := func(d *time.Duration, with time.Duration) {
		if *d == 0 {
			*d = with
		}
	}
	fill(&p.First, time.Second)
	fill(&p.Longest, 10*time.Minute)
	fill(&p.Look, 250*time.Millisecond)
	fill(&p.Grace, 5*time.Second)
	return p
}

// Outbox delivers. It is safe for concurrent use.
type Outbox struct {
	Deps
	ctx    context.Context //nolint:containedctx // the lifetime of the workers
	cancel context.CancelFunc
	stop   chan struct{}
	work   sync.WaitGroup
	told   *memo
	walks  names                       // of broadcasts whose people are looked at now
	era    atomic.Uint64               // how many people were erased
	made   map[string]*responder.Given // by ids of what is not written down yet; of the one that settles
	// composing is held for reading from the moment at which somebody is read
	// until what is made of it is in the log.
	composing sync.RWMutex
	asking    sync.Mutex // guards ended, and that notes is not closed beside a question
	ended     bool

	mu    sync.Mutex // guards the rest
	index *definition.Index
	lines map[string]*line
	notes chan notice
}

// New makes an outbox; Start lets it run.
func New(d Deps) *Outbox {
	d.Pace = d.Pace.filled()
	if d.Person == nil {
		d.Person = func(author string) string { return author }
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	o := &Outbox{Deps: d, stop: make(chan struct{}), lines: map[string]*line{}, told: newMemo(1 << 16), notes: make(chan notice, 4096)}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	return o
}

// Start lets the outbox deliver.
func (o *Outbox) Start() {
	o.look()
	o.work.Go(o.render)
	o.work.Go(o.watch)
	o.work.Go(o.note)
}

// Close stops: calls under way may end within a grace, what came of them is
// written down, and nothing new is begun.
func (o *Outbox) Close() {
	close(o.stop)
	o.mu.Lock()
	lines := make([]*line, 0, len(o.lines))
	for _, l := range o.lines {
		lines = append(lines, l)
	}
	o.mu.Unlock()
	grace := time.AfterFunc(o.Pace.Grace, o.cancel)
	defer grace.Stop()
	for _, l := range lines {
		l.close()
	}
	o.asking.Lock()
	o.ended = true
	close(o.notes) // no line is left that notes anything
	o.asking.Unlock()
	o.work.Wait()
	o.cancel()
}

// watch looks for changed definitions.
func (o *Outbox) watch() {
	every := time.NewTicker(o.Pace.Look)
	defer every.Stop()
	for {
		select {
		case <-o.stop:
			return
		case <-every.C:
			o.look()
		}
	}
}

// look brings the lines in step with the definitions. One that cannot be read
// keeps none of the others from it, and is looked at again.
func (o *Outbox) look() {
	o.mu.Lock()
	defer o.mu.Unlock()
	index := o.Spine.Definitions()
	if index == o.index || o.stopped() {
		return
	}
	whole := true
	for _, s := range index.List(definition.Destination) {
		if err := o.follow(s); err != nil {
			o.Log.Error("destination cannot be followed", "destination", s.Key, "error", err)
			whole = false
		}
	}
	for _, s := range index.List(definition.BroadcastProgress) {
		if err := o.followBroadcast(s); err != nil {
			o.Log.Error("broadcast cannot be followed", "broadcast", s.Key, "error", err)
			whole = false
		}
	}
	for _, s := range index.List(definition.DestinationControl) {
		if err := o.obey(s); err != nil {
			o.Log.Error("control of a destination cannot be read", "destination", s.Key, "error", err)
			whole = false
		}
	}
	if whole {
		o.index = index
	}
}

func (o *Outbox) stopped() bool {
	select {
	case <-o.stop:
		return true
	default:
		return false
	}
}

// follow brings the line of one destination in step.
func (o *Outbox) follow(s *definition.Series) error {
	v, l := s.Live(), o.lines[s.Key]
	if v == nil {
		if l == nil && s.Newest().Status() != definition.Archived {
			return nil // never live
		}
		if l == nil {
			l = o.newLine(s.Key)
		}
		l.end(effect.Deleted)
		return nil
	}
	if l != nil && l.is(v.Version) {
		return nil
	}
	d, err := o.Spine.Definition(o.ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return err
	}
	t, err := effect.Read(d.Document)
	if err != nil {
		return err
	}
	if l == nil {
		l = o.newLine(s.Key)
	}
	l.become(v.Version, t)
	return nil
}

func (o *Outbox) newLine(key string) *line {
	l := newLine(o, key)
	o.lines[key] = l
	l.start()
	return l
}

// line gives the line of a destination; nil where there is none.
func (o *Outbox) line(key string) *line {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines[key]
}

// today gives the line of a destination as it is defined now.
func (o *Outbox) today(key string) *line {
	o.look()
	return o.line(key)
}

func (o *Outbox) now() clock.Instant { return o.Clock.Now() }

// chance draws a number below one.
func (o *Outbox) chance() float64 {
	var b [4]byte
	o.Random(b[:])
	return float64(uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24) / (1 << 32)
}
