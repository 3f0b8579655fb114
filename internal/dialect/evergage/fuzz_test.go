package evergage_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/event"
	"rapport/internal/pipeline"
)

// counted checks that a request with a valid key is in the sums whatever it
// brought, and that what was taken maps to the same event again.
func counted(t *testing.T, l *dialecttest.Ledger, c call, most int) {
	t.Helper()
	w := send(evergage.New(config(l)), c)
	switch w.Code {
	case 200, 202, 400, 413:
	default:
		t.Fatalf("%s: %d %s", c.path, w.Code, w.Body)
	}
	n := 0
	for _, s := range l.Subs {
		n += len(s.Events) + len(s.Dead)
		for _, r := range s.Rejected {
			n += int(r.N)
		}
	}
	if n > most || n == 0 && most == 1 && w.Code != 413 {
		t.Fatalf("%s: %d, %s", c.path, w.Code, l.Sums())
	}
	for _, a := range l.Arrivals() {
		if a.Event.MessageID == "" || len(a.Event.Identifiers) == 0 || a.Event.Time <= 0 || a.Event.Type == 0 {
			t.Fatalf("took %s", described(a.Event))
		}
		if a.Event.Type == event.Track && a.Event.Name == "" {
			t.Fatalf("took an event without a name: %s", described(a.Event))
		}
		again, err := replayed(a)
		if err != nil || described(again) != described(a.Event) || again.Time != a.Event.Time {
			t.Fatalf("out of the log %s is %v %v", described(a.Event), again, err)
		}
	}
}

