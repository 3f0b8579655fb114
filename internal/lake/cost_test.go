package lake

import (
	"fmt"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/store"
)

// someRows are rows of base events as a shop's are.
func someRows(o *object, n int) *chunk {
	c, d := newChunk(o), newDraft(o)
	for i := range n {
		d.clear()
		for k := range o.columns {
			switch x := &o.columns[k]; {
			case x.Type != Text:
				d.int(k, int64(i))
			case x.few:
				d.text(k, fmt.Sprintf("%s-%d", x.Name, i%5))
			case k%3 != 0:
				d.text(k, fmt.Sprintf("%s/%08d", x.Name, i*7919%100_003))
			}
		}
		c.add(d, store.Position(i+1), clock.Instant(i))
	}
	return c
}

// BenchmarkWriter is what the lake spends on a row: when it comes, and when it
// gets others around it.
func BenchmarkWriter(b *testing.B) {
	const n = 5_000
	o := fixed()[baseName]
	rows := someRows(o, n)
	raw := newRawWriter(o)
	encode := func() []byte {
		raw.begin()
		if err := raw.chunk(rows, 0, n); err != nil {
			b.Fatal(err)
		}
		out, err := raw.end()
		if err != nil {
			b.Fatal(err)
		}
		return out
	}
	content := append([]byte(nil), encode()...)
	per := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
	}
	b.Run("small", func(b *testing.B) {
		for b.Loop() {
			encode()
		}
		per(b)
	})
	join := func(b *testing.B, w *writer) {
		for b.Loop() {
			w.begin()
			if err := w.file(content); err != nil {
				b.Fatal(err)
			}
			if _, err := w.end(); err != nil {
				b.Fatal(err)
			}
		}
		per(b)
	}
	b.Run("join", func(b *testing.B) { join(b, newRawWriter(o)) })
	b.Run("join again", func(b *testing.B) { join(b, newWriter(o)) })
}
