package columns

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/id"
)

// Parts is how many parts an index has. The number is in checkpoints.
const Parts = 32

// Index is the columns of all people. There is one writer per person at a
// time; any number of readers may count beside it.
type Index struct {
	parts [Parts]*part
}

// New is an index of nobody. Of budget bytes it takes no more than people and
// memberships need; columns that do not fit are dropped, the largest first, and
// unknown from then on. Zero is no bound.
func New(budget int) *Index {
	x := &Index{}
	for i := range x.parts {
		x.parts[i] = newPart(budget / Parts)
	}
	return x
}

// PartOf is the part that holds a person.
func PartOf(home id.Key) int { return int(home.Bucket()) * Parts / id.Buckets }

func (x *Index) part(k id.Key) *part { return x.parts[PartOf(k)] }

// Update sets all columns of a person. Updating again with the same row
// changes nothing. It does not wait for readers.
func (x *Index) Update(row *Row) { x.part(row.Key).update(row.Key, row) }

// Remove takes a person out whose home is nobody's any more.
func (x *Index) Remove(home id.Key) { x.part(home).update(home, nil) }

// Suspect says that the columns of people may be behind the people, who may
// not even be there yet: all that is asked of them is unknown until they are
// updated or removed.
func (x *Index) Suspect(homes []id.Key) {
	for _, k := range homes {
		p := x.part(k)
		p.mu.Lock()
		p.drain()
		p.suspect(k)
		p.mu.Unlock()
	}
}

// Renew empties the columns of a part, with all that nobody has any more, and
// suspects everybody who is in it: they stay, and are made again one by one.
func (x *Index) Renew(part int) {
	p := x.parts[part]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drain()
	old := p.columns
	p.columns = newColumns(old.budget)
	p.missing = old.missing
	for b := range old.live {
		old.live[b].each(func(row uint16) bool {
			p.suspect(old.ordinals.keys[b*blockRows+int(row)])
			return true
		})
	}
}

func (c *columns) suspect(k id.Key) {
	n, fresh := c.ordinals.take(k)
	b, r := int(n/blockRows), uint16(n%blockRows)
	c.live, c.stale, c.incomplete = grown(c.live, b+1), grown(c.stale, b+1), grown(c.incomplete, b+1)
	if fresh {
		c.counts, c.marks = grown(c.counts, int(n)+1), grown(c.marks, int(n)+1)
	}
	c.live[b].add(r)
	if !c.stale[b].has(r) {
		c.stale[b].add(r)
		c.behind++
	}
}

// Suspects gives up to limit people whose columns may be behind.
func (x *Index) Suspects(limit int) []id.Key {
	var out []id.Key
	for _, p := range x.parts {
		p.read(func(c *columns) {
			for b := range c.stale {
				c.stale[b].each(func(row uint16) bool {
					if len(out) < limit {
						out = append(out, c.ordinals.keys[b*blockRows+int(row)])
					}
					return len(out) < limit
				})
			}
		})
	}
	return out
}

// Unknown says that not everybody of a part is in the index: what is counted
// there is too little.
func (x *Index) Unknown(part int) { x.setMissing(part, true) }

// Known says that everybody of a part is in the index.
func (x *Index) Known(part int) { x.setMissing(part, false) }

func (x *Index) setMissing(part int, missing bool) {
	p := x.parts[part]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missing = missing
}

// Coverage is the part of the people whose columns are there and up to date, and how
// many are behind. Of a part in which not everybody is nobody counts.
func (x *Index) Coverage() (share float64, behind int) {
	people, fresh, missing := 0, 0, 0
	for _, p := range x.parts {
		p.read(func(c *columns) {
			behind += c.behind
			if c.missing {
				missing++
				return
			}
			people += c.ordinals.people()
			fresh += c.ordinals.people() - c.behind
		})
	}
	share = 1 - float64(missing)/Parts
	if people > 0 {
		share *= float64(fresh) / float64(people)
	}
	return share, behind
}

// Stats are an index in numbers.
type Stats struct {
	People  int
	Missing int // parts in which not everybody is
	Suspect int // of them, those whose columns may be behind
	Bytes   int
	Columns int
	// Dropped are the columns there was no room for, the largest first.
	Dropped []Dropped
	// Wanted is about the budget with which all of them would come back; zero where
	// none was dropped.
	Wanted int
}

// Dropped is a column there was no room for in some part.
type Dropped struct {
	Column string // with its kind, such as trait:email
	Bytes  int    // about what is missing of it
}

// Stats measures the index.
func (x *Index) Stats() Stats {
	var s Stats
	names, missing := map[string]bool{}, map[string]int{}
	for _, p := range x.parts {
		p.read(func(c *columns) { c.measure(&s, names, missing) })
	}
	s.Columns = len(names)
	for column, bytes := range missing {
		s.Dropped = append(s.Dropped, Dropped{column, bytes})
	}
	slices.SortFunc(s.Dropped, func(a, b Dropped) int {
		return cmp.Or(b.Bytes-a.Bytes, strings.Compare(a.Column, b.Column))
	})
	return s
}

func (c *columns) measure(s *Stats, names map[string]bool, missing map[string]int) {
	s.People += c.ordinals.people()
	if c.missing {
		s.Missing++
	}
	s.Suspect += c.behind
	size := c.size()
	s.Bytes += size
	for f := range c.values {
		names[f.column()] = true
	}
	for ns := range c.idents {
		names[identifierColumn(ns)] = true
	}
	for name := range c.events {
		names[eventColumn(name)] = true
	}
	if len(c.dropped) == 0 {
		return
	}
	for name, d := range c.dropped {
		n := d.among(c.ordinals.people())
		missing[name] += n
		size += n
	}
	// Every part has the same room, and an image is read anew only where there is
	// a quarter more.
	s.Wanted = max(s.Wanted, Parts*max(size, c.budget+c.budget*3/10))
}
