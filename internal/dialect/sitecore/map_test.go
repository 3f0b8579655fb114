package sitecore_test

import (
	"fmt"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/sitecore"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

func mapped(t *testing.T, body string) *event.Event {
	t.Helper()
	doc, err := jsondoc.Parse([]byte(body), jsondoc.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	e, err := sitecore.NewMapper(identity.DefaultRules())(&event.Envelope{
		Dialect: "sitecore", Source: "shop", MessageID: "m1", Received: dialecttest.At(now), UserAgent: firefox,
	}, doc.Root())
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return e
}

func TestMap_ReadsWhatRealClientsSend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, who, name, properties, traits, context string }{
		"view": {
			`{"browser_id":"b1","channel":"WEB","client_key":"","currency":"EUR","language":"EN","page":"home","pos":"","requested_at":"2026-03-01T11:59:08.858Z","type":"VIEW","ext":{"pageVariantId":"v9","page":"other"},"utm_source":"News","utm_campaign":"May","referrer":"https://google.com/x"}`,
			"page [anonymous_id:b1] web", "home",
			`{"currency":"EUR","page":"home","pageVariantId":"v9","referrer":"https://google.com/x"}`, "",
			`{"browser_id":"b1","campaign":{"name":"May","source":"News"},"locale":"en","referrer":"https://google.com/x","userAgent":"` + firefox + `"}`,
		},
		"custom": {
			`{"type":"MY_EVENT","ext":{"x":1},"browser_id":"b1","channel":"CALL_CENTER","client_key":"","pos":"spain","colour":"red"}`,
			"track [anonymous_id:b1] call_center", "MY_EVENT", `{"colour":"red","pos":"spain","x":1}`, "", "",
		},
		"identity": {
			`{"email":"Ann@Example.com","firstname":"Ann","dob":"1980-02-01","street":["A 1"],"phone":"+4366412345678","identifiers":[{"id":"C-7","provider":"CRM 2"},{"id":9,"provider":"email"},{"provider":"old","id":"x","expiry_date":"2020-01-01"}],"type":"IDENTITY","browser_id":"b1","ext":{"plan":"gold"}}`,
			"identify [email:ann@example.com phone:+4366412345678 anonymous_id:b1 crm_2:C-7] web", "", `{"plan":"gold"}`,
			`{"dateOfBirth":"1980-02-01","email":"Ann@Example.com","firstName":"Ann","phone":"+4366412345678","street":["A 1"]}`, "",
		},
		"address in another event": {
			`{"type":"SUBSCRIPTION","email":"ann@example.com","browser_id":"b1"}`,
			"track [anonymous_id:b1] web", "SUBSCRIPTION", `{"email":"ann@example.com"}`, "", "",
		},
		"form": {
			`{"type":"FORM","ext":{"componentInstanceId":"c1","formId":"f1","interactionType":"SUBMITTED"},"browser_id":"b1","client_key":"","pos":""}`,
			"track [anonymous_id:b1] web", "FORM", `{"componentInstanceId":"c1","formId":"f1","interactionType":"SUBMITTED"}`, "", "",
		},
		"close": {
			`{"type":"FORCE_CLOSE","_bx_extended_message":"1","browser_id":"b1","client_key":"k","channel":"KIOSK","pos":"p"}`,
			"track [anonymous_id:b1] kiosk", "FORCE_CLOSE", `{"pos":"p"}`, "", "",
		},
	} {
		e := mapped(t, c.body)
		if got := fmt.Sprintf("%s %v %s", e.Type, e.Identifiers, e.Channel); got != c.who || e.Name != c.name || e.MessageID != "m1" {
			t.Errorf("%s: %s %q, want %s %q", name, got, e.Name, c.who, c.name)
		}
		if got := canonical(e.Properties); got != c.properties {
			t.Errorf("%s: properties %s, want %s", name, got, c.properties)
		}
		if got := canonical(e.Traits); c.traits != "" && got != c.traits {
			t.Errorf("%s: traits %s, want %s", name, got, c.traits)
		}
		if got := canonical(e.Context); c.context != "" && got != c.context {
			t.Errorf("%s: context %s, want %s", name, got, c.context)
		}
	}
}

