package observed_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/event/observed"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
)

func value(t testing.TB, text string) jsondoc.Value {
	t.Helper()
	doc, err := jsondoc.Parse([]byte(text), jsondoc.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}

func who(i int) id.Key { return id.KeyOf("user_id", fmt.Sprint(i)) }

var order = observed.Name{Type: "track", Name: "Order Completed"}

func TestView_TellsFillRatesTypesAndTheSchema(t *testing.T) {
	t.Parallel()
	var s observed.Source
	for i := range 100 {
		text := fmt.Sprintf(`{"total":%d.5,"count":%d,"email":"a%d@example.org","at":"2026-01-02T03:04:05Z","note":null,"lines":[{"a":1}],"shop":{"id":"s%d","city":"Ulm"}`, i, i, i, i%4)
		if i%4 == 0 {
			text += `,"coupon":"X"`
		}
		s.Named(order).See(value(t, text+"}"), clock.Instant(i+1), "", who(i))
	}
	v := s.Events[order.Key()].View()
	if v.Count != 100 || v.Observed != 100 || v.First != 1 || v.Last != 100 {
		t.Errorf("%+v", v)
	}
	got := map[string]observed.FieldView{}
	for _, f := range v.Fields {
		got[f.Path] = f
	}
	for path, want := range map[string]observed.FieldView{
		"total": {FillRate: 1, Types: []string{"number"}}, "count": {FillRate: 1, Types: []string{"integer"}},
		"email": {FillRate: 1, Types: []string{"string"}, Format: "email"}, "at": {FillRate: 1, Types: []string{"string"}, Format: "date-time"},
		"note": {Types: []string{"null"}}, "lines": {FillRate: 1, Types: []string{"array"}}, "coupon": {FillRate: 0.25, Types: []string{"string"}},
		"shop": {FillRate: 1, Types: []string{"object"}}, "shop.city": {FillRate: 1, Types: []string{"string"}},
	} {
		f := got[path]
		if f.FillRate != want.FillRate || !reflect.DeepEqual(f.Types, want.Types) || f.Format != want.Format {
			t.Errorf("%s: %+v, want %+v", path, f, want)
		}
	}
	if n := got["email"].Distinct; n < 70 || n > 130 {
		t.Errorf("about %d different addresses, there were 100", n)
	}
	if n := got["shop.id"].Distinct; n != 4 {
		t.Errorf("%d different shops, there were 4", n)
	}
	schema, err := json.Marshal(v.Schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"required":["at","count","email","lines","note","shop","total"]`, `"coupon":{"type":"string"}`, `"city":{"type":"string"}`} {
		if !strings.Contains(string(schema), part) {
			t.Errorf("%s lacks %s", schema, part)
		}
	}
}

// Property: sketches added together, in any grouping, are those of all events.
func TestMerge_AddsInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 7))
		var whole observed.Source
		parts := make([]observed.Source, 3)
		for i := range 120 {
			name := observed.Name{Type: "track", Name: fmt.Sprint("E", r.IntN(4))}
			text := fmt.Sprintf(`{"a":%d,"b%d":"x"}`, r.IntN(9), r.IntN(3))
			for _, s := range []*observed.Source{&whole, &parts[r.IntN(3)]} {
				s.Take(clock.Instant(i + 1))
				s.Named(name).See(value(t, text), clock.Instant(i+1), "", who(i))
				if i%5 == 0 {
					s.Violate(name, []string{"/a: type"}, i%2 == 0, clock.Instant(i))
					s.Reject("bot", 1)
				}
			}
		}
		var a, b observed.Source
		a.Merge(&parts[0])
		a.Merge(&parts[1])
		a.Merge(&parts[2])
		parts[2].Merge(&parts[1])
		b.Merge(&parts[2])
		b.Merge(&parts[0])
		want, _ := json.Marshal(&whole)
		for _, s := range []*observed.Source{&a, &b} {
			if got, _ := json.Marshal(s); string(got) != string(want) {
				t.Fatalf("seed %d:\n%s\n%s", seed, got, want)
			}
		}
		var back observed.Source
		if err := json.Unmarshal(want, &back); err != nil {
			t.Fatal(err)
		} else if again, _ := json.Marshal(&back); string(again) != string(want) {
			t.Fatalf("seed %d: written and read it is another: %s", seed, again)
		}
	}
}

func TestSource_KeepsNoValueAndIsBounded(t *testing.T) {
	t.Parallel()
	var s observed.Source
	for i := range 1000 {
		name := observed.Name{Type: "track", Name: fmt.Sprint("Event ", i)}
		e := s.Named(name)
		if e == nil {
			s.Beyond++
			continue
		}
		e.See(value(t, `{"ada@example.org":1,"491701234567":2,"by":{"ada@example.org":"secret value"}}`), 1, "", who(0))
	}
	e := s.Named(order)
	if len(s.Events) != observed.MaxTypes || s.Beyond != 500 || e != nil {
		t.Fatalf("%d kinds, %d beyond", len(s.Events), s.Beyond)
	}
	wide := s.Events["track Event 0"]
	for i := range 500 {
		text := "{"
		for j := range 100 {
			text += fmt.Sprintf(`"m%s%s":1,`, strings.Repeat("x", i%50), strings.Repeat("y", j))
		}
		wide.See(value(t, strings.TrimSuffix(text, ",")+"}"), 1, "", who(0))
	}
	if len(wide.Fields) > observed.MaxFields || !wide.Beyond {
		t.Errorf("%d members", len(wide.Fields))
	}
	text, err := json.Marshal(&s)
	if err != nil || strings.Contains(string(text), "ada@") || strings.Contains(string(text), "secret") || strings.Contains(string(text), "49170") {
		t.Errorf("values are kept (%v)", err)
	}
}

func TestSee_LooksAtAShareOfManyAndCountsAll(t *testing.T) {
	t.Parallel()
	var s observed.Source
	for i := range 20_000 {
		s.Named(order).See(value(t, `{"a":1}`), 1, fmt.Sprint("m-", i), who(i))
	}
	e := s.Events[order.Key()]
	if e.Count != 20_000 || e.Looked < 1_200 || e.Looked > 2_600 || e.Fields["a"].Count != e.Looked {
		t.Errorf("%d came, %d were looked at, %d had the member", e.Count, e.Looked, e.Fields["a"].Count)
	}
}

func BenchmarkSee(b *testing.B) {
	var s observed.Source
	v := value(b, `{"product_id":"sku-0001","name":"Lamp","category":"lighting","brand":"N","variant":"v","price":1.5,"quantity":1,"currency":"EUR"}`)
	ids := [64]string{}
	for i := range ids {
		ids[i] = fmt.Sprint("message-", i)
	}
	i := 0
	for b.Loop() {
		i++
		s.Take(1)
		s.Named(order).See(v, 1, ids[i%len(ids)], who(1))
	}
}

func TestKept_LeavesOutWhatFewPeopleHad(t *testing.T) {
	t.Parallel()
	var s observed.Source
	for i := range 3 {
		s.Named(order).See(value(t, `{"a":1}`), 1, "", who(i))
		s.Named(observed.Name{Type: "track", Name: "Note about Ada"}).See(value(t, `{}`), 1, "", who(0))
		s.Violate(observed.Name{Type: "track", Name: "Note about Ada"}, nil, false, 1)
	}
	k := s.Kept()
	if len(k.Events) != 1 || k.Events[order.Key()] == nil || len(k.Violations) != 0 || k.Beyond != 3 {
		t.Errorf("%+v", k)
	}
	if len(s.Events) != 2 {
		t.Error("the copy changed what it is of")
	}
}
