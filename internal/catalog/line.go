package catalog

import (
	"slices"
	"strings"

	"rapport/internal/jsondoc"
)

// MaxLines is how many lines of one event or document count; the rest is cut.
const MaxLines = 1_000

// member is one member of a canonical object.
type member struct {
	key string
	raw string // canonical JSON
}

func appendObject(b []byte, members []member) []byte {
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsondoc.AppendString(b, m.key)
		b = append(b, ':')
		b = append(b, m.raw...)
	}
	return append(b, '}')
}

func setMember(members []member, key, raw string) []member {
	i, found := slices.BinarySearchFunc(members, key, func(m member, k string) int { return strings.Compare(m.key, k) })
	if found {
		members[i].raw = raw
		return members
	}
	return slices.Insert(members, i, member{key, raw})
}

// line is one line of a cart or an order. Two lines of a cart are the same
// where product, sku and variant are.
type line struct {
	product, sku, variant string
	quantity, price       Amount
	hasQuantity, hasPrice bool
	members               []member // all of it, sorted by key
}

// productNames are the names under which clients send the product of a line,
// the best first.
var productNames = [...]string{"product_id", "productId", "id", "_id", "sku", "name"}

// readLine takes a product apart.
func readLine(v jsondoc.Value) line {
	var l line
	v.Each(func(key string, m jsondoc.Value) bool {
		if !m.IsNull() && key != "productId" && key != "_id" {
			l.members = setMember(l.members, key, Canonical(m))
		}
		return true
	})
	for _, name := range productNames {
		if l.product = scalarText(v.Get(name)); l.product != "" {
			break
		}
	}
	l.sku, l.variant = scalarText(v.Get("sku")), scalarText(v.Get("variant"))
	l.quantity, l.hasQuantity = AmountOf(v.Get("quantity"))
	l.price, l.hasPrice = AmountOf(v.Get("price"))
	if l.product != "" {
		l.members = setMember(l.members, "product_id", quote(l.product))
	}
	l.members = l.amounts()
	return l
}

// amounts writes quantity and price as numbers, however they came.
func (l *line) amounts() []member {
	if l.hasQuantity {
		l.members = setMember(l.members, "quantity", l.quantity.Text())
	}
	if l.hasPrice {
		l.members = setMember(l.members, "price", l.price.Text())
	}
	return l.members
}

// count is the line's quantity, one where it says none.
func (l *line) count() Amount {
	if l.hasQuantity {
		return l.quantity
	}
	return one
}

var one, _ = ParseAmount("1")

func readLines(v jsondoc.Value) []line {
	lines := make([]line, 0, min(v.Len(), MaxLines))
	v.Items(func(i int, m jsondoc.Value) bool {
		if m.Kind() == jsondoc.Object {
			lines = append(lines, readLine(m))
		}
		return len(lines) < MaxLines
	})
	return lines
}

// parseLines reads the stored form.
func parseLines(text string) []line {
	if text == "" {
		return nil
	}
	doc, err := jsondoc.Parse([]byte(text), jsondoc.Limits{})
	if err != nil {
		return nil
	}
	return readLines(doc.Root())
}

// linesText is the stored form.
func linesText(lines []line) string {
	b := []byte{'['}
	for i := range lines {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendObject(b, lines[i].members)
	}
	return string(append(b, ']'))
}

// briefNames are what a profile keeps of a line, and what the properties of an
// event about one product say of it: enough to show a cart. Sorted.
var briefNames = [...]string{
	"brand", "category", "coupon", "currency", "image_url", "name", "price", "product_id", "quantity", "sku", "url", "variant",
}

// The places in briefNames that have a meaning here.
const (
	briefPrice    = 6
	briefProduct  = 7
	briefQuantity = 8
	briefSKU      = 9
)

func briefIndex(key []byte) int {
	for i := range briefNames {
		if string(key) == briefNames[i] {
			return i
		}
	}
	return -1
}

