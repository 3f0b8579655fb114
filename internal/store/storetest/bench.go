package storetest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
)

// Events makes n records that look like what a shop's web site sends: about 700
// bytes each, of people who each send ten in a row.
func Events(n int, seed uint64) []store.Record {
	r := rand.New(rand.NewPCG(seed, 3))
	out := make([]store.Record, 0, n)
	for len(out) < n {
		who := fmt.Sprintf("%08x-%04x-4%03x-9%03x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&(1<<48-1))
		for range min(10, n-len(out)) {
			rec := record(who, event(r, who))
			rec.Received += 1
			out = append(out, rec)
		}
	}
	return out
}

var (
	eventNames = []string{"Product Viewed", "Product Added", "Cart Viewed", "Order Completed", "Newsletter Subscribed"}
	words      = []string{"Linen", "Oak", "Copper", "Nordic", "Harbour", "Lamp", "Chair", "Teapot", "Blanket", "Shelf"}
	agents     = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0",
	}
)

func event(r *rand.Rand, who string) string {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	message := fmt.Sprintf("ajs-next-%d-%08x-%04x", 1_760_000_000_000+r.Int64N(1e9), r.Uint32(), r.Uint32()&0xffff)
	at := fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02d.%03dZ", 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000))
	product := pick(words) + " " + pick(words)
	sku := fmt.Sprintf("%c%c-%05d", 'A'+r.IntN(26), 'A'+r.IntN(26), r.IntN(100_000))
	page := fmt.Sprintf("https://shop.example.net/%s/%s?ref=%x", pick(words), sku, r.Uint32())
	return fmt.Sprintf(`{"timestamp":%q,"type":"track","event":%q,"messageId":%q,"anonymousId":%q,"userId":"u%d",`+
		`"properties":{"product_id":%q,"name":%q,"price":%d.%02d,"quantity":%d,"currency":"EUR","category":%q,"position":%d},`+
		`"context":{"ip":"%d.%d.%d.%d","locale":"en-GB","timezone":"Europe/Dublin","userAgent":%q,`+
		`"page":{"path":%q,"referrer":"https://www.google.com/","search":"","title":%q,"url":%q},`+
		`"library":{"name":"analytics.js","version":"next-1.79.0"}},"integrations":{}}`,
		at, pick(eventNames), message, who, r.IntN(1_000_000), sku, product, r.IntN(300), r.IntN(100), 1+r.IntN(5), pick(words), r.IntN(40),
		r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256), pick(agents), "/"+sku, product+" | Shop", page)
}

// Benchmark measures an engine: what sealing and appending an event costs, and
// loading and committing rows.
func Benchmark(b *testing.B, disk func(*testing.B) Disk) {
	open := func(b *testing.B) store.Store {
		b.Helper()
		s, err := disk(b).Open()
		noError(b, err)
		b.Cleanup(func() { noError(b, s.Close()) })
		return s
	}
	b.Run("append", func(b *testing.B) { benchAppend(b, open(b)) })
	b.Run("read", func(b *testing.B) { benchRead(b, open(b)) })
	b.Run("at", func(b *testing.B) { benchAt(b, open(b)) })
	b.Run("commit", func(b *testing.B) { benchCommit(b, open(b)) })
	b.Run("load", func(b *testing.B) { benchLoad(b, open(b)) })
}

const (
	benchFrame  = 100
	benchFrames = 20 // in one Append
	benchEvents = 20_000
)

