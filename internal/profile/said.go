package profile

import (
	"cmp"
	"slices"
	"strings"
)

// What a source said of a trait before its latest value is kept with how often
// it said so, for the rule that takes the most frequent value. A trait with
// too many different values is not counted at all: which of them stayed would
// depend on the order in which they came.

// The bounds of what is counted.
const (
	MaxValues       = 10  // different values per trait and source
	MaxCountedBytes = 256 // of a value
)

// countable is the count of a value that was said once; zero where it is too
// long to be counted.
func countable(value string) uint32 {
	if len(value) > MaxCountedBytes {
		return 0
	}
	return 1
}

// pastOf is where the earlier values of a register stand: by name, source and
// value.
func (p *Partial) pastOf(name, source string) (from, to int) {
	from, end := 0, len(p.past)
	for from < end {
		mid := (from + end) / 2
		if t := &p.past[mid]; t.name < name || t.name == name && t.source < source {
			from = mid + 1
		} else {
			end = mid
		}
	}
	to = from
	for to < len(p.past) && p.past[to].name == name && p.past[to].source == source {
		to++
	}
	return from, to
}

// say takes a value that a register does not hold: it becomes the latest or
// one of the earlier ones, with s.count added to what was counted of it.
func (p *Partial) say(i int, s trait) {
	t := &p.traits[i]
	s.name, s.source, s.dirty = t.name, t.source, touchedStamp|touchedValue
	newer := cmp.Or(s.stamp.Compare(t.stamp), strings.Compare(s.value, t.value)) > 0
	if t.count == 0 || s.count == 0 {
		p.uncount(i)
		if newer {
			s.count = 0
			*t = s
		}
		return
	}
	from, to := p.pastOf(t.name, t.source)
	k, found := p.findPast(from, to, s.value)
	if found {
		was := &p.past[k]
		s.count += was.count
		if was.stamp.Compare(s.stamp) > 0 {
			s.stamp = was.stamp
		}
	}
	if newer {
		s, *t = *t, s
		s.dirty = touchedStamp | touchedValue
	}
	switch {
	case found:
		p.replacePast(from, to, k, s)
	case to-from+2 > MaxValues:
		p.uncount(i)
	default:
		k, _ = p.findPast(from, to, s.value)
		p.past = slices.Insert(p.past, k, s)
	}
}

// replacePast puts a value in the place of another, and in its order.
func (p *Partial) replacePast(from, to, k int, s trait) {
	j, _ := p.findPast(from, k, s.value)
	if j == k {
		j, _ = p.findPast(k+1, to, s.value)
		j--
		copy(p.past[k:j], p.past[k+1:j+1])
	} else {
		copy(p.past[j+1:k+1], p.past[j:k])
	}
	p.past[j] = s
}

func (p *Partial) findPast(from, to int, value string) (int, bool) {
	for ; from < to && p.past[from].value < value; from++ {
	}
	return from, from < to && p.past[from].value == value
}

// uncount ends the counting of a register's values.
func (p *Partial) uncount(i int) {
	t := &p.traits[i]
	p.truncated |= inValues
	if t.count != 0 {
		t.count = 0
		t.dirty |= touchedStamp
	}
	from, to := p.pastOf(t.name, t.source)
	p.past = slices.Delete(p.past, from, to)
}

// stopCounting ends the counting of all values.
func (p *Partial) stopCounting() {
	p.truncated |= inTraits | inValues
	for i := range p.traits {
		if p.traits[i].count != 0 {
			p.traits[i].count = 0
			p.traits[i].dirty |= touchedStamp
		}
	}
	p.past = nil
}

// mergeTrait takes a register of another partial.
func (p *Partial) mergeTrait(t trait) {
	t.dirty = touchedStamp | touchedValue
	i, found := p.findTrait([]byte(t.name), t.source)
	switch {
	case !found:
		p.insertTrait(i, t)
	case p.traits[i].value != t.value:
		p.say(i, t)
	default:
		p.sameAgain(i, &t)
	}
}

// sameAgain takes another's register that holds the same value.
func (p *Partial) sameAgain(i int, o *trait) {
	t := &p.traits[i]
	if o.stamp.Compare(t.stamp) > 0 {
		t.stamp = o.stamp
	}
	t.dirty |= touchedStamp
	if t.count == 0 || o.count == 0 {
		p.uncount(i)
		return
	}
	t.count += o.count
}

// mergePast takes the earlier values of another partial's registers, which
// must have been merged before.
func (p *Partial) mergePast(past []trait) {
	for k := range past {
		i, found := p.findTrait([]byte(past[k].name), past[k].source)
		switch {
		case !found || p.traits[i].count == 0:
		case p.traits[i].value == past[k].value:
			p.sameAgain(i, &past[k])
		default:
			p.say(i, past[k])
		}
	}
}
