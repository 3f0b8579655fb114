// Package assigner answers which variants of experiments a caller gets: it finds
// out who asks, assigns, and sees to it that exposures get into the log. It
// never hands out what is known of a person and never decides what may be
// stored.
package assigner

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/trial"
)

// Spine is the pipeline as the assigner sees it.
type Spine interface {
	Definitions() *definition.Index
	Definition(ctx context.Context, kind definition.Kind, key string, version int) (definition.Definition, error)
	Rules() *identity.Rules
	Shown(ctx context.Context, idents []event.Identifier) (experiment.Register, error)
	Profile(ctx context.Context, ref string, o pipeline.ProfileOptions) (*profile.View, error)
	Tally(ctx context.Context, key string) (*pipeline.Tallied, error)
	EachTrial(ctx context.Context, key string, visit func(*trial.Trial) error) error
	Accept(ctx context.Context, s *pipeline.Submission) (pipeline.Receipt, error)
}

// Deps is what an assigner is made of.
type Deps struct {
	Spine Spine
	// Dialect and Mapper read the bodies of exposures, which are track calls.
	Dialect string
	Mapper  func(identity.Rules) event.Mapper
	Clock   clock.Clock
	Log     *slog.Logger
	LinkKey []byte // signs QA links
}

// Assigner assigns variants. It is safe for concurrent use.
type Assigner struct {
	Deps
	shelf    atomic.Pointer[shelf]
	making   sync.Mutex
	recorder recorder
	stop     chan struct{}
	running  sync.WaitGroup
}

// New makes an assigner. Start it before it is asked.
func New(d Deps) *Assigner {
	a := &Assigner{Deps: d, stop: make(chan struct{})}
	a.recorder.init(a)
	return a
}

// Start lets exposures be written down and bandits learn, until Close.
func (a *Assigner) Start() {
	a.running.Go(a.recorder.run)
	a.running.Go(a.learn)
}

// Close writes down what waits and stops.
func (a *Assigner) Close() {
	close(a.stop)
	a.running.Wait()
}

// shelf are the live experiments made ready. It does not change but for what
// bandits learn.
type shelf struct {
	index *definition.Index
	list  []*ready
	byKey map[string]*ready
	sign  uint64 // of the live versions
}

type ready struct {
	*experiment.Experiment
	version int
	policy  atomic.Pointer[trial.Policy]
}

// live gives the experiments of today. Where one of them cannot be read at this
// moment it is an error, and the next request tries again.
func (a *Assigner) live(ctx context.Context) (*shelf, error) {
	index := a.Spine.Definitions()
	if s := a.shelf.Load(); s != nil && s.index == index {
		return s, nil
	}
	a.making.Lock()
	defer a.making.Unlock()
	before := a.shelf.Load()
	if before != nil && before.index == index {
		return before, nil
	}
	// The shelf is for everybody: it does not end with the one request that finds
	// it old.
	ctx = context.WithoutCancel(ctx)
	out := &shelf{index: index, byKey: map[string]*ready{}}
	var sign []byte
	for _, series := range index.List(definition.Experiment) {
		v := series.Live()
		if v == nil {
			continue
		}
		r, err := a.prepare(ctx, before, series.Key, v.Version)
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		out.list = append(out.list, r)
		out.byKey[series.Key] = r
		sign = append(append(sign, series.Key...), byte(v.Version), byte(v.Version>>8), byte(v.Version>>16))
	}
	out.sign = id.Message(string(sign))
	a.shelf.Store(out)
	return out, nil
}

// prepare makes a version ready; nil where its document is none that can be read,
// which no other try will change.
func (a *Assigner) prepare(ctx context.Context, before *shelf, key string, version int) (*ready, error) {
	if before != nil {
		if r := before.byKey[key]; r != nil && r.version == version {
			return r, nil
		}
	}
	d, err := a.Spine.Definition(ctx, definition.Experiment, key, version)
	if err != nil {
		return nil, err
	}
	read, err := experiment.Read(key, d.Document)
	var compiled *experiment.Experiment
	if err == nil {
		compiled, err = experiment.Compile(read)
	}
	if err != nil {
		a.Log.Error("experiment cannot be read: nobody gets it", "experiment", key, "version", version, "error", err)
		return nil, nil //nolint:nilnil // said above: the others are answered
	}
	r := &ready{Experiment: compiled, version: version}
	if before != nil && before.byKey[key] != nil {
		r.policy.Store(before.byKey[key].policy.Load())
	}
	return r, nil
}

// Sign tells states of all experiments apart: it changes where one of them does.
func (a *Assigner) Sign(ctx context.Context) (uint64, error) {
	s, err := a.live(ctx)
	if err != nil {
		return 0, err
	}
	return s.sign, nil
}

