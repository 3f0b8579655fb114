package evergage_test

import (
	"strings"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/profile"
)

const webHead = `"dateTime":"2026-03-01T11:59:00.000Z","category":"Engagement","deviceId":"d1","sessionId":"s1","siteId":"RefArch",`

const onSite = `"session_id":"s1","site_id":"RefArch"`

func TestWebEvents_ReadTheSchemasOfSitesAndApps(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`"eventType":"catalog","interactionName":"catalog-object-view-start","id":"P1","type":"Product","categoryId":"bags"`: `track "catalog-object-view-start" does "View Catalog Object" anonymous_id:d1 p={"category":"bags","item_type":"Product","product_id":"P1",` + onSite + `}`,
		`"eventType":"userEngagement","interactionName":"page-view","sourceUrl":"/x","customerId":"C1"`:                      `page "page-view" user_id:C1 anonymous_id:d1 p={` + onSite + `} c={"page":{"url":"/x"}}`,
		`"eventType":"identity","isAnonymous":"0","firstName":"Zoë"`:                                                         `identify "" anonymous_id:d1 t={"firstName":"Zoë","isAnonymous":"0"}`,
		`"eventType":"contactPointEmail","email":"zoe@x.example"`:                                                            `identify "" email:zoe@x.example anonymous_id:d1 t={"email":"zoe@x.example"}`,
		`"eventType":"contactPointPhone","phoneNumber":"+436601234567"`:                                                      `identify "" phone:+436601234567 anonymous_id:d1 t={"phone":"+436601234567"}`,
		`"eventType":"contactPointAddress","addressLine1":"Ring 1","city":"Graz"`:                                            `identify "" anonymous_id:d1 t={"address":{"city":"Graz","street":"Ring 1"}}`,
		`"eventType":"partyIdentification","IDName":"CC_REGISTERED_CUSTOMER_ID","userId":"C1"`:                               `identify "" user_id:C1 anonymous_id:d1`,
		`"eventType":"partyIdentification","IDName":"loyaltyCard","userId":"L1"`:                                             `identify "" anonymous_id:d1 loyalty_card:L1`,
		`"eventType":"consentLog","purpose":"Tracking","provider":"OneTrust","status":"OptIn"`:                               `track "Consent Changed" anonymous_id:d1 p={"provider":"OneTrust","purpose":"Tracking",` + onSite + `,"status":"OptIn"} c={"consent":{"purposes":[{"provider":"OneTrust","purpose":"Tracking","status":"granted"}]}}`,
		`"eventType":"order","id":"O1","currency":"EUR","netOrderAmount":9,"cartId":"K"`:                                     `track "order" does "Purchase" anonymous_id:d1 p={"cart_id":"K","currency":"EUR","netOrderAmount":9,"order_id":"O1",` + onSite + `,"total":9}`,
		`"eventType":"appEvents","channel":"mobile","behaviorType":"screenEntry","screenName":"Basket","appName":"Shop","appVersion":"2","deviceType":"phone","osName":"iOS","osVersion":"19","pushToken":"tok","latitude":48.2,"longitude":16.4`: `screen "Basket" anonymous_id:d1 p={"behaviorType":"screenEntry","screenName":"Basket",` + onSite + `} c={"app":{"name":"Shop","version":"2"},"device":{"token":"tok","type":"phone"},"location":{"latitude":48.2,"longitude":16.4},"os":{"name":"iOS","version":"19"}}`,
	} {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect}
		raw := `{"events":[{` + webHead + `"eventId":"e1",` + body + `}]}`
		w := send(evergage.New(config(l)), call{path: "/web/events/engage/", body: form(b64(raw))})
		if w.Code != 200 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
			continue
		}
		a := l.Only(t)
		if got := described(a.Event); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", body, got, want)
		}
		if a.Event.MessageID != "e1" || a.Event.Time != dialecttest.At("2026-03-01T11:59:00Z") || (a.Event.Channel == "mobile") != strings.Contains(body, "mobile") {
			t.Errorf("%s: id %s, at %s, channel %s", body, a.Event.MessageID, a.Event.Time, a.Event.Channel)
		}
		if again, err := replayed(a); err != nil || described(again) != described(a.Event) {
			t.Errorf("%s: out of the log it is %v %v", body, again, err)
		}
	}
}

// fold gives the profile that the arrivals make.
func fold(l *dialecttest.Ledger) *profile.View {
	p := profile.New()
	names := profile.NewNames()
	for i, a := range l.Arrivals() {
		e := *a.Event
		e.Time += clock.Instant(i) // they came one after another
		p.Fold(&e, profile.Input{Short: uint64(i + 1), Priority: 1, Mapping: catalog.DefaultMapping(), Names: names})
	}
	return profile.Assemble(nil, []*profile.Partial{p}, profile.Options{Now: dialecttest.At(now)})
}

