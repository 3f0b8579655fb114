package profile_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/profile/golden"
)

// claims are sayings of one trait, as a naive model reads them.
type claim struct {
	Source, Value string
	Time          clock.Instant
}

// naiveFrequent finds the most frequent value by reading all that was said.
func naiveFrequent(claims []claim) (value string, counted bool) {
	counts, latest, different := map[string]int{}, map[string]clock.Instant{}, map[string]map[string]bool{}
	for _, c := range claims {
		if different[c.Source] == nil {
			different[c.Source] = map[string]bool{}
		}
		different[c.Source][c.Value] = true
		counts[c.Value]++
		latest[c.Value] = max(latest[c.Value], c.Time)
	}
	for _, values := range different {
		if len(values) > profile.MaxValues {
			return naiveLatest(claims), false
		}
	}
	for v := range counts {
		if value == "" || counts[v] > counts[value] || counts[v] == counts[value] && latest[v] > latest[value] {
			value = v
		}
	}
	return value, true
}

func naiveLatest(claims []claim) string {
	best := claims[0]
	for _, c := range claims {
		if c.Time > best.Time {
			best = c
		}
	}
	return best.Value
}

func TestMostFrequent_EqualsANaiveCount(t *testing.T) {
	t.Parallel()
	worlds, uncounted, held := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		worlds++
		n := rapid.IntRange(1, 80).Draw(t, "events")
		different := rapid.IntRange(1, 30).Draw(t, "different")
		var events []said
		var claims []claim
		for i := range n {
			c := claim{
				rapid.SampledFrom([]string{"web", "crm"}).Draw(t, "source"),
				fmt.Sprintf(`"v%02d"`, rapid.IntRange(1, different).Draw(t, "value")),
				clock.Instant(1_700_000_000_000_000 + int64(i)*1_000_000),
			}
			claims = append(claims, c)
			events = append(events, said{Type: "identify", MessageID: fmt.Sprint(i), Time: c.Time, Source: c.Source, Traits: raw(`{"city":%s}`, c.Value)})
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		r.Shuffle(n, func(i, j int) { events[i], events[j] = events[j], events[i] })
		cut := r.IntN(n + 1)
		v := profile.Assemble(nil, []*profile.Partial{fold(t, events[:cut]...), fold(t, events[cut:]...)}, profile.Options{
			Lineage: true, Rules: ruled(golden.MostFrequent),
		})
		want, counted := naiveFrequent(claims)
		if !counted {
			uncounted++
		}
		if want != naiveLatest(claims) {
			held++
		}
		l := v.Lineage.Traits["city"]
		if string(v.Traits["city"]) != want || l.Fallback == counted {
			t.Fatalf("got %s (fallback %v), want %s of %v", v.Traits["city"], l.Fallback, want, claims)
		}
	})
	if uncounted == 0 || held == 0 {
		t.Errorf("of %d worlds %d had too many values and in %d the most frequent was not the latest", worlds, uncounted, held)
	}
}

// Whatever is not counted any more is not counted in any order.
func TestValues_EndToBeCountedInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"as many as are counted": {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "1", "2"},
		"one too many":           {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "1", "2"},
		"one too long":           {"1", `"` + strings.Repeat("x", profile.MaxCountedBytes) + `"`, "1"},
	} {
		var events []said
		for i, v := range values {
			events = append(events, said{
				Type: "identify", MessageID: fmt.Sprint(i), Time: clock.Instant(1_700_000_000_000_000 + int64(i)), Traits: raw(`{"n":%s}`, v),
			})
		}
		want := shown(t, fold(t, events...))
		counted := strings.Contains(want, `"count":`+"2")
		if counted != strings.HasPrefix(name, "as many") {
			t.Errorf("%s: counted is %v", name, counted)
		}
		r := rand.New(rand.NewPCG(5, 6))
		for range 20 {
			r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			k := r.IntN(len(events))
			if got := shown(t, fold(t, events[:k]...), fold(t, events[k:]...)); got != want {
				t.Fatalf("%s:\ngot  %s\nwant %s", name, got, want)
			}
		}
	}
}

