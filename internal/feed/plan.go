package feed

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"rapport/internal/jsondoc"
	"rapport/internal/tablefile"
)

// Record is what a row becomes. Its bytes are its own.
type Record struct {
	Line int64  // of the row, or of the last of its rows
	Rows int64  // how many rows it stands for
	Item string // id of the item that it is; empty: it is an event
	// Order is the id of the order that it is; empty: it is none.
	Order string
	// Body is an event as the tracking protocol has it, without a message id
	// where the row says none, or the patch of an item.
	Body []byte
	Said bool // the row says the message id
	// Timed says that the row tells when it happened.
	Timed bool

	head, line []byte // of an order: what all of its rows say, and this one's line
	first      int64  // of an order: its first row
}

// Plan is a mapping made ready for a table. It is used by one goroutine.
type Plan struct {
	m      *Mapping
	fields []field
	fitted int
	values [][]byte
	buf    []byte
	lines  orders
}

// field is one target and where it comes from.
type field struct {
	column *Column
	at     int    // of the cell; -1: the table has no such column
	family string // user_id, trait:, …
	name   string // of a family, what is behind the colon
	scribe scribe
}

// fixed are the types of fields that have one.
var fixed = map[string]Type{
	"user_id": AsText, "anonymous_id": AsText, "identifier:": AsText, "id": AsText, "type": AsText, "order_id": AsText,
	"product_id": AsText, "event": AsText, "message_id": AsText, "segment": AsText, "campaign_id": AsText, "currency": AsText,
	"price": AsNumber, "quantity": AsNumber, "total": AsNumber, "member": AsBoolean, "time": AsTime,
}

// Plan makes a mapping that Check has passed ready.
func (m *Mapping) Plan() *Plan {
	p := &Plan{m: m, fields: make([]field, len(m.Columns)), values: make([][]byte, len(m.Columns)), fitted: -1}
	for i := range m.Columns {
		c := m.Columns[i]
		family, _ := m.target(c.To)
		if as, ok := fixed[family]; ok {
			c.Type = as
		}
		if family == "dimension:" && c.Type == "" {
			c.Type = AsList
		}
		p.fields[i] = field{column: &c, at: -1, family: family, name: strings.TrimPrefix(c.To, family), scribe: newScribe(&c)}
		p.fields[i].scribe.name = fixed[family] == AsText
	}
	return p
}

// fit finds the columns of the mapping in those of the table.
func (p *Plan) fit(columns []string) {
	if len(columns) == p.fitted {
		return
	}
	p.fitted = len(columns)
	for i := range p.fields {
		p.fields[i].at = slices.Index(columns, p.fields[i].column.Column)
	}
}

// Absent are the columns of the mapping that a table does not have.
func (p *Plan) Absent(columns []string) []string {
	p.fit(columns)
	var out []string
	for i := range p.fields {
		if p.fields[i].at < 0 {
			out = append(out, p.fields[i].column.Column)
		}
	}
	return out
}

// Map makes records of a row: none where an order goes on, one otherwise. The
// error names the first cell that is wrong.
func (p *Plan) Map(row *tablefile.Row) (*Record, *tablefile.RowError) {
	if p.m.Kind.exported() {
		return p.export(row)
	}
	p.fit(row.Columns)
	if bad := p.read(row); bad != nil {
		return nil, bad
	}
	for _, some := range needed[p.m.Kind] {
		if !slices.ContainsFunc(some, func(f string) bool { return p.first(f) != nil }) {
			return nil, p.lacks(row, some)
		}
	}
	r := &Record{Line: row.Number, Rows: 1, Timed: p.first("time") != nil}
	switch {
	case p.m.Kind.Items():
		p.item(r)
	case p.m.Kind == Transaction:
		p.order(r)
		return p.lines.add(r)
	default:
		p.event(r)
	}
	return r, nil
}

// Open is the first line of an order whose rows are not all known to be read; 0
// where there is none.
func (p *Plan) Open() int64 {
	if p.lines.open == nil {
		return 0
	}
	return p.lines.open.first
}

// Rest gives the order that the table ended with; nil where there is none.
func (p *Plan) Rest() *Record { return p.lines.flush() }

// read makes the values of a row.
func (p *Plan) read(row *tablefile.Row) *tablefile.RowError {
	p.buf = p.buf[:0]
	for i := range p.fields {
		f := &p.fields[i]
		p.values[i] = nil
		var cell tablefile.Cell
		if f.at >= 0 && f.at < len(row.Cells) {
			cell = row.Cells[f.at]
		}
		from := len(p.buf)
		out, err := f.scribe.append(p.buf, cell)
		p.buf = out
		switch {
		case err == nil:
			p.values[i] = p.buf[from:len(p.buf):len(p.buf)]
		case !errors.Is(err, errBlank):
			return &tablefile.RowError{
				Line: row.Number, Column: f.column.Column, Value: tablefile.Show(cell.Text), Code: "invalid_value",
				Reason: err.Error(), Mend: "write it as " + string(f.column.Type) + ", or change the type, the format or the transforms of the column in the mapping",
			}
		case f.column.Required:
			return &tablefile.RowError{Line: row.Number, Column: f.column.Column, Code: "missing_value", Reason: "it is empty", Mend: "fill it; the mapping requires it"}
		case p.m.clears() && cell.Kind != tablefile.Missing && f.name != "":
			p.values[i] = null
		}
	}
	return nil
}

