package pipeline

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"

	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/definition"
	"rapport/internal/id"
)

// The columns have the computed traits of the user's own as they were when a
// person's row was made, with the instant until which they stay so. When a
// definition comes into force everybody's row is made again, part by part; what
// time changed is looked for in the columns themselves. Until then it is
// unknown there, never wrong.

// ownUpkeep is how far the columns are with computed traits.
type ownUpkeep struct {
	has  [columns.Parts]uint64 // edition of the traits that all rows of a part have
	next time.Time             // when it is looked again for what time changed
}

// expireTurns is how many times as long as a look for what time changed no
// other is taken.
const expireTurns = 20

// traitsOf is the edition of the computed traits in force; 0 where there are none.
func traitsOf(now *force) uint64 {
	h, some := fnv.New64a(), false
	for i := range now.active {
		if c := &now.active[i]; c.Kind == definition.ComputedTrait {
			some = true
			h.Write(binary.BigEndian.AppendUint64(nil, c.ID))
		}
	}
	if !some {
		return 0
	}
	return h.Sum64() | 1
}

// traitsNow is the edition of computed traits that rows have which are made
// now; false while not every lane makes the same.
func (p *Pipeline) traitsNow() (edition uint64, same bool) {
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		e := w.traits
		p.lanes[i].mu.Unlock()
		if i > 0 && e != edition {
			return 0, false
		}
		edition = e
	}
	return edition, true
}

// tendTraits makes the rows again that lack a computed trait in force, or have
// one that is over. The caller holds the lock of the upkeep.
func (p *Pipeline) tendTraits(ctx context.Context, rest func(took time.Duration)) error {
	edition, same := p.traitsNow()
	for part := range p.upkeep.own.has {
		if !same || p.upkeep.own.has[part] == edition || slices.Contains(p.upkeep.missing, part) {
			continue
		}
		if edition != 0 { // else what they have too much is asked for by nobody
			if err := p.lookThrough(ctx, part, rest); err != nil || p.stopping() {
				return err
			}
		}
		p.upkeep.own.has[part] = edition
	}
	begun := p.clock()
	if edition == 0 || begun.Before(p.upkeep.own.next) {
		return nil
	}
	expired := p.expiredTraits(p.clock.Now())
	found, err := columnsOf(ctx, p.index, expired)
	if err != nil {
		return err
	}
	p.upkeep.own.next = p.clock().Add(expireTurns * p.clock().Sub(begun))
	for slice := range slices.Chunk(found, indexLook) {
		begun := p.clock()
		if err := p.lookAt(ctx, slice); err != nil {
			return err
		}
		if rest(p.clock().Sub(begun)); p.stopping() {
			break
		}
	}
	return nil
}

// expiredTraits holds for those of whom a computed trait in force may be another by now.
func (p *Pipeline) expiredTraits(now clock.Instant) columns.Node {
	some, inForce := columns.Any{}, p.common.force.Load()
	for i := range inForce.active {
		if c := &inForce.active[i]; c.Kind == definition.ComputedTrait {
			some = append(some, columns.Expired(c.ID, now))
		}
	}
	return some
}

// columnsOf are the people of whom a condition holds by the columns.
func columnsOf(ctx context.Context, x *columns.Index, n columns.Node) ([]id.Key, error) {
	var out []id.Key
	err := x.Matches(ctx, n, func(yes, _ []id.Key) error {
		out = append(out, yes...)
		return nil
	})
	return out, err
}
