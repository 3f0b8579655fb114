package columns

import (
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"rapport/internal/id"
)

// part is the columns of the people of some buckets.
//
// Scans take mu for reading and see one moment. What comes meanwhile waits, one
// row per person, and goes in before the next scan or with the next update that
// finds nobody reading: an update never waits for a scan.
type part struct {
	mu sync.RWMutex
	columns

	waitMu  sync.Mutex
	waiting map[id.Key]*Row // what is to be updated; nil: to be removed
}

// columnCounts say in how many columns a person has a value, so that an update
// which takes none away need not look for them.
type columnCounts struct {
	values, events uint16
}

// columns is what a part keeps.
type columns struct {
	ordinals   ordinals
	live       []set // by block: rows that hold somebody
	stale      []set // rows whose columns may be behind the person
	incomplete []set // rows that lack event names
	values     map[Field]*scalars
	idents     map[string]*lists[uint64] // hashes of values, by namespace
	events     map[string]*lists[uint32] // cells, by event name
	members    map[uint64]*roaring.Bitmap
	marks      []uint64           // by ordinal: hash of what somebody is a member of
	counts     []columnCounts     // by ordinal
	dropped    map[string]dropped // columns there was no room for, by name
	updates    uint64
	behind     int  // stale rows
	missing    bool // not everybody is in
	budget     int  // bytes; 0: no bound
	// Scratch of update.
	hashes []uint64
}

func newColumns(budget int) columns {
	return columns{
		values: map[Field]*scalars{}, idents: map[string]*lists[uint64]{}, events: map[string]*lists[uint32]{},
		members: map[uint64]*roaring.Bitmap{}, dropped: map[string]dropped{}, budget: budget,
	}
}

func newPart(budget int) *part {
	return &part{columns: newColumns(budget), waiting: map[id.Key]*Row{}}
}

// update sets a row, or removes the person where there is none.
func (p *part) update(k id.Key, row *Row) {
	if p.mu.TryLock() {
		defer p.mu.Unlock()
		p.drain()
		p.apply(k, row)
		return
	}
	p.waitMu.Lock()
	defer p.waitMu.Unlock()
	p.waiting[k] = row.clone()
}

// drain lets in what waits. The caller holds mu.
func (p *part) drain() {
	p.waitMu.Lock()
	if len(p.waiting) == 0 {
		p.waitMu.Unlock()
		return // the empty map stays: updates write to it
	}
	waiting := p.waiting
	p.waiting = map[id.Key]*Row{}
	p.waitMu.Unlock()
	for k, row := range waiting {
		p.apply(k, row)
	}
}

