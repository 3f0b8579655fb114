package stats_test

import (
	"math"
	"testing"

	"rapport/internal/experiment/stats"
)

// The literals are those that GrowthBook's gbstats publishes in its own tests
// (MIT), read at 8f1db445.

// close tells whether got is want to the digits that want was printed with.
func agrees(got, want, digit float64) bool {
	if math.IsInf(want, 0) || math.IsInf(got, 0) {
		return got == want
	}
	return math.Abs(got-want) <= digit/2*1.001
}

type row struct {
	name      string
	got, want float64
}

func check(t *testing.T, digit float64, rows ...row) {
	t.Helper()
	for _, r := range rows {
		if !agrees(r.got, r.want, digit) {
			t.Errorf("%s is %.10g, want %.10g", r.name, r.got, r.want)
		}
	}
}

func result(t *testing.T, name string, digit float64, r stats.Result, want [5]float64) {
	t.Helper()
	check(t, digit, row{name + " estimate", r.Estimate, want[0]}, row{name + " low", r.Low, want[1]},
		row{name + " high", r.High, want[2]}, row{name + " se", r.SE, want[3]}, row{name + " p", r.P, want[4]})
}

func mean(sum, squares, n float64) stats.Sample {
	return stats.Mean(stats.Moments{N: n, Sum: sum, SumSq: squares})
}

var (
	revenueA = mean(1396.87, 52377.9767, 3407)
	revenueB = mean(2422.7, 134698.29, 3461)
	smallerA = mean(1396.87, 52377.9767, 3000)
	absolute = stats.Settings{Difference: stats.Absolute}
)

func TestFixed_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	const five = 1e-5
	result(t, "relative", five, stats.Fixed(revenueA, revenueB, stats.Settings{}), [5]float64{0.70732, -0.03526, 1.44989, 0.37879, 0.06191})
	result(t, "absolute", five, stats.Fixed(revenueA, revenueB, absolute), [5]float64{0.29, 0.04538, 0.53462, 0.12478, 0.02016})
	result(t, "proportion", five, stats.Fixed(stats.Proportion(14, 28), stats.Proportion(16, 30), stats.Settings{}),
		[5]float64{0.06667, -0.47767, 0.61101, 0.2717, 0.80707})
	inf := math.Inf(1)
	const nine = 2e-9
	result(t, "greater, relative", nine, stats.Fixed(smallerA, revenueB, stats.Settings{Tail: stats.Greater}),
		[5]float64{0.5033610858562358, -0.045136675850396046, inf, 0.3334122146400735, 0.06558262868467746})
	result(t, "greater, absolute", nine, stats.Fixed(smallerA, revenueB, stats.Settings{Tail: stats.Greater, Difference: stats.Absolute}),
		[5]float64{0.23437666666666668, 0.020791480063255735, inf, 0.12983081254184736, 0.03554272489873023})
	less := stats.Fixed(smallerA, revenueB, stats.Settings{Tail: stats.Less})
	check(t, nine, row{"less, relative, high", less.High, 1.0518588475628676}, row{"less, relative, p", less.P, 0.9344173713153225})
	less = stats.Fixed(smallerA, revenueB, stats.Settings{Tail: stats.Less, Difference: stats.Absolute})
	check(t, nine, row{"less, absolute, high", less.High, 0.44796185327007765}, row{"less, absolute, p", less.P, 0.9644572751012698})
	none := stats.Fixed(mean(1396.87, 52377.9767, 2), revenueB, stats.Settings{})
	if none.Problem == "" || none.P != 1 || none.Estimate != 0 || none.Low != 0 || none.High != 0 {
		t.Errorf("a negative variance gives %+v", none)
	}
}

