package pipeline

import (
	"context"
	"fmt"
	"math"
	"time"

	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/segment/condition"
)

// Preview is how many people a condition holds for, before it is a segment.
type Preview struct {
	Total  int     `json:"total" doc:"People the condition holds for; where exact is false an estimate"`
	People int     `json:"people" doc:"All people"`
	Share  float64 `json:"share" doc:"total of people, 0 to 1"`
	Exact  bool    `json:"exact"`
	// Interval is that of 95 %; where exact is true both ends are the total.
	Interval [2]int           `json:"interval" doc:"The total lies between these with a probability of 95 %"`
	Steps    []PreviewStep    `json:"steps" doc:"Of an all: how many are left after each of its conditions"`
	Samples  []ProfileSummary `json:"samples" doc:"Some of the people it holds for"`
	Overlap  []PreviewOverlap `json:"overlap" doc:"With the segments in force, or with those that were named"`
	Position uint64           `json:"position" doc:"Everything up to this place in the log counts"`
	Coverage float64          `json:"coverage" doc:"The part of the people that is counted; below 1 while the index is built"`
	Sampled  int              `json:"sampled,omitempty" doc:"People looked at one by one for the estimate"`
	// Count is there where the total is an estimate: everybody is looked at in
	// the background.
	Count *PreviewCount `json:"count,omitempty" doc:"Where exact is false: the exact count on its way, to be asked for at /api/v1/previews/{id}"`
}

// PreviewStep is one condition of an all with those before it.
type PreviewStep struct {
	Condition string `json:"condition" doc:"In words"`
	Total     int    `json:"total" doc:"People left; where exact is false an estimate"`
	Exact     bool   `json:"exact"`
	Interval  [2]int `json:"interval" doc:"The total lies between these with a probability of 95 %"`
	AtLeast   int    `json:"at_least" doc:"People left by what the columns know for sure"`
	AtMost    int    `json:"at_most" doc:"People left where all that the columns do not know holds"`
}

// PreviewOverlap is a segment that shares people with the preview.
type PreviewOverlap struct {
	Segment string `json:"segment"`
	Total   int    `json:"total" doc:"People in both; where exact is false an estimate"`
	Exact   bool   `json:"exact"`
	Size    int    `json:"size" doc:"People in the segment"`
}

// PreviewOptions bound a preview.
type PreviewOptions struct {
	// Exact asks for a look at everybody whom the columns do not decide,
	// however long it takes.
	Exact bool
	// Patience is how long people are looked at one by one otherwise.
	Patience time.Duration
	// Count has what is estimated counted exactly in the background.
	Count bool
	// Overlap are the keys of the segments of which the people in common are
	// counted; nil: of all in force.
	Overlap []string
}

const (
	previewSamples  = 10
	previewDoubtful = 2_000   // as many are looked at one by one at once
	previewSample   = 100_000 // of all people, by hash
	previewSlice    = 64
	wilson          = 1.959963984540054 // 95 %
)

// Preview counts a condition.
func (p *Pipeline) Preview(ctx context.Context, n *condition.Node, o PreviewOptions) (*Preview, error) {
	if p.index == nil {
		return nil, fault.Errorf(fault.Unavailable, "no_columns", "this instance keeps no columns: counts cannot be previewed")
	}
	now := p.clock.Now()
	judge, err := p.newJudge(n)
	if err != nil {
		return nil, err
	}
	if p.upkeep.mu.TryLock() {
		p.renew() // else it is being built, and says so
		p.upkeep.mu.Unlock()
	}
	x, position := p.Columns()
	inForce := p.common.force.Load()
	q := columns.Query{Samples: previewSamples, Doubtful: previewDoubtful, Sample: previewSample}
	if o.Exact {
		q.Doubtful = math.MaxInt
	}
	q.Node = p.columnPlan(n, now)
	out := &Preview{Position: uint64(position), Steps: []PreviewStep{}, Samples: []ProfileSummary{}, Overlap: []PreviewOverlap{}}
	overlap, err := inForce.segments(o.Overlap)
	if err != nil {
		return nil, err
	}
	for _, c := range overlap {
		q.Overlap = append(q.Overlap, c.ID)
		out.Overlap = append(out.Overlap, PreviewOverlap{Segment: c.Key})
	}
	a, err := x.Count(ctx, q)
	if err != nil {
		return nil, err
	}
	out.People, out.Coverage = a.People, 1-float64(a.Missing)/columns.Parts
	limit := time.Duration(math.MaxInt64)
	if !o.Exact {
		limit = o.Patience
	}
	l := &looking{judge: judge, index: x, seen: map[id.Key]*finding{}, until: limit, begun: p.clock()}
	found, err := l.through(ctx, &a)
	if err != nil {
		return nil, err
	}
	out.say(&a, found)
	for i := range out.Overlap {
		out.Overlap[i].Size = a.Sizes[i]
		out.Overlap[i].Total, out.Overlap[i].Exact = found.overlap(&a, i, q.Overlap[i])
	}
	if out.Steps, err = l.steps(ctx, n, q, &a); err != nil {
		return nil, err
	}
	if !out.Exact && o.Count {
		out.Count = p.counts.ask(n)
	}
	return out, p.nameSamples(ctx, out, append(a.Samples, found.hits...))
}

