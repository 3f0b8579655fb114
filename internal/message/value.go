package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/values"

	"rapport/internal/fault"
)

// Vars reads a JSON object as variables. Whole numbers stay exact; one that fits
// no number of the machine is a text.
func Vars(document []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var vars map[string]any
	if err := d.Decode(&vars); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_variables", "the variables are no JSON object: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.Errorf(fault.Invalid, "invalid_variables", "something follows the variables")
	}
	for k, v := range vars {
		vars[k] = numbers(v)
	}
	return vars, nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		if x, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return x
		}
		return v.String()
	case map[string]any:
		for k, item := range v {
			v[k] = numbers(item)
		}
	case []any:
		for i, item := range v {
			v[i] = numbers(item)
		}
	}
	return v
}

// place is a value of the input and where it stands, so that what is missing
// below it can be named.
type place struct {
	values.Value
	raw any
	at  string
}

func (r *run) wrap(v any, at string) any { return wrap(v, at) }

func wrap(v any, at string) any {
	switch v.(type) {
	case map[string]any, []any, string, nil:
		return &place{values.ValueOf(v), v, at}
	}
	return v
}

// Interface is the value itself, for filters and for what is written.
func (p *place) Interface() any { return p.raw }

// PropertyValue is what stands below a name.
func (p *place) PropertyValue(key values.Value) values.Value {
	name, ok := key.Interface().(string)
	if !ok {
		return &absent{p.at + "[…]"}
	}
	below := p.at + "." + name
	switch v := p.raw.(type) {
	case map[string]any:
		if item, ok := v[name]; ok {
			return values.ValueOf(wrap(item, below))
		}
		if name == "size" {
			return values.ValueOf(len(v))
		}
	case []any:
		switch {
		case name == "size":
			return values.ValueOf(len(v))
		case name == "first" && len(v) > 0:
			return values.ValueOf(wrap(v[0], below))
		case name == "last" && len(v) > 0:
			return values.ValueOf(wrap(v[len(v)-1], below))
		}
	case string:
		if name == "size" {
			return values.ValueOf(len([]rune(v)))
		}
	}
	return &absent{below}
}

// IndexValue is what stands at a number or below a name.
func (p *place) IndexValue(key values.Value) values.Value {
	switch k := key.Interface().(type) {
	case string:
		return p.PropertyValue(key)
	case int:
		items, _ := p.raw.([]any)
		i := k
		if i < 0 {
			i += len(items)
		}
		if i >= 0 && i < len(items) {
			return values.ValueOf(wrap(items[i], fmt.Sprintf("%s[%d]", p.at, k)))
		}
		return &absent{fmt.Sprintf("%s[%d]", p.at, k)}
	}
	return &absent{p.at + "[…]"}
}

// Equal compares, also with blank and empty.
func (p *place) Equal(o values.Value) bool {
	if b, ok := o.(nothing); ok {
		return b.is(p.raw)
	}
	if _, ok := o.(*absent); ok {
		return p.raw == nil
	}
	return p.Value.Equal(o)
}

// absent is a variable that is not there. It may be tested, compared and given a
// default; all else wants a value.
type absent struct{ at string }

func (a *absent) Interface() any { return a }

func (a *absent) Int() int {
	panic(expressions.InterpreterError("there is no variable " + a.at))
}

func (a *absent) Equal(o values.Value) bool {
	switch o := o.(type) {
	case *absent, nothing:
		return true
	default:
		return o.Interface() == nil
	}
}

func (a *absent) Less(values.Value) bool                  { return false }
func (a *absent) Contains(values.Value) bool              { return false }
func (a *absent) IndexValue(values.Value) values.Value    { return a }
func (a *absent) PropertyValue(values.Value) values.Value { return a }
func (a *absent) Test() bool                              { return false }

// nothing is blank or empty, to compare with.
type nothing struct {
	values.Value
	blank bool
}

func (n nothing) Interface() any { return "" }

// Equal compares with what stands on the other side.
func (n nothing) Equal(o values.Value) bool {
	if _, ok := o.(*absent); ok {
		return true
	}
	return n.is(o.Interface())
}

func (n nothing) is(v any) bool {
	switch v := v.(type) {
	case string:
		return v == "" || n.blank && strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case nil:
		return n.blank
	case bool:
		return n.blank && !v
	}
	return false
}

// safe is HTML that a template made and that was escaped while it was made.
type safe string

// written is JSON that the filter json made: outside of quotes of a JSON document
// it stands as it is, everywhere else it is text.
type written string

// textOf is a value as it is written.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case safe:
		return string(v)
	case written:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []byte:
		return string(v)
	case []any:
		var b strings.Builder
		for _, item := range v {
			b.WriteString(textOf(item))
		}
		return b.String()
	case []string:
		return strings.Join(v, "")
	case map[string]any:
		b, err := json.Marshal(plain(v))
		if err == nil {
			return string(b)
		}
	case values.Range:
		return ""
	}
	return fmt.Sprint(v)
}

// plain is a value that JSON can have.
func plain(v any) any {
	switch v := v.(type) {
	case safe:
		return string(v)
	case written:
		return string(v)
	case *absent:
		return nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = plain(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = plain(item)
		}
		return out
	case values.Range:
		return nil
	}
	return v
}
