// Package declared says what entities of declared types look like: which fields
// they have, and what may stand in them. Tickets and subscriptions are declared
// here, whatever else there is by documents. It never stores an entity and never
// reads the clock.
package declared

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"rapport/internal/fault"
)

// The bounds of a type.
const (
	MaxFields  = 100
	MaxChoices = 500
)

// FieldType is what stands in a field.
type FieldType string

// The types of fields.
const (
	Text    FieldType = "text"
	Number  FieldType = "number"
	Integer FieldType = "integer"
	Boolean FieldType = "boolean"
	Time    FieldType = "time" // RFC 3339
	Date    FieldType = "date" // 2024-05-31
	List    FieldType = "list"
	Object  FieldType = "object"
)

var fieldTypes = []FieldType{Text, Number, Integer, Boolean, Time, Date, List, Object}

// The answers to the question whether an entity is somebody's.
const (
	CustomerRequired = "required"
	CustomerOptional = "optional"
	CustomerNone     = "none"
)

// The answers to the question what becomes of fields that are not declared.
const (
	OthersRefuse = "refuse"
	OthersKeep   = "keep"
)

// Document is a type of entity as people write it.
type Document struct {
	Name        string           `json:"name,omitempty" maxLength:"100" doc:"For people, and of the events on timelines: Ticket makes Ticket Created. Left out: the key"`
	Description string           `json:"description,omitempty" maxLength:"2000"`
	Fields      map[string]Field `json:"fields" nullable:"false" doc:"By name"`
	Others      string           `json:"others,omitempty" enum:"refuse,keep" doc:"What becomes of fields that are not declared; left out: refuse"`
	Customer    string           `json:"customer,omitempty" enum:"required,optional,none" doc:"Whether an entity is somebody's; left out: optional"`
	Silent      bool             `json:"silent,omitempty" doc:"Changes are no events on the customer's timeline"`
}

// Field is one declared field.
type Field struct {
	Type        FieldType         `json:"type" enum:"text,number,integer,boolean,time,date,list,object"`
	Required    bool              `json:"required,omitempty" doc:"It must be there when the entity is made, and cannot be taken away"`
	Values      []json.RawMessage `json:"values,omitempty" doc:"The only values that are possible"`
	MaxLength   int               `json:"max_length,omitempty" minimum:"0" doc:"Of a text, in characters"`
	Description string            `json:"description,omitempty" maxLength:"2000"`
}

// Type is a document made ready. It never changes.
type Type struct {
	Key      string
	Document Document
}

// reserved are keys whose events would be taken for those of other things.
var reserved = []string{"order", "cart", "item", "account", "product", "products", "checkout", "coupon", "promotion", "profile", "entity"}

// keyShape leaves out dots: a segment asks for entity.<type>.<field>.
var keyShape = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// Parse reads a document and checks it. The fault says what is wrong, where, and
// what would mend it.
func Parse(key string, document []byte) (*Type, error) {
	if !keyShape.MatchString(key) {
		return nil, invalid("/key", "%q is no key of an entity type: use up to 64 small letters, digits, _ and -, a letter first", key)
	}
	if slices.Contains(reserved, key) {
		return nil, invalid("/key", "%q is there already as something else: choose another key", key)
	}
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	t := &Type{Key: key}
	if err := d.Decode(&t.Document); err != nil {
		return nil, invalid("", "the entity type cannot be read: %v", err)
	}
	if d.More() {
		return nil, invalid("", "there is something behind the entity type: send one object")
	}
	return t, t.check()
}

func (t *Type) check() error {
	d := &t.Document
	switch {
	case len(d.Fields) > MaxFields:
		return invalid("/fields", "fields has %d members: %d are possible", len(d.Fields), MaxFields)
	case !slices.Contains([]string{"", OthersRefuse, OthersKeep}, d.Others):
		return invalid("/others", "%q is neither refuse nor keep", d.Others)
	case !slices.Contains([]string{"", CustomerRequired, CustomerOptional, CustomerNone}, d.Customer):
		return invalid("/customer", "%q is none of required, optional and none", d.Customer)
	}
	if d.Name == "" {
		d.Name = strings.ToUpper(t.Key[:1]) + strings.ReplaceAll(t.Key[1:], "_", " ")
	}
	for _, name := range t.names() {
		if err := d.Fields[name].check("/fields/"+name, name); err != nil {
			return err
		}
	}
	return nil
}

// names are those of the fields, sorted, so that the same fault is found first
// each time.
func (t *Type) names() []string {
	out := make([]string, 0, len(t.Document.Fields))
	for name := range t.Document.Fields {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

const maxName = 128

func (f Field) check(at, name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return invalid(at, "a field's name has %d bytes: use 1 to %d", len(name), maxName)
	case !slices.Contains(fieldTypes, f.Type):
		return invalid(at+"/type", "%q is no type of a field: use text, number, integer, boolean, time, date, list or object", f.Type)
	case f.MaxLength < 0 || f.MaxLength > 0 && f.Type != Text:
		return invalid(at+"/max_length", "only a text has a greatest length, of one character or more")
	case len(f.Values) > MaxChoices:
		return invalid(at+"/values", "%d values are too many: %d are possible", len(f.Values), MaxChoices)
	}
	open := f
	open.Values = nil
	for _, v := range f.Values {
		if why := open.holds(v); why != "" {
			return invalid(at+"/values", "the value %s is none of the field's type: %s", v, why)
		}
	}
	return nil
}

func invalid(at, format string, args ...any) error {
	f := fault.Errorf(fault.Invalid, "invalid_entity_type", format, args...)
	if at == "" {
		return f
	}
	return f.At(at)
}

// builtIn are the types that every instance has. A document of the same key
// takes the place of one.
var builtIn = map[string]string{
	"ticket": `{"name": "Ticket", "description": "A case of the service desk", "others": "keep", "fields": {
		"subject": {"type": "text", "required": true, "max_length": 1000},
		"status": {"type": "text", "required": true, "values": ["new", "open", "pending", "on_hold", "solved", "closed"]},
		"priority": {"type": "text"}, "channel": {"type": "text"}, "category": {"type": "text"},
		"description": {"type": "text"}, "assignee": {"type": "text"}, "order_id": {"type": "text"},
		"opened_at": {"type": "time"}, "closed_at": {"type": "time"}, "satisfaction": {"type": "number"}}}`,
	"subscription": `{"name": "Subscription", "description": "A list that somebody is on, or a contract that goes on", "others": "keep", "fields": {
		"name": {"type": "text", "required": true, "max_length": 1000},
		"status": {"type": "text", "required": true},
		"channel": {"type": "text"}, "point_of_sale": {"type": "text"}, "plan": {"type": "text"},
		"effective_at": {"type": "time"}, "ends_at": {"type": "time"}, "renews_at": {"type": "time"},
		"price": {"type": "number"}, "currency": {"type": "text", "max_length": 3}, "interval": {"type": "text"}}}`,
}

// BuiltIn gives a type that every instance has, nil where there is none.
func BuiltIn(key string) *Type {
	document, ok := builtIn[key]
	if !ok {
		return nil
	}
	t, err := Parse(key, []byte(document))
	if err != nil {
		panic(err) // the documents are ours
	}
	return t
}

// BuiltIns are the keys of those types, sorted.
func BuiltIns() []string {
	var out []string
	for key := range builtIn {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}
