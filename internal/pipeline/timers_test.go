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
				got := timers.due(b, now)
				for _, k := range want[b] {
					if !slices.Contains(got, k) {
						t.Fatalf("seed %d: %s is due at %d and not given", seed, k, naive[k])
					}
				}
				for i, k := range got {
					if naive[k] == 0 || naive[k] > now || i > 0 && naive[got[i-1]] > naive[k] {
						t.Fatalf("seed %d: %s comes at %d, where it is %d", seed, k, i, naive[k])
					}
				}
			}
		}
	}
}
