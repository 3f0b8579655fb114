package message

import (
	"errors"
	"fmt"
	"strings"

	"github.com/osteele/liquid/expressions"
)

// maxRange is how many numbers a range may have.
const maxRange = 10_000

// run writes one message.
type run struct {
	template *Template
	in       Input
	bindings map[string]any
	config   expressions.Config
	cycles   map[string]int
	out      strings.Builder
	escape   escaper
	line     int
	steps    int
	work     int
}

func newRun(t *Template, in Input) *run {
	r := &run{template: t, in: in, bindings: make(map[string]any, len(in.Vars)+len(t.words)), escape: newEscaper(t.format)}
	// Every word may be the name of a variable: one that is not there must be
	// found when it is used, and the library finds nothing by itself.
	for _, w := range t.words {
		r.bindings[w] = &absent{w}
	}
	r.bindings["blank"], r.bindings["empty"] = nothing{blank: true}, nothing{}
	for name, v := range in.Vars {
		r.bindings[name] = wrap(v, name)
	}
	r.config = expressions.NewConfig()
	for _, name := range t.filters {
		r.config.AddFilter(name, r.filter(name))
	}
	return r
}

// step counts work, so that no template works for ever.
func (r *run) step(line int) error {
	r.line = line
	if r.steps++; r.steps > maxSteps {
		return &Error{line, fmt.Sprintf("the message takes more than %d steps: give its loops a limit", maxSteps)}
	}
	return nil
}

// charge counts the bytes that filters work on.
func (r *run) charge(n int) error {
	if r.work += n; n > maxValue {
		return fmt.Errorf("a value has more than %d bytes", maxValue)
	} else if r.work > maxWork {
		return fmt.Errorf("the filters work on more than %d bytes", maxWork)
	}
	return nil
}

func (r *run) evaluate(line int, e expressions.Expression) (any, error) {
	if err := r.step(line); err != nil {
		return nil, err
	}
	return e.Evaluate(expressions.NewContext(r.bindings, r.config))
}

// missing is the error of a variable that is not there.
func (r *run) missing(a *absent) error {
	if r.in.Lenient {
		return nil
	}
	return &Error{r.line, "there is no variable " + a.at}
}

// explain makes an *Error of what the library says.
func (r *run) explain(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	if ofFilter, ok := errors.AsType[expressions.FilterError](err); ok {
		if errors.As(ofFilter.Err, &own) {
			return own
		}
		return &Error{r.line, fmt.Sprintf("filter %s: %v", ofFilter.FilterName, ofFilter.Err)}
	}
	return &Error{r.line, err.Error()}
}

func (r *run) put(s string) error {
	if r.out.Len()+len(s) > MaxOutput {
		return &Error{r.line, fmt.Sprintf("the message has more than %d bytes", MaxOutput)}
	}
	r.out.WriteString(s)
	return nil
}

// literal writes the template's own text.
func (r *run) literal(s string) error {
	r.escape.literal(s)
	return r.put(s)
}

// value writes a value as its place wants it.
func (r *run) value(v any) error {
	s, err := r.escape.value(v)
	if err != nil {
		return &Error{r.line, err.Error()}
	}
	return r.put(s)
}

// apart writes a piece for itself, to be used as a value.
func (r *run) apart(s sequence) (any, error) {
	out, escape := r.out, r.escape
	r.out, r.escape = strings.Builder{}, newEscaper(Text)
	if r.template.format == HTML {
		r.escape = newEscaper(HTML)
	}
	err := s.write(r)
	text := r.out.String()
	r.out, r.escape = out, escape
	if err != nil {
		return nil, err
	}
	if err := r.charge(len(text)); err != nil {
		return nil, &Error{r.line, err.Error()}
	}
	if r.template.format == HTML {
		return safe(text), nil
	}
	return text, nil
}