// segments are those in force that have these keys; nil: all. One that is not
// in force is Invalid.
func (f *force) segments(keys []string) (out []*inForce, err error) {
	for i := range f.active {
		if c := &f.active[i]; keys == nil && c.Kind == definition.Segment {
			out = append(out, c)
		}
	}
	for i, k := range keys {
		c := f.find(definition.Segment, k)
		if c == nil {
			return nil, fault.Errorf(fault.Invalid, "unknown_segment", "no segment %q is in force: create it first, or correct its key", k).At(fmt.Sprintf("/overlap/%d", i))
		}
		out = append(out, c)
	}
	return out, nil
}

// columnPlan is a condition as the columns are asked, by what is in force.
func (p *Pipeline) columnPlan(n *condition.Node, now clock.Instant) columns.Node {
	inForce := p.common.force.Load()
	evaluation := func(kind definition.Kind) func(key string) (uint64, bool) {
		return func(key string) (uint64, bool) {
			c := inForce.find(kind, key)
			if c == nil {
				return 0, false
			}
			return c.ID, true
		}
	}
	return columns.Plan(n, columns.Language{Now: now, Evaluation: evaluation(definition.Segment), Computed: evaluation(definition.ComputedTrait)})
}

// say puts what is known for sure together with what was seen of the rest.
func (v *Preview) say(a *columns.Answer, found found) {
	v.Total, v.Interval, v.Exact = estimate(a.Yes, a.Unknown, found.seen, len(found.hits))
	v.Exact = v.Exact && a.Missing == 0
	if found.seen < a.Unknown {
		v.Sampled = found.seen
	}
	if v.People > 0 {
		v.Share = float64(v.Total) / float64(v.People)
	}
}

// estimate is how many there are where some are known and some of the unknown
// were looked at.
func estimate(yes, unknown, seen, hits int) (total int, interval [2]int, exact bool) {
	if seen >= unknown {
		return yes + hits, [2]int{yes + hits, yes + hits}, seen == unknown
	}
	low, high, share := 0.0, 1.0, 0.0
	if seen > 0 {
		share = float64(hits) / float64(seen)
		low, high = wilsonInterval(share, float64(seen))
	}
	rest := float64(unknown)
	return yes + int(math.Round(share*rest)), [2]int{yes + int(math.Floor(low*rest)), yes + int(math.Ceil(high*rest))}, false
}

// wilsonInterval is Wilson's of 95 % for a share seen of so many.
func wilsonInterval(share, n float64) (low, high float64) {
	z2 := wilson * wilson
	middle := (share + z2/(2*n)) / (1 + z2/n)
	half := wilson / (1 + z2/n) * math.Sqrt(share*(1-share)/n+z2/(4*n*n))
	return max(0, middle-half), min(1, middle+half)
}

func (p *Pipeline) nameSamples(ctx context.Context, out *Preview, keys []id.Key) error {
	for _, k := range keys {
		if len(out.Samples) == previewSamples {
			break
		}
		who, err := p.gather(ctx, p.cipher.id(k))
		if fault.KindOf(err) == fault.NotFound {
			continue // gone since
		}
		if err != nil {
			return err
		}
		out.Samples = append(out.Samples, ProfileSummary{ID: who.id, Identifiers: who.members})
	}
	return nil
}