// learnEvery is how often bandits look at what came in.
const learnEvery = 10 * time.Second

func (a *Assigner) learn() {
	every := time.NewTicker(learnEvery)
	defer every.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-every.C:
		}
		if err := a.Learn(context.Background()); err != nil {
			a.Log.Error("bandits cannot learn yet", "error", err)
		}
	}
}

// Learn has every running bandit learn from what is known now.
func (a *Assigner) Learn(ctx context.Context) error {
	s, err := a.live(ctx)
	if err != nil {
		return err
	}
	for _, r := range s.list {
		if !r.Learns() || r.State != experiment.Running {
			continue
		}
		t, err := a.Spine.Tally(ctx, r.Key)
		if err != nil {
			return err
		}
		if t != nil {
			r.policy.Store(trial.Learn(t.Meter, t.Book))
		}
	}
	return nil
}

// Request asks for variants.
type Request struct {
	// Identifiers are who asks, as the caller names them.
	Identifiers []event.Identifier
	// Trusted says that a secret key or a signature vouches for them. Without it
	// only public experiments are answered, and a person's data decides only
	// where the audience allows it.
	Trusted bool
	// Keys are the experiments; none: all that run and that the caller may ask
	// for.
	Keys []string
	// Context is what the caller says of the request: a JSON object.
	Context json.RawMessage
	// Links are QA tokens.
	Links []string
	// Unseen says that nothing is shown: no exposures are written down.
	Unseen bool
}

// Unknown is the reason where there is no such experiment, or none that the
// caller may ask for.
const Unknown experiment.Reason = "unknown_experiment"

// Answer is what a caller gets.
type Answer struct {
	Assignments []experiment.Assignment // in the order of the keys
	Controls    []json.RawMessage       // what the control of each gets; nothing of unknown ones
	// BadLink is the code of why a QA token does not count; empty: all of them do.
	BadLink string
}

// maxKeys bounds a request.
const maxKeys = 200

// Assign answers a request. Errors are the server's own or say what is wrong with
// the request as a whole.
func (a *Assigner) Assign(ctx context.Context, q *Request) (*Answer, error) {
	s, err := a.live(ctx)
	if err != nil {
		return nil, err
	}
	if len(q.Keys) > maxKeys {
		return nil, fault.Errorf(fault.Invalid, "too_many_experiments", "%d experiments are asked for, %d are possible: ask for all of them by leaving the list out", len(q.Keys), maxKeys).At("/experiments")
	}
	who, err := a.subject(ctx, q)
	if err != nil {
		return nil, err
	}
	list := s.list
	if len(q.Keys) > 0 {
		list = make([]*ready, len(q.Keys))
		for i, key := range q.Keys {
			list[i] = s.byKey[key]
		}
	}
	out := &Answer{Assignments: make([]experiment.Assignment, 0, len(list)), Controls: make([]json.RawMessage, 0, len(list)), BadLink: who.badLink}
	for i, r := range list {
		switch {
		case r != nil && (r.Public || q.Trusted) && r.State != experiment.Archived:
			if len(q.Keys) == 0 && r.State == experiment.Draft && who.Forced[r.Key] == "" {
				continue
			}
			a.one(out, r, who, q)
		case len(q.Keys) > 0:
			out.Assignments = append(out.Assignments, experiment.Assignment{Experiment: q.Keys[i], Reason: Unknown})
			out.Controls = append(out.Controls, nil)
		}
	}
	return out, nil
}

func (a *Assigner) one(out *Answer, r *ready, who *subject, q *Request) {
	who.Person = nil
	if r.Audience != nil {
		who.Person = who.person(q.Trusted || r.Audience.Public)
	}
	var policy experiment.Policy
	if p := r.policy.Load(); p != nil {
		policy = p
	}
	x := r.Assign(&who.Subject, policy)
	if x.Exposes && !q.Unseen {
		a.recorder.note(who.anchor, q.Trusted, &x)
	}
	out.Assignments = append(out.Assignments, x)
	out.Controls = append(out.Controls, r.Variants[0].Answer())
}

// Tally gives what an experiment has counted, with the exposures that wait.
func (a *Assigner) Tally(ctx context.Context, key string) (*pipeline.Tallied, error) {
	return a.Spine.Tally(ctx, key)
}

// EachTrial visits what everybody counts for in an experiment.
func (a *Assigner) EachTrial(ctx context.Context, key string, visit func(*trial.Trial) error) error {
	return a.Spine.EachTrial(ctx, key, visit)
}

// QAToken signs a link.
func (a *Assigner) QAToken(l experiment.Link) string { return l.Token(a.LinkKey) }
