package sitecore_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/sitecore"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// FuzzStream sends any bytes as an event, in the body and in the query: the
// answer is a documented one, the event is in one column, and what was taken
// maps to the same event again from what is stored of it.
func FuzzStream(f *testing.F) {
	for _, s := range []string{
		`{"type":"VIEW","browser_id":"b","page":"home","utm_source":"x","ext":{"a":{"b":1}},"requested_at":"2026-01-01"}`,
		`{"type":"IDENTITY","browser_id":"b","email":"a@b.c","identifiers":{"provider":"Ü","id":7}}`,
		`{"type":"ADD","browser_id":"b","product":[{"item_id":"i"},3,{}],"ext":5}`,
		`{"type":"ORDER_CHECKOUT","browser_id":"b","order":{"referenceId":"o","orderItems":{"productId":1},"currencyCode":null,"order_id":1}}`,
		`{"type":"CHECKOUT","browser_id":"b","reference_id":[],"status":{},"order":7,"order_id":1,"page":"p"}`, `{}`, `[`, ``, `{"type":"\ud800"}`,
	} {
		f.Add([]byte(s))
	}
	mapper := sitecore.NewMapper(identity.DefaultRules())
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, c := range [][3]string{
			{"POST", "/v1.2/events?sitecoreContextId=ctx", string(raw)},
			{"GET", "/v1.2/event/create.json?client_key=ctx&message=" + url.QueryEscape(string(raw)), ""},
		} {
			l := &dialecttest.Ledger{Dialect: sitecore.Dialect}
			w := send(sitecore.New(config(l)), c[0], c[1], c[2])
			if w.Code != 201 && w.Code != 400 || len(l.Subs) != 1 {
				t.Fatalf("%s: %d %s, %d submissions", c[0], w.Code, w.Body, len(l.Subs))
			}
			s := l.Subs[0]
			if len(s.Events)+len(s.Dead)+len(s.Rejected) != 1 || (w.Code == 201) != (len(s.Events) == 1) {
				t.Fatalf("%s: %d, took %s", c[0], w.Code, l.Sums())
			}
			for _, a := range s.Events {
				if err := replays(mapper, a); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// replays maps an arrival from its stored form and compares.
func replays(mapper event.Mapper, a pipeline.Arrival) error {
	env, body, err := event.ReadPayload(a.Envelope.AppendPayload(nil, a.Event.Body.Raw()))
	if err != nil {
		return err
	}
	doc, err := jsondoc.Parse(bytes.Clone(body), jsondoc.DefaultLimits())
	if err != nil {
		return err
	}
	again, err := mapper(&env, doc.Root())
	if err != nil {
		return err
	}
	if got, want := described(again), described(a.Event); got != want {
		return fmt.Errorf("again %s, first %s", got, want)
	}
	return nil
}

func described(e *event.Event) string {
	return fmt.Sprint(e.Type, e.Name, e.MessageID, e.Time, e.Channel, e.Identifiers, e.ItemAction,
		canonical(e.Properties), canonical(e.Traits), canonical(e.Context), canonical(e.Shared))
}

// nowhere takes everything and keeps nothing.
type nowhere struct{ events int }

func (n *nowhere) Accept(_ context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	n.events += len(s.Events)
	return pipeline.Receipt{}, nil
}

func (*nowhere) WaitApplied(context.Context, pipeline.Receipt) error { return nil }

// usual is an event of about 700 bytes as a browser sends it: as long as the
// one that the Segment dialect is measured with.
const usual = `{"browser_id":"0ff5b7c8-5d3e-4a6f-9c63-1a9f7bd0c111","channel":"WEB","client_key":"","currency":"EUR","language":"EN",` +
	`"page":"/p/10482 waxed canvas bag","pos":"shop.example","requested_at":"2026-03-01T11:59:03.123Z","type":"PRODUCT_VIEWED",` +
	`"utm_source":"mail","utm_medium":"newsletter","utm_campaign":"winter","referrer":"https://search.example/find?q=waxed+canvas+bag",` +
	`"ext":{"product_id":"sku-10482","name":"Waxed canvas bag","category":"bags/day","price":129.90,"quantity":1,"position":3,"in_stock":true,` +
	`"list":"recommended for you","colour":"olive","material":"canvas, waxed","campaign_id":"c-20260301-winter","teaser":"home-hero-2","variant":"b"}}`

// BenchmarkDoor is one event through the door, to compare with the benchmark
// of the same name and size of the Segment dialect with batch=1.
func BenchmarkDoor(b *testing.B) {
	sink := &nowhere{}
	cfg := config(nil)
	cfg.Accept = sink
	d := sitecore.New(cfg)
	head := http.Header{"Content-Type": {"application/json"}, "User-Agent": {firefox}}
	b.ReportAllocs()
	b.SetBytes(int64(len(usual)))
	for b.Loop() {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/v1/events/v1.2/events?sitecoreContextId=ctx&siteId=main", strings.NewReader(usual))
		r.Header = head
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != 201 {
			b.Fatal(w.Body)
		}
	}
	if sink.events != b.N {
		b.Fatalf("took %d events of %d", sink.events, b.N)
	}
}
