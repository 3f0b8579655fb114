package feel

import (
	"cmp"
	"slices"
	"strconv"
	"unicode"
)

// runeSet is a set of code points as sorted, separate, closed intervals.
type runeSet []runeSpan

type runeSpan struct{ lo, hi rune }

func singleRune(r rune) runeSet { return runeSet{{r, r}} }

// normal sorts and joins.
func (s runeSet) normal() runeSet {
	slices.SortFunc(s, func(a, b runeSpan) int { return cmp.Compare(a.lo, b.lo) })
	out := s[:0]
	for _, p := range s {
		if n := len(out); n > 0 && p.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, p.hi)
			continue
		}
		out = append(out, p)
	}
	return out
}

func (s runeSet) union(o runeSet) runeSet { return slices.Concat(s, o).normal() }

// negate is the complement of a normal set.
func (s runeSet) negate() runeSet {
	var out runeSet
	next := rune(0)
	for _, p := range s {
		if p.lo > next {
			out = append(out, runeSpan{next, p.lo - 1})
		}
		next = p.hi + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, runeSpan{next, unicode.MaxRune})
	}
	return out
}

func (s runeSet) minus(o runeSet) runeSet { return s.negate().union(o).negate() }

func (s runeSet) has(r rune) bool {
	i, ok := slices.BinarySearchFunc(s, r, func(p runeSpan, r rune) int {
		switch {
		case p.hi < r:
			return -1
		case p.lo > r:
			return 1
		default:
			return 0
		}
	})
	return ok && i < len(s)
}

// folded adds the other cases of all letters. Large sets are searched over the
// letters that have cases, not over themselves.
func (s runeSet) folded() runeSet {
	out := slices.Clone(s)
	add := func(r rune) {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			out = append(out, runeSpan{f, f})
		}
	}
	for _, p := range s {
		for r := p.lo; r <= min(p.hi, lastCased); r++ {
			add(r)
		}
	}
	return out.normal()
}

// lastCased is behind the last code point that has another case (Adlam).
const lastCased = 0x1e943

func tableSet(tables ...*unicode.RangeTable) runeSet {
	var out runeSet
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			out = append(out, runeSpan{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			out = append(out, runeSpan{r, r})
		}
	}
	for _, t := range tables {
		for _, r := range t.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return out.normal()
}

// appendClass writes the set as a class of Go's regexp.
func (s runeSet) appendClass(b []byte) []byte {
	if len(s) == 0 {
		return append(b, `[^\x00-\x{10FFFF}]`...)
	}
	b = append(b, '[')
	for _, p := range s {
		b = appendHex(b, p.lo)
		if p.hi > p.lo {
			b = appendHex(append(b, '-'), p.hi)
		}
	}
	return append(b, ']')
}

func appendHex(b []byte, r rune) []byte {
	b = append(b, `\x{`...)
	b = strconv.AppendInt(b, int64(r), 16)
	return append(b, '}')
}

// classEscape is the set of a one-letter class of XPath, or nil.
func classEscape(c rune) runeSet {
	switch c {
	case 's', 'S':
		return flip(runeSet{{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}}, c == 'S')
	case 'd', 'D':
		return flip(tableSet(unicode.Nd), c == 'D')
	case 'w', 'W':
		return flip(tableSet(unicode.P, unicode.Z, unicode.C).union(unassigned()).negate(), c == 'W')
	case 'i', 'I':
		return flip(nameStart(), c == 'I')
	case 'c', 'C':
		s := nameStart().union(tableSet(unicode.Nd, unicode.Mn, unicode.Mc, unicode.Lm))
		return flip(s.union(runeSet{{'-', '.'}, {0xb7, 0xb7}}), c == 'C')
	default:
		return nil
	}
}

func flip(s runeSet, neg bool) runeSet {
	if neg {
		return s.negate()
	}
	return s
}

func nameStart() runeSet {
	return tableSet(unicode.L, unicode.Nl).union(runeSet{{':', ':'}, {'_', '_'}})
}

// unassigned is the category Cn, which Go's tables leave out.
func unassigned() runeSet {
	return tableSet(unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C).negate()
}

// propertySet is the set of \p{name}: a category or a block.
func propertySet(name string) (runeSet, bool) {
	if len(name) > 2 && name[:2] == "Is" {
		b, ok := unicodeBlocks[name[2:]]
		return runeSet{b}, ok
	}
	switch name {
	case "Cn":
		return unassigned(), true
	case "C":
		return tableSet(unicode.C).union(unassigned()), true
	}
	if len(name) > 2 {
		return nil, false
	}
	t, ok := unicode.Categories[name]
	if !ok {
		return nil, false
	}
	return tableSet(t), true
}
