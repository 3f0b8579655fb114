package catalog_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
)

func stampGen() *rapid.Generator[catalog.Stamp] {
	return rapid.Custom(func(t *rapid.T) catalog.Stamp {
		return catalog.Stamp{
			Time:     clock.Instant(rapid.IntRange(1, 6).Draw(t, "time")) * 1_000_000,
			Priority: rapid.Uint8Range(0, 1).Draw(t, "priority"),
			Short:    rapid.Uint64Range(1, 2).Draw(t, "short"),
		}
	})
}

func portionGen(kind catalog.Kind) *rapid.Generator[catalog.Portion] {
	return rapid.Custom(func(t *rapid.T) catalog.Portion {
		p := catalog.Portion{
			Kind: kind, ID: "x", Stamp: stampGen().Draw(t, "stamp"), Source: rapid.SampledFrom([]string{"web", "shop"}).Draw(t, "source"),
			Op: rapid.SampledFrom([]catalog.Op{catalog.Merge, catalog.Merge, catalog.Merge, catalog.Put, catalog.Delete}).Draw(t, "op"),
		}
		if p.Op == catalog.Delete {
			return p
		}
		for _, name := range []string{"currency", "f:a", "f:b", "purchased", "total"} {
			if rapid.Bool().Draw(t, "has "+name) {
				value := map[string]string{"currency": `"EUR"`, "purchased": "true"}[name]
				if value == "" {
					value = fmt.Sprint(rapid.IntRange(0, 3).Draw(t, name))
				}
				p.Fields = append(p.Fields, catalog.Field{Name: name, Value: value})
			}
		}
		switch kind {
		case catalog.Order:
			for range rapid.IntRange(0, 2).Draw(t, "refunds") {
				p.Refunds = append(p.Refunds, catalog.Refund{
					ID: rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "refund"), Stamp: p.Stamp,
					Amount: rapid.SampledFrom([]string{"", "1.5", "2"}).Draw(t, "amount"),
				})
			}
		case catalog.Cart:
			p.CartOps = []catalog.CartOp{{
				Stamp: p.Stamp, Verb: catalog.CartVerb(rapid.IntRange(1, 6).Draw(t, "verb")),
				Lines: fmt.Sprintf(`[{"product_id":"p%d","quantity":%d}]`, rapid.IntRange(1, 2).Draw(t, "product"), rapid.IntRange(1, 3).Draw(t, "quantity")),
			}}
		case catalog.Account:
			p.Customer = event.Identifier{Namespace: "user_id", Value: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "member")}
		}
		return p
	})
}

func shown(t *rapid.T, e *catalog.Entity) string {
	b, err := json.Marshal(e.View(nil))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%v %s", e.Exists(), b)
}

// Whatever the order, the doubles, the grouping and the writing in between,
// the same portions give the same bytes.
func TestEntity_DependsOnTheSetOfPortionsAlone(t *testing.T) {
	t.Parallel()
	for _, kind := range []catalog.Kind{catalog.Order, catalog.Cart, catalog.Item, catalog.Account} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				portions := rapid.SliceOfN(portionGen(kind), 1, 12).Draw(t, "portions")
				want := catalog.NewEntity(kind, "x")
				for i := range portions {
					want.Apply(&portions[i])
				}
				seed := rapid.Uint64().Draw(t, "seed")
				r := rand.New(rand.NewPCG(seed, 1))
				all := append(slices.Clip(portions), portions[:len(portions)/2]...)
				r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })

				left, right := catalog.NewEntity(kind, "x"), catalog.NewEntity(kind, "x")
				parts := [][]byte{left.AppendFull(nil)}
				for i := range all {
					if r.IntN(3) == 0 {
						right.Apply(&all[i])
						continue
					}
					left.Apply(&all[i])
					if r.IntN(2) == 0 {
						parts = append(parts, left.AppendChanges(nil))
					}
				}
				parts = append(parts, left.AppendChanges(nil))
				got, err := catalog.Decode(parts)
				if err != nil {
					t.Fatal(err)
				}
				if got.Changed() {
					t.Fatal("a state just read has changes")
				}
				got.Merge(right)
				if a, b := shown(t, got), shown(t, want); a != b {
					t.Fatalf("got  %s\nwant %s", a, b)
				}
			})
		})
	}
}

// What an entity tells of itself is all that it knows, but for refunds.
func TestPortions_MakeTheEntityAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []catalog.Kind{catalog.Order, catalog.Cart, catalog.Item} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				portions := rapid.SliceOfN(portionGen(kind), 1, 12).Draw(t, "portions")
				e, again := catalog.NewEntity(kind, "x"), catalog.NewEntity(kind, "x")
				for i := range portions {
					portions[i].Refunds = nil
					e.Apply(&portions[i])
				}
				told := e.Portions()
				slices.Reverse(told)
				for i := range told {
					again.Apply(&told[i])
				}
				if a, b := shown(t, again), shown(t, e); a != b {
					t.Fatalf("got  %s\nwant %s", a, b)
				}
			})
		})
	}
}

