package jsondoc_test

import (
	"encoding/json"
	"testing"

	"rapport/internal/jsondoc"
)

const tracking = `{"type":"track","event":"Product Viewed","messageId":"ajs-next-1768995543123-0b7f2b4e-8f3a-4f0f-9a5e-3f2a1c7d9e10","timestamp":"2026-01-21T11:39:03.123Z","originalTimestamp":"2026-01-21T11:39:03.123Z","userId":"user-0042137","anonymousId":"5f0c7c46-58a1-4a8c-9a3f-8b4f2cb14c30","properties":{"product_id":"sku-10482","name":"Waxed canvas bag","category":"bags/day","price":129.90,"currency":"EUR","quantity":1,"position":3,"in_stock":true,"coupon":null},"context":{"locale":"de-AT","timezone":"Europe/Vienna","page":{"path":"/p/10482","url":"https://shop.example/p/10482?utm_source=mail"},"campaign":{"source":"mail","name":"winter"},"library":{"name":"analytics.js","version":"next-1.84.1"}}}`

func BenchmarkParse(b *testing.B) {
	raw := []byte(tracking)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsondoc.Parse(raw, jsondoc.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReset(b *testing.B) {
	raw := []byte(tracking)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var d jsondoc.Doc
	for b.Loop() {
		if err := d.Reset(raw, jsondoc.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodingJSON(b *testing.B) {
	raw := []byte(tracking)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			b.Fatal(err)
		}
	}
}
