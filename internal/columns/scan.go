package columns

import (
	"cmp"
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"rapport/internal/id"
)

// Query asks how many people a condition holds for.
type Query struct {
	// Node is the condition. Where it is an All, the answer has a step for each
	// of its parts, in their order.
	Node Node
	// Samples is how many of those it holds for are named.
	Samples int
	// Overlap are evaluations whose members among the answer are counted.
	Overlap []uint64
	// Doubtful is how many people of whom it is not known are named, all of
	// them where there are no more.
	Doubtful int
	// Sample is the size of the sample of all people, chosen by hash, of which
	// the doubtful are named where there are more than Doubtful.
	Sample int
	// Workers is how many goroutines scan; 0: as many as there are processors.
	Workers int
}

// Answer is what a scan found.
type Answer struct {
	People  int // all of them
	Yes     int
	Unknown int
	Missing int // parts in which not everybody is: all counts are too small
	Suspect int // people whose columns may be behind: unknown, whatever is asked
	Steps   []StepCount
	Samples []id.Key
	Overlap []int // of those it holds for, how many are in each of Overlap
	Sizes   []int // how many people are in each of Overlap
	// Doubtful are people of whom it is not known: all of them, or where Sampled
	// is true those in the sample, whose place in it is a matter of chance.
	Doubtful []id.Key
	Sampled  bool
}

// StepCount is how many people are left after a part of an All: surely, and
// perhaps in addition.
type StepCount struct {
	Yes, Unknown int
}

// draw is a number by chance that stays with a key: it is independent of the
// key's part and of its place in tables.
func draw(k *id.Key) uint32 { return binary.BigEndian.Uint32(k[4:8]) }

// Count scans all parts. It fails only where the context ends.
func (x *Index) Count(ctx context.Context, q Query) (Answer, error) {
	results := make([]partCount, Parts)
	share := x.share(q.Sample)
	err := x.scan(ctx, q.Workers, func(i int, c *columns) {
		results[i].query, results[i].share = &q, share
		results[i].run(c)
	})
	if err != nil {
		return Answer{}, err
	}
	return join(&q, results), nil
}

// share is the bound that as many draws as wanted stay below.
func (x *Index) share(wanted int) uint64 {
	people := 0
	for _, p := range x.parts {
		p.read(func(c *columns) { people += c.ordinals.people() })
	}
	if people <= wanted {
		return 1 << 32
	}
	return uint64(wanted) << 32 / uint64(people)
}