func TestWebEvents_CartsHaveTheLinesThatCameBesideThem(t *testing.T) {
	t.Parallel()
	line := func(id, item, quantity string) string {
		return `{` + webHead + `"eventId":"` + id + `","eventType":"cartItem","cartEventId":"` + id[:2] + `","lineItemId":"1","catalogObjectId":"` + item + `","catalogObjectType":"Product","price":3,"quantity":` + quantity + `}`
	}
	cart := func(id, name string) string {
		return `{` + webHead + `"eventId":"` + id + `","eventType":"cart","id":"K","interactionName":"` + name + `"}`
	}
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	d := evergage.New(config(l))
	for _, c := range []struct{ events, lines string }{
		{cart("c1", "add-to-cart") + `,` + line("c1a", "P1", "1") + `,` + line("c1b", "P2", "5"), `[{"price":3,"product_id":"P1","quantity":1},{"price":3,"product_id":"P2","quantity":5}]`},
		{line("c2a", "P1", "4") + `,` + cart("c2", "cart-update"), `[{"price":3,"product_id":"P1","quantity":4},{"price":3,"product_id":"P2","quantity":5}]`},
		{cart("c3", "remove-from-cart") + `,` + line("c3a", "P2", "0"), `[{"price":3,"product_id":"P1","quantity":4}]`},
		{cart("c4", "view-cart"), `[{"price":3,"product_id":"P1","quantity":4}]`},
		{cart("c5", "Add To Cart") + `,` + line("c5a", "P1", "1"), `[{"price":3,"product_id":"P1","quantity":5}]`},
	} {
		if w := send(d, call{path: "/web/events/engage", body: `{"events":[` + c.events + `]}`}); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		carts := fold(l).Computed.Carts
		if len(carts) != 1 || string(carts[0].Lines) != c.lines {
			t.Errorf("after %s\nthe carts are %+v, want %s", c.events, carts, c.lines)
		}
	}
}

func TestEventAPI_CartsAndOrdersComeToTheirSums(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	d := evergage.New(config(l))
	for _, body := range []string{
		`"itemAction":"Add To Cart","cart":{"singleLine":{"Product":{"_id":"P1","price":2.5,"quantity":2}}}`,
		`"itemAction":"Add To Cart","cart":{"singleLine":{"Product":{"_id":"P1","price":2.5,"quantity":1}}}`,
		`"itemAction":"Update Line Item","cart":{"singleLine":{"Product":{"_id":"P1","price":2.5,"quantity":4}}}`,
		`"itemAction":"Purchase","order":{"Product":{"orderId":"O1"}}`, // takes the cart
		`"itemAction":"Purchase","order":{"Product":{"orderId":"O2","currency":"EUR","lineItems":[{"_id":"P1","price":3,"quantity":2}]}}`,
		`"itemAction":"Add To Cart","cart":{"singleLine":{"Product":{"_id":"P9","price":1,"quantity":1}}}`,
		`"itemAction":"View Cart","cart":{"complete":{"Product":[{"_id":"P7","price":1,"quantity":7}]}}`,
	} {
		if w := send(d, call{path: "/api2/event/engage", body: `{` + body + `,` + anon + `}`}); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	c := fold(l).Computed
	if c.OrderCount != 2 || c.OrderTotal["USD"] != "10" || c.OrderTotal["EUR"] != "6" || len(c.Carts) != 1 ||
		string(c.Carts[0].Lines) != `[{"price":1,"product_id":"P7","quantity":7}]` {
		t.Errorf("orders %d, totals %v, carts %+v", c.OrderCount, c.OrderTotal, c.Carts)
	}
}

func TestIngest_TakesRowsOfAConnector(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		"Orders":   `track "Orders" user_id:C1 email:j@x.example p={"amount":3,"customer_id":"C1","email":"j@x.example","event_id":"r1"}`,
		"Contacts": `identify "" user_id:C1 email:j@x.example t={"amount":3,"customer_id":"C1","email":"j@x.example","event_id":"r1"}`,
	} {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect}
		d := evergage.New(config(l))
		body := `{"data":[{"event_id":"r1","customer_id":"C1","email":"j@x.example","amount":3}]}`
		w := send(d, call{path: "/api/v1/ingest/sources/engage/" + object, body: body, header: map[string]string{"Authorization": "Bearer sk_write"}})
		if w.Code != 202 || w.Body.String() != `{"accepted":true}` {
			t.Errorf("%s: %d %s", object, w.Code, w.Body)
			continue
		}
		a := l.Only(t)
		if got := described(a.Event); got != want || !a.Event.Verified || a.Event.MessageID != "r1" || a.Event.Channel != "server" {
			t.Errorf("%s\ngot  %s\nwant %s\n%+v", object, got, want, a.Event)
		}
		if again, err := replayed(a); err != nil || described(again) != want {
			t.Errorf("%s: out of the log it is %v %v", object, again, err)
		}
		before := l.Sums()
		for body, status := range map[string]int{body: 200, `{"data":[{"amount":3}]}`: 400, `{"data":{}}`: 400} {
			w := send(d, call{path: "/api/v1/ingest/sources/engage/" + object + "/actions/test", body: body, header: basic("key_1", "sk_admin")})
			if w.Code != status || l.Sums() != before {
				t.Errorf("trying %s: %d %s, took %s", body, w.Code, w.Body, l.Sums())
			}
		}
	}
}

func TestIngest_TakesTheSchemeOfAKeyInAnyCase(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]int{
		"Bearer sk_write": 202, "bearer sk_write": 202, "BEARER  sk_write": 202,
		"bearer sk_read": 403, "bearer nobody": 401, "bearer": 401, "Token sk_write": 401, "": 401,
	} {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect}
		w := send(evergage.New(config(l)), call{
			path: "/api/v1/ingest/sources/engage/Orders", body: `{"data":[{"id":"1","userId":"u1"}]}`, header: map[string]string{"Authorization": header},
		})
		if w.Code != want || (want == 202) != (len(l.Subs) == 1) {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
}