func TestSequential_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	const five = 1e-5
	result(t, "mean", five, stats.Sequential(smallerA, revenueB, stats.Settings{Tuning: 1000}), [5]float64{0.50336, -0.55844, 1.56516, 0.33341, 1})
	result(t, "proportion", five, stats.Sequential(stats.Proportion(1396, 3000), stats.Proportion(2422, 3461), stats.Settings{}),
		[5]float64{0.50386, 0.40098, 0.60675, 0.03386, 0})
	a, b := stats.Adjust(
		stats.Pair{N: 3000, X: stats.Moments{Sum: 1396.87, SumSq: 52377.9767}, Y: stats.Moments{Sum: 16.87, SumSq: 527.9767}, Products: 1},
		stats.Pair{N: 3461, X: stats.Moments{Sum: 2422.7, SumSq: 134698.29}, Y: stats.Moments{Sum: 22.7, SumSq: 1348.29}, Products: 1})
	result(t, "adjusted", five, stats.Sequential(a, b, stats.Settings{}), [5]float64{0.50338, -0.50969, 1.51646, 0.33341, 1})
	one := stats.Sequential(smallerA, revenueB, stats.Settings{Tail: stats.Greater})
	check(t, 2e-9, row{"one-sided low", one.Low, -0.42356454602790883}, row{"one-sided p", one.P, 0.4999})
	one = stats.Sequential(smallerA, revenueB, stats.Settings{Tail: stats.Greater, Difference: stats.Absolute})
	check(t, 2e-9, row{"one-sided absolute low", one.Low, -0.12656844172804982})
	// The published 0.46316 is where a coarse search stopped: the interval at that
	// level does not end at zero. Ours is the level at which it does.
	check(t, 3e-4, row{"one-sided absolute p", one.P, 0.46316491943359384})
	s := stats.Sequential(mean(270, 848.79, 100), mean(300, 869, 120), stats.Settings{Tuning: 600})
	check(t, 1e-9, row{"estimate", s.Estimate, -0.074074074}, row{"low", s.Low, -0.233322085}, row{"p", s.P, 0.892332229})
	before := 0.0
	for _, tuning := range []float64{6461, 10000, 10} {
		r := stats.Sequential(smallerA, revenueB, stats.Settings{Tuning: tuning})
		if r.High-r.Low <= before {
			t.Errorf("the interval tuned to %g is not wider than the one before", tuning)
		}
		before = r.High - r.Low
	}
}

