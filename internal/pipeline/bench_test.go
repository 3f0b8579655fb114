package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/dialect/segment"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/store/embedded"
)

type anyKey struct{}

func (anyKey) SourceByWriteKey(string) (segment.Source, bool) {
	return segment.Source{Key: "shop", Name: "shop"}, true
}

// bodies makes batches of 100 events of about 700 bytes, in sessions of ten.
func bodies(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.1, 50, 1_000_000)
	out := make([]string, n)
	id := 0
	for i := range out {
		var b strings.Builder
		b.WriteString(`{"writeKey":"k","sentAt":"2026-11-21T10:00:00.000Z","batch":[`)
		for s := range 10 {
			user := zipf.Uint64()
			for e := range 10 {
				if s+e > 0 {
					b.WriteByte(',')
				}
				id++
				fmt.Fprintf(&b, `{"type":"track","event":"Product Viewed %d","messageId":"ajs-next-%016x-%08d","anonymousId":"a5b1c9d2-%012d","userId":"user-%d","timestamp":"2026-11-21T09:59:%02d.%03dZ","properties":{"product_id":"sku-%d","name":"Running shoe model %d","price":%d.95,"currency":"EUR","category":"shoes","position":%d,"list":"search results"},"context":{"library":{"name":"analytics.js","version":"npm:next-1.84.1"},"page":{"path":"/p/%d","url":"https://shop.example/p/%d","title":"Shoe","referrer":"https://search.example/"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36","locale":"en-IE","timezone":"Europe/Dublin"}}`,
					e, r.Uint64(), id, user, user, s*5+e%5, r.IntN(1000), r.IntN(1000), r.IntN(100), 10+r.IntN(90), e, user%97, user%97)
			}
		}
		b.WriteString(`]}`)
		out[i] = b.String()
	}
	return out
}

// BenchmarkIngest is the whole way of an event, from the door's handler to its
// profile, without the network. One operation is a batch of 100 events.
func BenchmarkIngest(b *testing.B) {
	st, err := embedded.Open(b.TempDir(), embedded.Options{MemoryBudget: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	mapping := catalog.DefaultMapping()
	p, err := pipeline.Open(context.Background(), pipeline.Config{
		Store: st, Mappers: map[string]event.Mapper{segment.Dialect: segment.NewMapper(identity.DefaultRules())},
		Sources: func(string) pipeline.SourceInfo { return pipeline.SourceInfo{Priority: 1, Mapping: mapping} },
		Rules:   identity.DefaultRules(), Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		Random: func(b []byte) { clear(b) }, InstanceKey: [16]byte{1}, Lanes: 2, HotBytes: 2 << 30, QueueBytes: 64 << 20,
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	door := segment.New(segment.Config{Accept: p, Keys: anyKey{}, Rules: identity.DefaultRules(), Now: clock.Clock(time.Now), Random: func(b []byte) { clear(b) }})
	all := bodies(4000)
	bytes := 0
	for _, body := range all {
		bytes += len(body)
	}
	b.SetBytes(int64(bytes / len(all)))
	b.ResetTimer()
	b.SetParallelism(8)
	next := make(chan string, 64)
	go func() {
		defer close(next)
		for i := range b.N {
			next <- all[i%len(all)]
		}
	}()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			body := <-next
			for {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/batch", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				door.ServeHTTP(w, r)
				if w.Code == http.StatusOK {
					break
				}
				if w.Code != http.StatusTooManyRequests {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
				<-time.After(time.Millisecond)
			}
		}
	})
	if err := p.WaitApplied(context.Background(), pipeline.Receipt{Position: st.Log().End()}); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
	b.ReportMetric(float64(st.Log().Size()+st.State().Size())/float64(b.N)/float64(bytes/len(all)), "disk/raw")
	if err := p.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
}
