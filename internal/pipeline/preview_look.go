package pipeline

import (
	"context"
	"time"

	"rapport/internal/columns"
	"rapport/internal/id"
	"rapport/internal/segment/condition"
)

// looking is the way of a preview through people whom the columns do not decide:
// for the total, for the overlap and for each step.
type looking struct {
	judge *judge
	index *columns.Index
	seen  map[id.Key]*finding
	begun time.Time
	until time.Duration // with more doubtful than are looked at at once, no longer than that
}

// found is what was seen of the doubtful of an answer, in their order.
type found struct {
	seen int
	hits []id.Key   // whom the condition holds for
	of   []*finding // of these
}

// through looks at the doubtful of an answer: at all of them where they are few,
// else as long as there is time.
func (l *looking) through(ctx context.Context, a *columns.Answer) (found, error) {
	var out found
	for i, k := range a.Doubtful {
		if a.Sampled && i%previewSlice == 0 && i > 0 && l.judge.p.clock().Sub(l.begun) > l.until {
			break
		}
		v := l.seen[k]
		if v == nil {
			var err error
			if v, err = l.judge.look(ctx, k, l.judge.p.clock.Now()); err != nil {
				return out, err
			}
			l.seen[k] = v
		}
		out.seen++
		if v.holds {
			out.hits, out.of = append(out.hits, k), append(out.of, v)
		}
	}
	return out, nil
}

// overlap is how many are in an evaluation too.
func (f *found) overlap(a *columns.Answer, at int, evaluation uint64) (total int, exact bool) {
	in := 0
	for _, v := range f.of {
		if v.home == nil {
			continue
		}
		if v.home.get(evaluation).member {
			in++
		}
	}
	total, _, exact = estimate(a.Overlap[at], a.Unknown, f.seen, in)
	return total, exact && a.Missing == 0
}

// steps says how many are left after each part of an all. Of whom a step leaves in
// doubt a later one may decide, so each step has doubtful of its own.
func (l *looking) steps(ctx context.Context, n *condition.Node, q columns.Query, a *columns.Answer) ([]PreviewStep, error) {
	out := []PreviewStep{}
	all, ok := q.Node.(columns.All)
	for i, part := range partsOf(n) {
		if !ok || i >= len(a.Steps) {
			break
		}
		s := a.Steps[i]
		step := PreviewStep{Condition: part.SentenceIn(Language(ctx)), AtLeast: s.Yes, AtMost: s.Yes + s.Unknown}
		step.Total, step.Interval, step.Exact = estimate(s.Yes, s.Unknown, 0, 0)
		if s.Unknown > 0 {
			begin := columns.Query{Node: all[:i+1], Doubtful: q.Doubtful, Sample: q.Sample}
			left, err := l.index.Count(ctx, begin)
			if err != nil {
				return nil, err
			}
			f, err := l.through(ctx, &left)
			if err != nil {
				return nil, err
			}
			hits := 0
			for _, k := range left.Doubtful[:f.seen] {
				if l.seen[k].parts > i {
					hits++
				}
			}
			step.Total, step.Interval, step.Exact = estimate(left.Yes, left.Unknown, f.seen, hits)
		}
		step.Exact = step.Exact && a.Missing == 0
		out = append(out, step)
	}
	return out, nil
}
