package pipeline

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
	"rapport/internal/store"
)

// judge decides on people one by one, from all that is known of them.
type judge struct {
	p      *Pipeline
	set    *segment.Set
	number int
	parts  []int // the numbers of the parts of an all
	eval   *segment.Evaluator
	rules  *profile.Rules
	person segment.ProfilePerson
	only   segment.Sources  // that the condition asks for
	needs  segment.Needs    // of a timeline, for these
	at     []store.Position // scratch
	shorts []uint64         // scratch
}

// judged is the number of the evaluation of what is previewed, and those of its
// parts go down from it: none in force has them.
const (
	judged    = math.MaxUint64
	judgedKey = " " // no segment has it
)

// newest is behind every position: the catalog as it is now.
var newest = store.Position(math.MaxUint64)

// newJudge compiles a condition beside everything that is live.
func (p *Pipeline) newJudge(n *condition.Node) (*judge, error) {
	list := p.live(definition.Segment, "")
	docs, err := p.library.get(list)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].ID = uint64(i) // compiled for this alone
	}
	for i, asked := range append([]*condition.Node{n}, partsOf(n)...) {
		list = append(list, criterion{Kind: definition.Segment, Key: judgedKey + strconv.Itoa(i), ID: judged - uint64(i)})
		docs = append(docs, &document{condition: asked})
	}
	l, err := compileLens(list, docs)
	if err != nil {
		return nil, err
	}
	rules, err := p.library.rules(p.common.force.Load().criteria())
	if err != nil {
		return nil, err
	}
	number, ok := l.numbers[judged]
	if !ok {
		return nil, errors.New("a condition compiled to nothing")
	}
	only := l.set.SourcesOf(number)
	var parts []int
	for i := range partsOf(n) {
		k := l.numbers[judged-1-uint64(i)]
		parts = append(parts, k)
		maps.Copy(only, l.set.SourcesOf(k))
	}
	return &judge{
		p: p, rules: rules, set: l.set, number: number, parts: parts, eval: segment.NewEvaluator(l.set, itemsAt{p.items, &newest}),
		only: only, needs: l.set.Needs(only),
	}, nil
}

// partsOf are the parts of an all, after each of which a preview says how many
// are left.
func partsOf(n *condition.Node) []*condition.Node {
	if n.Kind != condition.All {
		return nil
	}
	return n.Nodes
}

// finding is what a look at a person found.
type finding struct {
	parts int // of an all, those that hold before the first that does not
	holds bool
	home  *memberships // what the person is in; nil: nothing
}

// holds tells whether the condition holds for a person at an instant, and when
// time alone changes that.
func (j *judge) holds(ctx context.Context, k id.Key, now clock.Instant) (holds bool, next clock.Instant, err error) {
	who, states, err := j.know(ctx, k)
	if err != nil || who == nil {
		return false, 0, err
	}
	for _, a := range j.eval.EvaluateSegments(nil, &j.person, states, []int{j.number}, now) {
		holds, next = a.Member, a.Next
	}
	return holds, next, nil
}

// look tells of a person what a preview says.
func (j *judge) look(ctx context.Context, k id.Key, now clock.Instant) (*finding, error) {
	who, states, err := j.know(ctx, k)
	v := &finding{}
	if err != nil || who == nil {
		return v, err
	}
	in := map[int]bool{}
	for _, a := range j.eval.EvaluateSegments(nil, &j.person, states, append(slices.Clip(j.parts), j.number), now) {
		in[a.Segment] = a.Member
	}
	for v.parts < len(j.parts) && in[j.parts[v.parts]] {
		v.parts++
	}
	v.holds = in[j.number]
	if v.holds {
		v.home, err = j.p.membershipsAt(ctx, who, k)
	}
	return v, err
}

// know gathers a person and all that the condition asks of it.
func (j *judge) know(ctx context.Context, k id.Key) (*person, []*segment.State, error) {
	who, err := j.p.gatherKey(ctx, k)
	if err != nil || who == nil {
		return nil, nil, err
	}
	var partials []*profile.Partial
	var states []*segment.State
	for _, a := range who.anchors {
		partials = append(partials, a.partial)
		st, err := j.fold(ctx, a)
		if err != nil {
			return nil, nil, err
		}
		states = append(states, st)
	}
	whole := profile.Merged(partials)
	j.person.Set(whole, who.members, j.rules, consentOf(whole))
	return who, states, nil
}

// fold reads an anchor's timeline into what the condition keeps of it.
func (j *judge) fold(ctx context.Context, a *anchor) (*segment.State, error) {
	st := segment.NewState()
	if j.needs.None {
		return st, nil
	}
	entries, err := j.p.finished(ctx, a.key, a.chunks, a.pending)
	if err != nil {
		return nil, err
	}
	j.at, j.shorts = j.at[:0], j.shorts[:0]
	for _, n := range append(entries, a.open...) {
		if j.needs.Wants(&n) {
			j.at, j.shorts = append(j.at, store.Position(n.Position)), append(j.shorts, n.Short)
		}
	}
	var touched segment.Touched
	touched.Reset(j.set)
	if err := j.p.each(ctx, j.at, func(i int, r *store.Record) { j.foldOne(st, r, j.shorts[i], &touched) }); err != nil {
		return nil, err
	}
	err = j.p.basesWithin(ctx, a, always, func(b *base) {
		if b.leaves != nil {
			j.set.MergeOnly(st, b.leaves, j.only)
		}
	})
	if err != nil || !j.needs.Lines {
		return st, err
	}
	for _, at := range a.told {
		rec, err := j.p.store.Log().At(ctx, at)
		if err != nil {
			continue // erased
		}
		if _, portion, err := readPortion(rec.Payload); err == nil {
			j.set.FoldPortion(st, &portion, &touched)
		}
	}
	return st, nil
}

// foldOne folds an event of the past, unless it is erased.
func (j *judge) foldOne(st *segment.State, r *store.Record, short uint64, touched *segment.Touched) {
	e, err := j.p.decode(r.Payload)
	if err != nil {
		return // counted when it was folded
	}
	source := j.p.sources(e.Source)
	j.set.FoldOnly(st, e, segment.Input{Short: short, Mapping: source.Mapping}, touched, j.only)
	if source.Mapping == nil || !j.needs.Lines {
		return
	}
	portions := source.Mapping.PortionsOf(e, catalog.Stamp{Time: e.Time, Priority: source.Priority, Short: short})
	for i := range portions {
		j.set.FoldPortion(st, &portions[i], touched)
	}
}
