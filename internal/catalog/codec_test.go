package catalog_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/catalog"
)

func TestPortion_IsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]catalog.Kind{catalog.Order, catalog.Cart, catalog.Item, catalog.Account}).Draw(t, "kind")
		want := portionGen(kind).Draw(t, "portion")
		got, err := catalog.ReadPortion(want.AppendBinary(nil))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v, %v\nwant %+v", got, err, want)
		}
	})
}

func FuzzReadPortion(f *testing.F) {
	s := catalog.Stamp{Time: 7, Short: 9, Priority: 1}
	p := catalog.Portion{
		Kind: catalog.Order, ID: "o", Stamp: s, Source: "web", MessageID: "m", Fields: []catalog.Field{{Name: "total", Value: "1"}},
		Refunds: []catalog.Refund{{ID: "r", Stamp: s, Amount: "1"}}, CartOps: []catalog.CartOp{{Stamp: s, Verb: catalog.CartAdd, Lines: "[]"}},
	}
	f.Add(p.AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := catalog.ReadPortion(b)
		if err != nil {
			return
		}
		again, err := catalog.ReadPortion(p.AppendBinary(nil))
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("got  %+v, %v\nwant %+v", again, err, p)
		}
	})
}

func FuzzDecodeEntity(f *testing.F) {
	s := catalog.Stamp{Time: 7, Short: 9}
	e := catalog.NewEntity(catalog.Order, "o")
	e.Apply(&catalog.Portion{Kind: catalog.Order, ID: "o", Op: catalog.Put, Stamp: s, Fields: []catalog.Field{{Name: "total", Value: "1"}}})
	full := e.AppendFull(nil)
	e.Apply(&catalog.Portion{Kind: catalog.Order, ID: "o", Stamp: s, Refunds: []catalog.Refund{{ID: "r", Stamp: s, Amount: "1"}}})
	f.Add(full, e.AppendChanges(nil))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, parts := range [][][]byte{{a}, {a, b}} {
			e, err := catalog.Decode(parts)
			if err != nil {
				continue
			}
			e.Exists()
			e.MemSize()
			first := e.AppendFull(nil)
			again, err := catalog.Decode([][]byte{first})
			if err != nil || string(again.AppendFull(nil)) != string(first) {
				t.Fatalf("what was read cannot be read again: %v", err)
			}
		}
	})
}
