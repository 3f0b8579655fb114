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
		want := shape(sessionsOf(items, now))
		r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		sessions := sessionsOf(items, now)
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
			if s.closed != (s.forced || now.Sub(s.ended) > SessionTimeout) {
				t.Fatalf("closed %v at %d, ended %d", s.closed, now, s.ended)
			}
		}
	}
}

func someItems(r *rand.Rand) []profile.Item {
	types := []string{typeView, typeAdd, typeCheckout, typeForceClose, "X"}
	items := make([]profile.Item, 1+r.IntN(30))
	for i := range items {
		items[i] = profile.Item{
			MessageID: fmt.Sprintf("m%02d", i), Type: "track", Name: types[r.IntN(len(types))], Channel: "web",
			Time:       clock.Instant(1<<40) + clock.Instant(r.Int64N(int64(8*time.Hour/time.Microsecond))),
			Context:    json.RawMessage(fmt.Sprintf(`{"browser_id":"b%d"}`, r.IntN(3))),
			Properties: json.RawMessage(`{"pos":"p"}`),
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
			if string(sorted[j].Context) == string(sorted[i].Context) {
				begins = sorted[j].Name == typeForceClose || sorted[i].Time.Sub(sorted[j].Time) > SessionTimeout
				break
			}
		}
		if begins {
			n++
		}
	}
	return n
}
