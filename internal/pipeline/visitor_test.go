package pipeline

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"rapport/internal/soak"
	"rapport/internal/store/memory"
)

// A decision that asks for nothing computed hears the same of everybody, also of
// those of whom nothing was known when they were asked about before.
func TestVisitor_BareIsTheSameWithoutWhatIsComputed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	nobody := 0
	for seed := range uint64(soak.Worlds(6)) {
		r := rand.New(rand.NewPCG(seed, 37))
		w := newWorld(seed, 150)
		exposed(w)
		p := open(t, memory.New(), 1+r.IntN(4), 1+r.IntN(40))
		facts := w.shuffled(r)
		for i := 0; i < len(facts); i += 100 {
			play(t, p, facts[i:min(i+100, len(facts))], 20)
			for _, ident := range w.ids {
				bare, err := p.Visitor(ctx, ident, true)
				if err != nil {
					t.Fatal(err)
				}
				if bare.View == nil {
					nobody++
				}
				whole, err := p.Visitor(ctx, ident, false)
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range []*Visitor{bare, whole} {
					if v.View != nil {
						v.View.Computed, v.View.Affinities = bare.View.Computed, nil
					}
					if v.Own != nil {
						v.Own.Computed, v.Own.Affinities = bare.View.Computed, nil
					}
				}
				g, _ := json.Marshal(bare)
				x, _ := json.Marshal(whole)
				if string(g) != string(x) {
					t.Fatalf("seed %d, %s: %s", seed, ident, diff(string(g), string(x)))
				}
				if view, err := p.Profile(ctx, ident.String(), ProfileOptions{Bare: true}); err == nil != (bare.View != nil) || err == nil && view.ID != bare.View.ID {
					t.Fatalf("seed %d, %s: %v %+v", seed, ident, err, bare.View)
				}
			}
		}
		closeNow(t, p)
	}
	if nobody == 0 {
		t.Error("everybody was known from the beginning")
	}
}