// scan visits every part, several at once.
func (x *Index) scan(ctx context.Context, workers int, visit func(part int, c *columns)) error {
	workers = min(cmp.Or(workers, runtime.GOMAXPROCS(0)), Parts)
	var next atomic.Int32
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= Parts {
					return
				}
				x.parts[i].read(func(c *columns) { visit(i, c) })
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

// partCount is the scan of one part.
type partCount struct {
	query *Query
	share uint64
	Answer
	picked  []pick   // the samples so far, those of the smallest draws
	all     []id.Key // the doubtful, as long as they are few
	tooMany bool
	sampled []id.Key // the doubtful within the sample
	keys    []id.Key
}

type pick struct {
	draw uint32
	key  id.Key
}

func (p *partCount) run(c *columns) {
	p.People, p.Suspect, p.keys = c.ordinals.people(), c.behind, c.ordinals.keys
	if c.missing {
		p.Missing = 1
	}
	root := p.query.Node.bind(c)
	if all, ok := root.(*allStep); ok {
		p.Steps = make([]StepCount, len(p.query.Node.(All)))
		all.tally = func(part, yes, unknown int) {
			p.Steps[part].Yes += yes
			p.Steps[part].Unknown += unknown
		}
	}
	var dense []uint64
	if len(p.query.Overlap) > 0 {
		dense = make([]uint64, len(c.live)*words)
	}
	for b := range c.live {
		selected := c.live[b]
		selected.less(&c.stale[b])
		var yes, unknown set
		root.scan(b, &selected, &yes, &unknown)
		unknown.or(&c.stale[b])
		p.take(b, &yes, &unknown)
		if dense != nil {
			copy(dense[b*words:], yes[:])
		}
	}
	for i := range p.Steps {
		p.Steps[i].Unknown += c.behind
	}
	if dense != nil {
		p.overlap(c, dense)
	}
}

// take counts the people of a block and names some of them.
func (p *partCount) take(block int, yes, unknown *set) {
	p.Yes += yes.count()
	if p.query.Samples > 0 {
		yes.each(func(row uint16) bool {
			p.pick(&p.keys[block*blockRows+int(row)])
			return true
		})
	}
	n := unknown.count()
	if n == 0 {
		return
	}
	p.Unknown += n
	if p.Unknown > p.query.Doubtful {
		p.tooMany, p.all = true, nil
	}
	unknown.each(func(row uint16) bool {
		k := &p.keys[block*blockRows+int(row)]
		if !p.tooMany {
			p.all = append(p.all, *k)
		}
		if uint64(draw(k)) < p.share {
			p.sampled = append(p.sampled, *k)
		}
		return true
	})
}

// pick keeps a key if its draw is among the smallest.
func (p *partCount) pick(k *id.Key) {
	d := draw(k)
	n := len(p.picked)
	if n == p.query.Samples && d >= p.picked[n-1].draw {
		return
	}
	i, _ := slices.BinarySearchFunc(p.picked, d, func(a pick, d uint32) int { return cmp.Compare(a.draw, d) })
	p.picked = slices.Insert(p.picked, i, pick{d, *k})
	p.picked = p.picked[:min(len(p.picked), p.query.Samples)]
}

func (p *partCount) overlap(c *columns, dense []uint64) {
	p.Overlap, p.Sizes = make([]int, len(p.query.Overlap)), make([]int, len(p.query.Overlap))
	found := roaring.FromDense(dense, false)
	for i, key := range p.query.Overlap {
		if in := c.members[key]; in != nil {
			p.Overlap[i], p.Sizes[i] = int(found.AndCardinality(in)), int(in.GetCardinality())
		}
	}
}

// join adds up the parts.
func join(q *Query, results []partCount) Answer {
	var a Answer
	var picked []pick
	for i := range results {
		r := &results[i]
		a.People, a.Yes, a.Unknown, a.Suspect = a.People+r.People, a.Yes+r.Yes, a.Unknown+r.Unknown, a.Suspect+r.Suspect
		a.Missing += r.Missing
		a.Steps, a.Overlap, a.Sizes = grown(a.Steps, len(r.Steps)), grown(a.Overlap, len(r.Overlap)), grown(a.Sizes, len(r.Sizes))
		for k, s := range r.Steps {
			a.Steps[k].Yes += s.Yes
			a.Steps[k].Unknown += s.Unknown
		}
		for k := range r.Overlap {
			a.Overlap[k] += r.Overlap[k]
			a.Sizes[k] += r.Sizes[k]
		}
		picked = append(picked, r.picked...)
	}
	slices.SortFunc(picked, func(a, b pick) int { return cmp.Compare(a.draw, b.draw) })
	for _, p := range picked[:min(len(picked), q.Samples)] {
		a.Samples = append(a.Samples, p.key)
	}
	a.Sampled = a.Unknown > q.Doubtful
	for i := range results {
		if a.Sampled {
			a.Doubtful = append(a.Doubtful, results[i].sampled...)
		} else {
			a.Doubtful = append(a.Doubtful, results[i].all...)
		}
	}
	slices.SortFunc(a.Doubtful, func(a, b id.Key) int { return cmp.Compare(draw(&a), draw(&b)) })
	return a
}

// Matches calls visit with the people of one part of whom a condition holds,
// and with those of whom it is not known.
func (x *Index) Matches(ctx context.Context, n Node, visit func(yes, unknown []id.Key) error) error {
	return x.MatchesFrom(ctx, 0, n, visit)
}

// MatchesFrom is Matches from a part on.
func (x *Index) MatchesFrom(ctx context.Context, part int, n Node, visit func(yes, unknown []id.Key) error) error {
	for _, p := range x.parts[part:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		var found, doubtful []id.Key
		p.read(func(c *columns) {
			root := n.bind(c)
			for b := range c.live {
				selected := c.live[b]
				selected.less(&c.stale[b])
				var yes, unknown set
				root.scan(b, &selected, &yes, &unknown)
				unknown.or(&c.stale[b])
				found, doubtful = c.name(b, &yes, found), c.name(b, &unknown, doubtful)
			}
		})
		if err := visit(found, doubtful); err != nil {
			return err
		}
	}
	return nil
}

// name appends the keys of people of a block.
func (c *columns) name(block int, of *set, to []id.Key) []id.Key {
	of.each(func(row uint16) bool {
		to = append(to, c.ordinals.keys[block*blockRows+int(row)])
		return true
	})
	return to
}
