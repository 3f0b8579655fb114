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
	var c classParts
	for first := true; ; first = false {
		switch {
		case p.pos >= len(p.src):
			return nil, errPattern
		case p.peek() == ']' && !first:
			p.pos++
			return p.classSet(neg, c), nil
		case strings.HasPrefix(p.src[p.pos:], "-[") && !first:
			p.pos += 2
			var err error
			if c.minus, err = p.class(); err != nil {
				return nil, err
			}
			if p.peek() != ']' {
				return nil, errPattern
			}
		default:
			if err := p.classItem(&c); err != nil {
				return nil, err
			}
		}
	}
}

// classParts are the characters and sets of a class, and what is taken away.
type classParts struct{ chars, sets, minus runeSet }

// classItem reads a character, a range or a set.
func (p *regexParser) classItem(c *classParts) error {
	lo, set, err := p.classChar()
	if err != nil {
		return err
	}
	if set != nil {
		c.sets = append(c.sets, set...)
		return nil
	}
	hi, err := p.classRange(lo)
	c.chars = append(c.chars, runeSpan{lo, hi})
	return err
}

// classSet puts a class together. Letters fold before the class is negated or
// subtracted from; properties do not fold.
func (p *regexParser) classSet(neg bool, c classParts) runeSet {
	chars := c.chars.normal()
	if p.flags.fold {
		chars = chars.folded()
	}
	s := flip(chars.union(c.sets), neg)
	if c.minus != nil {
		s = s.minus(c.minus)
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
