package naive

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/segment/condition"
)

// Affinity says how much a person likes the values of a dimension of the
// catalog.
type Affinity struct {
	Dimension string
	Said      string // the property in which events say the dimension themselves
	HalfLife  time.Duration
	Weights   []Weight
}

// Weight is what an event is worth. The first that matches counts.
type Weight struct {
	Match   condition.Match
	Points  int64
	Seconds string // the property with the seconds that the points are multiplied by
}

// mostSeconds is how much of one view counts.
const mostSeconds = 600

// liked is what a value of a dimension is worth to a person.
type liked struct {
	value string
	worth *big.Int
	share *big.Rat // of all, in hundredths of a percent; whole
}

// likes tells whether the affinity to a value is as a condition asks.
func (w *world) likes(want *condition.Liking) bool {
	all := w.affinity(w.defs.Affinities[want.Key])
	i := slices.IndexFunc(all, func(l liked) bool { return l.value == want.Value })
	percent := new(big.Rat)
	if i >= 0 {
		percent.Quo(all[i].share, new(big.Rat).SetInt64(100))
	} else if want.Share == nil {
		return false
	}
	if want.Top > 0 && (i < 0 || i >= want.Top) {
		return false
	}
	return want.Share == nil || w.test(want.Share, []any{percent}, w.now)
}

// affinity are the values of a dimension, the one that is worth most first.
func (w *world) affinity(a *Affinity) []liked {
	worth := map[string]*big.Int{}
	for _, e := range w.Events {
		points := w.points(a, e)
		if points == 0 {
			continue
		}
		said := ""
		if values := follow(properties(e), a.Said); len(values) > 0 {
			said, _ = values[0].(string)
		}
		ids := items(properties(e))
		if len(ids) == 0 {
			ids = []string{""}
		}
		for _, id := range ids {
			for _, v := range w.dimension(a, id, said) {
				if worth[v] == nil {
					worth[v] = new(big.Int)
				}
				worth[v].Add(worth[v], new(big.Int).Mul(big.NewInt(points), growth(e.Time, a.HalfLife)))
			}
		}
	}
	return apportioned(worth)
}

// dimension is what the catalog says of an item, else what the event said.
func (w *world) dimension(a *Affinity, id, said string) []string {
	var out []string
	if id != "" {
		for _, v := range w.attribute(id, a.Dimension) {
			if s, ok := v.(string); ok {
				out = append(out, s)
			}
		}
	}
	if out == nil && said != "" {
		out = []string{said}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w *world) points(a *Affinity, e *event.Event) int64 {
	for i := range a.Weights {
		x := &a.Weights[i]
		if !w.matches(&x.Match, e) {
			continue
		}
		if x.Seconds == "" {
			return x.Points
		}
		values := follow(properties(e), x.Seconds)
		if len(values) == 0 {
			return 0
		}
		seconds, ok := values[0].(*big.Rat)
		if !ok || seconds.Sign() <= 0 {
			return 0
		}
		whole := new(big.Int).Quo(seconds.Num(), seconds.Denom())
		if !whole.IsInt64() {
			return x.Points * mostSeconds
		}
		return x.Points * min(whole.Int64(), mostSeconds)
	}
	return 0
}

// The half-lives of an interest pass in steps, and what grows by them is in
// units of 2 to the minus precision.
const precision, steps = 160, 1 << 16

// halves are 2^(1/2), 2^(1/4), … down to one step.
var halves = roots()

func roots() []*big.Int {
	var out []*big.Int
	root := new(big.Int).Lsh(big.NewInt(2), precision)
	for n := steps; n > 1; n /= 2 {
		root = new(big.Int).Sqrt(new(big.Int).Lsh(root, precision))
		out = append(out, root)
	}
	return out
}

// growth is 2 to the number of half-lives since 1970, in units too small to
// matter. A half-life passes in 65,536 steps.
func growth(at clock.Instant, half time.Duration) *big.Int {
	k := new(big.Int).Mul(big.NewInt(int64(at)), big.NewInt(steps))
	k.Div(k, big.NewInt(int64(half/time.Microsecond)))
	whole, part := new(big.Int).DivMod(k, big.NewInt(steps), new(big.Int))
	x := new(big.Int).Lsh(big.NewInt(1), precision)
	for i, root := range halves {
		if part.Int64()&(steps/2>>i) != 0 {
			x.Rsh(x.Mul(x, root), precision)
		}
	}
	return x.Lsh(x, uint(whole.Int64()))
}

// apportioned gives shares that add up to 100 %: each its own rounded down, and
// what is left to those that lost most by it.
func apportioned(worth map[string]*big.Int) []liked {
	var out []liked
	total := new(big.Int)
	for v, n := range worth {
		out = append(out, liked{value: v, worth: n})
		total.Add(total, n)
	}
	if total.Sign() == 0 {
		return nil
	}
	left := int64(10_000)
	lost := map[string]*big.Rat{}
	for i := range out {
		exact := new(big.Rat).SetFrac(new(big.Int).Mul(out[i].worth, big.NewInt(10_000)), total)
		whole := new(big.Int).Quo(exact.Num(), exact.Denom())
		out[i].share = new(big.Rat).SetInt(whole)
		lost[out[i].value] = exact.Sub(exact, out[i].share)
		left -= whole.Int64()
	}
	slices.SortFunc(out, func(a, b liked) int {
		return cmp.Or(lost[b.value].Cmp(lost[a.value]), strings.Compare(a.value, b.value))
	})
	for i := range left {
		out[i].share.Add(out[i].share, new(big.Rat).SetInt64(1))
	}
	slices.SortFunc(out, func(a, b liked) int { return cmp.Or(b.worth.Cmp(a.worth), strings.Compare(a.value, b.value)) })
	return out
}
