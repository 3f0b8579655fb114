package profile_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
)

func saidGen() *rapid.Generator[said] {
	pick := func(t *rapid.T, label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	return rapid.Custom(func(t *rapid.T) said {
		s := said{
			Time:      clock.Instant(1_700_000_000_000_000) + clock.Instant(rapid.IntRange(0, 60).Draw(t, "time"))*600_000_000,
			MessageID: "", Source: pick(t, "source", "web", "app"), Channel: pick(t, "channel", "", "web", "mobile"),
			Anchor: pick(t, "anchor", "a", "b"), Verified: rapid.Bool().Draw(t, "verified"), Type: pick(t, "type", "track", "track", "track", "identify", "page", "group"),
		}
		s.Context = raw(`{"locale":%q,"timezone":"Asia/Kathmandu","device":{"type":%q,"id":1},"page":{"referrer":%q,"url":"https://shop/x"},"campaign":{%s}}`,
			pick(t, "locale", "", "de", "en"), pick(t, "device", "ios", "android"),
			pick(t, "referrer", "", "https://shop/", "https://news/a"), pick(t, "campaign", ``, `"name":"x","source":"y"`, `"source":"y","name":"x"`))
		order := pick(t, "order", "o1", "o2")
		switch s.Type {
		case "identify":
			s.Traits = raw(`{"plan":%s,"n":%s,"many":%d,"email":%q,"address":{"city":%q},"twitter":%q,"loyalty":{"points":%s}}`,
				pick(t, "plan", `"free"`, `"pro"`, `null`, `true`), pick(t, "n", `1`, `1.0`, `"1"`, `{"b":1,"a":2}`, `{"a":2, "b":1}`),
				rapid.IntRange(0, 15).Draw(t, "many"), pick(t, "email", "A@x.io", "b@x.io"), pick(t, "city", "Ulm", "Bonn"),
				pick(t, "handle", "@ada", "bea", ""), pick(t, "points", "5", `"7.50"`, "null"))
		case "group":
			s.GroupID = pick(t, "group", "g1", "g2")
		case "track":
			s.Name = pick(t, "name", "Clicked", "Order Completed", "Order Refunded", "Order Cancelled", "Product Added", "Product Removed", "Cart Viewed",
				"Email Opened", "Email Delivered", "Loyalty Points Earned", "Loyalty Points Redeemed", "Loyalty Tier Changed", "Loyalty Joined")
			s.Properties = raw(`{"order_id":%q,%s"product_id":"p%s","quantity":2,"price":3.10,"refund_id":%q,"points":0.1,"tier":%q}`, order,
				pick(t, "total", ``, `"total":10.05,`, `"total":"7",`), pick(t, "product", "1", "2"), pick(t, "refund", "r1", "r2"), pick(t, "tier", "gold", "silver"))
			if s.Name == "Cart Viewed" {
				s.Properties = raw(`{"products":[{"product_id":"p1","price":1}]}`)
			}
		}
		return s
	})
}

func draw(t *rapid.T, n int) []said {
	events := rapid.SliceOfN(saidGen(), 1, n).Draw(t, "events")
	for i := range events {
		events[i].MessageID = fmt.Sprint("m", i)
	}
	return events
}

// In any order, divided between partials in any way, and written and read
// between any two steps, the same events give the same bytes.
func TestPartial_DependsOnTheSetOfEventsAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := draw(t, 14)
		want := shown(t, fold(t, events...))
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 7))
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		names := profile.NewNames()
		const shares = 3
		var partials [shares]*profile.Partial
		for k := range partials {
			p := profile.New()
			var parts [][]byte
			for i, s := range events {
				if i%shares != k {
					continue
				}
				e := s.event(t)
				in := input(e)
				in.Names = names
				p.Fold(e, in)
				switch r.IntN(4) {
				case 0:
					parts = [][]byte{p.AppendFull(nil)}
				case 1:
					if len(parts) > 0 {
						parts = append(parts, p.AppendChanges(nil))
					}
				case 2:
					if len(parts) > 0 {
						parts = append(parts, p.AppendChanges(nil))
						p = decode(t, parts, names)
					}
				}
			}
			if len(parts) == 0 {
				parts = [][]byte{p.AppendFull(nil)}
			} else {
				parts = append(parts, p.AppendChanges(nil))
			}
			got := decode(t, parts, names)
			if a, b := shown(t, got), shown(t, p); a != b {
				t.Fatalf("read  %s\nfolded %s", a, b)
			}
			partials[k] = got
		}
		r.Shuffle(shares, func(i, j int) { partials[i], partials[j] = partials[j], partials[i] })
		if got := shown(t, partials[:]...); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func decode(t fataler, parts [][]byte, names *profile.Names) *profile.Partial {
	t.Helper()
	p, err := profile.Decode(parts, names)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if p.Changed() {
		t.Fatalf("a state just read has changes")
	}
	return p
}

