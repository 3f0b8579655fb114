package observed

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/clock"
)

// EventView is a kind of event as it is shown: what was seen of it and the JSON
// Schema that follows.
type EventView struct {
	Type      string         `json:"type"`
	Name      string         `json:"name,omitempty"`
	Count     uint64         `json:"count" doc:"How many came"`
	Observed  uint64         `json:"observed" doc:"How many of them were looked at; all of the first, later a sixteenth"`
	First     clock.Instant  `json:"first_seen"`
	Last      clock.Instant  `json:"last_seen"`
	Fields    []FieldView    `json:"fields" nullable:"false"`
	Truncated bool           `json:"truncated,omitempty" doc:"It has more members than are told apart"`
	Schema    map[string]any `json:"schema" doc:"JSON Schema of the properties, or of the traits of identify and group"`
}

// FieldView is a member as it is shown.
type FieldView struct {
	Path     string   `json:"path" doc:"Names of members, with points; * stands for names that are data"`
	FillRate float64  `json:"fill_rate" doc:"In how many of the observed events it has a value, 0 to 1"`
	Types    []string `json:"types" nullable:"false" doc:"Of JSON, the most frequent first"`
	Format   string   `json:"format,omitempty" doc:"Of the texts, where nearly all have it"`
	Distinct uint64   `json:"distinct" doc:"About how many different values there were"`
}

var typeNames = [...]string{kindNull: "null", kindBool: "boolean", kindNumber: "number", kindString: "string", kindArray: "array", kindObject: "object"}

// View shows what was seen of each event.
func (s *Source) View() []EventView {
	if s == nil {
		return nil
	}
	out := make([]EventView, 0, len(s.Events))
	for _, e := range s.Events {
		out = append(out, e.View())
	}
	slices.SortFunc(out, func(a, b EventView) int {
		return strings.Compare(Name{a.Type, a.Name}.Key(), Name{b.Type, b.Name}.Key())
	})
	return out
}

// View shows what was seen of an event.
func (e *Event) View() EventView {
	v := EventView{
		Type: e.Type, Name: e.Name.Name, Count: e.Count, Observed: e.Looked, First: e.First, Last: e.Last,
		Fields: []FieldView{}, Truncated: e.Beyond, Schema: e.schema(),
	}
	for path, f := range e.Fields {
		v.Fields = append(v.Fields, FieldView{
			Path: path, FillRate: e.rate(path, f), Types: f.types(), Format: f.format(), Distinct: f.Distinct.Estimate(),
		})
	}
	slices.SortFunc(v.Fields, func(a, b FieldView) int { return strings.Compare(a.Path, b.Path) })
	return v
}

func (e *Event) rate(path string, f *Field) float64 {
	if e.Looked == 0 {
		return 0
	}
	// A name that stands for many may come several times in one event.
	return min(float64(f.Count)/float64(e.Looked), 1)
}

func (f *Field) types() []string {
	kinds := []int{}
	for k, n := range f.Kinds {
		if n > 0 {
			kinds = append(kinds, k)
		}
	}
	slices.SortStableFunc(kinds, func(a, b int) int { return cmp.Compare(f.Kinds[b], f.Kinds[a]) })
	out := []string{}
	for _, k := range kinds {
		name := typeNames[k]
		if k == kindNumber && f.Whole == uint64(f.Kinds[k]) {
			name = "integer"
		}
		out = append(out, name)
	}
	return out
}

// usual is the share from which on what was seen counts as a rule.
const usual = 0.99

func (f *Field) format() string {
	for i, n := range f.Formats {
		if n > 0 && float64(n) >= usual*float64(f.Kinds[kindString]) {
			return formatNames[i]
		}
	}
	return ""
}

// schema is the JSON Schema that all events that were looked at fit.
func (e *Event) schema() map[string]any {
	root := newObject()
	paths := make([]string, 0, len(e.Fields))
	for p := range e.Fields {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		root.put(strings.Split(p, "."), e.Fields[p], e.Looked)
	}
	out := root.document()
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	return out
}

// object is a schema of an object in the making.
type object struct {
	members  map[string]*object
	field    *Field
	required []string
}

func newObject() *object { return &object{members: map[string]*object{}} }

func (o *object) put(path []string, f *Field, of uint64) {
	name := path[0]
	m := o.members[name]
	if m == nil {
		m = newObject()
		o.members[name] = m
	}
	if len(path) > 1 {
		of = 0
		if m.field != nil {
			of = uint64(m.field.Kinds[kindObject])
		}
		m.put(path[1:], f, of)
		return
	}
	m.field = f
	if name != "*" && of > 0 && f.Count+uint64(f.Kinds[kindNull]) >= of {
		o.required = append(o.required, name)
	}
}

func (o *object) document() map[string]any {
	out := map[string]any{"type": "object"}
	if o.field != nil {
		types := o.field.types()
		out["type"] = types
		if len(types) == 1 {
			out["type"] = types[0]
		}
		if f := o.field.format(); f != "" {
			out["format"] = f
		}
	}
	properties := map[string]any{}
	for name, m := range o.members {
		if name == "*" {
			out["additionalProperties"] = m.document()
			continue
		}
		properties[name] = m.document()
	}
	if len(properties) > 0 {
		out["properties"] = properties
	}
	if len(o.required) > 0 {
		out["required"] = o.required
	}
	return out
}