// A result is significant exactly where its interval excludes zero.
func TestResults_AgreeWithTheirIntervals(t *testing.T) {
	t.Parallel()
	found := 0
	for n := 50.0; n < 1e6; n *= 1.3 {
		a, b := mean(n, 3*n, n), mean(1.05*n, 3.2*n, n)
		for _, tail := range []stats.Tail{stats.TwoSided, stats.Greater, stats.Less} {
			for _, difference := range []stats.Difference{stats.Relative, stats.Absolute} {
				s := stats.Settings{Tail: tail, Difference: difference}
				for name, r := range map[string]stats.Result{"fixed": stats.Fixed(a, b, s), "sequential": stats.Sequential(a, b, s)} {
					excludes := r.Low > 0 || r.High < 0
					if (r.P < 0.05) != excludes {
						t.Errorf("%s, tail %d, %g units: p %g, interval %g to %g", name, tail, n, r.P, r.Low, r.High)
					}
					if excludes {
						found++
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing was found at any size")
	}
}

func TestBayes_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	const five = 1e-5
	for _, c := range []struct {
		name string
		p    stats.Posterior
		want [7]float64
	}{
		{
			"proportion", stats.Bayes(stats.Proportion(49, 100), stats.Proportion(51, 100), stats.Prior{}, stats.Settings{}, false),
			[7]float64{0.04082, -0.24779, 0.32943, 0.14725, 0.60918, 0.0814, 0.04058},
		},
		{
			"mean", stats.Bayes(mean(100, 1002.25, 10), mean(105, 1111.5, 10), stats.Prior{}, stats.Settings{}, false),
			[7]float64{0.05, -0.02, 0.12, 0.03572, 0.91923, 0.05131, 0.00131},
		},
		{
			"with a prior", stats.Bayes(mean(100, 1002.25, 10), mean(105, 1111.5, 10), stats.Prior{Mean: 0.1, Variance: 0.1}, stats.Settings{}, false),
			[7]float64{0.05063, -0.01893, 0.12019, 0.03549, 0.92315, 0.05186, 0.00123},
		},
	} {
		check(t, five, row{c.name + " estimate", c.p.Estimate, c.want[0]}, row{c.name + " low", c.p.Low, c.want[1]},
			row{c.name + " high", c.p.High, c.want[2]}, row{c.name + " se", c.p.SE, c.want[3]}, row{c.name + " chance", c.p.ChanceToWin, c.want[4]},
			row{c.name + " risk of control", c.p.RiskOfControl, c.want[5]}, row{c.name + " risk of treatment", c.p.RiskOfTreatment, c.want[6]})
	}
	none := stats.Bayes(stats.Proportion(0, 0), stats.Proportion(0, 0), stats.Prior{}, stats.Settings{}, false)
	if none.Estimate != 0 || none.ChanceToWin != 0.5 || none.Problem == "" {
		t.Errorf("nothing gives %+v", none)
	}
	c, r := stats.Risks(0.1, 0.05)
	check(t, 1e-12, row{"risk", c, 0.1004245351308}, row{"risk", r, 0.0004245351308414})
	c, r = stats.Risks(0.01, 4.5e-9)
	check(t, 1e-15, row{"risk", c, 0.01}, row{"risk", r, 0})
	a, b := mean(270, 848.79, 100), mean(300, 869, 120)
	p := stats.Bayes(a, b, stats.Prior{}, stats.Settings{}, false)
	inverse := stats.Bayes(a, b, stats.Prior{}, stats.Settings{}, true)
	check(t, 1e-9, row{"estimate", p.Estimate, -0.074074074}, row{"chance", p.ChanceToWin, 0.071834168}, row{"risk", p.RiskOfTreatment, 0.075691131},
		row{"inverse risk", inverse.RiskOfTreatment, 0.001617057}, row{"inverse chance", inverse.ChanceToWin, 1 - 0.071834168},
		row{"p", stats.Fixed(a, b, stats.Settings{}).P, 0.145219005})
}

func TestQuantile_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	a := stats.Quantile(11054, 7.157987489967789, 7.098780136176828, 7.217194843758751)
	b := stats.Quantile(10861, 7.694499927525767, 7.64180598628119, 7.747193868770344)
	for _, c := range []struct {
		p    stats.Posterior
		want [3]float64
	}{
		{stats.Bayes(a, b, stats.Prior{}, absolute, false), [3]float64{0.5365124375579775, 0.4572559589115422, 0.6157689162044128}},
		{stats.Bayes(a, b, stats.Prior{Variance: 1}, absolute, false), [3]float64{0.536495315442269, 0.4572401014910488, 0.6157505293934892}},
		{stats.Bayes(a, b, stats.Prior{Variance: 1e6}, stats.Settings{}, false), [3]float64{0.07495297222736319, 0.06341005842481906, 0.08649588602990732}},
		{stats.Bayes(a, b, stats.Prior{Variance: 1}, stats.Settings{}, false), [3]float64{0.07495037261804469, 0.06340765898986044, 0.08649308624622894}},
	} {
		check(t, 2e-9, row{"estimate", c.p.Estimate, c.want[0]}, row{"low", c.p.Low, c.want[1]}, row{"high", c.p.High, c.want[2]})
	}
	if s := stats.Quantile(1000, 3, 3, 3); s.Problem == "" {
		t.Error("an interval without width passes for certainty")
	}
}

func TestRatio_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	a := stats.Ratio(stats.Pair{N: 100, X: stats.Moments{Sum: 270, SumSq: 848.79}, Y: stats.Moments{Sum: 510, SumSq: 810}, Products: -900})
	b := stats.Ratio(stats.Pair{N: 120, X: stats.Moments{Sum: 300, SumSq: 869}, Y: stats.Moments{Sum: 500, SumSq: 800}, Products: -905})
	p := stats.Bayes(a, b, stats.Prior{}, stats.Settings{}, false)
	check(t, 1e-9, row{"control", a.Mean, 0.529411765}, row{"treatment", b.Mean, 0.6}, row{"estimate", p.Estimate, 0.133333333},
		row{"p", stats.Fixed(a, b, stats.Settings{}).P, 0.610663339}, row{"chance", p.ChanceToWin, 0.694926359}, row{"risk", p.RiskOfTreatment, 0.050934045})
	none := stats.Bayes(stats.Ratio(stats.Pair{N: 100, X: stats.Moments{Sum: 270, SumSq: 848}}), b, stats.Prior{}, stats.Settings{}, false)
	if none.Estimate != 0 || none.ChanceToWin != 0.5 {
		t.Errorf("a denominator of zero gives %+v", none)
	}
}

// pair takes the sums during and before with their squares, and the products.
func pair(n float64, s [5]float64) stats.Pair {
	return stats.Pair{N: n, X: stats.Moments{Sum: s[0], SumSq: s[1]}, Y: stats.Moments{Sum: s[2], SumSq: s[3]}, Products: s[4]}
}

func TestAdjust_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	control, treatment := pair(3001, [5]float64{300, 600, 210, 415, -20}), pair(3000, [5]float64{222, 555, 120, 405, -10})
	a, b := stats.Adjust(control, treatment)
	r := stats.Fixed(a, b, stats.Settings{})
	check(t, 1e-9, row{"control", a.Plain, 0.099966678}, row{"treatment", b.Plain, 0.074}, row{"estimate", r.Estimate, -0.281707154}, row{"p", r.P, 0.003732549})
	a, b = stats.AdjustProportion(stats.Repeat{N: 3001, During: 300, Before: 210, Both: -20}, stats.Repeat{N: 3000, During: 222, Before: 120, Both: -10})
	r = stats.Fixed(a, b, stats.Settings{})
	check(t, 1e-9, row{"binary estimate", r.Estimate, -0.31620216}, row{"binary p", r.P, 0.000000353})
	x, y := []float64{2, 1, 5, 3}, []float64{.3, .5, .9, 22}
	var p stats.Pair
	for i := range x {
		p = p.Add(pair(1, [5]float64{x[i], x[i] * x[i], y[i], y[i] * y[i], x[i] * y[i]}))
	}
	check(t, 1e-5, row{"theta", stats.Theta(p, p), 0.01864})
	if theta := stats.Theta(pair(9, [5]float64{1, 2, 9, 9, 1}), pair(9, [5]float64{1, 2, 9, 9, 1})); theta != 0 {
		t.Errorf("theta is %g where nothing varied before", theta)
	}
	two := pair(4000, [5]float64{450, 900, 300, 600, -30})
	a, _ = stats.Adjust(control, two)
	_, b = stats.Adjust(control, treatment)
	_, c := stats.Adjust(control, two)
	check(t, 1e-9, row{"sd of control", math.Sqrt(a.Variance), 0.434288923}, row{"sd of one", math.Sqrt(b.Variance), 0.423529598},
		row{"sd of two", math.Sqrt(c.Variance), 0.458953951})
}