// appendSingle appends the line that the properties of an event about one
// product are, and false where they name no product.
func appendSingle(b []byte, props jsondoc.Value) ([]byte, bool) {
	var parts [len(briefNames)]jsondoc.Value
	props.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if i := briefIndex(key); i >= 0 && !v.IsNull() {
			parts[i] = v
		}
		return true
	})
	product := scalarText(parts[briefProduct])
	if product == "" {
		product = firstText(props, "productId", "_id")
	}
	if product == "" {
		product = scalarText(parts[briefSKU])
	}
	if product == "" {
		return b, false
	}
	b = append(b, '{')
	first := true
	for i, v := range parts {
		if !v.Exists() && i != briefProduct {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(append(b, '"'), briefNames[i]...), `":`...)
		switch i {
		case briefProduct:
			b = jsondoc.AppendString(b, product)
		case briefPrice, briefQuantity:
			b = appendAmount(b, v)
		default:
			b = jsondoc.AppendCanonical(b, v)
		}
	}
	return append(b, '}'), true
}

// appendAmount writes an amount as a number, however it came.
func appendAmount(b []byte, v jsondoc.Value) []byte {
	if v.Kind() == jsondoc.String {
		if a, ok := AmountOf(v); ok {
			return append(b, a.Text()...)
		}
	}
	return jsondoc.AppendCanonical(b, v)
}

// appendLine appends a product as it is, its names and amounts in one form.
func appendLine(b []byte, v jsondoc.Value) []byte {
	id, ok := v.Get("product_id").StrBytes()
	if ok && len(id) > 0 && id[0] > ' ' && id[len(id)-1] > ' ' &&
		v.Get("quantity").Kind() != jsondoc.String && v.Get("price").Kind() != jsondoc.String {
		return jsondoc.AppendCanonical(b, v)
	}
	l := readLine(v)
	return appendObject(b, l.members)
}

// eventLines are the lines of an event in their stored form: its products,
// else (where single is allowed) the one product that its properties describe,
// which is brief.
func eventLines(props jsondoc.Value, single bool) (text string, said, brief bool) {
	for _, name := range [...]string{"products", "line_items", "lineItems", "lines"} {
		v := props.Get(name)
		if v.Kind() != jsondoc.Array {
			continue
		}
		b := append(make([]byte, 0, len(v.Raw())), '[')
		n := 0
		v.Items(func(_ int, m jsondoc.Value) bool {
			if m.Kind() != jsondoc.Object {
				return true
			}
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = appendLine(b, m)
			return n < MaxLines
		})
		return string(append(b, ']')), true, false
	}
	if single {
		const usual = 192
		if b, ok := appendSingle(append(make([]byte, 0, usual), '['), props); ok {
			return string(append(b, ']')), true, true
		}
	}
	return "", false, false
}

func brief(text string) string {
	lines := parseLines(text)
	for i := range lines {
		lines[i].members = slices.DeleteFunc(lines[i].members, func(m member) bool { return !slices.Contains(briefNames[:], m.key) })
	}
	if lines == nil {
		return ""
	}
	return linesText(lines)
}

// linesSum adds quantity times price over the lines that have a price, and
// tells whether any has.
func linesSum(lines []line) (sum Sum, priced bool) {
	for i := range lines {
		if lines[i].hasPrice {
			sum.AddProduct(lines[i].count(), lines[i].price)
			priced = true
		}
	}
	return sum, priced
}

func quote(s string) string {
	return string(jsondoc.AppendString(make([]byte, 0, len(s)+2), s))
}

// unquote reads a canonical string; anything else is "".
func unquote(raw string) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	doc, err := jsondoc.Parse([]byte(raw), jsondoc.Limits{StringBytes: len(raw)})
	if err != nil {
		return ""
	}
	return doc.Root().Text()
}

// scalarText is an id, which clients write as a string or a number.
func scalarText(v jsondoc.Value) string {
	switch v.Kind() {
	case jsondoc.String:
		return strings.TrimSpace(v.Text())
	case jsondoc.Number:
		return Canonical(v)
	}
	return ""
}

// firstText is the first of several members that says something.
func firstText(v jsondoc.Value, keys ...string) string {
	for _, k := range keys {
		if s := scalarText(v.Get(k)); s != "" {
			return s
		}
	}
	return ""
}
