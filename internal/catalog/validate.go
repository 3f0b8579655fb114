package catalog

import (
	"fmt"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// known are the members that a document of a kind may have.
var known = [...][]string{
	Order:   {"id", "customer", "status", "currency", "time", "purchased", "cart", "lines", "total", "refunds", "fields"},
	Cart:    {"id", "customer", "currency", "lines", "fields"},
	Item:    {"id", "attributes", "dimensions"},
	Account: {"id", "traits"},
	Object:  {"id", "customer", "fields"},
}

// checker collects the first thing that is wrong with a document.
type checker struct {
	kind Kind
	err  error
}

func (c *checker) fail(at, format string, args ...any) {
	if c.err == nil {
		path := strings.ReplaceAll(strings.TrimPrefix(at, "/"), "/", ".")
		c.err = fault.Errorf(fault.Invalid, "invalid_"+c.kind.String(), path+": "+format, args...).At(at)
	}
}

// Validate checks the body of a put or a patch. Every member may be missing;
// null takes it away. The first fault names the member and the mend.
func Validate(k Kind, root jsondoc.Value) error {
	if k.String() == "" {
		return fmt.Errorf("validating an entity of no kind")
	}
	c := &checker{kind: k}
	root.Each(func(key string, v jsondoc.Value) bool {
		at := "/" + key
		switch {
		case !slices.Contains(known[k], key):
			c.fail(at, "unknown member: %s has %s", k, strings.Join(known[k][1:], ", "))
		case v.IsNull():
			if _, group := groups[key]; group || key == "refunds" || key == "id" {
				c.fail(at, "it cannot be null: leave it out")
			}
		default:
			c.member(key, at, v)
		}
		return c.err == nil
	})
	return c.err
}

func (c *checker) member(key, at string, v jsondoc.Value) {
	switch key {
	case "id", "status", "cart":
		c.text(at, v)
	case "customer":
		if _, err := readCustomer(v, nil); err != nil && c.err == nil {
			c.err = err
		}
	case "currency":
		if _, ok := currencyOf(v.Text()); !ok || v.Text() != strings.ToUpper(v.Text()) {
			c.fail(at, "it is no currency: give three capital letters of ISO 4217")
		}
	case "time":
		var t clock.Instant
		if err := t.UnmarshalText([]byte(v.Text())); err != nil || t <= 0 {
			c.fail(at, "it is no time after 1970: give RFC 3339, such as 2024-05-31T14:00:00Z")
		}
	case "purchased":
		if _, ok := v.Bool(); !ok {
			c.fail(at, "it is %s: give true or false", v.Kind())
		}
	case "total":
		c.amount(at, v, true)
	case "lines":
		c.lines(at, v)
	case "refunds":
		c.refunds(at, v)
	case "dimensions":
		c.dimensions(at, v)
	case "fields", "attributes", "traits":
		c.group(at, v)
	}
}

func (c *checker) text(at string, v jsondoc.Value) {
	s, ok := v.Str()
	if !ok || s == "" || len(s) > MaxID {
		c.fail(at, "it must be a string of 1 to %d bytes", MaxID)
	}
}

func (c *checker) amount(at string, v jsondoc.Value, negative bool) {
	if v.Kind() != jsondoc.Number {
		c.fail(at, "it is %s: give a number", v.Kind())
		return
	}
	a, ok := ParseAmount(v.Number())
	switch {
	case !ok:
		c.fail(at, "%s has more digits than are exact: use at most %d", v.Number(), maxDigits)
	case !negative && a.Sign() < 0:
		c.fail(at, "%s is negative: give 0 or more", v.Number())
	}
}

func (c *checker) array(at string, v jsondoc.Value, each func(at string, v jsondoc.Value)) {
	if v.Kind() != jsondoc.Array {
		c.fail(at, "it is %s: give an array", v.Kind())
		return
	}
	if v.Len() > MaxLines {
		c.fail(at, "%d elements are too many: use at most %d", v.Len(), MaxLines)
		return
	}
	v.Items(func(i int, m jsondoc.Value) bool {
		at := fmt.Sprintf("%s/%d", at, i)
		if m.Kind() != jsondoc.Object {
			c.fail(at, "it is %s: give an object", m.Kind())
		} else {
			each(at, m)
		}
		return c.err == nil
	})
}

func (c *checker) lines(at string, v jsondoc.Value) {
	c.array(at, v, func(at string, m jsondoc.Value) {
		if scalarText(m.Get("product_id")) == "" {
			c.fail(at+"/product_id", "it is missing: name the item")
		}
		if q := m.Get("quantity"); q.Exists() {
			c.amount(at+"/quantity", q, false)
		}
		if p := m.Get("price"); p.Exists() {
			c.amount(at+"/price", p, true)
		}
	})
}

func (c *checker) refunds(at string, v jsondoc.Value) {
	var seen []string
	c.array(at, v, func(at string, m jsondoc.Value) {
		c.text(at+"/id", m.Get("id"))
		if slices.Contains(seen, m.Get("id").Text()) {
			c.fail(at+"/id", "it is there twice: each refund has its own id")
		}
		seen = append(seen, m.Get("id").Text())
		if a := m.Get("amount"); a.Exists() && !a.IsNull() {
			c.amount(at+"/amount", a, false)
		}
		if cur := m.Get("currency"); cur.Exists() {
			c.member("currency", at+"/currency", cur)
		}
		if ls := m.Get("lines"); ls.Exists() {
			c.lines(at+"/lines", ls)
		}
	})
}

func (c *checker) group(at string, v jsondoc.Value) {
	if v.Kind() != jsondoc.Object {
		c.fail(at, "it is %s: give an object", v.Kind())
		return
	}
	if v.Len() > MaxFields {
		c.fail(at, "%d members are too many: use at most %d", v.Len(), MaxFields)
		return
	}
	v.Each(func(key string, m jsondoc.Value) bool {
		switch {
		case key == "" || len(key)+len(FieldPrefix) > MaxID:
			c.fail(at, "a name has %d bytes: use 1 to %d", len(key), MaxID-len(FieldPrefix))
		case len(m.Raw()) > MaxFieldBytes/longer:
			c.fieldBytes(at+"/"+key, len(Canonical(m)))
		}
		return c.err == nil
	})
}

// longer is how many times as long the canonical form of a value can be: 1e20 has 21
// digits.
const longer = 6

// fieldBytes checks the length of a field in its canonical form.
func (c *checker) fieldBytes(at string, n int) {
	if n > MaxFieldBytes {
		c.fail(at, "%d bytes are too many: use at most %d", n, MaxFieldBytes)
	}
}

func (c *checker) dimensions(at string, v jsondoc.Value) {
	c.group(at, v)
	v.Each(func(key string, m jsondoc.Value) bool {
		ok := m.Kind() == jsondoc.String || m.IsNull()
		if m.Kind() == jsondoc.Array {
			ok = true
			m.Items(func(_ int, s jsondoc.Value) bool {
				ok = s.Kind() == jsondoc.String
				return ok
			})
		}
		if !ok {
			c.fail(at+"/"+key, "it must be a string or an array of strings")
		}
		return c.err == nil
	})
}
