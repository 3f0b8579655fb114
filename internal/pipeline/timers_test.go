package pipeline

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/id"
)

// Whatever is armed, moved and disarmed, what is due is what a map says.
func TestTimers_GiveWhatIsDue(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		timers, naive := newTimers(), map[id.Key]clock.Instant{}
		for step := range 400 {
			k := id.KeyOf("user_id", fmt.Sprint(r.IntN(60)))
			at := clock.Instant(r.IntN(50))
			timers.set(k, at)
			if naive[k] = at; at == 0 {
				delete(naive, k)
			}
			if step%20 > 0 {
				continue
			}
			now := clock.Instant(r.IntN(50))
			want := map[id.Bucket][]id.Key{}
			for k, at := range naive {
				if at <= now {
					want[k.Bucket()] = append(want[k.Bucket()], k)
				}
			}
			waits := timers.waiting(now)
			if len(waits) != len(want) || !slices.IsSortedFunc(waits, func(x, y wait) int { return int(x.since - y.since) }) {
				t.Fatalf("seed %d: %d buckets wait as %v, want %d", seed, len(waits), waits, len(want))
			}
			for b := range maps.Keys(want) {
				seen := map[id.Key]bool{}
				for _, k := range timers.due(b, now) {
					seen[k] = true
				}
				if len(seen) != len(want[b]) {
					t.Fatalf("seed %d: %d timers are due, want %d", seed, len(seen), len(want[b]))
				}
				var got []timer
				for most := 1 + r.IntN(3); ; {
					some := timers.take(b, now, most)
					if len(some) > most {
						t.Fatalf("seed %d: %d timers are taken, no more than %d are wanted", seed, len(some), most)
					}
					if got = append(got, some...); len(some) == 0 {
						break
					}
				}
				got = slices.Compact(got) // one that is armed twice comes twice
				for i, x := range got {
					if naive[x.key] != x.at || x.at > now || i > 0 && got[i-1].at > x.at || !seen[x.key] {
						t.Fatalf("seed %d: %s comes at %d, where it is %d", seed, x.key, i, naive[x.key])
					}
				}
				if len(got) != len(want[b]) {
					t.Fatalf("seed %d: %d timers are taken, want %d", seed, len(got), len(want[b]))
				}
				for i, x := range got {
					switch i % 3 {
					case 0:
						timers.set(x.key, now+5)
						naive[x.key] = now + 5
					case 1:
						timers.set(x.key, 0)
						delete(naive, x.key)
					}
					timers.keep(x)
				}
			}
		}
	}
}