// Where traits were dropped, a count could depend on what was dropped when:
// nothing is counted then.
func TestValues_AreNotCountedWhereTraitsAreMissing(t *testing.T) {
	t.Parallel()
	var events []said
	for i := range profile.MaxTraits + 20 {
		events = append(events, said{
			Type: "identify", MessageID: fmt.Sprint(i), Time: clock.Instant(1_700_000_000_000_000 + int64(i)),
			Traits: raw(`{"t%d":%d}`, i%(profile.MaxTraits+5), i),
		})
	}
	want := shown(t, fold(t, events...))
	if strings.Contains(want, `"count":2`) {
		t.Error("a value is counted")
	}
	r := rand.New(rand.NewPCG(8, 9))
	for range 3 {
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if got := shown(t, fold(t, events[:700]...), fold(t, events[700:]...)); got != want {
			t.Fatal("another order shows something else")
		}
	}
}

// Of each kind the first contact points in byte order stay; a kind with many
// takes no place from the others.
func TestContacts_BoundsDropTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	var events []said
	for i := range profile.MaxContacts + 30 {
		events = append(events, said{
			Type: "identify", MessageID: fmt.Sprint(i), Time: clock.Instant(1_700_000_000_000_000 + int64(i)),
			Traits: raw(`{"address":{"street":"%03d"},"email":"a%d@x.io"}`, i, i%3),
		})
	}
	p := fold(t, events...)
	want := shown(t, p)
	if n := len(computed(t, p).ContactPoints); n != profile.MaxContacts+3 {
		t.Errorf("%d contact points", n)
	}
	r := rand.New(rand.NewPCG(2, 3))
	for range 3 {
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if got := shown(t, fold(t, events[:60]...), fold(t, events[60:]...)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// A row of the first version is read as if each value had been said once.
func TestDecode_ReadsTheFirstVersion(t *testing.T) {
	t.Parallel()
	const full = "010201010000000080d1ca0880a4e803d00f80a4e8030000ff030305656d61696c0080ade2046b86b273ff34fce100037765620a2261646140782e696f22030570686f6e650106222b343931220304706c616e01052270726f220100c096b1028092f401020101013100060863757272656e63790080a4e803d4735e3a265e16ee000473686f7005224555522208637573746f6d657201237b226e616d657370616365223a22757365725f6964222c2276616c7565223a2261227d0970757263686173656401047472756506737461747573010b22707572636861736564220474696d65011a22313937302d30312d30315430303a30303a30392e3030305a2205746f74616c010135000001020000010863757272656e63790105224555522200010106000131010f4f7264657220436f6d706c6574656480d1ca080001010377656280ade2040001010461636d6580ade204000102096561646140782e696f80ade204000105702b34393180ade2040001"
	const changes = "010301020000000080e3be0a80b6dc05d00f80b6dc05000031020305656d61696c0080e3be0a4e07408562bedb8b00037765620a2262656140782e696f220304706c616e01062266726565220100c096b102809bee020302096561646140782e696f80e3be0a809bee0202096562656140782e696f80e3be0a0001"
	var parts [][]byte
	for _, text := range []string{full, changes} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, b)
	}
	p := decode(t, parts, nil)
	first := said{Type: "identify", MessageID: "1", Time: 5_000_000, Channel: "web", GroupID: "acme", Traits: raw(`{"phone":"+491"}`)}
	order := said{Type: "track", Name: "Order Completed", MessageID: "2", Time: 9_000_000, Source: "shop", Properties: raw(`{"order_id":"1","total":5,"currency":"EUR"}`)}
	last := said{Type: "identify", MessageID: "3", Time: 11_000_000, Traits: raw(`{"email":"bea@x.io","plan":"free"}`)}
	e := last.event(t)
	e.Identifiers = append(e.Identifiers, event.Identifier{Namespace: event.Email, Value: "ada@x.io"})
	want := fold(t, first, order)
	want.Fold(e, input(e))
	got, fresh := profile.Assemble(nil, []*profile.Partial{p}, profile.Options{}), profile.Assemble(nil, []*profile.Partial{want}, profile.Options{})
	if !sameJSON(t, got.Traits, fresh.Traits) || got.Computed.EventCount != 3 || got.Computed.OrderTotal["EUR"] != "5" {
		t.Errorf("got %+v", got)
	}
	c := got.Computed.ContactPoints
	if len(c) != 3 || c[0].Value != "ada@x.io" || c[0].Count != 2 || c[0].Source != "" || c[0].Verified || c[0].LastSeen != 11_000_000 {
		t.Errorf("contact points %+v", c)
	}
	if again := decode(t, [][]byte{p.AppendFull(nil)}, nil); shown(t, again) != shown(t, p) {
		t.Error("written in today's version it is another")
	}
}
