package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/httpapi"
	"rapport/internal/id"
	"rapport/internal/pipeline"
	"rapport/internal/retention"
	"rapport/internal/schedule"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
)

// expiring is how far a run has come: the floors stay those of its beginning.
type expiring struct {
	pipeline.Expiring
	Floors []retention.Floor `json:"floors"`
}

// expire takes out what is older than policies keep it, or counts it.
func (a *App) expire(ctx context.Context, t *schedule.Task) error {
	var asked httpapi.RetentionRun
	if err := t.Params(&asked); err != nil {
		return err
	}
	var at expiring
	begun, err := t.Cursor(&at)
	if err != nil {
		return err
	}
	if !begun {
		if at.Floors, err = a.floors(ctx, asked.Policy, t.Author() == byCalendar); err != nil {
			return err
		}
	}
	t.SetTotal(int64(id.Buckets))
	back, err := a.looksBack(ctx, at.Floors)
	if err != nil {
		return err
	}
	return a.pipeline.Expire(ctx, at.Floors, asked.DryRun, &at.Expiring, func(ctx context.Context) error {
		if err := t.SetResult(httpapi.RetentionResult{ExpiryData: at.ExpiryData, DryRun: asked.DryRun, LooksBack: back}); err != nil {
			return err
		}
		return t.Keep(ctx, int64(at.Next), at)
	})
}

// byCalendar is who asks for runs that nobody asked for.
const byCalendar = "schedule"

// settledPolicy tells whether a policy stood already when the day began. One that
// was written since waits for the next night: who made a mistake has time.
func settledPolicy(v *definition.Version, now time.Time) bool {
	return v != nil && v.Last().Time < clock.From(now.UTC().Truncate(24*time.Hour))
}

// floors gives what live policies come to today, or one that is tried.
func (a *App) floors(ctx context.Context, tried *retention.Document, nightly bool) ([]retention.Floor, error) {
	now := a.parts.Clock()
	if tried != nil {
		return []retention.Floor{tried.Floor("", now)}, nil
	}
	var out []retention.Floor
	err := a.eachLive(ctx, definition.Retention, func(v *definition.Version, document []byte) error {
		p, err := retention.Parse(document)
		if err == nil && (!nightly || settledPolicy(v, now)) {
			out = append(out, p.Floor(v.Key, now))
		}
		return err
	})
	return out, err
}

// eachLive visits the live documents of a kind.
func (a *App) eachLive(ctx context.Context, kind definition.Kind, visit func(v *definition.Version, document []byte) error) error {
	for _, s := range a.pipeline.Definitions().List(kind) {
		v := s.Live()
		if v == nil {
			continue
		}
		d, err := a.pipeline.Definition(ctx, kind, v.Key, v.Version)
		if err == nil {
			err = visit(v, d.Document)
		}
		if err != nil {
			return fmt.Errorf("%s %q: %w", kind, v.Key, err)
		}
	}
	return nil
}

// expiryDue gives the run of a day, where there is a policy.
func (a *App) expiryDue(_ context.Context, now time.Time) []schedule.Request {
	list := a.pipeline.Definitions().List(definition.Retention)
	if !slices.ContainsFunc(list, func(s *definition.Series) bool { return settledPolicy(s.Live(), now) }) {
		return nil
	}
	return []schedule.Request{{Kind: httpapi.JobRetention, Author: byCalendar, Key: now.UTC().Format(time.DateOnly), Params: httpapi.RetentionRun{}}}
}

// looksBack lists what asks for events that happened before floors.
func (a *App) looksBack(ctx context.Context, floors []retention.Floor) ([]httpapi.LooksBack, error) {
	out := []httpapi.LooksBack{}
	now := clock.From(a.parts.Clock())
	for i := range floors {
		f := &floors[i]
		add := func(kind definition.Kind, key, effect string) {
			if !slices.ContainsFunc(out, func(o httpapi.LooksBack) bool { return o.Kind == string(kind) && o.Key == key }) {
				out = append(out, httpapi.LooksBack{Kind: string(kind), Key: key, Policy: f.Policy, Effect: effect})
			}
		}
		asks := func(kind definition.Kind, read func(key string, document []byte) (*condition.Node, error)) error {
			return a.eachLive(ctx, kind, func(v *definition.Version, document []byte) error {
				n, err := read(v.Key, document)
				if err == nil && asksBefore(n, f, now) {
					add(kind, v.Key, "new_versions")
				}
				return err
			})
		}
		if err := asks(definition.Segment, func(_ string, document []byte) (*condition.Node, error) {
			d, err := segment.ReadDocument(document)
			if err != nil {
				return nil, err
			}
			return d.Condition, nil
		}); err != nil {
			return nil, err
		}
		if err := asks(definition.ComputedTrait, func(key string, document []byte) (*condition.Node, error) {
			d, err := segment.ReadTrait(key, document)
			if err != nil {
				return nil, err
			}
			return d.Value, nil
		}); err != nil {
			return nil, err
		}
		for kind, effect := range map[definition.Kind]string{definition.Affinity: "new_versions", definition.Experiment: "results"} {
			if err := a.eachLive(ctx, kind, func(v *definition.Version, _ []byte) error {
				// Both count whatever happened, an experiment since it began.
				if first := a.pipeline.Definitions().Get(kind, v.Key).Versions[0]; kind == definition.Affinity || first.Made().Time < f.Before {
					add(kind, v.Key, effect)
				}
				return nil
			}); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(out, func(x, y httpapi.LooksBack) int {
		return slices.Compare([]string{x.Kind, x.Key}, []string{y.Kind, y.Key})
	})
	return out, nil
}

// asksBefore tells whether a condition counts events that a floor is about and
// that happened before it.
func asksBefore(n *condition.Node, f *retention.Floor, now clock.Instant) bool {
	if n == nil {
		return false
	}
	before := func(w *condition.Window, steps ...condition.Match) bool {
		from, _ := segment.Bounds(w, now)
		return from < f.Before && slices.ContainsFunc(steps, func(m condition.Match) bool { return f.MayBeAbout(m.Type, m.Name) })
	}
	switch {
	case n.Events != nil && n.Events.What == condition.Event && before(&n.Events.Window, n.Events.Match):
		return true
	case n.Sequence != nil && before(&n.Sequence.Window, n.Sequence.Steps...):
		return true
	}
	return slices.ContainsFunc(n.Nodes, func(c *condition.Node) bool { return asksBefore(c, f, now) })
}
