package feed

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// The bounds of a mapping.
const (
	maxColumns    = 2_000
	maxTransforms = 10
	maxName       = 200
)

// Mapping says what becomes of the columns of a table.
type Mapping struct {
	Name      string   `json:"name,omitempty" doc:"For people"`
	Kind      Kind     `json:"kind" enum:"user,catalog,product,category,promotion,transaction,segment,email,event,tracking,posthog" doc:"What the rows are about"`
	Encoding  string   `json:"encoding,omitempty" doc:"Of the file, such as windows-1252; left out: by its mark, else UTF-8"`
	Delimiter string   `json:"delimiter,omitempty" doc:"Of CSV: one character; left out: found in the header"`
	Sheet     string   `json:"sheet,omitempty" doc:"Of a spreadsheet; left out: the first"`
	Blank     string   `json:"blank,omitempty" enum:"keep,clear" doc:"What an empty cell does to what is known; left out: keep for users, clear for items"`
	Event     string   `json:"event,omitempty" doc:"Name of the events where no column says it"`
	Segment   string   `json:"segment,omitempty" doc:"Name of the list where no column says it"`
	Currency  string   `json:"currency,omitempty" doc:"Of transactions where no column says it"`
	Columns   []Column `json:"columns" doc:"Columns that are not named are left out; none where the rows are whole events"`
}

// Column says what becomes of one column.
type Column struct {
	Column    string   `json:"column" doc:"Its name in the header"`
	To        string   `json:"to" doc:"A field such as user_id, or trait:x, identifier:x, attribute:x, dimension:x, property:x, line:x"`
	Type      Type     `json:"type,omitempty" enum:"text,number,integer,boolean,time,date,list,json,any" doc:"Left out: text in CSV, else what the file has"`
	Format    string   `json:"format,omitempty" doc:"Of time and date, such as 02.01.2006 15:04; left out: ISO 8601"`
	Transform []string `json:"transform,omitempty" doc:"In this order: trim, lower, upper, digits, decimal_comma, null:x, prefix:x, suffix:x, default:x, replace:x=>y, split:x"`
	Required  bool     `json:"required,omitempty" doc:"A row without it is not taken"`
}

// Type is what a value becomes.
type Type string

// The types.
const (
	AsText    Type = "text"
	AsNumber  Type = "number"
	AsInteger Type = "integer"
	AsBoolean Type = "boolean"
	AsTime    Type = "time"
	AsDate    Type = "date"
	AsList    Type = "list" // texts, parted by | unless split says otherwise
	AsJSON    Type = "json"
	AsAny     Type = "any" // as the file has it
)

var types = []Type{"", AsText, AsNumber, AsInteger, AsBoolean, AsTime, AsDate, AsList, AsJSON, AsAny}

// targets are the fields of the kinds; one that ends with a colon takes a name.
var targets = map[Kind][]string{
	User:        {"user_id", "anonymous_id", "identifier:", "trait:", "time"},
	Catalog:     {"id", "type", "attribute:", "dimension:"},
	Product:     {"id", "type", "attribute:", "dimension:"},
	Category:    {"id", "type", "attribute:", "dimension:"},
	Promotion:   {"id", "type", "attribute:", "dimension:"},
	Transaction: {"order_id", "user_id", "anonymous_id", "identifier:", "time", "currency", "total", "product_id", "price", "quantity", "line:", "property:"},
	Segment:     {"user_id", "anonymous_id", "identifier:", "segment", "member", "time"},
	Email:       {"user_id", "anonymous_id", "identifier:", "campaign_id", "event", "time", "property:"},
	Event:       {"user_id", "anonymous_id", "identifier:", "event", "message_id", "time", "property:"},
}

// needed are the fields without which no row of a kind means anything: of each
// list one.
var needed = map[Kind][][]string{
	User:        {{"user_id", "anonymous_id", "identifier:"}},
	Catalog:     {{"id"}},
	Product:     {{"id"}},
	Category:    {{"id"}},
	Promotion:   {{"id"}},
	Transaction: {{"order_id"}, {"user_id", "anonymous_id", "identifier:"}, {"product_id"}, {"time"}},
	Segment:     {{"user_id", "anonymous_id", "identifier:"}},
	Email:       {{"user_id", "anonymous_id", "identifier:"}, {"time"}},
	Event:       {{"user_id", "anonymous_id", "identifier:"}, {"time"}},
}

