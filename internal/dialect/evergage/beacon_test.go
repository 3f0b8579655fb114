package evergage_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
)

// beacon is a call as the beacon makes it: an empty form, all in the address.
func beacon(receiver string, params map[string]string) call {
	q := url.Values{".bv": {"16"}, "_ak": {"acme"}, "_ds": {"engage"}, ".scv": {"3"}, "channel": {"Web"}, "_r": {"123456"}, ".anonId": {"0123456789abcdef"}, "_anon": {"true"}}
	for k, v := range params {
		q.Set(k, v)
	}
	return call{path: "/" + receiver + "?" + q.Encode(), header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}
}

const beaconContext = ` c={"library":{"name":"evergage","version":"16"}}`

func TestReceivers_TakeWhatTheBeaconReports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		receiver string
		params   map[string]string
		want     string
	}{
		"ping": {
			"pr",
			map[string]string{".top": "4200", "action": "Product", "item": `{"type":"Product","_id":"P1","name":"Bag","dimensions":{"Brand":["Acme"]}}`, ".lt": "90"},
			`track "View Time"` + isAnon + ` p={"action":"Product","brand":"Acme","dimensions":{"Brand":["Acme"]},"item_type":"Product","name":"Bag","product_id":"P1","view_time_ms":4200}` + beaconContext,
		},
		"ping without item": {"pr", map[string]string{".top": "1"}, `track "View Time"` + isAnon + ` p={"view_time_ms":1}` + beaconContext},
		"error":             {"er", map[string]string{".em": "boom", ".es": "Sitemap"}, `track "Beacon Error"` + isAnon + ` p={"message":"boom","source":"Sitemap"}` + beaconContext},
		"statistics": {
			"msreceiver",
			map[string]string{".cStat": `[{"type":"e","id":"E1","stat":"Impression","ug":"Control","piks":[{"_id":"P1","type":"p"}]}]`},
			`track "Campaign Impression"` + isAnon + ` p={"control":true,"experience_id":"E1","items":[{"_id":"P1","item_type":"Product"}]}` + beaconContext,
		},
		"old action": {
			"twreceiver",
			map[string]string{"action": "See", "userId": "jane", ".item": `{"type":"c","_id":"A"}`},
			`track "See" does "View Item" user_id:jane` + isAnon + ` p={"_id":"A","category":"A","item_type":"Category"}` + beaconContext,
		},
		"old order": {
			"twreceiver",
			map[string]string{".order": `{"orderId":"O1","totalValue":3,"lineItems":[{"item":{"_id":"P1"},"price":3,"quantity":1}]}`},
			`track "Purchase" does "Purchase"` + isAnon + ` p={"order_id":"O1","products":[{"item_type":"Product","price":3,"product_id":"P1","quantity":1}],"total":3}` + beaconContext,
		},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			l := &dialecttest.Ledger{Dialect: evergage.Dialect}
			to := beacon(c.receiver, c.params)
			to.method = method
			w := send(evergage.New(config(l)), to)
			if w.Code != 200 || (method == http.MethodGet) != (w.Header().Get("Content-Type") == "image/gif") {
				t.Errorf("%s %s: %d %v %s", method, name, w.Code, w.Header(), w.Body)
				continue
			}
			a := l.Only(t)
			if got := described(a.Event); got != c.want {
				t.Errorf("%s %s\ngot  %s\nwant %s", method, name, got, c.want)
			}
			if again, err := replayed(a); err != nil || described(again) != described(a.Event) {
				t.Errorf("%s: out of the log it is %v %v", name, again, err)
			}
		}
	}
}

func TestReceivers_CutStatisticsIntoEvents(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	w := send(evergage.New(config(l)), beacon("msreceiver", map[string]string{".cStat": `[{"id":"E1","stat":"Click"},{"id":"E2","stat":"Dismissal"},{"stat":"No"},5]`}))
	if w.Code != 200 || l.Sums() != "2, dead invalid_stat, dead invalid_stat" {
		t.Errorf("%d, took %s", w.Code, l.Sums())
	}
	for i, want := range []string{"Campaign Click", "Campaign Dismissal"} {
		if got := l.Arrivals()[i].Event.Name; got != want {
			t.Errorf("event %d is %q, want %q", i, got, want)
		}
	}
}

// What is made of statistics is bounded, however many offers each of them is about.
func TestStatistics_AreCutIntoNoMoreEventsThanARequestMayHave(t *testing.T) {
	t.Parallel()
	stats := func(n, offers int) string {
		ids := strings.Repeat(`"a",`, offers-1) + `"b"`
		return "[" + strings.Repeat(`{"id":"r~d~h~~0~~web","stat":"Click","catalog":{"Offer":[`+ids+`]}},`, n) + `{"id":"E1","stat":"Click"}]`
	}
	q := url.Values{"_ds": {"engage"}, ".anonId": {"0123456789abcdef"}, ".cStat": {stats(evergage.MaxEvents-1, 3)}}
	for want, c := range map[string]call{
		fmt.Sprintf("%d, rejected too_many_events %d", evergage.MaxEvents, 3*(evergage.MaxEvents-1)+1-evergage.MaxEvents): {path: "/msreceiver", body: q.Encode()},
		fmt.Sprintf("%d, rejected too_many_events %d", evergage.MaxEvents+1, 99*50+1-evergage.MaxEvents):                  {path: "/api2/event/engage", body: `{"action":"x","campaignStats":` + stats(99, 60) + `,` + anon + `}`},
	} {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect}
		if w := send(evergage.New(config(l)), c); w.Code != 200 || l.Sums() != want {
			t.Errorf("%s: %d, took %s, want %s", c.path, w.Code, l.Sums(), want)
		}
	}
}
