package feed

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rapport/internal/tablefile"
)

// Sample collects what the cells of some rows look like.
type Sample struct {
	columns []string
	could   [][]Type   // by column: the types that all of its values could be
	full    []int      // by column: how many values
	formats [][]string // by column: the formats that all of its values could have
	shown   []string   // by column: the first value that is of no type as those before it, else the first
	Rows    int
	// Doubt is what Suggest cannot tell: whoever imports has to say it.
	Doubt string
}

// formats are the ways to write a moment that need to be named. Day and month may
// stand either way round.
var formats = []string{
	"2.1.2006 15:04:05", "2.1.2006 15:04", "2.1.2006", "2.1.06 15:04", "2.1.06",
	"1/2/2006 15:04:05", "1/2/2006 15:04", "1/2/2006 3:04:05 PM", "1/2/2006 3:04 PM", "1/2/2006", "1/2/06 15:04", "1/2/06 3:04 PM", "1/2/06",
	"2/1/2006 15:04:05", "2/1/2006 15:04", "2/1/2006 3:04:05 PM", "2/1/2006 3:04 PM", "2/1/2006", "2/1/06 15:04", "2/1/06 3:04 PM", "2/1/06",
	"2-1-2006 15:04", "2-1-2006", "2-Jan-2006 15:04:05", "2-Jan-2006", "2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006",
}

// candidates are the types that are looked for, the narrowest first.
var candidates = []Type{AsInteger, AsNumber, AsBoolean, AsDate, AsTime}

// Add looks at a row.
func (s *Sample) Add(row *tablefile.Row) {
	s.Rows++
	s.Head(row.Columns)
	for i, cell := range row.Cells {
		text := string(cell.Text)
		if cell.Kind == tablefile.Missing || strings.TrimSpace(text) == "" {
			continue
		}
		s.full[i]++
		var still []Type
		for _, as := range s.could[i] {
			if could(as, cell) {
				still = append(still, as)
			}
		}
		fit := fitting(s.formats[i], strings.TrimSpace(text))
		if odd := len(s.could[i])+len(s.formats[i]) > 0 && len(still)+len(fit) == 0; odd || s.shown[i] == "" {
			s.shown[i] = tablefile.Show(cell.Text)
		}
		s.could[i], s.formats[i] = still, fit
	}
}

// Head takes the names of the columns, of which no value may be there.
func (s *Sample) Head(columns []string) {
	for len(s.columns) < len(columns) {
		s.columns = append(s.columns, columns[len(s.columns)])
		s.could, s.full = append(s.could, candidates), append(s.full, 0)
		s.formats, s.shown = append(s.formats, formats), append(s.shown, "")
	}
}

// fitting are the formats that a text has.
func fitting(formats []string, text string) (out []string) {
	for _, f := range formats {
		if _, err := time.Parse(f, text); err == nil {
			out = append(out, f)
		}
	}
	return out
}

// moment says how a column writes its moments: nothing where that needs no
// format. What it cannot tell is a doubt.
func (s *Sample) moment(i int) (format string) {
	if as := s.typeOf(i); s.full[i] == 0 || as == AsDate || as == AsTime {
		return ""
	}
	switch fit := s.formats[i]; {
	case len(fit) == 1:
		return fit[0]
	case s.Doubt != "":
	case len(fit) > 1:
		s.Doubt = fmt.Sprintf("the column %.80q has times such as %q: whether the day or the month comes first cannot be told from the first rows; make a mapping that names its format, %s", s.columns[i], s.shown[i], strings.Join(fit, " or "))
	default:
		s.Doubt = fmt.Sprintf("the column %.80q has %q where a time is wanted; make a mapping that names its format, or another column", s.columns[i], s.shown[i])
	}
	return ""
}

// could tells whether a cell may be of a type without losing anything: 007 is
// no number, and 1 is not yet true.
func could(as Type, cell tablefile.Cell) bool {
	text := string(cell.Text)
	switch as {
	case AsBoolean:
		switch strings.ToLower(text) {
		case "true", "false", "yes", "no":
			return true
		}
		return false
	case AsDate:
		if len(text) != len("2006-01-02") || text[4] != '-' {
			return false
		}
	case AsTime:
		if !strings.Contains(text, "-") {
			return false
		}
	default:
		digits := strings.TrimPrefix(text, "-")
		if len(digits) > 1 && digits[0] == '0' && digits[1] != '.' || len(digits) > 15 && !shortest(text) || strings.HasPrefix(digits, "+") {
			return false
		}
	}
	s := scribe{as: as}
	_, err := s.typed(nil, []byte(text))
	return err == nil
}

// shortest tells a fraction as programs write it so that no digit is lost. A long
// whole number is rather a name.
func shortest(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && strings.Contains(text, ".") && strconv.FormatFloat(f, 'f', -1, 64) == text
}

func (s *Sample) typeOf(i int) Type {
	if s.full[i] == 0 || len(s.could[i]) == 0 {
		return ""
	}
	return s.could[i][0]
}

