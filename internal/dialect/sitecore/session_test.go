package sitecore

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/profile"
)

// TestSessions_AreTheSameInWhateverOrderTheEventsCame compares with a slow
// count: a session of a browser begins where the event before is too long ago
// or closed it.
func TestSessions_AreTheSameInWhateverOrderTheEventsCame(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		items := someItems(r)
		now := clock.Instant(1<<40) + clock.Instant(r.Int64N(int64(10*time.Hour/time.Microsecond)))
		want := shape(sessionsOf(items, now, someTimeouts))
		r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		sessions := sessionsOf(items, now, someTimeouts)
		if got := shape(sessions); got != want {
			t.Fatalf("shuffled\n%s\nwant\n%s", got, want)
		}
		if got, want := len(sessions), naive(items); got != want {
			t.Fatalf("%d sessions, want %d of %v", got, want, items)
		}
		for _, s := range sessions {
			n, cart := s.counts()
			if (cart == cartConverted) != (n["checkouts"] > 0) || (cart == cartAbandoned) != (n["adds"] > 0 && n["checkouts"] == 0) {
				t.Fatalf("%v is %s", n, cart)
			}
			if s.closed != (s.forced || now.Sub(s.ended) > someTimeouts("shop", s.pos)) {
				t.Fatalf("closed %v at %d, ended %d", s.closed, now, s.ended)
			}
		}
	}
}

// someTimeouts are of two points of sale.
func someTimeouts(source, pos string) time.Duration {
	if source == "shop" && pos == "p1" {
		return 45 * time.Minute
	}
	return 20 * time.Minute
}

func someItems(r *rand.Rand) []profile.Item {
	types := []string{typeView, typeAdd, typeCheckout, typeForceClose, "X"}
	items := make([]profile.Item, 1+r.IntN(30))
	for i := range items {
		items[i] = profile.Item{
			MessageID: fmt.Sprintf("m%02d", i), Type: "track", Name: types[r.IntN(len(types))], Channel: "web",
			Time:       clock.Instant(1<<40) + clock.Instant(r.Int64N(int64(8*time.Hour/time.Microsecond))),
			Context:    json.RawMessage(fmt.Sprintf(`{"browser_id":"b%d"}`, r.IntN(3))),
			Properties: json.RawMessage(fmt.Sprintf(`{"pos":"p%d"}`, r.IntN(2))), Source: "shop",
		}
	}
	return items
}

func shape(all []*session) string {
	out := ""
	for _, s := range all {
		out += fmt.Sprint(s.ref(), s.browser, s.started, s.ended, s.forced, s.closed, len(s.items), "\n")
	}
	return out
}

func naive(items []profile.Item) int {
	sorted := slices.Clone(items)
	slices.SortFunc(sorted, func(a, b profile.Item) int { return int(a.Time - b.Time) })
	n := 0
	for i := range sorted {
		begins := true
		for j := i - 1; j >= 0; j-- {
			if string(sorted[j].Context) == string(sorted[i].Context) && string(sorted[j].Properties) == string(sorted[i].Properties) {
				begins = sorted[j].Name == typeForceClose || sorted[i].Time.Sub(sorted[j].Time) > someTimeouts("shop", memberText(sorted[i].Properties, "pos"))
				break
			}
		}
		if begins {
			n++
		}
	}
	return n
}

// What names no point of sale goes on where the browser was; else the source
// says where it is.
func TestSessions_WithoutAPointOfSaleAreAtTheSourcesOwn(t *testing.T) {
	t.Parallel()
	at := func(minute int, properties, context string) profile.Item {
		return profile.Item{
			MessageID: fmt.Sprint(minute), Type: "track", Name: "X", Channel: "web", Source: "shop", Time: clock.Instant(1<<40) + clock.Instant(time.Duration(minute)*time.Minute/time.Microsecond),
			Context: json.RawMessage(context), Properties: json.RawMessage(properties),
		}
	}
	const own = `{"browser_id":"b","point_of_sale":"p1"}`
	got := ""
	for _, s := range sessionsOf([]profile.Item{
		at(0, `{}`, own), at(40, `{"pos":"p1"}`, own), // at the source's own, for 45 minutes
		at(50, `{"pos":"p0"}`, own), at(60, `{}`, own), // goes on at p0
		at(82, `{}`, own), // p0 is over, p1 is not: it was silent for 42 minutes
		at(140, `{}`, `{"browser_id":"b"}`),
	}, 1<<50, someTimeouts) {
		got += fmt.Sprint(s.pos, ":", len(s.items), " ")
	}
	if got != ":1 p0:2 p1:3 " {
		t.Errorf("got %q", got)
	}
}