var null = []byte("null")

func (p *Plan) lacks(row *tablefile.Row, some []string) *tablefile.RowError {
	bad := &tablefile.RowError{
		Line: row.Number, Code: "missing_value", Reason: "it has no " + strings.Join(some, " or "), Mend: "fill one of the columns that say it",
	}
	for i := range p.fields {
		if slices.Contains(some, p.fields[i].family) {
			bad.Column = p.fields[i].column.Column
			break
		}
	}
	return bad
}

// first is the JSON of the first field of a family that says something.
func (p *Plan) first(family string) []byte {
	for i := range p.fields {
		if p.fields[i].family == family && p.values[i] != nil && string(p.values[i]) != "null" {
			return p.values[i]
		}
	}
	return nil
}

// text is a field as a text.
func (p *Plan) text(family string) string {
	var s string
	if v := p.first(family); v != nil {
		_ = json.Unmarshal(v, &s) // it is a string: the type of the field says so
	}
	return s
}

// members adds the members of a family to an object that is open.
func (p *Plan) members(out []byte, family string) []byte {
	for i := range p.fields {
		if f := &p.fields[i]; f.family == family && p.values[i] != nil {
			out = member(out, f.name, p.values[i])
		}
	}
	return out
}

// member adds a member to an object that is open.
func member(out []byte, name string, value []byte) []byte {
	if value == nil {
		return out
	}
	if out[len(out)-1] != '{' {
		out = append(out, ',')
	}
	out = append(jsondoc.AppendString(out, name), ':')
	return append(out, value...)
}

// who adds the identifiers and the time to an event that is open.
func (p *Plan) who(out []byte) []byte {
	out = member(out, "userId", p.first("user_id"))
	out = member(out, "anonymousId", p.first("anonymous_id"))
	out = member(out, "timestamp", p.first("time"))
	if p.first("identifier:") == nil {
		return out
	}
	out = append(out, `,"context":{"externalIds":[`...)
	for i := range p.fields {
		f := &p.fields[i]
		if f.family != "identifier:" || p.values[i] == nil || string(p.values[i]) == "null" {
			continue
		}
		if out[len(out)-1] != '[' {
			out = append(out, ',')
		}
		out = member(append(out, '{'), "type", jsondoc.AppendString(nil, f.name))
		out = append(append(append(out, `,"id":`...), p.values[i]...), `,"collection":"users","encoding":"none"}`...)
	}
	return append(out, "]}"...)
}

// item makes the patch of an item.
func (p *Plan) item(r *Record) {
	r.Item = p.text("id")
	out := append(make([]byte, 0, len(p.buf)+128), `{"attributes":{`...)
	typ := p.first("type")
	if typ == nil && p.m.Kind.itemType() != "" {
		typ = jsondoc.AppendString(nil, p.m.Kind.itemType())
	}
	out = member(out, "type", typ)
	out = append(p.members(out, "attribute:"), `},"dimensions":{`...)
	r.Body = append(p.members(out, "dimension:"), "}}"...)
}

// event makes an event of any other row.
func (p *Plan) event(r *Record) {
	out := make([]byte, 0, len(p.buf)+256)
	switch p.m.Kind {
	case User:
		out = p.who(append(out, `{"type":"identify"`...))
		out = append(p.members(append(out, `,"traits":{`...), "trait:"), "}}"...)
	case Segment:
		name, is := p.m.Segment, []byte("true")
		if s := p.text("segment"); s != "" {
			name = s
		}
		if v := p.first("member"); v != nil {
			is = v
		}
		out = p.who(append(out, `{"type":"identify"`...))
		out = append(member(append(out, `,"traits":{`...), ListTrait(name), is), "}}"...)
	default:
		name := p.m.Event
		if s := p.text("event"); s != "" {
			name = s
		}
		if p.m.Kind == Email {
			name = emailEvent(name)
		}
		out = member(append(out, `{"type":"track"`...), "event", jsondoc.AppendString(nil, name))
		if id := p.first("message_id"); id != nil {
			out, r.Said = member(out, "messageId", id), true
		}
		out = append(p.who(out), `,"properties":{`...)
		out = member(out, "campaign_id", p.first("campaign_id"))
		out = append(p.members(out, "property:"), "}}"...)
	}
	r.Body = out
}

// ListTrait is the trait that says whether a person is on a list of others.
func ListTrait(list string) string {
	var b strings.Builder
	b.WriteString("list_")
	for _, r := range strings.ToLower(list) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127 {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	return b.String()
}

// emailEvents are the names of the protocol for what others call differently.
var emailEvents = map[string]string{
	"": "Email Delivered", "send": "Email Delivered", "sent": "Email Delivered", "deliver": "Email Delivered", "delivered": "Email Delivered",
	"open": "Email Opened", "opened": "Email Opened", "click": "Email Link Clicked", "clicked": "Email Link Clicked",
	"bounce": "Email Bounced", "bounced": "Email Bounced", "complaint": "Email Marked as Spam", "spam": "Email Marked as Spam",
	"unsubscribe": "Unsubscribed", "unsubscribed": "Unsubscribed",
}

func emailEvent(name string) string {
	if known, ok := emailEvents[strings.ToLower(strings.TrimSpace(name))]; ok {
		return known
	}
	return name
}
