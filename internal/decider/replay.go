package decider

import (
	"context"
	"errors"
	"strconv"
	"time"

	"rapport/internal/decision/kept"
	"rapport/internal/decision/settings"
	"rapport/internal/definition"
	"rapport/internal/dmn"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// The kinds of jobs.
const (
	JobBatch     = "decision_batch"
	JobReplay    = "decision_replay"
	JobRetention = "decision_retention"
)

// ReplayParams ask what another version would have decided.
type ReplayParams struct {
	Version int `json:"version"`
	Sample  int `json:"sample"`
}

// Register names who does the jobs around decisions.
func (d *Decider) Register(r *schedule.Runner) {
	r.Register(JobBatch, d.batch)
	r.Register(JobReplay, d.replay)
	r.Register(JobRetention, d.retain)
	r.Schedule(d.nightly)
}

// nightly gives the jobs that are due at night: one replay for each model that
// wants one, and the end of what is no longer kept.
func (d *Decider) nightly(ctx context.Context, now time.Time) []schedule.Request {
	day := now.UTC().Format(time.DateOnly)
	out := []schedule.Request{{Kind: JobRetention, Key: day, Author: byCalendar}}
	index := d.Spine.Definitions()
	for _, s := range index.List(definition.DecisionModelSettings) {
		v := s.Live()
		if v == nil {
			continue
		}
		doc, err := d.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
		if err != nil {
			d.Log.Error("settings of a model cannot be read", "model", v.Key, "error", err)
			continue
		}
		set, err := settings.Read(doc.Document)
		if err != nil || set.Nightly == nil || !set.Nightly.Due(now) {
			continue
		}
		version := replayVersion(index.Get(definition.DecisionModel, v.Key), set.Nightly.Version)
		if version == 0 {
			continue // nothing but what is live: there is nothing to compare
		}
		sample := set.Nightly.Sample
		if sample == 0 {
			sample = settings.DefaultSample
		}
		out = append(out, schedule.Request{
			Kind: JobReplay, Subject: v.Key, Author: byCalendar, Key: v.Key + "/" + day, Params: ReplayParams{version, sample},
		})
	}
	return out
}

const byCalendar = "schedule"

// replayVersion is the version that is tried: the one that is named, else the
// newest, unless it is live or archived; 0 where there is none.
func replayVersion(s *definition.Series, named string) int {
	v := s.Newest()
	if named != "" {
		n, err := strconv.Atoi(named)
		if err != nil {
			return 0
		}
		v = s.At(n)
	}
	if v == nil || named == "" && (v.Status() == definition.Live || v.Status() == definition.Archived) {
		return 0
	}
	return v.Version
}

var errEnough = errors.New("enough")

// replay makes the newest kept live decisions again with another version, and
// tells what would have changed.
func (d *Decider) replay(ctx context.Context, t *schedule.Task) error {
	var p ReplayParams
	if err := t.Params(&p); err != nil {
		return err
	}
	r, err := d.models.get(ctx, t.Subject(), p.Version)
	if err != nil {
		return err
	}
	run := r.runs.Get().(*dmn.Session)
	defer r.runs.Put(run)
	out, seen := newComparison(p.Version), changes{}
	t.SetTotal(int64(p.Sample))
	q := pipeline.DecisionQuery{Model: t.Subject(), Status: definition.Live}
	err = d.Spine.EachDecision(ctx, q, func(k *kept.Decision) error {
		if out.Compared == int64(p.Sample) {
			return errEnough
		}
		if k.Cut {
			return ctx.Err()
		}
		a, err := r.again(run, k)
		if fault.KindOf(err) == fault.Invalid {
			// It asked for what the version no longer has: all of it differs.
			out.add(k.ID, kept.Differs(k.Values, nil))
			return t.Advance(ctx, out.Compared, nil)
		}
		if err != nil {
			return err
		}
		differs := kept.Differs(k.Values, a.Values)
		out.add(k.ID, differs)
		seen.add(differs, k.Values, a.Values)
		return t.Advance(ctx, out.Compared, nil)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	seen.into(out)
	t.SetTotal(out.Compared)
	return t.SetResult(out)
}

// retain takes off the lists what is no longer to be kept.
func (d *Decider) retain(ctx context.Context, t *schedule.Task) error {
	n, err := d.Spine.PurgeDecisions(ctx)
	if err != nil {
		return err
	}
	return t.SetResult(map[string]int{"purged": n})
}
