package decider

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/trace"
)

// Ask is one question to a version of a model.
type Ask struct {
	Model     string
	Version   int
	Status    definition.Status // of the version: what a live one decides is kept
	Inputs    map[string]json.RawMessage
	Context   json.RawMessage
	Item      string // id of a catalog item
	Profile   string // a reference to a person
	Decisions []string
	Service   string
	Explain   bool
	Author    string
	Uses      []pipeline.Use // beside what the model's settings name
	// Known is what the person is taken for, in place of Profile: for callers
	// who may not be treated by all that is known.
	Known *profile.View
}

// Outcome is what came of it.
type Outcome struct {
	*model.Answer
	Profile     string // the id of the person
	Took        kept.Took
	Connections []Contact
	Decision    *kept.ID         // of the kept decision; nil where it is not kept
	NotKept     string           // why: draft, sampling or busy
	Consent     *kept.Permission // that was asked for; nil: none
}

// Why a decision is not kept.
const (
	notLive  = "not_live"
	sampled  = "sampling"
	overfull = "busy"
)

// Evaluate answers a question. It never waits for the log.
func (d *Decider) Evaluate(ctx context.Context, ask *Ask) (*Outcome, error) {
	defer d.Begin()()
	ctx, step := trace.Start(ctx, "decision")
	defer step.End()
	step.Text("model", ask.Model)
	step.Number("version", ask.Version)
	r, err := d.models.get(ctx, ask.Model, ask.Version)
	if err != nil {
		return nil, err
	}
	q := ask.question(d.Clock.Now(), d.chance())
	out, anchor, err := d.evaluate(ctx, r, ask, q)
	if err != nil {
		return nil, err
	}
	if ask.Status != definition.Live {
		out.NotKept = notLive
		return out, nil
	}
	d.remember(r, ask, q, out, anchor)
	return out, nil
}

