package segment_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/segment"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// FuzzBatch sends any bytes as a batch and as one event: the answer is one of
// the documented ones, every event of the list is in one column, and what was
// taken maps to the same event again.
func FuzzBatch(f *testing.F) {
	for _, s := range []string{
		batch(visit), batch(visit, `5`, `{"type":"page"}`), `{"batch":[],"context":{"library":{"name":"analytics-go"}}}`, `{}`, `[`, ``,
		`{"batch":[{"type":"alias","userId":1,"previousId":"p","messageId":"x","context":{"externalIds":[{"id":1,"type":"t"}],"direct":true}}],"sentAt":"2026-01-01"}`,
		`{"batch":[{"type":"group","groupId":1e3,"anonymousId":"a","timestamp":1e12,"traits":{"email":"a@b.c"}}],"context":{"traits":{"phone":1}},"integrations":{}}`,
		`{"batch":[{"type":"identify","userId":"\ud800","traits":{"a":1,"a":2}}],"writeKey":"wk"}`, `{"batch":[],"batch":[{}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, path := range []string{"/v1/batch", "/v1/identify", "/v1/track"} {
			l := &dialecttest.Ledger{Dialect: segment.Dialect}
			w := send(segment.New(config(l)), call{path: path, body: string(raw), header: auth("wk")})
			if w.Code != 200 && w.Code != 400 {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
			if w.Code == 200 && w.Body.String() != ok {
				t.Fatalf("%s: 200 %s", path, w.Body)
			}
			if err := accounted(l, path, raw, w.Code); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
	})
}

// accounted checks that every event is in exactly one column.
func accounted(l *dialecttest.Ledger, path string, raw []byte, status int) error {
	want := 1
	if doc, err := jsondoc.Parse(raw, jsondoc.Limits{}); err == nil && path == "/v1/batch" && (status == 200 || len(raw) > segment.MaxBatch) {
		want = doc.Root().Get("batch").Len()
	}
	got := 0
	for _, s := range l.Subs {
		got += len(s.Events) + len(s.Dead)
		for _, c := range s.Rejected {
			got += int(c.N)
		}
		for _, a := range s.Events {
			if a.Event.MessageID == "" || len(a.Event.Identifiers) == 0 || a.Event.Time <= 0 {
				return fmt.Errorf("took %s", describe(a.Event))
			}
			if err := replays(a); err != nil {
				return err
			}
		}
	}
	if got != want {
		return fmt.Errorf("%d: %s is %d events, want %d", status, l.Sums(), got, want)
	}
	return nil
}

// nowhere takes everything and keeps nothing.
type nowhere struct{ events int }

func (n *nowhere) Accept(_ context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	n.events += len(s.Events)
	return pipeline.Receipt{}, nil
}

func (*nowhere) WaitApplied(context.Context, pipeline.Receipt) error { return nil }

// usual is an event of about 700 bytes as a browser sends it.
func usual(i int) string {
	random := [16]byte{byte(i), byte(i >> 8), 7}
	return fmt.Sprintf(`{"type":"track","event":"Product Viewed","messageId":"node-next-1768995543123-%s",`+
		`"timestamp":"2026-03-01T11:39:03.123Z","userId":"user-%07d","anonymousId":"%s","properties":{"product_id":"sku-%d",`+
		`"name":"Waxed canvas bag","category":"bags/day","price":129.90,"currency":"EUR","quantity":1,"position":3,"in_stock":true,"coupon":null},`+
		`"context":{"locale":"de-AT","timezone":"Europe/Vienna","page":{"path":"/p/10482","url":"https://shop.example/p/10482?utm_source=mail"},`+
		`"campaign":{"source":"mail","name":"winter"},"library":{"name":"analytics.js","version":"next-1.84.1"}}}`,
		id.UUID(random), i, id.UUID(random), i)
}

func BenchmarkDoor(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			events := make([]string, n)
			for i := range events {
				events[i] = usual(i)
			}
			body := batch(events...)
			sink := &nowhere{}
			cfg := config(nil)
			cfg.Accept = sink
			d := segment.New(cfg)
			head := http.Header{"Authorization": {basic("wk:")}, "Content-Type": {"application/json"}}
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/batch", strings.NewReader(body))
				r.Header = head
				w := httptest.NewRecorder()
				d.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
			if sink.events != b.N*n {
				b.Fatalf("took %d events of %d", sink.events, b.N*n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
