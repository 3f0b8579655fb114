package trial

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
)

// sorted gives the sizes in their order.
func (s *Sums) sorted() []int16 { return slices.Sorted(maps.Keys(s.sizes)) }

// Place names a cell.
type Place struct {
	Phase   int
	Variant string
	Day     int // of the first exposure, counted from 1970
	Several bool
}

func (p Place) compare(o Place) int {
	several := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(p.Phase, o.Phase), cmp.Compare(p.Variant, o.Variant), cmp.Compare(p.Day, o.Day), several(p.Several)-several(o.Several))
}

// Linear are the sums from which a linear model of the reward is made, of the
// people of a variant: of 1, the features and the reward.
type Linear struct {
	N        int64
	Products [][]big.Int // the lower half
}

// Book is what is kept of one experiment.
type Book struct {
	Signature uint64
	People    int64
	Stale     int64 // people who were counted by another definition, or by none
	cells     map[Place]*Cell
	linear    map[string]*Linear
}

// NewBook is one that nobody is in.
func NewBook(signature uint64) *Book {
	return &Book{Signature: signature, cells: map[Place]*Cell{}, linear: map[string]*Linear{}}
}

// Add takes a person in, or out where sign is -1. m may be nil where the
// definition is not known.
func (b *Book) Add(m *Meter, t *Trial, sign int64) {
	b.People += sign
	if m == nil || t.Signature != m.signature || t.Signature != b.Signature {
		b.Stale += sign
		return
	}
	at := Place{t.Phase, t.Variant, t.Day(), t.Several}
	c := b.cells[at]
	if c == nil {
		c = &Cell{Metrics: make([]Sums, len(m.metrics))}
		b.cells[at] = c
	}
	c.People += sign
	for i := range m.metrics {
		c.Metrics[i].add(&t.Metrics[i], sign, m.fine(i) == 1)
	}
	if c.People == 0 {
		delete(b.cells, at)
	}
	if len(t.Features) > 0 {
		b.learn(m, t, sign)
	}
}

// learn adds to the sums of a linear model.
func (b *Book) learn(m *Meter, t *Trial, sign int64) {
	i := slices.IndexFunc(m.metrics, func(x metric) bool { return x.Role == "primary" })
	if i < 0 {
		return
	}
	v := append(append([]int64{1000}, t.Features...), t.Metrics[i][Numerator]/1000)
	l := b.linear[t.Variant]
	if l == nil || len(l.Products) != len(v) {
		l = &Linear{Products: make([][]big.Int, len(v))}
		for i := range l.Products {
			l.Products[i] = make([]big.Int, i+1)
		}
		b.linear[t.Variant] = l
	}
	l.N += sign
	var x, y big.Int
	for i := range v {
		for j := range i + 1 {
			x.SetInt64(v[i] * sign)
			y.SetInt64(v[j])
			l.Products[i][j].Add(&l.Products[i][j], x.Mul(&x, &y))
		}
	}
}

// Linear gives the sums of a variant's model; nil where there are none.
func (b *Book) Linear(variant string) *Linear { return b.linear[variant] }

// At is the sum of the products of two of 1, the features and the reward.
func (l *Linear) At(i, j int) float64 {
	if i < j {
		i, j = j, i
	}
	const unit = 1000 * 1000
	return scaled(&l.Products[i][j], unit)
}

// Each visits the cells in the order of their places.
func (b *Book) Each(visit func(Place, *Cell)) {
	for _, p := range slices.SortedFunc(maps.Keys(b.cells), Place.compare) {
		visit(p, b.cells[p])
	}
}

// Sum adds up the cells that a question is about.
func (b *Book) Sum(metrics int, about func(Place) bool) *Cell {
	out := &Cell{Metrics: make([]Sums, metrics)}
	for p, c := range b.cells { // whole numbers add up to the same in any order
		if !about(p) {
			continue
		}
		out.People += c.People
		for i := range min(metrics, len(c.Metrics)) {
			out.Metrics[i].merge(&c.Metrics[i])
		}
	}
	return out
}

// Clone copies the book, to be read while the other goes on.
func (b *Book) Clone() *Book {
	out := &Book{Signature: b.Signature, People: b.People, Stale: b.Stale, cells: make(map[Place]*Cell, len(b.cells)), linear: make(map[string]*Linear, len(b.linear))}
	for p, c := range b.cells {
		n := &Cell{People: c.People, Metrics: make([]Sums, len(c.Metrics))}
		for i := range c.Metrics {
			n.Metrics[i].merge(&c.Metrics[i])
		}
		out.cells[p] = n
	}
	for v, l := range b.linear {
		n := &Linear{N: l.N, Products: make([][]big.Int, len(l.Products))}
		for i := range l.Products {
			n.Products[i] = make([]big.Int, len(l.Products[i]))
			for j := range l.Products[i] {
				n.Products[i][j].Set(&l.Products[i][j])
			}
		}
		out.linear[v] = n
	}
	return out
}
