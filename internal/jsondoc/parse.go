package jsondoc

import "strconv"

// parser walks the bytes once. Open containers are chained through the second
// words of one another, so that depth costs no stack.
type parser struct {
	raw    []byte
	pos    int
	tape   []word
	flaws  []Flaw
	limits Limits
	open   int32 // innermost open container, -1 at the top
	depth  int
	keys   []int32 // scratch for the keys of one large object
}

func (p *parser) fail(msg string) error { return &SyntaxError{Offset: p.pos, Msg: msg} }

// peek skips white space and gives the next byte, 0 at the end. A NUL byte
// between values is no token, so nobody mistakes it for the end.
func (p *parser) peek() byte {
	raw, i := p.raw, p.pos
	for uint(i) < uint(len(raw)) {
		c := raw[i]
		if c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
			p.pos = i
			return c
		}
		i++
	}
	p.pos = i
	return 0
}

// document reads value after value; between two of them settle closes what
// ends and stands before the next.
func (p *parser) document() error {
	for {
		done, err := p.value()
		if err != nil {
			return err
		}
		if !done {
			continue
		}
		more, err := p.settle()
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
}

// value reads one value. It says false where it opened a container and stands
// before the first value in it.
func (p *parser) value() (done bool, err error) {
	switch c := p.peek(); c {
	case '"':
		return true, p.str()
	case '{':
		if err = p.push(Object); err != nil {
			return false, err
		}
		if p.peek() == '}' {
			p.pop()
			return true, nil
		}
		return false, p.key()
	case '[':
		if err = p.push(Array); err != nil {
			return false, err
		}
		if p.peek() == ']' {
			p.pop()
			return true, nil
		}
		p.tape[p.open+1] += 1 << countShift
		return false, nil
	case 't':
		return true, p.literal("true", True)
	case 'f':
		return true, p.literal("false", False)
	case 'n':
		return true, p.literal("null", Null)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return true, p.number(c)
	}
	return false, p.fail("expected a value")
}

// settle follows a value: it closes the containers that end there and gives
// true before the next value, false at the end of the document.
func (p *parser) settle() (more bool, err error) {
	for p.open >= 0 {
		c := p.peek()
		if p.tape[p.open].kind() == Object {
			switch c {
			case ',':
				p.pos++
				return true, p.key()
			case '}':
				p.pop()
				continue
			}
			return false, p.fail("expected ',' or '}'")
		}
		switch c {
		case ',':
			p.pos++
			p.tape[p.open+1] += 1 << countShift
			return true, nil
		case ']':
			p.pop()
			continue
		}
		return false, p.fail("expected ',' or ']'")
	}
	p.peek()
	if p.pos < len(p.raw) {
		return false, p.fail("unexpected bytes after the document")
	}
	return false, nil
}

func (p *parser) key() error {
	if p.peek() != '"' {
		return p.fail("expected a key in quotes")
	}
	if err := p.str(); err != nil {
		return err
	}
	if p.pos < len(p.raw) && p.raw[p.pos] != ':' {
		p.peek()
	}
	if p.pos >= len(p.raw) || p.raw[p.pos] != ':' {
		return p.fail("expected ':'")
	}
	p.pos++
	p.tape[p.open+1] += 1 << countShift
	return nil
}

func (p *parser) push(kind Kind) error {
	p.depth++
	if p.depth > p.limits.Depth {
		if p.depth > MaxDepth {
			return p.fail("nested deeper than " + strconv.Itoa(MaxDepth))
		}
		if p.depth == p.limits.Depth+1 {
			p.flaw(TooDeep, p.pos, "nested deeper than "+strconv.Itoa(p.limits.Depth))
		}
	}
	p.tape = append(p.tape, wordOf(kind, p.pos, p.pos), word(uint32(p.open)))
	p.open = int32(len(p.tape) - 2)
	p.pos++
	return nil
}

func (p *parser) pop() {
	p.pos++
	p.depth--
	at := p.open
	own, inside := &p.tape[at], &p.tape[at+1]
	p.open = int32(uint32(*inside))
	*own = wordOf(own.kind(), own.start(), p.pos)
	*inside = *inside>>countShift<<countShift | word(len(p.tape))
	if own.kind() == Object {
		p.checkKeys(at)
	}
}

func (p *parser) literal(text string, kind Kind) error {
	end := p.pos + len(text)
	if end > len(p.raw) || string(p.raw[p.pos:end]) != text {
		return p.fail("expected a value")
	}
	start := p.pos
	p.pos = end
	p.tape = append(p.tape, wordOf(kind, start, end))
	return nil
}

func (p *parser) number(c byte) error {
	raw, start := p.raw, p.pos
	i := start
	if c == '-' {
		i++
	}
	whole := digits(raw, i)
	if whole == i {
		p.pos = i
		return p.fail("expected a digit")
	}
	if raw[i] == '0' && whole > i+1 {
		p.pos = i
		return p.fail("number with a leading zero")
	}
	i = whole
	risky := i-start > 300
	if i < len(raw) && raw[i] == '.' {
		end := digits(raw, i+1)
		if end == i+1 {
			p.pos = end
			return p.fail("expected a digit")
		}
		i = end
	}
	if i < len(raw) && raw[i]|0x20 == 'e' {
		i++
		if i < len(raw) && (raw[i] == '+' || raw[i] == '-') {
			i++
		}
		end := digits(raw, i)
		if end == i {
			p.pos = end
			return p.fail("expected a digit")
		}
		i, risky = end, true
	}
	p.pos = i
	p.tape = append(p.tape, wordOf(Number, start, i))
	if risky {
		if _, err := strconv.ParseFloat(string(raw[start:i]), 64); err != nil {
			p.flaw(NumberOutOfRange, start, "number outside the range of a 64-bit float")
		}
	}
	return nil
}

func digits(raw []byte, i int) int {
	for uint(i) < uint(len(raw)) && raw[i]-'0' <= 9 {
		i++
	}
	return i
}
