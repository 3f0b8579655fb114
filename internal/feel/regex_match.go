package feel

import (
	"regexp"
	"strconv"
	"unicode/utf8"
)

// pattern is a compiled pattern: re for patterns Go can run, tree for those
// that refer back to groups.
type pattern struct {
	re        *regexp.Regexp
	tree      *rnode
	groups    int
	multiline bool
	fold      bool
	literal   bool
}

// matchSteps bounds the backtracking of one match.
const (
	matchSteps = 200_000
	matchDepth = 20_000
)

func compilePattern(src, flags string) (*pattern, error) {
	f, err := parseFlags(flags)
	if err != nil {
		return nil, err
	}
	n, p, err := parseRegex(src, f)
	if err != nil {
		return nil, err
	}
	out := &pattern{groups: p.groups, multiline: f.multiline, fold: f.fold, literal: f.literal}
	if p.backs {
		out.tree = n
		return out, nil
	}
	out.re, err = regexp.Compile(string(n.appendGo(nil, f.multiline)))
	if err != nil {
		return nil, errTooLarge
	}
	return out, nil
}

// appendGo writes the tree in the syntax of Go's regexp.
func (n *rnode) appendGo(b []byte, multiline bool) []byte {
	switch n.op {
	case ropSet:
		return n.set.appendClass(b)
	case ropStart:
		if multiline {
			return append(b, `(?m:^)`...)
		}
		return append(b, `\A`...)
	case ropEnd:
		if multiline {
			return append(b, `(?m:$)`...)
		}
		return append(b, `\z`...)
	case ropCat:
		for _, k := range n.kids {
			b = k.appendGo(b, multiline)
		}
		return b
	case ropAlt:
		b = append(b, `(?:`...)
		for i, k := range n.kids {
			if i > 0 {
				b = append(b, '|')
			}
			b = k.appendGo(b, multiline)
		}
		return append(b, ')')
	case ropGroup:
		if n.group == 0 {
			b = append(b, `(?:`...)
		} else {
			b = append(b, '(')
		}
		return append(n.kids[0].appendGo(b, multiline), ')')
	case ropRepeat:
		return n.appendRepeat(b, multiline)
	default:
		return b
	}
}

func (n *rnode) appendRepeat(b []byte, multiline bool) []byte {
	b = append(n.kids[0].appendGo(append(b, `(?:`...), multiline), `){`...)
	b = strconv.AppendInt(b, int64(n.min), 10)
	switch {
	case n.max < 0:
		b = append(b, ',')
	case n.max != n.min:
		b = strconv.AppendInt(append(b, ','), int64(n.max), 10)
	}
	b = append(b, '}')
	if n.lazy {
		b = append(b, '?')
	}
	return b
}

// find gives the bounds of the first match from offset i and of its groups, as
// regexp does, and false when the budget ran out.
func (p *pattern) find(s string, i int) (loc []int, ok bool) {
	if p.re != nil {
		return p.re.FindStringSubmatchIndex(s), true
	}
	m := &matcher{p: p, s: s, groups: make([]int, 2*p.groups+2), steps: matchSteps}
	for at := i; at <= len(s); {
		for k := range m.groups {
			m.groups[k] = -1
		}
		end := -1
		if m.match(p.tree, at, func(e int) bool { end = e; return true }) {
			m.groups[0], m.groups[1] = at, end
			return m.groups, true
		}
		if m.steps <= 0 {
			return nil, false
		}
		_, w := utf8.DecodeRuneInString(s[at:])
		at += max(w, 1)
	}
	return nil, true
}

// all gives all matches that do not overlap, and false when the budget ran out.
func (p *pattern) all(s string) ([][]int, bool) {
	if p.re != nil {
		return p.re.FindAllStringSubmatchIndex(s, -1), true
	}
	var out [][]int
	for i := 0; i <= len(s); {
		loc, ok := p.find(s, i)
		if !ok {
			return nil, false
		}
		if loc == nil {
			break
		}
		out = append(out, loc)
		if i = loc[1]; loc[0] == loc[1] {
			_, w := utf8.DecodeRuneInString(s[i:])
			i += max(w, 1)
		}
	}
	return out, true
}

// matcher runs a tree by backtracking: each node hands the place it reached to
// the rest of the match.
type matcher struct {
	p      *pattern
	s      string
	groups []int
	steps  int
	depth  int
}

func (m *matcher) match(n *rnode, i int, rest func(int) bool) bool {
	if m.steps--; m.steps <= 0 || m.depth > matchDepth {
		m.steps = 0
		return false
	}
	m.depth++
	defer func() { m.depth-- }()
	switch n.op {
	case ropSet:
		r, w := utf8.DecodeRuneInString(m.s[i:])
		return w > 0 && n.set.has(r) && rest(i+w)
	case ropStart:
		return (i == 0 || m.p.multiline && m.s[i-1] == '\n') && rest(i)
	case ropEnd:
		return (i == len(m.s) || m.p.multiline && m.s[i] == '\n') && rest(i)
	case ropCat:
		return m.sequence(n.kids, i, rest)
	case ropAlt:
		for _, k := range n.kids {
			if m.match(k, i, rest) {
				return true
			}
		}
		return false
	case ropGroup:
		return m.group(n, i, rest)
	case ropRepeat:
		return m.repeat(n, 0, i, rest)
	case ropBackref:
		return m.backref(n, i, rest)
	default:
		return rest(i)
	}
}

func (m *matcher) sequence(kids []*rnode, i int, rest func(int) bool) bool {
	if len(kids) == 0 {
		return rest(i)
	}
	return m.match(kids[0], i, func(j int) bool { return m.sequence(kids[1:], j, rest) })
}

func (m *matcher) group(n *rnode, i int, rest func(int) bool) bool {
	if n.group == 0 {
		return m.match(n.kids[0], i, rest)
	}
	g := 2 * n.group
	from, to := m.groups[g], m.groups[g+1]
	ok := m.match(n.kids[0], i, func(j int) bool {
		oldFrom, oldTo := m.groups[g], m.groups[g+1]
		m.groups[g], m.groups[g+1] = i, j
		if rest(j) {
			return true
		}
		m.groups[g], m.groups[g+1] = oldFrom, oldTo
		return false
	})
	if !ok {
		m.groups[g], m.groups[g+1] = from, to
	}
	return ok
}

func (m *matcher) repeat(n *rnode, count, i int, rest func(int) bool) bool {
	more := func() bool {
		if n.max >= 0 && count >= n.max {
			return false
		}
		return m.match(n.kids[0], i, func(j int) bool {
			if j == i && count >= n.min {
				return false // an empty round would go on forever
			}
			return m.repeat(n, count+1, j, rest)
		})
	}
	if m.steps--; m.steps <= 0 {
		return false
	}
	switch {
	case count < n.min:
		return more()
	case n.lazy:
		return rest(i) || more()
	default:
		return more() || rest(i)
	}
}

// backref matches the text of a group again; a group without a match is empty.
func (m *matcher) backref(n *rnode, i int, rest func(int) bool) bool {
	from, to := m.groups[2*n.group], m.groups[2*n.group+1]
	if from < 0 {
		return rest(i)
	}
	for _, want := range m.s[from:to] {
		r, w := utf8.DecodeRuneInString(m.s[i:])
		if w == 0 || r != want && (!m.p.fold || !singleRune(want).folded().has(r)) {
			return false
		}
		i += w
	}
	return rest(i)
}
