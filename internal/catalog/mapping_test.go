package catalog_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/fault"
)

const document = `
actions:
  - action: Pick Up
    class: order
    effect: status
    status: picked_up
  - action: Purchase
    class: base
events:
  Booking Made: Pick Up
  Order Completed: ""
currency: chf
learn_items: true
`

func TestNewMapping_OverridesTheDefaults(t *testing.T) {
	t.Parallel()
	var doc catalog.MappingDocument
	if err := yaml.Unmarshal([]byte(document), &doc); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var again catalog.MappingDocument
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(doc, again) {
		t.Fatalf("%v: got %+v, want %+v", err, again, doc)
	}
	m, err := catalog.NewMapping(doc)
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := m.ActionOf("booking_made"); !ok || a.Status != "picked_up" {
		t.Errorf("booking: %+v, %v", a, ok)
	}
	if a, ok := m.ActionOf("Order Completed"); ok {
		t.Errorf("order completed is still %+v", a)
	}
	if a, ok := m.ActionOf("Purchase"); !ok || a.Class != catalog.ClassBase {
		t.Errorf("purchase: %+v, %v", a, ok)
	}
	if a, ok := m.ActionOf("Product Added"); !ok || a.Name != "Add To Cart" {
		t.Errorf("the defaults are gone: %+v, %v", a, ok)
	}
}

func TestNewMapping_RefusesWhatMeansNothing(t *testing.T) {
	t.Parallel()
	f := func(doc catalog.MappingDocument, want string) {
		t.Helper()
		_, err := catalog.NewMapping(doc)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a fault that says %q", err, want)
		}
	}
	action := func(a catalog.Action) catalog.MappingDocument {
		return catalog.MappingDocument{Actions: []catalog.Action{a}}
	}
	f(action(catalog.Action{}), "no action name")
	f(action(catalog.Action{Name: "x", Effect: "explode"}), `unknown effect "explode"`)
	f(action(catalog.Action{Name: "x", Class: catalog.ClassOrder, Effect: catalog.AddLines}), "for class cart")
	f(action(catalog.Action{Name: "x", Class: catalog.ClassCart, Status: "y"}), "only actions of class order")
	f(action(catalog.Action{Name: "x", Class: catalog.ClassOrder, Effect: catalog.OrderStatus}), "no status")
	f(catalog.MappingDocument{Events: map[string]string{"a": "b"}}, `unknown action "b"`)
	f(catalog.MappingDocument{Events: map[string]string{"_ -": "Purchase"}}, "no event name")
	f(catalog.MappingDocument{Currency: "euros"}, "ISO 4217")
	var c catalog.Class
	if err := c.UnmarshalText([]byte("nothing")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestPortionsOf_LearnsItemsOnlyWhereAsked(t *testing.T) {
	t.Parallel()
	s := said{Type: "track", Name: "Product Viewed", MessageID: "m", Time: 5, Properties: json.RawMessage(
		`{"product_id":7,"name":"Shoe","price":9.90,"category":"Shoes","brand":"X","position":3}`)}
	if got := s.portions(t, catalog.DefaultMapping()); got != nil {
		t.Fatalf("the default learns %+v", got)
	}
	m, err := catalog.NewMapping(catalog.MappingDocument{LearnItems: true})
	if err != nil {
		t.Fatal(err)
	}
	got := s.portions(t, m)
	if len(got) != 1 {
		t.Fatalf("got %+v", got)
	}
	e := catalog.NewEntity(got[0].Kind, got[0].ID)
	e.Apply(&got[0])
	b, err := json.Marshal(e.View(nil))
	want := `{"id":"7","attributes":{"name":"Shoe","price":9.9},"dimensions":{"Brand":"X","Category":"Shoes"},"updated_at":"1970-01-01T00:00:00.000005Z"}`
	if err != nil || string(b) != want {
		t.Fatalf("got  %s, %v\nwant %s", b, err, want)
	}
}

func TestPortionsOf_MakesAnAccountOfAGroupCall(t *testing.T) {
	t.Parallel()
	e := catalog.NewEntity(catalog.Account, "acme")
	for _, anchor := range []string{"b", "a", "b"} {
		s := said{Type: "group", GroupID: "acme", MessageID: anchor, Time: 5, Anchor: anchor, Traits: json.RawMessage(`{"plan":"big"}`)}
		for _, p := range s.portions(t, catalog.DefaultMapping()) {
			e.Apply(&p)
		}
	}
	v, ok := e.View(nil).(*catalog.AccountView)
	want := []event.Identifier{{Namespace: "user_id", Value: "a"}, {Namespace: "user_id", Value: "b"}}
	if !ok || !reflect.DeepEqual(v.Members, want) || string(v.Traits["plan"]) != `"big"` {
		t.Fatalf("got %+v", v)
	}
}

func TestView_OfAnOrderTakesItsCart(t *testing.T) {
	t.Parallel()
	cart, order := catalog.NewEntity(catalog.Cart, "c"), catalog.NewEntity(catalog.Order, "o")
	events := []said{
		{Type: "track", Name: "Order Completed", MessageID: "3", Time: 9, Properties: json.RawMessage(`{"order_id":"o","cart_id":"c","currency":"EUR"}`)},
		{Type: "track", Name: "Product Added", MessageID: "1", Time: 5, Properties: json.RawMessage(`{"cart_id":"c","product_id":"p","price":2,"quantity":2}`)},
	}
	for _, s := range events {
		for _, p := range s.portions(t, catalog.DefaultMapping()) {
			if p.Kind == catalog.Cart {
				cart.Apply(&p)
			} else {
				order.Apply(&p)
			}
		}
	}
	if id, ok := order.CartID(); !ok || id != "c" {
		t.Fatalf("the order needs cart %q, %v", id, ok)
	}
	v, ok := order.View(cart).(*catalog.OrderView)
	if !ok || string(v.Lines) != `[{"price":2,"product_id":"p","quantity":2}]` || v.Gross != "4" {
		t.Fatalf("got %+v", v)
	}
	if catalog.ETagOf(v) == order.ETag() {
		t.Fatal("the tag does not see the cart")
	}
}