func TestMap_TimeIsTheClientsUnlessItCannotBe(t *testing.T) {
	t.Parallel()
	for requested, want := range map[string]string{
		"":                              now,
		"2026-02-28T10:00:00.5Z":        "2026-02-28T10:00:00.5Z",
		"2026-02-28T10:00:00.500+01:00": "2026-02-28T09:00:00.5Z",
		"2026-02-28T10:00":              "2026-02-28T10:00:00Z",
		"2026-03-01T12:04:00Z":          "2026-03-01T12:04:00Z",
		"2026-03-01T12:06:00Z":          now,
		"1960-01-01T00:00:00Z":          now,
	} {
		e := mapped(t, `{"type":"VIEW","browser_id":"b","requested_at":"`+requested+`"}`)
		if e.Time != dialecttest.At(want) || e.ReceivedAt != dialecttest.At(now) {
			t.Errorf("%q happened %v, want %s", requested, e.Time, want)
		}
	}
}

// TestMap_ACartBecomesAnOrder folds the cart sequence and the order in one step
// as the catalog does, and compares what the orders come to.
func TestMap_ACartBecomesAnOrder(t *testing.T) {
	t.Parallel()
	add := func(item, product, price, quantity string) string {
		return `{"type":"ADD","browser_id":"b","product":{"type":"SHOE","item_id":"` + item + `","productId":"` + product + `","name":"N","quantity":` + quantity + `,"price":` + price + `,"currency":"EUR","orderedAt":"2026-03-01T10:00:00.000Z"}}`
	}
	for name, c := range map[string]struct {
		events []string
		want   string // order: gross status, or cart lines
	}{
		"sequence": {[]string{
			add("i1", "p1", "9.90", "2"), add("i2", "p2", "5", "1"), `{"type":"CONFIRM","browser_id":"b","product":[{"item_id":"i1"},{"item_id":"i2"}]}`,
			`{"type":"CHECKOUT","browser_id":"b","reference_id":"o1","status":"PURCHASED","currency":"EUR"}`, `{"type":"PAYMENT","browser_id":"b","pay_type":"CARD"}`,
		}, "o1 24.8 EUR purchased"},
		"awaited": {[]string{add("i1", "p1", "9.90", "1"), `{"type":"CHECKOUT","browser_id":"b","reference_id":"o1","status":"PAYMENT_PENDING","currency":"EUR"}`}, "o1 9.9 EUR purchased"},
		"cancelled": {[]string{
			add("i1", "p1", "9.90", "1"), `{"type":"CHECKOUT","browser_id":"b","reference_id":"o1","status":"PURCHASED","currency":"EUR"}`,
			`{"type":"CHECKOUT","browser_id":"b","reference_id":"o1","status":"CANCELLED"}`,
		}, "o1 0 EUR cancelled"},
		"cleared": {[]string{
			add("i1", "p1", "9.90", "1"), `{"type":"CLEAR_CART","browser_id":"b"}`, add("i2", "p2", "3", "1"),
			`{"type":"CHECKOUT","browser_id":"b","reference_id":"o1","status":"PURCHASED","currency":"EUR"}`,
		}, "o1 3 EUR purchased"},
		"one step": {[]string{
			`{"type":"ORDER_CHECKOUT","browser_id":"b","order":{"referenceId":"o2","orderedAt":"2026-03-01T10:00:00.000Z","status":"PURCHASED","currencyCode":"USD","price":125,"paymentType":"Card","cardType":"Visa","extensions":[{"name":"ext","key":"default","gift":true}],"orderItems":[{"type":"Air","referenceId":"x1","status":"PURCHASED","currencyCode":"USD","price":125,"name":"Flight","productId":"f1","quantity":1}]}}`,
		}, "o2 125 USD purchased"},
	} {
		orders, carts := map[string]*catalog.Entity{}, catalog.NewEntity(catalog.Cart, "")
		for i, body := range c.events {
			e := mapped(t, body)
			stamp := catalog.Stamp{Time: e.Time, Short: uint64(i)}
			for _, p := range catalog.DefaultMapping().PortionsOf(e, stamp) {
				switch p.Kind {
				case catalog.Cart:
					carts.Apply(&p)
				case catalog.Order:
					if orders[p.ID] == nil {
						orders[p.ID] = catalog.NewEntity(catalog.Order, p.ID)
					}
					orders[p.ID].Apply(&p)
				}
			}
		}
		got := ""
		for id, o := range orders {
			v := o.View(carts).(*catalog.OrderView)
			got += fmt.Sprintf("%s %s %s %s", id, v.Gross, v.Currency, v.Status)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
