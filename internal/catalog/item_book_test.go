package catalog

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// Whatever versions come in which order, an item is as of a position what its
// newest version up to there says, before and after pruning.
func TestItemBook_IsAsOfAnyPosition(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 5))
		b := NewItemBook()
		said := map[uint64]string{} // position: color
		for _, at := range r.Perm(20) {
			if r.IntN(3) == 0 {
				continue
			}
			said[uint64(at)] = fmt.Sprintf(`"c%d"`, at)
			f := ItemFact{Item: "s1", Values: []ItemValue{{DimensionPrefix + "Color", said[uint64(at)]}}}
			b.Learn(uint64(at), &f)
			b.Learn(uint64(at), &f)
		}
		check := func(from uint64) {
			for at := from; at < 25; at++ {
				want := ""
				for k := range at + 1 {
					if s, ok := said[k]; ok {
						want = s
					}
				}
				got := ""
				b.Values(at, "s1", "color", func(json string) { got = json })
				if got != want {
					t.Fatalf("seed %d: at %d it is %s, want %s", seed, at, got, want)
				}
			}
		}
		check(0)
		safe := r.Uint64N(20)
		all := b.Bytes()
		if gone := b.Prune("s1", safe); (len(gone) > 0) != (b.Bytes() < all) {
			t.Fatalf("seed %d: %d bytes, %d after %v went", seed, all, b.Bytes(), gone)
		}
		check(safe)
		if b.Drop("s1"); b.Bytes() != 0 {
			t.Fatalf("seed %d: a book of nothing takes %d bytes", seed, b.Bytes())
		}
	}
}

func TestItemBook_FindsAttributesBeforeDimensions(t *testing.T) {
	t.Parallel()
	b := NewItemBook()
	e := NewEntity(Item, "s1")
	e.Apply(&Portion{Kind: Item, ID: "s1", Stamp: Stamp{Time: 1}, Fields: []Field{
		{DimensionPrefix + "Brand", `"Acme"`},
		{DimensionPrefix + "brand", `"acme"`},
		{DimensionPrefix + "Category", `"Shoes"`},
		{FieldPrefix + "Category", `"none"`},
		{FieldPrefix + "gone", "null"},
		{FieldPrefix + "long", fmt.Sprintf("%q", make([]byte, MaxItemValue))},
	}})
	f := ItemFactOf("s1", e)
	b.Learn(3, &f)
	for attribute, want := range map[string]string{"brand": `"acme"`, "BRAND": `"Acme"`, "Category": `"none"`, "category": `"Shoes"`, "gone": "", "long": "", "x": ""} {
		got := ""
		b.Values(3, "s1", attribute, func(json string) { got = json })
		if got != want {
			t.Errorf("%s is %s, want %s", attribute, got, want)
		}
	}
	if !b.Says("s1", e) || b.Says("s1", nil) || !b.Says("s2", nil) {
		t.Error("what the book says is not compared with the item")
	}
	if got := b.Changed(2, 3); !got["s1"] || len(b.Changed(3, 9)) != 0 {
		t.Errorf("changed are %v", got)
	}
}

func FuzzReadItemFact(f *testing.F) {
	f.Add([]byte(`{"item":"s1","values":[{"name":"f:a","value":"1"}]}`))
	f.Add([]byte(`{"item":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadItemFact(b)
		if err != nil {
			return
		}
		again, err := ReadItemFact(got.Append(nil))
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%v came back as %v, %v", got, again, err)
		}
	})
}