// meter begins to measure; the function it gives reports.
func meter(b *testing.B) func() {
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	return func() { b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op") }
}

// fill appends n events and returns what they weighed.
func fill(b *testing.B, s store.Store, events []store.Record, n int) (raw int) {
	b.Helper()
	for at := 0; at < n; {
		var frames []*store.Frame
		for range benchFrames {
			k := min(benchFrame, n-at)
			if k == 0 {
				break
			}
			from := at % (len(events) - benchFrame)
			f := &store.Frame{Records: events[from : from+k], Received: uint64(k)}
			noError(b, s.Log().Seal(b.Context(), f))
			for i := range f.Records {
				raw += len(f.Records[i].Payload)
			}
			frames, at = append(frames, f), at+k
		}
		noError(b, s.Log().Append(b.Context(), frames))
	}
	return raw
}

func benchAppend(b *testing.B, s store.Store) {
	events := Events(benchEvents, 1)
	before, report := s.Log().Size(), meter(b)
	raw := fill(b, s, events, b.N)
	report()
	b.ReportMetric(float64(s.Log().Size()-before)/float64(raw), "disk/raw")
	b.ReportMetric(float64(raw)/float64(b.N), "raw-B/event")
}

func benchRead(b *testing.B, s store.Store) {
	fill(b, s, Events(benchEvents, 1), b.N)
	defer meter(b)()
	n := 0
	noError(b, s.Log().Read(b.Context(), 0, func(*store.Record) error { n++; return nil }))
	if n != b.N {
		b.Fatalf("read %d records, want %d", n, b.N)
	}
}

func benchAt(b *testing.B, s store.Store) {
	fill(b, s, Events(benchEvents, 1), 100_000)
	var at []store.Position
	noError(b, s.Log().Read(b.Context(), 0, func(r *store.Record) error { at = append(at, r.Position); return nil }))
	r := rand.New(rand.NewPCG(1, 1))
	defer meter(b)()
	for range b.N {
		if _, err := s.Log().At(b.Context(), at[r.IntN(len(at))]); err != nil {
			b.Fatal(err)
		}
	}
}

const (
	benchRows    = 200_000
	benchRow     = 1_000 // bytes
	benchChanges = 200   // in one commit or load
)

func benchKey(i int) store.RowKey {
	k := id.KeyOf("bench", fmt.Sprint(i))
	return store.RowKey{Table: store.TableAnchors, Bucket: k.Bucket(), Key: k[:]}
}

func benchValue(i int) []byte {
	r := rand.New(rand.NewPCG(uint64(i), 5))
	v := []byte(event(r, "someone"))
	return binary.BigEndian.AppendUint64(append(v, v[:benchRow-len(v)%benchRow]...)[:benchRow], uint64(i))
}

func rows(b *testing.B, s store.Store, n int, pick func(i int) int) {
	b.Helper()
	values := make([][]byte, 1000)
	for i := range values {
		values[i] = benchValue(i)
	}
	for at := 0; at < n; {
		var changes []store.Change
		for range min(benchChanges, n-at) {
			changes = append(changes, store.Change{RowKey: benchKey(pick(at)), Op: store.Put, Value: values[at%len(values)]})
			at++
		}
		noError(b, s.State().Commit(b.Context(), store.Commit{Span: everything, Position: store.Position(at), Changes: changes}))
	}
}

func benchCommit(b *testing.B, s store.Store) {
	r := rand.New(rand.NewPCG(1, 1))
	defer meter(b)()
	rows(b, s, b.N, func(int) int { return r.IntN(benchRows) })
	noError(b, s.State().Flush(b.Context()))
}

func benchLoad(b *testing.B, s store.Store) {
	rows(b, s, benchRows, func(i int) int { return i })
	noError(b, s.State().Flush(b.Context()))
	r := rand.New(rand.NewPCG(1, 1))
	size := s.State().Size()
	defer meter(b)()
	defer b.ReportMetric(float64(size)/float64(benchRows*benchRow), "disk/raw")
	for at := 0; at < b.N; at += benchChanges {
		keys := make([]store.RowKey, min(benchChanges, b.N-at))
		for i := range keys {
			keys[i] = benchKey(r.IntN(benchRows))
		}
		if _, err := s.State().Load(b.Context(), keys); err != nil {
			b.Fatal(err)
		}
	}
}
