package profile

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/jsondoc"
)

// trait is the latest value that one source gave a trait, and how often it
// said it. Which source's value a person has is decided when it is assembled.
type trait struct {
	name   string
	source string
	value  string // canonical JSON; null takes the trait out of view
	stamp  catalog.Stamp
	dirty  touch
	count  uint32 // how often the source said the value; 0: it is not counted
}

// touch says what of a register changed since it was written.
type touch uint8

const (
	touchedStamp touch = 1 << iota // the latest stamp and the count alone
	touchedValue                   // the latest value too
	touchedFirst                   // the first value
)

func (t *trait) compare(o *trait) int {
	return cmp.Or(t.stamp.Compare(o.stamp), strings.Compare(t.value, o.value), strings.Compare(t.source, o.source))
}

// again takes another saying of the same value.
func (t *trait) again(stamp catalog.Stamp) {
	if stamp.Compare(t.stamp) > 0 {
		t.stamp = stamp
	}
	if t.count > 0 {
		t.count++
	}
	t.dirty |= touchedStamp
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
		value := catalog.Canonical(v)
		p.insertTrait(i, trait{
			name: r.names.Of(name), source: r.names.OfText(r.source), value: value,
			stamp: r.stamp, dirty: touchedValue | touchedStamp, count: countable(value),
		})
		return
	}
	t := &p.traits[i]
	if string(v.Raw()) == t.value {
		t.again(r.stamp)
		return
	}
	if t.count == 0 && r.stamp.Compare(t.stamp) < 0 {
		return
	}
	value := catalog.Canonical(v)
	if value == t.value {
		t.again(r.stamp)
		return
	}
	p.say(i, trait{value: value, stamp: r.stamp, count: countable(value)})
}

// insertTrait puts a trait in its place; of too many the newest stay, which is
// exact in any order because a register's past never counts again. Nothing is
// counted any more then: what comes back would have lost its count.
func (p *Partial) insertTrait(i int, t trait) {
	p.traits = slices.Insert(p.traits, i, t)
	if p.truncated&inTraits != 0 {
		p.traits[i].count = 0
	}
	if t.count == 0 {
		p.truncated |= inValues
	}
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
	p.stopCounting()
}

func older(a, b *trait) bool {
	return cmp.Or(a.stamp.Compare(b.stamp), strings.Compare(b.name, a.name), strings.Compare(b.source, a.source)) < 0
}
