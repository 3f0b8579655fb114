package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
)

var rules = identity.DefaultRules()

func decide(t *testing.T, c catalog.Change, current *catalog.Entity) catalog.Change {
	t.Helper()
	out, err := catalog.Decide(c, current, &rules)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// apply decides a command against an entity and applies it, through the log's
// and the portion's written forms.
func apply(t *testing.T, e *catalog.Entity, op catalog.Op, at clock.Instant, document string) {
	t.Helper()
	c := decide(t, catalog.Change{
		Kind: e.Kind, ID: e.ID, Op: op, Time: at, ChangeID: "c" + at.String(), Source: "api", Document: []byte(document),
	}, e)
	read, err := catalog.ReadChange(c.AppendJSON(nil))
	if err != nil {
		t.Fatal(err)
	}
	p, err := read.Portion()
	if err != nil {
		t.Fatal(err)
	}
	again, err := catalog.ReadPortion(p.AppendBinary(nil))
	if err != nil {
		t.Fatal(err)
	}
	e.Apply(&again)
}

func order(t *testing.T, e *catalog.Entity) *catalog.OrderView {
	t.Helper()
	v, ok := e.View(nil).(*catalog.OrderView)
	if !ok {
		t.Fatalf("there is no order: %+v", e.View(nil))
	}
	return v
}

// There are no rates of exchange: what is given back in another currency stays
// in that currency.
func TestDecide_ARefundInAnotherCurrencyIsNotConverted(t *testing.T) {
	t.Parallel()
	e := catalog.NewEntity(catalog.Order, "o1")
	apply(t, e, catalog.Put, 1_000_000, `{"currency":"EUR","total":10,"refunds":[{"id":"r1","amount":1},{"id":"r2","amount":3,"currency":"USD"}]}`)
	v := order(t, e)
	if v.Gross != "10" || v.Refunded != "1" || v.Net != "9" || len(v.Refunds) != 2 {
		t.Errorf("got %+v", v)
	}
	m := e.Money(nil)
	if len(m.Refunds) != 2 || m.Refunds[0].Currency != "EUR" || m.Refunds[1].Currency != "USD" || m.Refunds[1].Sum.Number() != "3" || !m.Kept() {
		t.Errorf("it comes to %+v", m)
	}
}

func TestDecide_PutsPatchesAndDeletesAnOrder(t *testing.T) {
	t.Parallel()
	e := catalog.NewEntity(catalog.Order, "o1")
	apply(t, e, catalog.Put, 1_000_000, `{"customer":"email:ADA@x.io","currency":"EUR","lines":[{"product_id":"p","quantity":2,"price":1.05}],
		"fields":{"gift":{"wrap":"red","card":"hi"},"shop":"7"},"refunds":[{"id":"r1","amount":1}]}`)
	v := order(t, e)
	if v.Customer == nil || *v.Customer != (event.Identifier{Namespace: "email", Value: "ada@x.io"}) {
		t.Fatalf("customer %+v", v.Customer)
	}
	if v.Total != "2.1" || v.Gross != "2.1" || v.Refunded != "1" || v.Net != "1.1" || v.Status != "purchased" || v.Time == nil {
		t.Fatalf("got %+v", v)
	}
	tag := e.ETag()
	if e.ETag() != tag || len(tag) < 10 || tag[0] != '"' {
		t.Fatalf("etag %s", tag)
	}

	apply(t, e, catalog.Merge, 2_000_000, `{"status":"shipped","fields":{"gift":{"card":null,"bow":true},"shop":null}}`)
	v = order(t, e)
	if got := string(v.Fields["gift"]); got != `{"bow":true,"wrap":"red"}` || v.Fields["shop"] != nil || v.Status != "shipped" || v.Net != "1.1" {
		t.Fatalf("gift %s, %+v", got, v)
	}
	if e.ETag() == tag {
		t.Fatal("the tag stayed the same")
	}

	apply(t, e, catalog.Merge, 2_500_000, `{"lines":[{"product_id":"p","quantity":3,"price":1.05}]}`)
	if v = order(t, e); v.Total != "3.15" {
		t.Fatalf("total %s", v.Total)
	}

	apply(t, e, catalog.Put, 3_000_000, `{"total":5,"currency":"EUR"}`)
	if v = order(t, e); len(v.Fields) != 0 || len(v.Refunds) != 0 || v.Customer != nil || v.Net != "5" || string(v.Lines) != "[]" {
		t.Fatalf("a put left %+v", v)
	}

	apply(t, e, catalog.Delete, 4_000_000, "")
	if e.Exists() || e.View(nil) != nil || e.ETag() != "" {
		t.Fatal("a deleted order is still there")
	}
	apply(t, e, catalog.Merge, 5_000_000, `{"status":"x"}`)
	if v = order(t, e); v.Total != "0" || v.Status != "x" {
		t.Fatalf("after the deletion: %+v", v)
	}
}

// A device whose clock runs ahead must not hide what a person just wrote.
func TestDecide_IsNeverOlderThanWhatIsKnown(t *testing.T) {
	t.Parallel()
	e := catalog.NewEntity(catalog.Item, "i")
	apply(t, e, catalog.Put, 9_000_000, `{"attributes":{"name":"new"}}`)
	apply(t, e, catalog.Merge, 1_000_000, `{"attributes":{"name":"newer"},"dimensions":{"Category":["a","b"],"Brand":"x"}}`)
	v, ok := e.View(nil).(*catalog.ItemView)
	if !ok || string(v.Attributes["name"]) != `"newer"` || string(v.Dimensions["Category"]) != `["a","b"]` {
		t.Fatalf("got %+v", v)
	}
}

// A portion leaves out what is too long; whoever said it must hear of it.
func TestDecide_RefusesAFieldThatIsTooLong(t *testing.T) {
	t.Parallel()
	text := func(name string) string { return `{"` + name + `":"` + strings.Repeat("x", 9<<10) + `"}` }
	numbers := "[1e20" + strings.Repeat(",1e20", 1_000) + "]"
	for _, c := range []struct{ known, body string }{
		{`{"attributes":{"a":` + text("x") + `}}`, `{"attributes":{"a":` + text("y") + `}}`},
		{`{}`, `{"attributes":{"a":` + numbers + `}}`},
		{`{}`, `{"attributes":{"a":[` + text("x") + `,` + text("y") + `]}}`},
	} {
		e := catalog.NewEntity(catalog.Item, "p")
		apply(t, e, catalog.Put, 1, c.known)
		_, err := catalog.Decide(catalog.Change{Kind: catalog.Item, ID: "p", Op: catalog.Merge, Time: 2, Document: []byte(c.body)}, e, &rules)
		if f := new(fault.Fault); !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != "/attributes/a" {
			t.Errorf("%.60s: %v", c.body, err)
		}
	}
}

func TestDecide_ReplacesACart(t *testing.T) {
	t.Parallel()
	e := catalog.NewEntity(catalog.Cart, "c")
	apply(t, e, catalog.Put, 1_000_000, `{"currency":"EUR","lines":[{"product_id":"a","quantity":2,"price":2}]}`)
	apply(t, e, catalog.Merge, 2_000_000, `{"fields":{"coupon":"X"}}`)
	v, ok := e.View(nil).(*catalog.CartView)
	if !ok || v.Total != "4" || string(v.Fields["coupon"]) != `"X"` {
		t.Fatalf("got %+v", v)
	}
	apply(t, e, catalog.Merge, 3_000_000, `{"lines":null}`)
	if v, ok = e.View(nil).(*catalog.CartView); !ok || string(v.Lines) != "[]" {
		t.Fatalf("got %+v", v)
	}
}

func TestDecide_SaysWhichMemberIsWrong(t *testing.T) {
	t.Parallel()
	f := func(kind catalog.Kind, document, field, message string) {
		t.Helper()
		_, err := catalog.Decide(catalog.Change{Kind: kind, ID: "x", Op: catalog.Put, Time: 1, Document: []byte(document)}, nil, &rules)
		fl, ok := errors.AsType[*fault.Fault](err)
		if !ok || fl.Kind != fault.Invalid || fl.Field != field || !strings.Contains(fl.Message, message) {
			t.Errorf("%s: got %+v, want a fault at %q that says %q", document, err, field, message)
		}
	}
	f(catalog.Order, `[]`, "", "send an object")
	f(catalog.Order, `{`, "", "body")
	f(catalog.Order, `{"total":1,"total":2}`, "", "body")
	f(catalog.Order, `{"totall":1}`, "/totall", "unknown member")
	f(catalog.Order, `{"total":"1"}`, "/total", "give a number")
	f(catalog.Order, `{"total":1.00000000000000000000001}`, "/total", "at most 19")
	f(catalog.Order, `{"currency":"euro"}`, "/currency", "ISO 4217")
	f(catalog.Order, `{"currency":"eur"}`, "/currency", "capital")
	f(catalog.Order, `{"time":"yesterday"}`, "/time", "RFC 3339")
	f(catalog.Order, `{"customer":"ada"}`, "/customer", "names nobody")
	f(catalog.Order, `{"customer":"user_id:null"}`, "/customer", "blocked")
	f(catalog.Order, `{"customer":{"namespace":"email","value":"ada"}}`, "/customer", "not_an_email")
	f(catalog.Order, `{"purchased":1}`, "/purchased", "true or false")
	f(catalog.Order, `{"lines":{}}`, "/lines", "array")
	f(catalog.Order, `{"lines":[1]}`, "/lines/0", "object")
	f(catalog.Order, `{"lines":[{"quantity":1}]}`, "/lines/0/product_id", "missing")
	f(catalog.Order, `{"lines":[{"product_id":"a","quantity":-1}]}`, "/lines/0/quantity", "negative")
	f(catalog.Order, `{"refunds":[{"amount":1}]}`, "/refunds/0/id", "string")
	f(catalog.Order, `{"refunds":[{"id":"r"},{"id":"r"}]}`, "/refunds/1/id", "twice")
	f(catalog.Order, `{"refunds":[{"id":"r","amount":-1}]}`, "/refunds/0/amount", "negative")
	f(catalog.Order, `{"fields":null}`, "/fields", "leave it out")
	f(catalog.Order, `{"status":""}`, "/status", "1 to 512")
	f(catalog.Cart, `{"status":"x"}`, "/status", "unknown member")
	f(catalog.Item, `{"dimensions":{"Brand":1}}`, "/dimensions/Brand", "string")
	f(catalog.Item, `{"attributes":[]}`, "/attributes", "object")
	f(catalog.Account, `{"traits":{"":1}}`, "/traits", "1 to 510")
	_, err := catalog.Decide(catalog.Change{Kind: catalog.Item, Op: catalog.Delete}, nil, nil)
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("no id: %v", err)
	}
}

