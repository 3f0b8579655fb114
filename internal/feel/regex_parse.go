package feel

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Patterns are those of XPath and XQuery functions, which differ from Go's:
// classes can be subtracted, the flags are s, m, i, x and q, groups can be
// referred back to, and what is not known is an error. A pattern is parsed into
// a tree, which is then written as a Go expression (linear time) or, when it
// refers back to groups, run by a matcher with a budget of steps.

// rop is the kind of a pattern node.
type rop uint8

const (
	ropEmpty rop = iota
	ropSet
	ropStart
	ropEnd
	ropCat
	ropAlt
	ropGroup
	ropRepeat
	ropBackref
)

type rnode struct {
	op       rop
	set      runeSet
	kids     []*rnode
	min, max int // of ropRepeat; max -1 is without end
	lazy     bool
	group    int // number of a capturing group, 0 for (?:…)
}

type regexFlags struct {
	dotAll, multiline, fold, spaces, literal bool
}

var (
	errPattern  = errors.New("the pattern is not valid")
	errFlags    = errors.New("unknown flag of a pattern, expected s, m, i, x or q")
	errTooLarge = errors.New("the pattern is too large")
)

const (
	maxPattern      = 10_000
	maxGroupNesting = 100
	maxRepeat       = 1_000
)

func parseFlags(s string) (f regexFlags, err error) {
	for _, c := range s {
		switch c {
		case 's':
			f.dotAll = true
		case 'm':
			f.multiline = true
		case 'i':
			f.fold = true
		case 'x':
			f.spaces = true
		case 'q':
			f.literal = true
		default:
			return f, errFlags
		}
	}
	return f, nil
}

type regexParser struct {
	src    string
	pos    int
	flags  regexFlags
	groups int
	closed map[int]bool
	depth  int
	backs  bool
}

func parseRegex(src string, f regexFlags) (*rnode, *regexParser, error) {
	if len(src) > maxPattern {
		return nil, nil, errTooLarge
	}
	p := &regexParser{src: src, flags: f, closed: map[int]bool{}}
	if f.literal {
		n := &rnode{op: ropCat}
		for _, r := range src {
			n.kids = append(n.kids, p.char(r))
		}
		return n, p, nil
	}
	if f.spaces {
		p.src = stripSpaces(src)
	}
	n, err := p.alternatives()
	if err == nil && p.pos < len(p.src) {
		err = errPattern
	}
	return n, p, err
}

// stripSpaces removes white space outside classes.
func stripSpaces(s string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '\\':
			b.WriteByte(c)
			for i++; i < len(s) && isPatternSpace(s[i]) && depth == 0; {
				i++
			}
			if i < len(s) {
				b.WriteByte(s[i])
			}
			continue
		case '[':
			depth++
		case ']':
			depth--
		}
		if depth > 0 || !isPatternSpace(c) {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isPatternSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (p *regexParser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *regexParser) eat(c byte) bool {
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *regexParser) rune() (rune, bool) {
	if p.pos >= len(p.src) {
		return 0, false
	}
	r, w := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += w
	return r, true
}

func (p *regexParser) char(r rune) *rnode {
	s := singleRune(r)
	if p.flags.fold {
		s = s.folded()
	}
	return &rnode{op: ropSet, set: s}
}

func (p *regexParser) alternatives() (*rnode, error) {
	n := &rnode{op: ropAlt}
	for {
		k, err := p.sequence()
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, k)
		if !p.eat('|') {
			break
		}
	}
	if len(n.kids) == 1 {
		return n.kids[0], nil
	}
	return n, nil
}

func (p *regexParser) sequence() (*rnode, error) {
	n := &rnode{op: ropCat}
	for p.pos < len(p.src) && p.peek() != '|' && p.peek() != ')' {
		k, err := p.atom()
		if err != nil {
			return nil, err
		}
		if k, err = p.quantified(k); err != nil {
			return nil, err
		}
		n.kids = append(n.kids, k)
	}
	return n, nil
}

func (p *regexParser) quantified(k *rnode) (*rnode, error) {
	n := &rnode{op: ropRepeat, kids: []*rnode{k}}
	switch {
	case p.eat('?'):
		n.max = 1
	case p.eat('*'):
		n.max = -1
	case p.eat('+'):
		n.min, n.max = 1, -1
	case p.eat('{'):
		if !p.counts(n) {
			return nil, errPattern
		}
	default:
		return k, nil
	}
	if p.eat('?') {
		n.lazy = true
	}
	if c := p.peek(); p.pos < len(p.src) && (c == '?' || c == '*' || c == '+' || c == '{') {
		return nil, errPattern
	}
	return n, nil
}

func (p *regexParser) counts(n *rnode) bool {
	var ok bool
	if n.min, ok = p.count(); !ok {
		return false
	}
	n.max = n.min
	if p.eat(',') {
		if n.max = -1; p.peek() != '}' {
			if n.max, ok = p.count(); !ok || n.max < n.min {
				return false
			}
		}
	}
	return p.eat('}')
}

func (p *regexParser) count() (int, bool) {
	n, start := 0, p.pos
	for isDigit(p.peek()) && n <= maxRepeat {
		n = n*10 + int(p.peek()-'0')
		p.pos++
	}
	return n, p.pos > start && n <= maxRepeat
}

func (p *regexParser) atom() (*rnode, error) {
	switch p.peek() {
	case '(':
		return p.group()
	case '[':
		p.pos++
		s, err := p.class()
		return &rnode{op: ropSet, set: s}, err
	case '.':
		p.pos++
		s := runeSet{}
		if !p.flags.dotAll {
			s = runeSet{{'\n', '\n'}, {'\r', '\r'}}
		}
		return &rnode{op: ropSet, set: s.negate()}, nil
	case '^':
		p.pos++
		return &rnode{op: ropStart}, nil
	case '$':
		p.pos++
		return &rnode{op: ropEnd}, nil
	case '\\':
		return p.escape()
	case '*', '+', '?', '{', '}', ']':
		return nil, errPattern
	}
	r, _ := p.rune()
	return p.char(r), nil
}

func (p *regexParser) group() (*rnode, error) {
	p.pos++
	if p.depth++; p.depth > maxGroupNesting {
		return nil, errTooLarge
	}
	n := &rnode{op: ropGroup}
	if strings.HasPrefix(p.src[p.pos:], "?:") {
		p.pos += 2
	} else {
		p.groups++
		n.group = p.groups
	}
	k, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if !p.eat(')') {
		return nil, errPattern
	}
	p.depth--
	p.closed[n.group] = true
	n.kids = []*rnode{k}
	return n, nil
}

// escape reads what follows a backslash outside of classes.
func (p *regexParser) escape() (*rnode, error) {
	if c := p.src[p.pos:]; len(c) > 1 && c[1] >= '1' && c[1] <= '9' {
		return p.backref()
	}
	r, s, err := p.escaped()
	if err != nil {
		return nil, err
	}
	if s == nil {
		return p.char(r), nil
	}
	return &rnode{op: ropSet, set: s}, nil
}

func (p *regexParser) backref() (*rnode, error) {
	p.pos++
	n := int(p.peek() - '0')
	p.pos++
	for isDigit(p.peek()) && n*10+int(p.peek()-'0') <= p.groups {
		n = n*10 + int(p.peek()-'0')
		p.pos++
	}
	if n > p.groups || !p.closed[n] {
		return nil, errPattern
	}
	p.backs = true
	return &rnode{op: ropBackref, group: n}, nil
}
