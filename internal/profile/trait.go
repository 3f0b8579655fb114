package profile

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/jsondoc"
)

// trait is the latest value that one source gave a trait. The trait's value is
// the greatest of its sources' by stamp.
type trait struct {
	name   string
	source string
	value  string // canonical JSON; null takes the trait out of view
	stamp  catalog.Stamp
	dirty  touch
}

// touch says what of a register changed since it was written.
type touch uint8

const (
	touchedStamp touch = 1 << iota // the latest stamp alone
	touchedValue                   // the latest value too
	touchedFirst                   // the first value
)

func (t *trait) compare(o *trait) int {
	return cmp.Or(t.stamp.Compare(o.stamp), strings.Compare(t.value, o.value), strings.Compare(t.source, o.source))
}

// reading is who says a value, and when.
type reading struct {
	stamp  catalog.Stamp
	source string
	names  *Names
}

func (p *Partial) findTrait(name []byte, source string) (int, bool) {
	lo, hi := 0, len(p.traits)
	for lo < hi {
		mid := (lo + hi) / 2
		t := &p.traits[mid]
		switch {
		case t.name < string(name), t.name == string(name) && t.source < source:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, lo < len(p.traits) && p.traits[lo].name == string(name) && p.traits[lo].source == source
}

// trait takes a value that an event gives.
func (p *Partial) trait(name []byte, v jsondoc.Value, r reading) {
	i, found := p.findTrait(name, r.source)
	if !found {
		p.insertTrait(i, trait{
			name: r.names.Of(name), source: r.names.OfText(r.source), value: catalog.Canonical(v),
			stamp: r.stamp, dirty: touchedValue | touchedStamp,
		})
		return
	}
	t := &p.traits[i]
	c := r.stamp.Compare(t.stamp)
	if c < 0 {
		return
	}
	if string(v.Raw()) == t.value {
		t.stamp = r.stamp
		t.dirty |= touchedStamp
		return
	}
	value := catalog.Canonical(v)
	switch {
	case value == t.value:
		t.dirty |= touchedStamp
	case c == 0 && value < t.value:
		return
	default:
		t.value = value
		t.dirty |= touchedStamp | touchedValue
	}
	t.stamp = r.stamp
}

// insertTrait puts a trait in its place; of too many the newest stay, which is
// exact in any order because a register's past never counts again.
func (p *Partial) insertTrait(i int, t trait) {
	p.traits = slices.Insert(p.traits, i, t)
	if len(p.traits) <= MaxTraits {
		return
	}
	oldest := 0
	for k := 1; k < len(p.traits); k++ {
		if older(&p.traits[k], &p.traits[oldest]) {
			oldest = k
		}
	}
	p.traits = slices.Delete(p.traits, oldest, oldest+1)
	p.truncated |= inTraits
}

func older(a, b *trait) bool {
	return cmp.Or(a.stamp.Compare(b.stamp), strings.Compare(b.name, a.name), strings.Compare(b.source, a.source)) < 0
}

// mergeTrait takes a register of another partial.
func (p *Partial) mergeTrait(t trait) {
	t.dirty = touchedStamp | touchedValue
	i, found := p.findTrait([]byte(t.name), t.source)
	if !found {
		p.insertTrait(i, t)
	} else if t.compare(&p.traits[i]) > 0 {
		p.traits[i] = t
	}
}