func FuzzReadChange(f *testing.F) {
	f.Add([]byte(`{"kind":"order","id":"o","op":"put","time":"2024-05-01T10:00:00Z","change_id":"c","source":"api","document":{"total":1}}`))
	f.Add([]byte(`{"kind":"cart","id":"o","op":"delete","time":"","change_id":"","source":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := catalog.ReadChange(b)
		if err != nil {
			return
		}
		p, err := c.Portion()
		if err != nil {
			t.Fatal(err)
		}
		e := catalog.NewEntity(p.Kind, p.ID)
		e.Apply(&p)
		e.ETag()
	})
}

func FuzzDecide(f *testing.F) {
	f.Add(uint8(1), []byte(`{"customer":"user_id:1","lines":[{"product_id":"a","price":1}],"fields":{"a":{"b":null}}}`))
	f.Fuzz(func(t *testing.T, kind uint8, document []byte) {
		e := catalog.NewEntity(catalog.Kind(kind%4+1), "x")
		for _, op := range []catalog.Op{catalog.Put, catalog.Merge} {
			c, err := catalog.Decide(catalog.Change{Kind: e.Kind, ID: "x", Op: op, Time: 5, ChangeID: "c", Document: document}, e, &rules)
			if err != nil {
				if fault.KindOf(err) != fault.Invalid {
					t.Fatalf("%v is nobody's mistake", err)
				}
				return
			}
			again, err := catalog.ReadChange(c.AppendJSON(nil))
			if err != nil {
				t.Fatalf("what was decided cannot be read: %v", err)
			}
			p, err := again.Portion()
			if err != nil {
				t.Fatal(err)
			}
			e.Apply(&p)
			e.ETag()
		}
	})
}
