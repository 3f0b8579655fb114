package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"rapport/internal/experiment/stats"
	"rapport/internal/soak"
)

// worlds is how many experiments a simulation makes, so many when soaking.
func worlds(soaking int) int {
	if soak.Long() {
		return soaking
	}
	return 2_000
}

// counted is how many of how many.
type counted [2]int

// between fails unless a share lies within the bounds, widened by four standard
// errors of a share near them in so few worlds.
func between(t *testing.T, name string, of counted, low, high float64) {
	t.Helper()
	hits, n := of[0], of[1]
	share := float64(hits) / float64(n)
	slack := 4 * math.Sqrt(high*(1-high)/float64(n))
	if n >= 10_000 {
		slack = 0
	}
	t.Logf("%s: %.2f %% of %d", name, 100*share, n)
	if share < low-slack || share > high+slack {
		t.Errorf("%s: %.2f %%, want %.1f to %.1f", name, 100*share, 100*low, 100*high)
	}
}

// draw makes units of an arm with a skewed value, as revenue has.
func draw(r *rand.Rand, n int, scale float64) stats.Moments {
	m := stats.Moments{N: float64(n)}
	for range n {
		v := scale * r.ExpFloat64()
		m.Sum += v
		m.SumSq += v * v
	}
	return m
}

// Two arms that do not differ are called different in one of twenty
// experiments, whatever the metric, and the interval holds the truth as often
// as it says.
func TestFixed_KeepsItsErrorRate(t *testing.T) {
	t.Parallel()
	const seed = 1
	t.Logf("seed %d", seed)
	// Of 10,000 one in forty seeds leaves bounds that are 2.75 standard errors away.
	r, n := rand.New(rand.NewPCG(seed, 1)), worlds(100_000)
	means, shares, fieller, holds, cupedFalse := 0, 0, 0, 0, 0
	for range n {
		a, b := stats.Mean(draw(r, 400, 1)), stats.Mean(draw(r, 400, 1))
		if stats.Fixed(a, b, absolute).P < 0.05 {
			means++
		}
		if f := stats.Fieller(a, b, stats.Settings{}); f.Low > 0 || f.High < 0 {
			fieller++
		}
		c := stats.Fixed(a, stats.Mean(draw(r, 400, 1.2)), absolute)
		if c.Low <= 0.2 && 0.2 <= c.High {
			holds++
		}
		count := func() float64 {
			k := 0.0
			for range 1000 {
				if r.Float64() < 0.1 {
					k++
				}
			}
			return k
		}
		if stats.Fixed(stats.Proportion(count(), 1000), stats.Proportion(count(), 1000), absolute).P < 0.05 {
			shares++
		}
		x, y := stats.Adjust(history(r, 300), history(r, 300))
		if stats.Fixed(x, y, absolute).P < 0.05 {
			cupedFalse++
		}
	}
	between(t, "means that do not differ", counted{means, n}, 0.044, 0.056)
	between(t, "shares that do not differ", counted{shares, n}, 0.044, 0.056)
	between(t, "adjusted means that do not differ", counted{cupedFalse, n}, 0.044, 0.056)
	between(t, "intervals that hold the truth", counted{holds, n}, 0.944, 0.956)
	if fieller != means {
		t.Errorf("Fieller's interval excludes zero %d times, the absolute test %d times: they must agree", fieller, means)
	}
}

// history makes units whose value before says half of their value during.
func history(r *rand.Rand, n int) stats.Pair {
	var p stats.Pair
	for range n {
		before := r.NormFloat64()
		v := before + r.NormFloat64()
		p = p.Add(pair(1, [5]float64{v, v * v, before, before * before, v * before}))
	}
	return p
}

// The sequential interval may be looked at every day for sixty days.
func TestSequential_KeepsItsErrorRateUnderPeeking(t *testing.T) {
	t.Parallel()
	const seed, days, perDay = 2, 60, 100
	t.Logf("seed %d", seed)
	r, n := rand.New(rand.NewPCG(seed, 1)), worlds(10_000)
	found, peeked := 0, 0
	for range n {
		var a, b stats.Moments
		sequential, fixed := false, false
		for range days {
			a, b = a.Add(normal(r, perDay)), b.Add(normal(r, perDay))
			x, y := stats.Mean(a), stats.Mean(b)
			sequential = sequential || stats.Sequential(x, y, absolute).P < 0.05
			fixed = fixed || stats.Fixed(x, y, absolute).P < 0.05
		}
		if sequential {
			found++
		}
		if fixed {
			peeked++
		}
	}
	between(t, "sequential, looked at daily", counted{found, n}, 0, 0.05)
	if peeked < 2*found || peeked < n/10 {
		t.Errorf("the fixed test was wrong in only %d of %d: this simulation shows nothing", peeked, n)
	}
}

// normal gives the moments of n standard normal values without drawing each:
// their mean, and a chi-square for the rest, near enough by its own normal.
func normal(r *rand.Rand, n float64) stats.Moments {
	mean := r.NormFloat64() / math.Sqrt(n)
	rest := (n - 1) + math.Sqrt(2*(n-1))*r.NormFloat64()
	return stats.Moments{N: n, Sum: n * mean, SumSq: rest + n*mean*mean}
}

// The power that is promised before an experiment is what simulation finds.
func TestPower_IsWhatHappens(t *testing.T) {
	t.Parallel()
	const seed, n, lift = 3, 2000.0, 0.028
	t.Logf("seed %d", seed)
	r, worlds := rand.New(rand.NewPCG(seed, 1)), worlds(10_000)
	found := 0
	for range worlds {
		a, b := normal(r, n), normal(r, n)
		// From standard normal to a mean of about 10 and a variance of 9.
		shift := func(m stats.Moments, to float64) stats.Moments {
			return stats.Moments{N: m.N, Sum: 3*m.Sum + to*m.N, SumSq: 9*m.SumSq + 6*to*m.Sum + to*to*m.N}
		}
		if stats.Fixed(stats.Mean(shift(a, 10)), stats.Mean(shift(b, 10*(1+lift))), stats.Settings{}).P < 0.05 {
			found++
		}
	}
	promised := stats.Plan{Mean: 10, Variance: 9, PerArm: n}.Power(lift)
	between(t, "effects found", counted{found, worlds}, promised-0.015, promised+0.015)
}

// Sums of parts give what the sums of the whole give.
func TestPair_AddsUp(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 1))
	a, b := history(r, 50), history(r, 70)
	x, _ := stats.Adjust(a.Add(b), b)
	y, _ := stats.Adjust(b.Add(a), b)
	if x != y {
		t.Errorf("%+v, the other way round %+v", x, y)
	}
}
