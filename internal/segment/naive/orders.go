package naive

import (
	"slices"

	"rapport/internal/clock"
	"rapport/internal/segment/condition"
)

func (w *world) orders(q *condition.Question) []thing {
	var out []thing
	for _, o := range w.Orders {
		values := map[string][]any{"status": {o.Status}, "currency": {o.Currency}, "total": {rat(o.Total)}}
		if o.Cancelled || w.unplaced(&o, q) || slices.ContainsFunc(q.Match.Filters, func(f condition.Filter) bool {
			return !w.test(&f.Test, values[f.Path], o.Time)
		}) {
			continue
		}
		if q.Of == "total" && q.Money != "" && o.Currency != q.Money {
			continue
		}
		out = append(out, thing{at: o.Time, order: o.ID, values: values[q.Of]})
	}
	return out
}

func (w *world) unplaced(o *Order, q *condition.Question) bool {
	return o.Time == 0 && (q.Window.Kind != condition.Ever || q.Agg == condition.First || q.Agg == condition.Last)
}

func (w *world) lines(q *condition.Question) []thing {
	var out []thing
	for _, o := range w.Orders {
		if o.Cancelled || w.unplaced(&o, q) {
			continue
		}
		for _, l := range o.Lines {
			if !w.lineMatches(q, &o, l) {
				continue
			}
			t := thing{at: o.Time, order: o.ID}
			if q.Of != "" {
				if t.values = follow(l, q.Of); len(t.values) > 1 {
					t.values = t.values[:1]
				}
			}
			out = append(out, t)
		}
	}
	return out
}

func (w *world) lineMatches(q *condition.Question, o *Order, l map[string]any) bool {
	for _, f := range q.Match.Filters {
		if !w.test(&f.Test, follow(l, f.Path), o.Time) {
			return false
		}
	}
	var ids []string
	if id := itemID(l); id != "" {
		ids = []string{id}
	}
	return q.Item == nil || w.about(q, ids)
}

// sequence tries every way in which the events can follow one another.
func (w *world) sequence(c *condition.Chain) bool {
	steps := make([][]clock.Instant, len(c.Steps))
	for i := range c.Steps {
		for _, e := range w.Events {
			if w.matches(&c.Steps[i], e) {
				steps[i] = append(steps[i], e.Time)
			}
		}
	}
	if c.Absent {
		return slices.ContainsFunc(steps[0], func(a clock.Instant) bool {
			followed := slices.ContainsFunc(steps[1], func(b clock.Instant) bool {
				return b > a && (c.Within == 0 || b.Sub(a) <= c.Within)
			})
			over := c.Within == 0 || w.now.Sub(a) > c.Within
			return w.inside(&c.Window, a) && !followed && over
		})
	}
	return w.follows(c, steps, nil)
}

func (w *world) follows(c *condition.Chain, steps [][]clock.Instant, chosen []clock.Instant) bool {
	if len(chosen) == len(steps) {
		return c.Within == 0 || chosen[len(chosen)-1].Sub(chosen[0]) <= c.Within
	}
	return slices.ContainsFunc(steps[len(chosen)], func(at clock.Instant) bool {
		if n := len(chosen); n > 0 && at <= chosen[n-1] || !w.inside(&c.Window, at) {
			return false
		}
		return w.follows(c, steps, append(slices.Clone(chosen), at))
	})
}