// Parse reads a mapping document without checking what it says. A fault names
// what cannot be read.
func Parse(document []byte) (*Mapping, error) {
	m := new(Mapping)
	if err := jsondoc.Strict(document, m); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_mapping", "the mapping cannot be read: %s", err)
	}
	return m, nil
}

// Read reads a mapping document and checks it. A fault names what is wrong.
func Read(document []byte) (*Mapping, error) {
	m, err := Parse(document)
	if err != nil {
		return nil, err
	}
	return m, m.Check()
}

// Encode writes the document.
func (m *Mapping) Encode() ([]byte, error) { return json.Marshal(m) }

func badMapping(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_mapping", at+": "+format, args...).At(at)
}

// Check says what is wrong with a mapping.
func (m *Mapping) Check() error {
	switch {
	case !m.Kind.Known():
		return badMapping("kind", "%.40q is none; use %v", m.Kind, Kinds())
	case len(m.Delimiter) > 1 || m.Delimiter == "\"" || m.Delimiter == "\n" || m.Delimiter == "\r":
		return badMapping("delimiter", "give one character that is neither a quote nor an end of line")
	case m.Blank != "" && m.Blank != "keep" && m.Blank != "clear":
		return badMapping("blank", "%.40q is neither keep nor clear", m.Blank)
	case m.Kind.exported() && len(m.Columns) > 0:
		return badMapping("columns", "a %s feed has whole events, whose members are known: leave the columns out", m.Kind)
	case !m.Kind.exported() && len(m.Columns) == 0 || len(m.Columns) > maxColumns:
		return badMapping("columns", "name 1 to %d columns of the table that become something", maxColumns)
	case m.Kind == Segment && m.Segment == "" && !m.has("segment"):
		return badMapping("segment", "name the list, or the column that does")
	case m.Kind == Event && m.Event == "" && !m.has("event"):
		return badMapping("event", "name the events, or the column that does")
	}
	seen := map[string]bool{}
	for i := range m.Columns {
		if err := m.checkColumn(i, seen); err != nil {
			return err
		}
	}
	for _, some := range needed[m.Kind] {
		if !slices.ContainsFunc(some, m.has) {
			return badMapping("columns", "a %s feed needs a column for %s", m.Kind, strings.ReplaceAll(strings.Join(some, " or "), "identifier:", "identifier:NAMESPACE"))
		}
	}
	return nil
}

func (m *Mapping) checkColumn(i int, seen map[string]bool) error {
	c, at := &m.Columns[i], fmt.Sprintf("columns/%d", i)
	if c.Column == "" || len(c.Column) > maxName || len(c.To) > maxName {
		return badMapping(at, "column and to have 1 to %d bytes", maxName)
	}
	if _, ok := m.target(c.To); !ok {
		return badMapping(at+"/to", "%.60q is no field of a %s feed; use one of %s", c.To, m.Kind, strings.Join(targets[m.Kind], ", "))
	}
	if seen[c.To] {
		return badMapping(at+"/to", "%q is filled twice", c.To)
	}
	seen[c.To] = true
	if !slices.Contains(types, c.Type) {
		return badMapping(at+"/type", "%.40q is none; use one of %v", c.Type, types[1:])
	}
	if len(c.Transform) > maxTransforms {
		return badMapping(at+"/transform", "at most %d", maxTransforms)
	}
	for _, text := range c.Transform {
		if _, err := transformOf(text); err != nil {
			return badMapping(at+"/transform", "%s", err)
		}
	}
	return nil
}

// has tells whether a column fills a field, or one of a family.
func (m *Mapping) has(field string) bool {
	return slices.ContainsFunc(m.Columns, func(c Column) bool {
		return c.To == field || strings.HasSuffix(field, ":") && strings.HasPrefix(c.To, field)
	})
}

// target finds the field of a kind, or the family of fields.
func (m *Mapping) target(to string) (field string, ok bool) {
	for _, t := range targets[m.Kind] {
		if to == t && !strings.HasSuffix(t, ":") || strings.HasSuffix(t, ":") && strings.HasPrefix(to, t) && len(to) > len(t) {
			return t, true
		}
	}
	return "", false
}

// clears tells whether an empty cell takes away what was known.
func (m *Mapping) clears() bool {
	return m.Blank == "clear" || m.Blank == "" && m.Kind.Items()
}
