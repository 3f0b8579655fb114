package feel

import (
	"strings"
	"unicode/utf8"
)

// memberName reads the name behind a dot: the longest that the type declares,
// else the longest known, else all words up to a keyword.
func (p *parser) memberName(t *Type) (string, bool) {
	i := p.start
	if i >= len(p.src) {
		return "", false
	}
	for t.Kind() == TypeList {
		t = t.Elem()
	}
	best, end := "", 0
	for _, f := range t.Fields() {
		if e := matchName(p.src, i, f.Name); e > end {
			best, end = f.Name, e
		}
	}
	if end == 0 {
		best, end = p.knownMember(i)
	}
	if w, e := p.words(i); e > end {
		best, end = w, e
	}
	if end == 0 {
		return "", false
	}
	p.seek(end)
	return best, true
}

func (p *parser) knownMember(i int) (string, int) {
	best, end := propertyNames.match(p.src, i)
	for _, x := range []nameIndex{p.scope.members, p.local} {
		if n, e := x.match(p.src, i); e > end {
			best, end = n, e
		}
	}
	return best, end
}

// words joins the words from offset i up to a keyword or other token.
func (p *parser) words(i int) (string, int) {
	l := lexer{src: p.src}
	l.seek(i)
	var parts []string
	end := 0
	for l.tok == tokName && (len(parts) == 0 || !keywords[l.text()]) {
		parts = append(parts, l.text())
		end = l.end
		l.next()
	}
	return strings.Join(parts, " "), end
}

var propertyNames = func() nameIndex {
	x := nameIndex{}
	for _, n := range []string{"time offset", "start included", "end included", "timezone"} {
		x.add(n)
	}
	return x
}()

func (p *parser) learn(name string) {
	if p.local == nil {
		p.local = nameIndex{}
	}
	if p.learned < maxLocalNames && utf8.ValidString(name) && name != "" && p.local.add(name) {
		p.learned++
	}
}