// Two things said with the same stamp are told apart by what they say.
func TestEntity_DecidesEqualStampsByTheValue(t *testing.T) {
	t.Parallel()
	s := catalog.Stamp{Time: 5, Short: 1}
	portions := []catalog.Portion{
		{Kind: catalog.Order, ID: "x", Stamp: s, Fields: []catalog.Field{{Name: "f:a", Value: "1"}}, Refunds: []catalog.Refund{{ID: "r", Stamp: s, Amount: "1"}}},
		{Kind: catalog.Order, ID: "x", Stamp: s, Fields: []catalog.Field{{Name: "f:a", Value: "2"}}, Refunds: []catalog.Refund{{ID: "r", Stamp: s, Amount: "2"}}},
	}
	var views [2]string
	for i := range views {
		e := catalog.NewEntity(catalog.Order, "x")
		e.Apply(&portions[i])
		e.Apply(&portions[1-i])
		b, err := json.Marshal(e.View(nil))
		if err != nil {
			t.Fatal(err)
		}
		views[i] = string(b)
	}
	if views[0] != views[1] {
		t.Fatalf("%s\n%s", views[0], views[1])
	}
	for _, ops := range [][2]catalog.Op{{catalog.Put, catalog.Delete}, {catalog.Delete, catalog.Put}} {
		e := catalog.NewEntity(catalog.Order, "x")
		e.Apply(&catalog.Portion{Kind: catalog.Order, ID: "x", Stamp: s, Op: ops[0]})
		e.Apply(&catalog.Portion{Kind: catalog.Order, ID: "x", Stamp: s, Op: ops[1]})
		if e.Exists() {
			t.Fatalf("after %v the order is there", ops)
		}
	}
}

func TestAppendChanges_WritesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	e := catalog.NewEntity(catalog.Order, "x")
	p := catalog.Portion{Kind: catalog.Order, ID: "x", Stamp: catalog.Stamp{Time: 5, Short: 1}}
	for i := range 20 {
		p.Fields = append(p.Fields, catalog.Field{Name: fmt.Sprintf("f:%02d", i), Value: `"a value"`})
	}
	e.Apply(&p)
	if !e.Changed() {
		t.Fatal("a portion changed nothing")
	}
	full := len(e.AppendChanges(nil))
	e.Apply(&p)
	if e.Changed() {
		t.Fatal("the same portion changed something again")
	}
	e.Apply(&catalog.Portion{Kind: catalog.Order, ID: "x", Stamp: catalog.Stamp{Time: 6, Short: 2}, Fields: []catalog.Field{{Name: "f:07", Value: "1"}}})
	if n := len(e.AppendChanges(nil)); n > 40 || full < 200 {
		t.Fatalf("one field takes %d bytes, all take %d", n, full)
	}
}

func TestSummary_LeavesOutWhatAProfileDoesNotNeed(t *testing.T) {
	t.Parallel()
	s := catalog.Stamp{Time: 5, Short: 1}
	p := catalog.Portion{
		Kind: catalog.Order, ID: "x", Stamp: s,
		Fields:  []catalog.Field{{Name: "f:a", Value: "1"}, {Name: "lines", Value: `[{"product_id":"a"}]`}, {Name: "total", Value: "3"}},
		Refunds: []catalog.Refund{{ID: "r", Stamp: s, Lines: "[{}]"}},
		CartOps: []catalog.CartOp{{Stamp: s, Verb: catalog.CartAdd, Lines: `[{"deep":{"x":1},"product_id":"a","quantity":2}]`}},
	}
	got := p.Summary()
	want := []catalog.Field{{Name: "lines", Value: "[]"}, {Name: "total", Value: "3"}}
	if !slices.Equal(got.Fields, want) || got.Refunds[0].Lines != "" || got.CartOps[0].Lines != `[{"product_id":"a","quantity":2}]` {
		t.Fatalf("got %+v", got)
	}
	if p.Refunds[0].Lines == "" || len(p.Fields) != 3 {
		t.Fatal("the portion itself changed")
	}
}

func TestEntity_KeepsTheNewestStepsOfACart(t *testing.T) {
	t.Parallel()
	const extra = 20
	portion := func(i int) catalog.Portion {
		s := catalog.Stamp{Time: clock.Instant(i + 1), Short: uint64(i)}
		return catalog.Portion{Kind: catalog.Cart, ID: "c", Stamp: s, CartOps: []catalog.CartOp{
			{Stamp: s, Verb: catalog.CartAdd, Lines: `[{"product_id":"p","quantity":1}]`},
		}}
	}
	var views [2]string
	for round := range views {
		e := catalog.NewEntity(catalog.Cart, "c")
		for i := range catalog.MaxCartOps + extra {
			if round == 1 {
				i = catalog.MaxCartOps + extra - 1 - i
			}
			p := portion(i)
			e.Apply(&p)
		}
		v, ok := e.View(nil).(*catalog.CartView)
		if !ok || !v.Truncated {
			t.Fatalf("view %+v is not truncated", v)
		}
		views[round] = string(v.Lines)
	}
	if want := fmt.Sprintf(`[{"product_id":"p","quantity":%d}]`, catalog.MaxCartOps); views[0] != want || views[1] != want {
		t.Fatalf("got %v, want %s", views, want)
	}
}