// FuzzEvent sends any bytes as an event, as a form and in an address.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		visit, form(visit), form(b64(visit)), "event=", "{", "",
		`{"itemAction":"View Item","catalog":{"Product":{"_id":1,"categories":[{"_id":"a"},1,null],"dimensions":{"Brand":[1]},"sku":{"_id":"x"}},"B":{}},"user":{"id":"u"}}`,
		`{"itemAction":"Add To Cart","cart":{"singleLine":{"P":{"_id":"x","quantity":"1"}},"complete":{"P":[{"item":{"_id":1}},2]}},"user":{"anonId":"a","encryptedId":"zz"}}`,
		`{"interaction":{"name":"Purchase","order":{"id":"O","lineItems":[{"catalogObjectId":"1","attributes":{"a":{}}}]}},"user":{"identities":[{"type":"x","value":1}]}}`,
		`{"action":"f","form":{"fields":{"password":"x\"y","a":[1]},"consent":true},"consents":[{"purpose":"p","status":"Opt In"}],"user":{"id":1}}`,
		`{"action":"f","form":{"fields":[{"name":"pin","value":1234},{"name":"pin","value":null}]},"source":{"time":1e12,"url":"?utm_source=%zz&utm_medium=x"},"user":{"id":1}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		counted(t, &dialecttest.Ledger{Dialect: evergage.Dialect}, call{path: "/api2/event/engage", body: body}, 1)
		counted(t, &dialecttest.Ledger{Dialect: evergage.Dialect}, call{path: "/api2/event/engage", body: form(body)}, 1)
		counted(t, &dialecttest.Ledger{Dialect: evergage.Dialect}, call{path: "/api2/event/engage", body: form(b64(body))}, 1)
	})
}

// FuzzReceivers sends any parameters to the receivers of the beacon.
func FuzzReceivers(f *testing.F) {
	f.Add(".top=12&item=%7B%7D", "x")
	f.Add(".cStat=%5B%7B%22stat%22%3A%22Click%22%7D%5D", `{"_id":1}`)
	f.Add("action=a&.item=%7B%22type%22%3A%22p%22%7D&url=%3Futm_source%3Dx&.em=e", `{"orderId":1,"lineItems":[{}]}`)
	f.Fuzz(func(t *testing.T, query, item string) {
		body := form(item) + "&.order=" + form(item)[len("event="):]
		for _, receiver := range []string{"pr", "er", "twreceiver", "msreceiver"} {
			most := 1
			if receiver == "msreceiver" {
				most = evergage.MaxEvents
			}
			q := strings.Map(func(r rune) rune {
				if r <= ' ' || r == '#' || r > '~' {
					return -1
				}
				return r
			}, query)
			counted(t, &dialecttest.Ledger{Dialect: evergage.Dialect}, call{path: "/" + receiver + "?_ds=engage&.anonId=a&" + q, body: body}, most)
		}
	})
}

// FuzzDataCloud sends any bytes as web events and as rows.
func FuzzDataCloud(f *testing.F) {
	for _, s := range []string{
		`{"events":[{"eventType":"catalog","deviceId":"d","id":"1","type":"Product"},{"eventType":"cart","eventId":"c","deviceId":"d"},{"eventType":"cartItem","cartEventId":"c","deviceId":"d","price":"1"}]}`,
		`{"events":[{"eventType":"identity","deviceId":"d","firstName":"a","address":{}},{"eventType":"x"},5,null]}`,
		`{"events":[{"eventType":"consentLog","purpose":"p","status":"OptOut","deviceId":"d","latitude":1,"pushToken":"t","category":null}],"data":[{"email":"a@b.example","created_at":1},{"userId":1}]}`,
		`{"events":{}}`, `[]`, ``,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		counted(t, &dialecttest.Ledger{Dialect: evergage.Dialect}, call{path: "/web/events/engage/", body: form(b64(body))}, evergage.MaxEvents)
		counted(t, &dialecttest.Ledger{Dialect: evergage.Dialect}, call{path: "/api/v1/ingest/sources/engage/Orders", body: body, header: basic("", "sk_write")}, evergage.MaxEvents)
	})
}

// nowhere takes everything and keeps nothing.
type nowhere struct{ events int }

func (n *nowhere) Accept(_ context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	n.events += len(s.Events)
	return pipeline.Receipt{}, nil
}

func (*nowhere) WaitApplied(context.Context, pipeline.Receipt) error { return nil }

// usual is an event of about 700 bytes as a browser sends it.
func usual() string {
	const i = 7
	return fmt.Sprintf(`{"action":"Product Page","itemAction":"View Item","flags":{"pageView":true},`+
		`"source":{"channel":"Web","pageType":"product","url":"https://shop.example/p/10482?utm_source=mail&utm_campaign=winter","urlReferrer":"https://shop.example/",`+
		`"locale":"de_AT","contentZones":["home_hero","recs"],"configVersion":"10","beaconVersion":16},`+
		`"user":{"anonId":"%016x","id":"user-%07d","attributes":{"loyalty":"gold"}},"account":{},`+
		`"catalog":{"Product":{"_id":"sku-%d","name":"Waxed canvas bag","url":"https://shop.example/p/10482","price":129.90,"currency":"EUR","inventoryCount":3,`+
		`"categories":[{"type":"c","_id":"BAGS|DAY"}],"dimensions":{"Brand":["Acme"]},"sku":{"_id":"sku-%d-9"}}}}`, i, i, i, i)
}

// BenchmarkDoor is to be held against the Segment dialect's of one event.
func BenchmarkDoor(b *testing.B) {
	sink := &nowhere{}
	cfg := config(nil)
	cfg.Accept = sink
	d := evergage.New(cfg)
	for name, body := range map[string]string{"json": usual(), "form": form(usual()), "base64": form(b64(usual()))} {
		b.Run(name, func(b *testing.B) {
			sink.events = 0
			head := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			b.ReportAllocs()
			b.SetBytes(int64(len(usual())))
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/api2/event/engage", strings.NewReader(body))
				r.Header = head
				w := httptest.NewRecorder()
				d.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
			if sink.events != b.N {
				b.Fatalf("took %d events of %d", sink.events, b.N)
			}
		})
	}
}