// What a bound drops is the same whatever came first.
func TestPartial_BoundsDropTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	const n = profile.MaxNames + 60
	var events []said
	for i := range n {
		events = append(events, said{
			Type: "track", Name: fmt.Sprintf("event %03d", i), MessageID: fmt.Sprint(i), Channel: fmt.Sprintf("c%02d", i%70),
			Time: clock.Instant(1_700_000_000_000_000 + int64(i)*3_600_000_000*5),
		})
	}
	want := shown(t, fold(t, events...))
	r := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		r.Shuffle(n, func(i, j int) { events[i], events[j] = events[j], events[i] })
		if got := shown(t, fold(t, events[:n/2]...), fold(t, events[n/2:]...)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// The newest half hours stay, in memory and in what is written of them.
func TestPartial_KeepsTheNewestSessionsInAnyOrder(t *testing.T) {
	t.Parallel()
	const n = profile.MaxHalfHours + 150
	var events []said
	for i := range n {
		events = append(events, said{
			Type: "page", MessageID: fmt.Sprint(i), Time: clock.Instant(1_700_000_000_000_000 + int64(i)*3_600_000_000),
		})
	}
	want := shown(t, fold(t, events...))
	r := rand.New(rand.NewPCG(3, 4))
	r.Shuffle(n, func(i, j int) { events[i], events[j] = events[j], events[i] })
	p := profile.New()
	parts := [][]byte{p.AppendFull(nil)}
	for i, s := range events {
		e := s.event(t)
		p.Fold(e, input(e))
		if i%40 == 0 {
			parts = append(parts, p.AppendChanges(nil))
		}
	}
	parts = append(parts, p.AppendChanges(nil))
	if got := shown(t, p); got != want {
		t.Fatalf("folded %s\nwant   %s", got, want)
	}
	if got := shown(t, decode(t, parts, nil)); got != want {
		t.Fatalf("read %s\nwant %s", got, want)
	}
}

func TestPartial_CommandsMayComeBeforeOrAfterEvents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := draw(t, 6)
		base := events[0].Time
		change := catalog.Change{
			Kind: catalog.Order, ID: "o1", Op: rapid.SampledFrom([]catalog.Op{catalog.Merge, catalog.Put, catalog.Delete}).Draw(t, "op"),
			Time: base + 1, ChangeID: "c", Source: "api", Priority: 9, Document: []byte(`{"customer":"user_id:a","total":99,"currency":"EUR"}`),
		}
		portion, err := change.Portion()
		if err != nil {
			t.Fatal(err)
		}
		apply := func(before int) string {
			p := profile.New()
			for i, s := range events {
				if i == before {
					p.ApplyPortion(&portion)
				}
				e := s.event(t)
				p.Fold(e, input(e))
			}
			p.ApplyPortion(&portion)
			return shown(t, p)
		}
		if a, b := apply(0), apply(-1); a != b {
			t.Fatalf("first %s\nlast  %s", a, b)
		}
	})
}

func FuzzDecode(f *testing.F) {
	e := said{Type: "identify", MessageID: "m", Time: 5_000_000, Traits: raw(`{"email":"a@b.io","x":{"y":1}}`), Context: raw(`{"locale":"de"}`)}.event(f)
	p := profile.New()
	p.Fold(e, profile.Input{Short: id.Message("m"), Mapping: mapping})
	full := p.AppendFull(nil)
	o := said{Type: "track", Name: "Order Completed", MessageID: "o", Time: 9_000_000, Properties: raw(`{"order_id":"1","total":5}`)}.event(f)
	p.Fold(o, profile.Input{Short: id.Message("o"), Mapping: mapping})
	f.Add(full, p.AppendChanges(nil))
	f.Add([]byte{}, []byte{1})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, parts := range [][][]byte{{a}, {a, b}} {
			p, err := profile.Decode(parts, nil)
			if err != nil {
				continue
			}
			again, err := profile.Decode([][]byte{p.AppendFull(nil)}, nil)
			if err != nil {
				t.Fatalf("what was read cannot be read again: %v", err)
			}
			p.MemSize()
			if string(again.AppendFull(nil)) != string(p.AppendFull(nil)) {
				t.Fatal("writing what was read gives other bytes")
			}
		}
	})
}

func FuzzReadEntries(f *testing.F) {
	e := profile.Entry{Short: 7, Time: 5, Received: 9, Position: 3, Type: event.Track, Name: 1, Action: 2, Channel: 3, Class: 2}
	f.Add(profile.AppendEntry(nil, nil, &e))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out []byte
		var entries []profile.Entry
		if profile.ReadEntries(b, func(e *profile.Entry) bool { entries = append(entries, *e); return true }) != nil {
			return
		}
		var before *profile.Entry
		for i := range entries {
			out = profile.AppendEntry(out, before, &entries[i])
			before = &entries[i]
		}
		i := 0
		err := profile.ReadEntries(out, func(e *profile.Entry) bool {
			if *e != entries[i] {
				t.Fatalf("entry %d: got %+v, want %+v", i, *e, entries[i])
			}
			i++
			return true
		})
		if err != nil || i != len(entries) {
			t.Fatalf("read %d of %d entries: %v", i, len(entries), err)
		}
	})
}
