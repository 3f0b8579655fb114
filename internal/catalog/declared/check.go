package declared

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/fault"
)

// MaxValueBytes is the longest value of a field.
const MaxValueBytes = 8 << 10

// Written is what a request says of an entity.
type Written struct {
	Customer json.RawMessage            `json:"customer"`
	Fields   map[string]json.RawMessage `json:"fields"`
}

// Check holds a body against the type: a whole entity, or a patch of one, which
// may leave fields out and take away those that are not required. A body that is
// no JSON object, and members that no entity has, are left to who reads it.
func (t *Type) Check(body []byte, patch bool) error {
	var w Written
	if err := json.Unmarshal(body, &w); err != nil {
		return nil //nolint:nilerr // the catalog says better where it is damaged
	}
	if err := t.customer(&w, patch); err != nil {
		return err
	}
	for _, name := range sorted(w.Fields) {
		if err := t.field(name, w.Fields[name]); err != nil {
			return err
		}
	}
	if patch {
		return nil
	}
	for _, name := range t.names() {
		if t.Document.Fields[name].Required && null(w.Fields[name]) {
			return wrong(name, "it is missing: %s has it always", t.Document.Name)
		}
	}
	return nil
}

func (t *Type) customer(w *Written, patch bool) error {
	given := !null(w.Customer)
	switch t.Document.Customer {
	case CustomerNone:
		if given {
			return fault.Errorf(fault.Invalid, "invalid_customer", "customer: a %s is nobody's: leave it out", t.Document.Name).At("/customer")
		}
	case CustomerRequired:
		if !given && (!patch || w.Customer != nil) {
			return fault.Errorf(fault.Invalid, "invalid_customer", `customer: it is missing: say whose the %s is, as "namespace:value"`, t.Document.Name).At("/customer")
		}
	}
	return nil
}

func (t *Type) field(name string, v json.RawMessage) error {
	f, declared := t.Document.Fields[name]
	switch {
	case !declared && t.Document.Others != OthersKeep:
		return wrong(name, "%s has no such field: it has %s", t.Document.Name, strings.Join(t.names(), ", "))
	case len(v) > MaxValueBytes:
		return wrong(name, "%d bytes are too many: use at most %d", len(v), MaxValueBytes)
	case null(v) && f.Required:
		return wrong(name, "it cannot be taken away: %s has it always", t.Document.Name)
	case null(v) || !declared:
		return nil
	}
	if why := f.holds(v); why != "" {
		return wrong(name, "%s", why)
	}
	return nil
}

// holds tells what is wrong with a value, "" where nothing is.
func (f Field) holds(raw json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "it is no JSON"
	}
	if why := f.typed(v); why != "" {
		return why
	}
	if len(f.Values) > 0 && !slices.ContainsFunc(f.Values, func(one json.RawMessage) bool { return same(one, raw) }) {
		list := make([]string, len(f.Values))
		for i := range f.Values {
			list[i] = string(f.Values[i])
		}
		return fmt.Sprintf("%s is not possible: use %s", raw, strings.Join(list, ", "))
	}
	return ""
}

func (f Field) typed(v any) string {
	s, text := v.(string)
	n, number := v.(json.Number)
	switch f.Type {
	case Text:
		switch {
		case !text:
			return "it must be a text"
		case f.MaxLength > 0 && utf8.RuneCountInString(s) > f.MaxLength:
			return fmt.Sprintf("it has more than %d characters", f.MaxLength)
		}
		return ""
	case Number:
		return unless(number, "it must be a number")
	case Integer:
		_, err := n.Int64()
		return unless(number && err == nil, "it must be a whole number")
	case Time:
		_, err := time.Parse(time.RFC3339, s)
		return unless(text && err == nil, "it must be a time of RFC 3339, such as 2024-05-31T14:00:00Z")
	case Date:
		_, err := time.Parse(time.DateOnly, s)
		return unless(text && err == nil, "it must be a day, such as 2024-05-31")
	case Boolean:
		_, ok := v.(bool)
		return unless(ok, "it must be true or false")
	case List:
		_, ok := v.([]any)
		return unless(ok, "it must be a list")
	case Object:
		_, ok := v.(map[string]any)
		return unless(ok, "it must be an object")
	}
	return "its type is not known"
}

func unless(fine bool, why string) string {
	if fine {
		return ""
	}
	return why
}

// same tells equal values, whatever the spaces in them.
func same(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

func null(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }

func sorted(m map[string]json.RawMessage) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func wrong(field, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_field", "fields."+field+": "+format, args...).At("/fields/" + field)
}
