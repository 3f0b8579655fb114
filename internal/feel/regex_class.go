package feel

import (
	"strings"
	"unicode"
)

// escaped reads a backslash and gives a character or a set.
func (p *regexParser) escaped() (rune, runeSet, error) {
	p.pos++
	r, ok := p.rune()
	if !ok {
		return 0, nil, errPattern
	}
	switch r {
	case 'n':
		return '\n', nil, nil
	case 'r':
		return '\r', nil, nil
	case 't':
		return '\t', nil, nil
	case 'p', 'P':
		s, err := p.property()
		return 0, flip(s, r == 'P'), err
	}
	if strings.ContainsRune(`\|.-^?*+{}()[]$`, r) {
		return r, nil, nil
	}
	if s := classEscape(r); s != nil {
		return 0, s, nil
	}
	return 0, nil, errPattern
}

func (p *regexParser) property() (runeSet, error) {
	if !p.eat('{') {
		return nil, errPattern
	}
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 0 {
		return nil, errPattern
	}
	name := p.src[p.pos : p.pos+end]
	p.pos += end + 1
	s, ok := propertySet(name)
	if !ok {
		return nil, errPattern
	}
	return s, nil
}

// class reads the inside of [ … ], with ranges and a subtracted class.
func (p *regexParser) class() (runeSet, error) {
	if p.depth++; p.depth > maxGroupNesting {
		return nil, errTooLarge
	}
	defer func() { p.depth-- }()
	neg := p.eat('^')
	var chars, sets, minus runeSet
	for first := true; ; first = false {
		switch {
		case p.pos >= len(p.src):
			return nil, errPattern
		case p.peek() == ']' && !first:
			p.pos++
			return p.classSet(neg, chars, sets, minus), nil
		case strings.HasPrefix(p.src[p.pos:], "-[") && !first:
			p.pos += 2
			var err error
			if minus, err = p.class(); err != nil {
				return nil, err
			}
			if p.peek() != ']' {
				return nil, errPattern
			}
		default:
			lo, set, err := p.classChar()
			if err != nil {
				return nil, err
			}
			if set != nil {
				sets = append(sets, set...)
				continue
			}
			hi, err := p.classRange(lo)
			if err != nil {
				return nil, err
			}
			chars = append(chars, runeSpan{lo, hi})
		}
	}
}

// classSet puts a class together. Letters fold before the class is negated or
// subtracted from; properties do not fold.
func (p *regexParser) classSet(neg bool, chars, sets, minus runeSet) runeSet {
	chars = chars.normal()
	if p.flags.fold {
		chars = chars.folded()
	}
	s := flip(chars.union(sets), neg)
	if minus != nil {
		s = s.minus(minus)
	}
	return s
}

func (p *regexParser) classChar() (rune, runeSet, error) {
	switch p.peek() {
	case '\\':
		return p.escaped()
	case '[', ']':
		return 0, nil, errPattern
	}
	r, _ := p.rune()
	return r, nil, nil
}

// classRange reads the end of a range, or gives lo when there is none.
func (p *regexParser) classRange(lo rune) (rune, error) {
	rest := p.src[p.pos:]
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' || rest[1] == '[' {
		return lo, nil
	}
	p.pos++
	hi, set, err := p.classChar()
	if err != nil || set != nil || hi < lo || hi > unicode.MaxRune {
		return 0, errPattern
	}
	return hi, nil
}