// chance draws what a decision needs of it.
func (d *Decider) chance() uint64 {
	var b [8]byte
	d.Random(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// question is what the model itself is asked.
func (a *Ask) question(now clock.Instant, seed uint64) *model.Question {
	return &model.Question{
		Inputs: a.Inputs, Context: a.Context, Decisions: a.Decisions, Service: a.Service, Now: now, Seed: seed, Explain: a.Explain,
	}
}

// evaluate gathers what a model reads and answers. The anchor is that under
// which the decision is sealed.
func (d *Decider) evaluate(ctx context.Context, r *runnable, ask *Ask, q *model.Question) (out *Outcome, anchor id.Key, err error) {
	out, anchor = &Outcome{}, id.KeyOf("decision_model", ask.Model)
	start := time.Now()
	if ask.Known != nil {
		q.Person = model.NewPerson(ask.Known, nil)
		if out.Profile = ask.Known.ID; len(ask.Known.Identifiers) > 0 {
			anchor = ask.Known.Identifiers[0].Key()
		}
	} else if ask.Profile != "" {
		if anchor, err = d.about(ctx, ask, r, q, out); err != nil {
			return nil, anchor, err
		}
	}
	if ask.Item != "" {
		stored, err := d.Spine.Entity(ctx, catalog.Item, ask.Item)
		if err != nil {
			return nil, anchor, err
		}
		q.Item, _ = stored.View.(*catalog.ItemView)
	}
	out.Took.ForProfile = micros(time.Since(start))
	start = time.Now()
	var failed []model.Diagnostic
	if len(r.inputs) > 0 {
		out.Connections, failed = d.contact(ctx, r, q)
		out.Took.ForConnections = micros(time.Since(start))
	}
	start = time.Now()
	if ask.Explain {
		q.Clock = func() int64 { return int64(time.Since(start)) }
	}
	if out.Answer, err = r.answer(q); err != nil {
		return nil, anchor, err
	}
	out.Took.Own = micros(time.Since(start))
	out.Diagnostics = append(out.Diagnostics, failed...)
	return out, anchor, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// about finds out whom a question is about. Of a person who did not agree to
// what the answer is for nothing is read: neither traits nor segments nor
// events, and the connections are asked without them.
func (d *Decider) about(ctx context.Context, ask *Ask, r *runnable, q *model.Question, out *Outcome) (anchor id.Key, err error) {
	uses := ask.Uses
	if c := r.settings.Consent; c != nil {
		uses = append([]pipeline.Use{{Purpose: c.Purpose, Channel: c.Channel}}, uses...)
	}
	if len(uses) > 0 {
		may, err := d.Spine.Permit(ctx, ask.Profile, uses, d.Clock.Now())
		if err != nil {
			return anchor, err
		}
		out.Consent = &kept.Permission{Purpose: may.Use.Purpose, Channel: may.Use.Channel, Allowed: may.Allowed, Reason: may.Reason}
		if !may.Allowed {
			out.Profile = may.Profile
			return may.Anchor, nil
		}
	}
	view, err := d.person(ctx, ask.Profile, r, q)
	if err != nil {
		return anchor, err
	}
	out.Profile = view.ID
	if len(view.Identifiers) > 0 {
		anchor = view.Identifiers[0].Key()
	} else {
		anchor = id.KeyOf("decision_model", ask.Model)
	}
	return anchor, nil
}

// person reads whom a question is about, and no more than the model wants.
func (d *Decider) person(ctx context.Context, ref string, r *runnable, q *model.Question) (*profile.View, error) {
	view, err := d.Spine.Profile(ctx, ref, pipeline.ProfileOptions{})
	if err != nil {
		return nil, err
	}
	var last []profile.Item
	if r.WantsEvents() {
		page, err := d.Spine.Timeline(ctx, ref, pipeline.TimelineQuery{Limit: model.MaxEvents})
		if err != nil {
			return nil, err
		}
		last = page.Items
	}
	q.Person = model.NewPerson(view, last)
	return view, nil
}

// remember hands a live decision to those who keep it and who try test versions
// on it; neither is waited for.
func (d *Decider) remember(r *runnable, ask *Ask, q *model.Question, out *Outcome, anchor id.Key) {
	at := kept.ID{Bucket: anchor.Bucket(), Time: q.Now, Tail: d.chance()}
	k := r.keepsake(ask, q, out, at)
	if share(q.Seed, r.settings.Keep.Share()) {
		if d.recorder.offer(pending{decision: k, anchor: anchor}) {
			out.Decision = &at
		} else {
			out.NotKept = overfull
		}
	} else {
		out.NotKept = sampled
		d.recorder.counts.left(sampled)
	}
	if tests := d.tests(ask.Model); len(tests) > 0 && share(q.Seed>>1|q.Seed<<63, r.settings.Keep.TestShare()) {
		q.Explain, q.Clock = false, nil
		if !d.beside.offer(besideWork{ask: ask, question: q, live: k, anchor: anchor, tests: tests}) {
			d.recorder.counts.left("test_" + overfull)
		}
	}
}

// keepsake is a decision as it is kept.
func (r *runnable) keepsake(ask *Ask, q *model.Question, out *Outcome, at kept.ID) *kept.Decision {
	return &kept.Decision{
		Head: kept.Head{
			ID: at, Model: r.key, Version: r.version, Status: ask.Status, Time: q.Now, Expires: q.Now.Add(r.settings.Keep.For()),
		},
		Profile: out.Profile, Author: ask.Author, Pins: r.pins, Decisions: ask.Decisions, Service: ask.Service, Seed: q.Seed,
		Read: out.Read, Values: out.Values, Diagnostics: out.Diagnostics, Took: out.Took, Consent: out.Consent,
	}
}

// share tells whether a decision is in a sample, by its own chance.
func share(chance uint64, of float64) bool {
	return of >= 1 || float64(chance>>11)/(1<<53) < of
}

// tests are the versions of a model that run silently, newest first.
func (d *Decider) tests(key string) []int {
	s := d.Spine.Definitions().Get(definition.DecisionModel, key)
	if s == nil {
		return nil
	}
	var out []int
	for i := len(s.Versions) - 1; i >= 0 && len(out) < maxTests; i-- {
		if s.Versions[i].Status() == definition.Test {
			out = append(out, s.Versions[i].Version)
		}
	}
	return out
}

// maxTests is how many versions run beside a live one.
const maxTests = 3
