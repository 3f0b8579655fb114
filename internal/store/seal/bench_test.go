package seal_test

import (
	"crypto/rand"
	"testing"

	"rapport/internal/store/seal"
	"rapport/internal/store/storetest"
)

// BenchmarkSeal shows what compressing and sealing an event cost, apart: the
// share of sealing is what docs/decisions looks at.
func BenchmarkSeal(b *testing.B) {
	events := storetest.Events(20_000, 1)
	run := func(name string, compress, encrypt bool) {
		b.Run(name, func(b *testing.B) {
			ring := seal.NewKeyring(32<<20, 1, rand.Reader)
			var small, out []byte
			sealed := make([]byte, 0, 64<<10)
			in, kept := 0, 0
			b.ReportAllocs()
			for i := range b.N {
				rec := &events[i%len(events)]
				small = rec.Payload
				if compress {
					small, _ = seal.Compress(out[:0:cap(out)], rec.Payload)
					out = small
				}
				in, kept = in+len(rec.Payload), kept+len(small)
				if !encrypt {
					continue
				}
				l, err := ring.Lease(rec.Anchor)
				if err != nil {
					b.Fatal(err)
				}
				aead, err := ring.Cipher(&l.Key)
				if err != nil {
					b.Fatal(err)
				}
				nonce := seal.Nonce(l.Nonce)
				kept += len(aead.Seal(sealed[:0], nonce[:], small, l.Anchor[:])) - len(small)
			}
			b.ReportMetric(float64(kept)/float64(in), "kept/raw")
		})
	}
	run("compress", true, false)
	run("compress and encrypt", true, true)
	run("encrypt only", false, true)
}
