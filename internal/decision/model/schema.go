package model

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/profile"
)

// The input data that the product gives values to by their names.
const (
	inputProfile     = "profile"
	inputEvents      = "events"
	inputSession     = "session"
	inputSegments    = "segments"
	inputIdentifiers = "identifiers"
	inputItem        = "item"
	inputRequest     = "request"
)

// schema knows the types of what the product gives to input data, found once
// from what the API shows.
type schema struct {
	named    map[string]*feel.Type
	computed map[string]*feel.Type // fields, by their folded names
}

func newSchema() *schema {
	s := &schema{named: map[string]*feel.Type{}, computed: map[string]*feel.Type{}}
	view := typeOf(reflect.TypeFor[profile.View]())
	s.named[inputProfile] = view
	s.named[inputEvents] = feel.ListType(typeOf(reflect.TypeFor[profile.Item]()))
	s.named[inputSession] = typeOf(reflect.TypeFor[profile.Session]())
	s.named[inputSegments] = feel.ListType(feel.StringType)
	if t, ok := view.Field(inputIdentifiers); ok {
		s.named[inputIdentifiers] = t
	}
	s.named[inputItem] = typeOf(reflect.TypeFor[catalog.ItemView]())
	s.named[inputRequest] = feel.AnyContextType
	for _, f := range typeOf(reflect.TypeFor[profile.Computed]()).Fields() {
		s.computed[fold(f.Name)] = f.Type
	}
	return s
}

// of gives the type of what an input data of a name gets, nil where that is not
// known: a trait can be anything.
func (s *schema) of(name string) *feel.Type {
	if t := s.named[name]; t != nil {
		return t
	}
	return s.computed[fold(name)]
}

// typeOf is the type that a part of the API has as a value of FEEL.
func typeOf(t reflect.Type) *feel.Type {
	switch t {
	case reflect.TypeFor[json.RawMessage]():
		return nil
	case reflect.TypeFor[json.Number]():
		return feel.NumberType
	case reflect.TypeFor[clock.Instant]():
		return feel.StringType // fieldType knows which of them become points in time
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeOf(t.Elem())
	case reflect.Bool:
		return feel.BooleanType
	case reflect.String:
		return feel.StringType
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Float64:
		return feel.NumberType
	case reflect.Slice:
		return feel.ListType(typeOf(t.Elem()))
	case reflect.Map:
		return feel.AnyContextType
	case reflect.Struct:
		return feel.ContextType(fields(t)...)
	}
	return nil
}

func fields(t reflect.Type) []feel.Field {
	var out []feel.Field
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			out = append(out, fields(f.Type)...)
		case !f.IsExported() || name == "" || name == "-":
		case name == "carts":
			out = append(out, feel.Field{Name: name}) // as people wrote them
		case strings.TrimPrefix(f.Type.String(), "*") == "clock.Instant" && slices.Contains(instants(), name):
			out = append(out, feel.Field{Name: name, Type: feel.DateTimeType})
		default:
			out = append(out, feel.Field{Name: name, Type: typeOf(f.Type)})
		}
	}
	return out
}

// mismatches warns of input data whose declared type never fits what it gets.
func (m *Model) mismatches(s *schema, given map[string]*feel.Type) []Problem {
	var out []Problem
	for _, n := range m.inputs {
		known := s.of(n.Name)
		if t, ok := given[n.Name]; ok {
			known = t
		}
		if known == nil || n.Type == nil || n.Imported || mayFit(known, n.Type) {
			continue
		}
		out = append(out, Problem{Severity: "warning", Node: n.Name, Message: fmt.Sprintf(
			"the input data %q is declared as %s, and what is known by that name is %s: it will be null; declare another type or give the input another name",
			n.Name, typeName(n.Type), shortType(known))})
	}
	return out
}

// mayFit tells whether some value of a known type is, or is adapted to, one of
// the declared type.
func mayFit(known, declared *feel.Type) bool {
	if known.ConformsTo(declared) || known.Kind() == declared.Kind() {
		return true
	}
	switch declared.Kind() {
	case feel.TypeAny, feel.TypeList:
		return true // a single value becomes a list of one
	case feel.TypeString:
		return known.Kind() == feel.TypeDateTime
	case feel.TypeDate, feel.TypeDateTime, feel.TypeTime, feel.TypeDaysTime, feel.TypeYearsMonths:
		return known.Kind() == feel.TypeString || known.Kind() == feel.TypeDate
	}
	return known.Kind() == feel.TypeAny || known.Kind() == feel.TypeList
}

func shortType(t *feel.Type) string {
	text := []rune(typeName(t))
	if len(text) > 80 {
		return string(text[:79]) + "…"
	}
	return string(text)
}