func TestAdjustRatio_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	arm := func(m, m2, d, d2, mp, mp2, dp, dp2, mmp, ddp, mpdp, md, mdp, mpd float64) stats.Paired {
		return stats.Paired{
			During: stats.Pair{N: 100, X: stats.Moments{Sum: m, SumSq: m2}, Y: stats.Moments{Sum: d, SumSq: d2}, Products: md},
			Before: stats.Pair{N: 100, X: stats.Moments{Sum: mp, SumSq: mp2}, Y: stats.Moments{Sum: dp, SumSq: dp2}, Products: mpdp},
			Cross:  [2][2]float64{{mmp, mdp}, {mpd, ddp}},
		}
	}
	a, b := stats.AdjustRatio(
		arm(485.112236689623, 2715.484666118136, 679.9093275844917, 4939.424001640236, 192.59138069991536, 460.076026390857, 290.1398399750233, 920.9461385038898,
			1113.6215759318352, 2130.9404074446747, 634.239482353647, 3602.146836776702, 1559.2878434944676, 1460.3181079276983),
		arm(514.7757826608777, 2994.897482705013, 705.4090874383759, 5291.36604146392, 206.94157227402536, 514.2903702246757, 302.54389139107326, 994.4506208125663,
			1237.0953021125997, 2292.081739775257, 698.4173425817908, 3918.1561431600717, 1701.0287270040265, 1604.0759503266522))
	result(t, "fixed", 1e-5, stats.Fixed(a, b, stats.Settings{}), [5]float64{-0.0007, -0.00841, 0.00700, 0.00391, 0.85771})
	s := stats.Sequential(a, b, stats.Settings{})
	check(t, 1e-5, row{"low", s.Low, -0.02063}, row{"high", s.High, 0.01923}, row{"p", s.P, 1})
}

