package destination

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/fault"
)

// SchemaOf is the JSON Schema of a struct of settings, made of its tags: json,
// doc, required, enum, default, and secret for what is kept encrypted and shown
// as a mask. Every object refuses what it does not know.
func SchemaOf[T any]() json.RawMessage {
	var b bytes.Buffer
	writeSchema(&b, reflect.TypeFor[T](), "")
	return b.Bytes()
}

func writeSchema(b *bytes.Buffer, t reflect.Type, tag reflect.StructTag) {
	b.WriteString(`{"type":`)
	switch t.Kind() {
	case reflect.Struct:
		writeObject(b, t)
	case reflect.Map:
		b.WriteString(`"object","additionalProperties":`)
		writeSchema(b, t.Elem(), "")
	case reflect.Slice:
		b.WriteString(`"array","items":`)
		writeSchema(b, t.Elem(), "")
	case reflect.Bool:
		b.WriteString(`"boolean"`)
	case reflect.Int:
		b.WriteString(`"integer"`)
	case reflect.Float64:
		b.WriteString(`"number"`)
	default:
		b.WriteString(`"string"`)
	}
	words := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, `,%q:%s`, name, quoted(text))
		}
	}
	words("description", tag.Get("doc"))
	if d := tag.Get("default"); d != "" {
		if t.Kind() == reflect.String {
			d = quoted(d)
		}
		fmt.Fprintf(b, `,"default":%s`, d)
	}
	if e := tag.Get("enum"); e != "" {
		b.WriteString(`,"enum":[`)
		for i, v := range strings.Split(e, ",") {
			b.WriteString([]string{"", ","}[min(i, 1)] + quoted(v))
		}
		b.WriteByte(']')
	}
	if tag.Get("secret") != "" {
		b.WriteString(`,"writeOnly":true`)
	}
	b.WriteByte('}')
}

func writeObject(b *bytes.Buffer, t reflect.Type) {
	b.WriteString(`"object","additionalProperties":false,"properties":{`)
	var required []string
	first := true
	for f := range fields(t) {
		if !first {
			b.WriteByte(',')
		}
		first = false
		name := nameOf(f)
		b.WriteString(quoted(name) + ":")
		writeSchema(b, f.Type, f.Tag)
		if f.Tag.Get("required") != "" {
			required = append(required, quoted(name))
		}
	}
	b.WriteByte('}')
	if len(required) > 0 {
		fmt.Fprintf(b, `,"required":[%s]`, strings.Join(required, ","))
	}
}

// fields are the fields of a struct, those of embedded structs among them.
func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if f.Anonymous || !f.IsExported() || nameOf(f) == "-" {
				continue
			}
			if !yield(f) {
				return
			}
		}
	}
}

func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text can always be written
	return strings.TrimSpace(b.String())
}

// Secrets are the places of the secrets that a schema marks, as the names that
// lead to them.
func Secrets(schema json.RawMessage) [][]string {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
		WriteOnly  bool                       `json:"writeOnly"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return nil
	}
	if s.WriteOnly {
		return [][]string{nil}
	}
	var out [][]string
	for name, p := range s.Properties {
		for _, rest := range Secrets(p) {
			out = append(out, append([]string{name}, rest...))
		}
	}
	slices.SortFunc(out, slices.Compare[[]string])
	return out
}

// Decode reads settings into a struct as SchemaOf describes it, fills what has
// a default, and refuses what is unknown, missing or none of those allowed.
func Decode(settings json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(settings))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return unreadable(err, reflect.TypeOf(into).Elem())
	}
	if d.More() {
		return Invalid("", "something follows the settings")
	}
	return complete(reflect.ValueOf(into).Elem(), "")
}

// unreadable says what of settings is wrong, and what there is.
func unreadable(err error, t reflect.Type) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at := strings.ReplaceAll(wrong.Field, ".", "/")
		return Invalid(at, "%s is a JSON %s: GET /api/v1/destination-types says what it has to be", at, wrong.Value)
	}
	if _, name, unknown := strings.Cut(err.Error(), "unknown field "); unknown {
		name = strings.Trim(name, `"`)
		return Invalid(name, "there is no setting %s: there are %s", name, strings.Join(places(t, ""), ", "))
	}
	return Invalid("", "the settings cannot be read: %v", err)
}

// places are where settings stand.
func places(t reflect.Type, below string) (out []string) {
	for f := range fields(t) {
		if at := below + nameOf(f); f.Type.Kind() == reflect.Struct {
			out = append(out, places(f.Type, at+"/")...)
		} else {
			out = append(out, at)
		}
	}
	return out
}

// Invalid is the fault of a setting; at is its place, such as "auth/user".
func Invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_destination", format, args...).At("/settings/" + at)
}

func complete(v reflect.Value, at string) error {
	for f := range fields(v.Type()) {
		value, place := v.FieldByIndex(f.Index), at+nameOf(f)
		if f.Type.Kind() == reflect.Struct {
			if err := complete(value, place+"/"); err != nil {
				return err
			}
			continue
		}
		if d := f.Tag.Get("default"); d != "" && value.IsZero() {
			fill(value, d)
		}
		if f.Tag.Get("required") != "" && value.IsZero() {
			return Invalid(place, "%s is missing: %s", place, f.Tag.Get("doc"))
		}
		if e := f.Tag.Get("enum"); e != "" && value.Kind() == reflect.String && value.String() != "" {
			if allowed := strings.Split(e, ","); !slices.Contains(allowed, value.String()) {
				return Invalid(place, "%s %q: give one of %s", place, value.String(), strings.Join(allowed, ", "))
			}
		}
	}
	return nil
}

// fill sets a default, which its tag spells.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		n, _ := strconv.Atoi(text)
		v.SetInt(int64(n))
	case reflect.Float64:
		x, _ := strconv.ParseFloat(text, 64)
		v.SetFloat(x)
	}
}
