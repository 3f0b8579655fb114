package pipeline

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/profile"
	"rapport/internal/soak"
	"rapport/internal/store/memory"
)

// Whoever asks for many at once hears of each what they would hear alone.
func TestKnown_SaysOfManyWhatProfileSaysOfEach(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	nobody := 0
	for seed := range uint64(soak.Worlds(6)) {
		r := rand.New(rand.NewPCG(seed, 31))
		w := newWorld(seed, 150)
		p := open(t, memory.New(), 1+r.IntN(4), 1+r.IntN(40))
		facts := w.shuffled(r)
		play(t, p, facts[:len(facts)/2], 20) // some are known, some are not
		for _, c := range operatorWords(r, w, 1+r.IntN(6)) {
			sayIdentity(t, p, c)
		}
		ids := append([]event.Identifier{{Namespace: event.UserID, Value: "never seen"}}, w.ids...)
		ids = append(ids, w.ids...)      // the same again
		var records [][]event.Identifier // of one to three identifiers, who belong together or not
		for rest := ids; len(rest) > 0; {
			n := min(1+r.IntN(3), len(rest))
			records, rest = append(records, rest[:n]), rest[n:]
		}
		known, err := p.Known(ctx, records)
		views := slices.Concat(known...)
		if err != nil || len(views) != len(ids) {
			t.Fatalf("seed %d: %d answers for %d: %v", seed, len(views), len(ids), err)
		}
		for i, ident := range ids {
			want, err := p.Profile(ctx, ident.String(), ProfileOptions{Bare: true})
			if fault.KindOf(err) == fault.NotFound {
				if nobody++; views[i] != nil {
					t.Errorf("seed %d: %s is known as %s, alone as nobody", seed, ident, views[i].ID)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			want.Computed = profile.Computed{} // nobody asks for it here
			g, _ := json.Marshal(views[i])
			x, _ := json.Marshal(want)
			if string(g) != string(x) {
				t.Errorf("seed %d, %s: %s", seed, ident, diff(string(g), string(x)))
			}
		}
		closeNow(t, p)
	}
	if nobody == 0 {
		t.Error("somebody is known by every identifier: nothing was tried of those who are not")
	}
}