func TestMismatch_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counts, weights []float64
		want            float64
	}{
		{[]float64{1000, 1200}, []float64{.5, .5}, 0.000020079},
		{[]float64{135, 115}, []float64{.5, .5}, 0.205903211},
		{[]float64{310, 98}, []float64{.75, .25}, 0.647434186},
		{[]float64{0, 10, 10}, []float64{.34, .33, .33}, 0.005790624},
		{[]float64{500, 500, 600}, []float64{.34, .33, .33}, 0.000592638},
		{[]float64{1000, 1200, 900}, []float64{.5, .5, 0}, 0.000020079},
		{[]float64{10}, []float64{1}, 1},
		{[]float64{0, 0}, []float64{.5, .5}, 1},
	} {
		check(t, 1e-9, row{"p", stats.Mismatch(c.counts, c.weights), c.want})
	}
}

func TestMultiple_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	for i, want := range []float64{.05, .12, .12, .03, 1, 1} {
		check(t, 1e-12, row{"Holm", stats.Holm([]float64{.01, .04, .03, .005, .55, .6})[i], want})
	}
	for i, want := range []float64{.964, .2415, .0245, .964, .7532, .0245, .2415} {
		check(t, 1e-12, row{"Benjamini–Hochberg", stats.BenjaminiHochberg([]float64{.898, .138, .007, .964, .538, .006, .138})[i], want})
	}
	r := stats.Fixed(revenueA, revenueB, absolute)
	for adjusted, significant := range map[float64]bool{0.04999: true, 0.05001: false, 1: false} {
		if w := stats.Widen(r, adjusted, 0.05); (w.Low > 0) != significant {
			t.Errorf("adjusted to %g the interval is %g to %g", adjusted, w.Low, w.High)
		}
	}
}

func TestPower_AgreesWithThePublishedValues(t *testing.T) {
	t.Parallel()
	const five = 1e-5
	p := stats.Plan{Mean: 10, Variance: 3909.9997749994377, PerArm: 400000.0 / 3}
	mde, _ := p.MinimumEffect(0.8)
	check(t, five, row{"power", p.Power(0.05), .52144}, row{"effect", mde, .07027})
	p.Sequential = true
	mde, _ = p.MinimumEffect(0.8)
	check(t, five, row{"sequential power", p.Power(0.05), .20596}, row{"sequential effect", mde, .12821})
	rates := []float64{.073, .0965, .1204, .14458, .16895, .19342, .21791, .24235, .26666}
	effects := []float64{.36767, .24505, .19525, .16673, .14774, .13394, .12336, .11491, .10796}
	revenue := []float64{.17053, .29389, .41122, .51749, .61037, .68938, .75513, .80886, .85213}
	revenueEffects := []float64{1.26769, .71941, .54299, .4506, .39208, .35099, .32018, .29603, .27647}
	for week := range rates {
		n := 1500 * float64(week+1)
		p := stats.PlanProportion(.1, n)
		mde, _ := p.MinimumEffect(0.8)
		check(t, five, row{"power of clicks", p.Power(.05), rates[week]}, row{"effect on clicks", mde, effects[week]})
		p = stats.Plan{Mean: .1, Variance: .5, PerArm: n}
		mde, _ = p.MinimumEffect(0.8)
		check(t, five, row{"power of revenue", p.Power(.3), revenue[week]}, row{"effect on revenue", mde, revenueEffects[week]})
	}
	a, b := mean(500, 1500, 500), mean(525, 1551.25, 500)
	fixed, _ := stats.Plan{}.Growth(a, b, stats.Goal{Effect: .05, Power: .8})
	sequential, _ := stats.Plan{Sequential: true}.Growth(a, b, stats.Goal{Effect: .05, Power: .8})
	bayes, _ := stats.Plan{}.Growth(a, b, stats.Goal{Effect: .05, Power: .8, Prior: stats.Prior{Mean: .05, Variance: .001}})
	check(t, 2e-3, row{"growth", fixed, 25.457}, row{"sequential growth", sequential, 55.668}, row{"Bayesian growth", bayes, 13.940})
	if _, ok := stats.PlanProportion(.001, 10).MinimumEffect(.8); ok {
		t.Error("ten people are said to suffice")
	}
}
