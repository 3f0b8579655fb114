package profile_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
)

// processor reports the processor time per operation, which a busy machine
// does not change as it changes the time of day.
func processor(b *testing.B) func() {
	used := func() int64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return r.Utime.Nano() + r.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

const plainBody = `{"messageId":"ajs-next-1700000000000-8f2e1c9a","type":"track","event":"Button Clicked","anonymousId":"23adfd82-aa0f-45a7-a756-24f2a7a4c895","userId":"user-4711",` +
	`"timestamp":"2024-05-31T14:00:00.000Z","properties":{"label":"Buy now","position":3,"experiment":"checkout-7","value":12.5,"section":"hero"},` +
	`"context":{"library":{"name":"analytics.js","version":"next-1.70.0"},"page":{"path":"/shop/shoes","referrer":"https://shop.example/home","search":"","title":"Shoes","url":"https://shop.example/shop/shoes"},` +
	`"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36","locale":"de-DE","timezone":"Europe/Berlin",` +
	`"campaign":{"name":"spring","source":"newsletter","medium":"email"},"device":{"type":"desktop"},"os":{"name":"Linux","version":"6.1"}}}`

func plainEvent(b testing.TB) *event.Event {
	doc, err := jsondoc.Parse([]byte(plainBody), jsondoc.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	root := doc.Root()
	return &event.Event{
		Type: event.Track, Name: "Button Clicked", MessageID: "ajs-next-1700000000000-8f2e1c9a", Source: "web-shop", Channel: "web",
		Time: 1_717_164_000_000_000, ReceivedAt: 1_717_164_001_000_000,
		Identifiers: []event.Identifier{{Namespace: event.UserID, Value: "user-4711"}, {Namespace: event.AnonymousID, Value: "23adfd82-aa0f-45a7-a756-24f2a7a4c895"}},
		Properties:  root.Get("properties"), Context: root.Get("context"), Body: root,
	}
}

func next(e *event.Event, in *profile.Input, i int) {
	const minute = 60_000_000
	e.Time += minute
	e.ReceivedAt = e.Time + 1_000_000
	in.Short = uint64(i) * 0x9e3779b97f4a7c15
}

func BenchmarkFold(b *testing.B) {
	e := plainEvent(b)
	in := profile.Input{Mapping: mapping, Names: profile.NewNames()}
	p := profile.New()
	b.ReportAllocs()
	defer processor(b)()
	for i := 0; b.Loop(); i++ {
		next(e, &in, i)
		p.Fold(e, in)
	}
}

func BenchmarkFold_NewPartial(b *testing.B) {
	e := plainEvent(b)
	in := profile.Input{Mapping: mapping, Names: profile.NewNames()}
	b.ReportAllocs()
	defer processor(b)()
	for i := 0; b.Loop(); i++ {
		next(e, &in, i)
		profile.New().Fold(e, in)
	}
}

// commerce folds one event of a shop again and again, with another order or
// product each time; the partial begins anew before its lists are full.
func commerce(b *testing.B, name, properties string) {
	var docs [64]*event.Event
	for i := range docs {
		docs[i] = said{Type: "track", Name: name, MessageID: fmt.Sprint("m", i), Time: 1, Properties: raw(properties, i)}.event(b)
	}
	in := profile.Input{Mapping: mapping, Names: profile.NewNames()}
	var p *profile.Partial
	b.ReportAllocs()
	defer processor(b)()
	now := plainEvent(b).Time
	for i := 0; b.Loop(); i++ {
		if i%16 == 0 {
			p = profile.New()
		}
		e := docs[i%len(docs)]
		e.Time, e.ReceivedAt = now, now
		now += 1_000_000
		in.Short = uint64(i)
		p.Fold(e, in)
	}
}

func BenchmarkFold_ProductAdded(b *testing.B) {
	commerce(b, "Product Added", `{"product_id":"p%d","name":"Trail Shoe","category":"Shoes","price":89.90,"quantity":1,"currency":"EUR","url":"https://shop.example/p"}`)
}

func BenchmarkFold_OrderCompleted(b *testing.B) {
	commerce(b, "Order Completed", `{"order_id":"o%d","total":120.40,"shipping":5,"tax":19.2,"currency":"EUR","products":[`+
		`{"product_id":"p1","name":"Trail Shoe","price":89.90,"quantity":1,"category":"Shoes"},{"product_id":"p2","name":"Sock","price":10.25,"quantity":2}]}`)
}

func BenchmarkEntryOf(b *testing.B) {
	e := plainEvent(b)
	in := profile.Input{Mapping: mapping}
	b.ReportAllocs()
	defer processor(b)()
	var buf []byte
	for b.Loop() {
		n := profile.EntryOf(e, in, 99)
		buf = profile.AppendEntry(buf[:0], nil, &n)
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}

func tenEvents(b testing.TB, names *profile.Names) (*profile.Partial, *event.Event, profile.Input) {
	e := plainEvent(b)
	in := profile.Input{Mapping: mapping, Names: names}
	p := profile.New()
	for i := range 10 {
		next(e, &in, i)
		if i%3 == 0 {
			e.Name = fmt.Sprintf("Event %d", i)
		}
		p.Fold(e, in)
	}
	traits := said{Type: "identify", MessageID: "t", Time: e.Time, Traits: raw(`{"email":"user4711@example.com","plan":"pro","name":"Ada Lovelace"}`)}.event(b)
	p.Fold(traits, in)
	return p, e, in
}

func BenchmarkAppendChanges(b *testing.B) {
	p, e, in := tenEvents(b, profile.NewNames())
	buf := p.AppendFull(nil)
	b.ReportMetric(float64(len(buf)), "full-bytes")
	b.ReportAllocs()
	defer processor(b)()
	for i := 0; b.Loop(); i++ {
		next(e, &in, i)
		p.Fold(e, in)
		buf = p.AppendChanges(buf[:0])
	}
	b.ReportMetric(float64(len(buf)), "delta-bytes")
}

func BenchmarkAppendFull(b *testing.B) {
	p, _, _ := tenEvents(b, profile.NewNames())
	var buf []byte
	b.ReportAllocs()
	defer processor(b)()
	for b.Loop() {
		buf = p.AppendFull(buf[:0])
	}
	b.ReportMetric(float64(len(buf)), "full-bytes")
}

func BenchmarkDecode(b *testing.B) {
	names := profile.NewNames()
	p, e, in := tenEvents(b, names)
	parts := [][]byte{p.AppendFull(nil)}
	for i := range 4 {
		next(e, &in, i)
		p.Fold(e, in)
		parts = append(parts, p.AppendChanges(nil))
	}
	b.ReportAllocs()
	defer processor(b)()
	for b.Loop() {
		if _, err := profile.Decode(parts, names); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAssemble(b *testing.B) {
	p, _, _ := tenEvents(b, profile.NewNames())
	q, _, _ := tenEvents(b, profile.NewNames())
	b.ReportAllocs()
	defer processor(b)()
	for b.Loop() {
		profile.Assemble(nil, []*profile.Partial{p, q}, profile.Options{ID: "x"})
	}
}

// BenchmarkMemory reports what a partial of ten events takes, as it comes from
// folding and as it comes from storage.
func BenchmarkMemory(b *testing.B) {
	const n = 20_000
	measure := func(make func() *profile.Partial) (real, told float64) {
		var before, after runtime.MemStats
		kept := make2(n)
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range kept {
			kept[i] = make()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		sum := 0
		for _, p := range kept {
			sum += p.MemSize()
		}
		return float64(after.HeapAlloc-before.HeapAlloc) / n, float64(sum) / n
	}
	names := profile.NewNames()
	first, _, _ := tenEvents(b, names)
	full := first.AppendFull(nil)
	for b.Loop() {
		real, told := measure(func() *profile.Partial { p, _, _ := tenEvents(b, names); return p })
		b.ReportMetric(real, "folded-bytes")
		b.ReportMetric(told, "folded-memsize")
		real, told = measure(func() *profile.Partial {
			p, err := profile.Decode([][]byte{full}, names)
			if err != nil {
				b.Fatal(err)
			}
			return p
		})
		b.ReportMetric(real, "decoded-bytes")
		b.ReportMetric(told, "decoded-memsize")
	}
}

func make2(n int) []*profile.Partial { return make([]*profile.Partial, n) }

// BenchmarkFold_Identify folds traits: most say again what is known, and every
// fourth changes one.
func BenchmarkFold_Identify(b *testing.B) {
	var docs [4]*event.Event
	for i := range docs {
		docs[i] = said{Type: "identify", MessageID: "m", Time: 1, Traits: raw(
			`{"email":"user4711@example.com","plan":"plan-%d","name":"Ada Lovelace","logins":%d,"city":"Ulm"}`, i/3, i%2)}.event(b)
	}
	in := profile.Input{Mapping: mapping, Names: profile.NewNames()}
	p := profile.New()
	b.ReportAllocs()
	defer processor(b)()
	now := plainEvent(b).Time
	for i := 0; b.Loop(); i++ {
		e := docs[i%len(docs)]
		e.Time, e.ReceivedAt = now, now
		now += 1_000_000
		in.Short = uint64(i)
		p.Fold(e, in)
	}
}
