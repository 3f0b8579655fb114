package decider

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"

	"rapport/internal/clock"
	"rapport/internal/decision/kept"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// BatchParams ask a model about many people.
type BatchParams struct {
	Version   int                        `json:"version"`
	Time      clock.Instant              `json:"time" doc:"What now() gives, for everybody"`
	Profiles  []string                   `json:"profiles,omitempty"`
	Everyone  bool                       `json:"everyone,omitempty"`
	Segment   string                     `json:"segment,omitempty"`
	Inputs    map[string]json.RawMessage `json:"inputs,omitempty"`
	Context   json.RawMessage            `json:"context,omitempty"`
	Item      string                     `json:"item,omitempty"`
	Decisions []string                   `json:"decisions,omitempty"`
	Service   string                     `json:"service,omitempty"`
	Uses      []pipeline.Use             `json:"uses,omitempty"`
}

// BatchResult says what came of a batch; the decisions themselves are kept.
type BatchResult struct {
	Decided  int64         `json:"decided" doc:"People about whom the model decided"`
	NotFound int64         `json:"not_found" doc:"References to nobody"`
	Failed   int64         `json:"failed" doc:"People about whom it could not decide"`
	Failures []BatchFailed `json:"failures,omitempty" doc:"The first of them"`
}

// BatchFailed is a person about whom the model could not decide.
type BatchFailed struct {
	Profile string `json:"profile"`
	Error   string `json:"error"`
}

// batchCursor is where a batch goes on.
type batchCursor struct {
	Next   string      `json:"next,omitempty"` // of the list of people
	Index  int         `json:"index,omitempty"`
	Ended  bool        `json:"ended,omitempty"`
	Result BatchResult `json:"result"`
}

const (
	batchStep   = 200
	maxFailures = 20
)

// batch asks a model about everybody on a list. What it decided is kept before
// it goes on, under ids that are the same when it is done again.
func (d *Decider) batch(ctx context.Context, t *schedule.Task) error {
	var p BatchParams
	if err := t.Params(&p); err != nil {
		return err
	}
	r, err := d.models.get(ctx, t.Subject(), p.Version)
	if err != nil {
		return err
	}
	var at batchCursor
	if _, err := t.Cursor(&at); err != nil {
		return err
	}
	if len(p.Profiles) > 0 {
		t.SetTotal(int64(len(p.Profiles)))
	}
	for !at.Ended {
		if err := d.batchSome(ctx, t, r, &p, &at); err != nil {
			return err
		}
		if err := t.SetResult(at.Result); err != nil {
			return err
		}
		if err := t.Advance(ctx, at.Result.Decided+at.Result.NotFound+at.Result.Failed, at); err != nil {
			return err
		}
	}
	return nil
}

// batchSome decides about some people and keeps that.
func (d *Decider) batchSome(ctx context.Context, t *schedule.Task, r *runnable, p *BatchParams, at *batchCursor) error {
	defer d.Begin()()
	refs, err := d.batchPart(ctx, p, at)
	if err != nil {
		return err
	}
	var list []pipeline.Keepsake
	for _, ref := range refs {
		k, err := d.decideFor(ctx, t, r, p, ref)
		if at.count(ref, err) {
			list = append(list, k)
		} else if cause := context.Cause(ctx); cause != nil {
			return cause
		}
	}
	return d.keepAll(ctx, list)
}

// batchPart gives the next people of a batch.
func (d *Decider) batchPart(ctx context.Context, p *BatchParams, at *batchCursor) ([]string, error) {
	switch {
	case p.Segment != "":
		page, err := d.Spine.SegmentMembers(ctx, p.Segment, at.Next, batchStep)
		refs := make([]string, len(page.Items))
		for i := range page.Items {
			refs[i] = page.Items[i].ID
		}
		at.Next, at.Ended = page.Next, page.Next == ""
		return refs, err
	case !p.Everyone:
		to := min(at.Index+batchStep, len(p.Profiles))
		refs := p.Profiles[at.Index:to]
		at.Index, at.Ended = to, to == len(p.Profiles)
		return refs, nil
	}
	page, err := d.Spine.People(ctx, at.Next, batchStep)
	at.Next, at.Ended = page.Next, page.Next == ""
	return page.Items, err
}

// decideFor decides about one person of a batch.
func (d *Decider) decideFor(ctx context.Context, t *schedule.Task, r *runnable, p *BatchParams, ref string) (pipeline.Keepsake, error) {
	sum := sha256.Sum256([]byte(t.ID() + "\x00" + ref))
	ask := &Ask{
		Model: t.Subject(), Version: p.Version, Status: definition.Live, Inputs: p.Inputs, Context: p.Context, Item: p.Item,
		Profile: ref, Decisions: p.Decisions, Service: p.Service, Author: t.Author(), Uses: p.Uses,
	}
	if v := d.Spine.Definitions().Get(definition.DecisionModel, t.Subject()).At(p.Version); v != nil {
		ask.Status = v.Status()
	}
	q := ask.question(p.Time, binary.LittleEndian.Uint64(sum[:]))
	out, anchor, err := d.evaluate(ctx, r, ask, q)
	if err != nil {
		return pipeline.Keepsake{}, err
	}
	k := r.keepsake(ask, q, out, kept.ID{Bucket: anchor.Bucket(), Time: p.Time, Tail: binary.BigEndian.Uint64(sum[8:])})
	k.Job, k.Expires = t.ID(), d.Clock.Now().Add(r.settings.Keep.For())
	payload, err := k.Encode()
	return pipeline.Keepsake{Anchor: anchor, Time: p.Time, Payload: payload}, err
}

// count notes what came of one person; false where nothing is to be kept.
func (at *batchCursor) count(ref string, err error) bool {
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Gone:
		at.Result.NotFound++
	default:
		if err == nil {
			at.Result.Decided++
			return true
		}
		at.Result.Failed++
		if f := (BatchFailed{ref, "an error of the server"}); len(at.Result.Failures) < maxFailures {
			if fault.KindOf(err) != fault.Internal {
				f.Error = err.Error()
			}
			at.Result.Failures = append(at.Result.Failures, f)
		}
	}
	return false
}