// read calls visit with everything in that came before, and nothing changing.
func (p *part) read(visit func(c *columns)) {
	p.waitMu.Lock()
	waits := len(p.waiting) > 0
	p.waitMu.Unlock()
	if waits {
		p.mu.Lock()
		p.drain()
		p.mu.Unlock()
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	visit(&p.columns)
}

func (c *columns) apply(k id.Key, row *Row) {
	if row == nil {
		c.remove(k)
		return
	}
	n, _ := c.ordinals.take(k)
	b, r := int(n/blockRows), uint16(n%blockRows)
	c.live, c.stale, c.incomplete = grown(c.live, b+1), grown(c.stale, b+1), grown(c.incomplete, b+1)
	c.live[b].add(r)
	c.fresh(b, r)
	c.incomplete[b].put(r, row.Incomplete)
	c.set(n, row)
	if c.budget > 0 && c.updates%blockRows == 0 {
		c.fit()
	}
}

func (c *columns) fresh(block int, row uint16) {
	if c.stale[block].has(row) {
		c.stale[block].remove(row)
		c.behind--
	}
}

func (c *columns) remove(k id.Key) {
	n, ok := c.ordinals.drop(k)
	if !ok {
		return
	}
	b, r := int(n/blockRows), uint16(n%blockRows)
	c.fresh(b, r)
	c.live[b].remove(r)
	c.incomplete[b].remove(r)
	var nobody Row
	c.set(n, &nobody)
}

func (c *columns) set(n uint32, row *Row) {
	c.updates++
	c.counts = grown(c.counts, int(n)+1)
	c.setValues(n, row)
	c.setIdentifiers(n, row)
	c.setEvents(n, row)
	c.setMembers(n, row)
}

func (c *columns) setValues(n uint32, row *Row) {
	held, given := int(c.counts[n].values), 0
	for i := range row.Values {
		v := &row.Values[i]
		s := c.values[v.Field]
		if s == nil {
			if c.lacks(v.column()) {
				continue
			}
			s = newScalars()
			c.values[v.Field] = s
		}
		if s.seen != c.updates {
			s.seen = c.updates
			given++
		}
		before := s.people
		s.set(n, v)
		held += s.people - before
	}
	if held != given {
		// Something that the person had is not among what was given.
		for _, s := range c.values {
			if s.seen != c.updates {
				s.clear(n)
			}
		}
	}
	c.counts[n].values = uint16(given)
}

// setIdentifiers keeps hashes: enough to tell who has a value, and no value
// can be read back.
func (c *columns) setIdentifiers(n uint32, row *Row) {
	for i := range row.Identifiers {
		name := row.Identifiers[i].Namespace
		if c.idents[name] == nil && !c.lacks(identifierColumn(name)) {
			c.idents[name] = &lists[uint64]{}
		}
	}
	for name, l := range c.idents {
		c.hashes = c.hashes[:0]
		for i := range row.Identifiers {
			if v := &row.Identifiers[i]; v.Namespace == name {
				c.hashes = append(c.hashes, hashText(v.Value))
			}
		}
		slices.Sort(c.hashes)
		l.set(n, c.hashes)
	}
}

func (c *columns) setEvents(n uint32, row *Row) {
	held, given := int(c.counts[n].events), 0
	for i := range row.Events {
		e := &row.Events[i]
		if len(e.Cells) == 0 {
			continue
		}
		l := c.events[e.Name]
		if l == nil {
			if c.lacks(eventColumn(e.Name)) {
				continue
			}
			l = &lists[uint32]{}
			c.events[e.Name] = l
		}
		if l.seen != c.updates {
			l.seen = c.updates
			given++
		}
		before := l.people
		l.set(n, e.Cells)
		held += l.people - before
	}
	if held != given {
		for _, l := range c.events {
			if l.seen != c.updates {
				l.set(n, nil)
			}
		}
	}
	c.counts[n].events = uint16(given)
}

// setMembers compares a hash first: most updates change no membership.
func (c *columns) setMembers(n uint32, row *Row) {
	mark := uint64(0)
	for _, m := range row.Members {
		mark += mix(m) | 1 // in any order
	}
	c.marks = grown(c.marks, int(n)+1)
	if c.marks[n] == mark {
		return
	}
	c.marks[n] = mark
	for _, m := range row.Members {
		if c.members[m] == nil {
			c.members[m] = roaring.New()
		}
	}
	for m, in := range c.members {
		if slices.Contains(row.Members, m) {
			in.Add(n)
		} else if in.Remove(n); in.IsEmpty() {
			delete(c.members, m)
		}
	}
}

// hashText is the hash of identifiers: FNV-1a in 64 bits with its bits mixed.
// It is in checkpoints.
func hashText(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix makes every bit of a number depend on all others.
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func (r *Row) clone() *Row {
	if r == nil {
		return nil
	}
	c := *r
	c.Values, c.Identifiers = slices.Clone(r.Values), slices.Clone(r.Identifiers)
	c.Members, c.Events = slices.Clone(r.Members), slices.Clone(r.Events)
	for i := range c.Events {
		c.Events[i].Cells = slices.Clone(c.Events[i].Cells)
	}
	return &c
}