// Suggest makes a mapping from what a sample looks like. A kind that is empty
// is that of the columns.
func (s *Sample) Suggest(kind Kind) *Mapping {
	if kind == "" {
		kind = s.kind()
	}
	m := &Mapping{Kind: kind}
	if kind == Event {
		m.Event = "Imported"
	}
	if kind == Segment {
		m.Segment = "imported"
	}
	if kind.exported() {
		m.Columns = []Column{}
		return m
	}
	taken := map[string]bool{}
	for i, name := range s.columns {
		to := guess(kind, name)
		if _, ok := m.target(to); !ok || taken[to] {
			if to = free(kind, name); to == "" || taken[to] {
				continue
			}
		}
		taken[to] = true
		m.Columns = append(m.Columns, s.column(m, i, to))
	}
	if kind == User && !taken["user_id"] && !taken["anonymous_id"] {
		known(m)
	}
	return m
}

// known lets an address or a number say who a user is where nothing else does.
func known(m *Mapping) {
	for _, c := range m.Columns {
		switch c.To {
		case "trait:email", "trait:phone":
			c.To = "identifier:" + strings.TrimPrefix(c.To, "trait:")
			m.Columns = append(m.Columns, c)
		}
	}
}

// column suggests what becomes of a column that fills a field.
func (s *Sample) column(m *Mapping, i int, to string) Column {
	c := Column{Column: s.columns[i], To: to, Type: s.typeOf(i)}
	family, _ := m.target(to)
	if fixed[family] != "" || to == "trait:phone" || to == "trait:email" {
		c.Type = ""
	}
	if fixed[family] == AsTime {
		c.Format = s.moment(i)
	}
	if family == "dimension:" {
		c.Type = AsList
	}
	if to == "trait:email" || to == "identifier:email" {
		c.Transform = []string{"trim", "lower"}
	}
	return c
}

// kind guesses by the columns what the rows are about.
func (s *Sample) kind() Kind {
	has := map[string]bool{}
	for _, c := range s.columns {
		has[plain(c)] = true
	}
	switch {
	case has["transactionid"] || has["orderid"] || has["invoiceno"]:
		return Transaction
	case has["distinctid"] && has["event"]:
		return PostHog
	case has["type"] && has["messageid"] && (has["userid"] || has["anonymousid"]):
		return Tracking
	case has["catalogobjecttype"]:
		return Catalog
	case has["event"] && (has["timestamp"] || has["time"]):
		return Event
	case has["price"] && has["id"]:
		return Product
	}
	return User
}

// plain is a name without what it is written with.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimPrefix(name, "attribute:"))
}

var commonNames = map[string]string{
	"userid": "user_id", "customerid": "user_id", "anonymousid": "anonymous_id", "anonid": "anonymous_id",
	"email": "identifier:email", "emailaddress": "identifier:email", "mail": "identifier:email",
	"phone": "identifier:phone", "phonenumber": "identifier:phone", "mobile": "identifier:phone",
	"timestamp": "time", "time": "time", "date": "time", "datetime": "time", "eventtime": "time", "eventdate": "time",
}

var namesOf = map[Kind]map[string]string{
	User: {
		"email": "trait:email", "emailaddress": "trait:email", "phone": "trait:phone", "phonenumber": "trait:phone", "date": "trait:date", "time": "trait:time",
		"id": "user_id", "timestamp": "time", "datetime": "trait:datetime",
	},
	Transaction: {
		"transactionid": "order_id", "orderid": "order_id", "invoiceno": "order_id", "purchasedate": "time", "invoicedate": "time", "orderdate": "time",
		"productid": "product_id", "sku": "product_id", "stockcode": "product_id", "price": "price", "unitprice": "price", "quantity": "quantity",
		"currency": "currency", "total": "total", "totalvalue": "total",
	},
	Segment: {"segment": "segment", "segmentname": "segment", "member": "member", "ismember": "member"},
	Email: {
		"campaignid": "campaign_id", "event": "event", "action": "event", "eventtype": "event", "status": "event",
		"senddate": "time", "sentdate": "time", "senttime": "time",
	},
	Event: {"event": "event", "eventname": "event", "messageid": "message_id"},
}

func guess(kind Kind, name string) string {
	if related, ok := strings.CutPrefix(name, "relatedCatalogObject:"); ok {
		return "dimension:" + related
	}
	if kind.Items() {
		switch plain(name) {
		case "id", "productid", "categoryid", "promotionid", "sku":
			return "id"
		case "catalogobjecttype", "type":
			return "type"
		case "categories", "category":
			return "dimension:Category"
		case "brand":
			return "dimension:Brand"
		case "parentcategoryid":
			return "attribute:parentCategoryId"
		}
		return ""
	}
	if to, ok := namesOf[kind][plain(name)]; ok {
		return to
	}
	return commonNames[plain(name)]
}

// free is the field of a column that is no known one.
func free(kind Kind, name string) string {
	name = strings.TrimSpace(strings.TrimPrefix(name, "attribute:"))
	if name == "" || len(name) > maxName-len("attribute:") {
		return ""
	}
	switch {
	case kind.Items():
		return "attribute:" + name
	case kind == User:
		return "trait:" + name
	case kind == Transaction:
		return "line:" + name
	case kind == Segment:
		return ""
	}
	return "property:" + name
}
