package jsondoc

import (
	"bytes"
	"slices"
	"strconv"
)

// smallObject is up to how many keys are compared pair by pair.
const smallObject = 32

// checkKeys looks for too many and for double keys in the object at a place of
// the tape that was just closed.
func (p *parser) checkKeys(at int32) {
	count := int(p.tape[at+1] >> countShift)
	switch {
	case count < 2:
	case count > p.limits.Keys:
		p.flaw(TooManyKeys, p.tape[at].start(), "object with more than "+strconv.Itoa(p.limits.Keys)+" keys")
	case count > smallObject || !p.distinct(at):
		p.sortKeys(at)
	}
}

// distinct compares a signature of the keys, and the keys themselves only
// where two signatures agree. It says false where it cannot tell: two keys
// are the same or one has escapes.
func (p *parser) distinct(at int32) bool {
	var seen [smallObject]struct{ sign, key uint32 }
	filled := 0
	var filter uint64
	end := after(p.tape, at)
	for k := at + 2; k < end; k = after(p.tape, k+1) {
		w := p.tape[k]
		if w.escaped() {
			return false
		}
		first, last := p.raw[w.start()+1], p.raw[w.end()-2]
		sign := uint32(w.length())<<16 | uint32(first)<<8 | uint32(last)
		bit := uint64(1) << (sign * 0x9E3779B1 >> 26)
		if filter&bit != 0 {
			for _, s := range seen[:filled] {
				if s.sign == sign && bytes.Equal(p.keyBytes(int32(s.key)), p.keyBytes(k)) {
					return false
				}
			}
		}
		filter |= bit
		seen[filled].sign, seen[filled].key = sign, uint32(k)
		filled++
	}
	return true
}

// sortKeys finds double keys among many without hashing, so that no choice of
// keys makes it slow.
func (p *parser) sortKeys(at int32) {
	p.keys = p.keys[:0]
	var texts map[int32][]byte // of the keys with escapes
	end := after(p.tape, at)
	for k := at + 2; k < end; k = after(p.tape, k+1) {
		p.keys = append(p.keys, k)
		if p.tape[k].escaped() {
			if texts == nil {
				texts = make(map[int32][]byte)
			}
			texts[k] = appendUnescaped(nil, p.keyBytes(k))
		}
	}
	text := func(k int32) []byte {
		if p.tape[k].escaped() {
			return texts[k]
		}
		return p.keyBytes(k)
	}
	slices.SortStableFunc(p.keys, func(a, b int32) int { return bytes.Compare(text(a), text(b)) })
	for i := 1; i < len(p.keys); i++ {
		if bytes.Equal(text(p.keys[i-1]), text(p.keys[i])) {
			p.flaw(DuplicateKey, p.tape[p.keys[i]].start(), "key appears twice in one object")
		}
	}
}

func (p *parser) keyBytes(k int32) []byte {
	w := p.tape[k]
	return p.raw[w.start()+1 : w.end()-1]
}
