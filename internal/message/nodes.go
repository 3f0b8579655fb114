package message

import (
	"errors"
	"maps"
	"slices"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/values"
)

// node is a piece of a template.
type node interface{ write(r *run) error }

type sequence []node

func (s sequence) write(r *run) error {
	for _, n := range s {
		if err := n.write(r); err != nil {
			return err
		}
	}
	return nil
}

type literal string

func (l literal) write(r *run) error { return r.literal(string(l)) }

// object is {{ … }}.
type object struct {
	line   int
	expr   expressions.Expression
	source string
}

func (o *object) write(r *run) error {
	v, err := r.evaluate(o.line, o.expr)
	if err != nil {
		return err
	}
	if a, ok := v.(*absent); ok {
		return r.missing(a)
	}
	return r.value(v)
}

type assign struct {
	line     int
	variable string
	expr     expressions.Expression
}

func (a *assign) write(r *run) error {
	v, err := r.evaluate(a.line, a.expr)
	if err != nil {
		return err
	}
	r.bindings[a.variable] = r.wrap(v, a.variable)
	return nil
}

type capture struct {
	line     int
	variable string
	body     sequence
}

func (c *capture) write(r *run) error {
	if err := r.step(c.line); err != nil {
		return err
	}
	text, err := r.apart(c.body)
	if err != nil {
		return err
	}
	r.bindings[c.variable] = text
	return nil
}

type branch struct {
	line int
	test expressions.Expression // nil: else
	not  bool
	body sequence
}

type branches []branch

func (b *branches) write(r *run) error {
	for _, one := range *b {
		if one.test == nil {
			return one.body.write(r)
		}
		v, err := r.evaluate(one.line, one.test)
		if err != nil {
			return err
		}
		_, gone := v.(*absent)
		if truth := v != nil && v != false && !gone; truth != one.not {
			return one.body.write(r)
		}
	}
	return nil
}

type choice struct {
	line  int
	of    expressions.Expression
	whens []when
}

type when struct {
	values []expressions.Expression // nil: else
	body   sequence
}

func (c *choice) write(r *run) error {
	v, err := r.evaluate(c.line, c.of)
	if err != nil {
		return err
	}
	for _, w := range c.whens {
		if w.values == nil {
			return w.body.write(r)
		}
		for _, e := range w.values {
			option, err := r.evaluate(c.line, e)
			if err != nil {
				return err
			}
			if values.Equal(v, option) {
				return w.body.write(r)
			}
		}
	}
	return nil
}

var (
	errBreak    = errors.New("break stands outside of a loop")
	errContinue = errors.New("continue stands outside of a loop")
)

type leave struct{ how error }

func (l leave) write(*run) error { return l.how }

type cycle struct {
	line   int
	group  string
	values []string
}

func (c *cycle) write(r *run) error {
	if r.cycles == nil {
		return &Error{c.line, "cycle stands outside of a loop"}
	}
	if err := r.step(c.line); err != nil {
		return err
	}
	key := c.group
	if key == "" {
		key = c.values[0]
	}
	n := r.cycles[key]
	r.cycles[key] = n + 1
	return r.value(c.values[n%len(c.values)])
}

type loop struct {
	line          int
	variable      string
	over          expressions.Expression
	limit, offset expressions.Expression
	reversed      bool
	body, none    sequence
}

func (l *loop) write(r *run) error {
	items, at, err := l.items(r)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return l.none.write(r)
	}
	outer, item, cycles := r.bindings["forloop"], r.bindings[l.variable], r.cycles
	r.cycles = map[string]int{}
	defer func() { r.bindings["forloop"], r.bindings[l.variable], r.cycles = outer, item, cycles }()
	for i, v := range items {
		if err := r.step(l.line); err != nil {
			return err
		}
		r.bindings[l.variable] = r.wrap(v, at)
		r.bindings["forloop"] = map[string]any{
			"first": i == 0, "last": i == len(items)-1, "index": i + 1, "index0": i,
			"rindex": len(items) - i, "rindex0": len(items) - i - 1, "length": len(items),
		}
		if err := l.body.write(r); errors.Is(err, errBreak) {
			return nil
		} else if err != nil && !errors.Is(err, errContinue) {
			return err
		}
	}
	return nil
}

// items are what the loop goes over, and what one of them is called.
func (l *loop) items(r *run) ([]any, string, error) {
	v, err := r.evaluate(l.line, l.over)
	if err != nil {
		return nil, "", err
	}
	var items []any
	switch v := v.(type) {
	case *absent:
		return nil, "", r.missing(v)
	case []any:
		items = slices.Clone(v)
	case values.Range:
		if v.Len() > maxRange {
			return nil, "", &Error{l.line, "the range has more than 10000 numbers"}
		}
		for i := range max(v.Len(), 0) {
			items = append(items, v.Index(i))
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			items = append(items, []any{k, v[k]})
		}
	case []string:
		for _, s := range v {
			items = append(items, s)
		}
	}
	if l.reversed {
		slices.Reverse(items)
	}
	offset, err := l.number(r, l.offset, 0)
	if err != nil {
		return nil, "", err
	}
	items = items[min(max(offset, 0), len(items)):]
	limit, err := l.number(r, l.limit, len(items))
	if err != nil {
		return nil, "", err
	}
	return items[:min(max(limit, 0), len(items))], l.variable, nil
}

func (l *loop) number(r *run, e expressions.Expression, without int) (int, error) {
	if e == nil {
		return without, nil
	}
	v, err := r.evaluate(l.line, e)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int)
	if !ok {
		return 0, &Error{l.line, "limit and offset of a loop must be whole numbers"}
	}
	return n, nil
}
