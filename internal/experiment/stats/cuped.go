package stats

// Adjust takes from two arms what was known of their units before the
// experiment: X is the metric during it, Y the same before. The coefficient is
// that of all units of both arms, so that it cannot favour one.
//
// Source: Deng, Xu, Kohavi, Walker, "Improving the sensitivity of online
// controlled experiments by utilizing pre-experiment data", WSDM 2013; the
// joint coefficient as in gbstats.
func Adjust(control, treatment Pair) (a, b Sample) {
	theta := Theta(control, treatment)
	return control.less(theta), treatment.less(theta)
}

// less is x - theta·y over the units.
func (p Pair) less(theta float64) Sample {
	x, y := p.x(), p.y()
	s := sample(p.N, x.mean()-theta*y.mean(), x.variance()+theta*theta*y.variance()-2*theta*p.covariance())
	s.Plain, s.PlainVariance, s.Covariance = x.mean(), x.variance(), x.variance()-theta*p.covariance()
	return s
}

// Theta is the coefficient of Adjust: how much of a unit's deviation before the
// experiment is expected to show in it. It is zero where nothing varied.
func Theta(control, treatment Pair) float64 {
	all := control.Add(treatment)
	if all.y().variance() <= 0 || all.x().variance() <= 0 {
		return 0
	}
	return all.covariance() / all.y().variance()
}

// AdjustProportion is Adjust where a unit did or did not, before and during:
// before counts those that did before, both those that did twice.
func AdjustProportion(control, treatment Repeat) (a, b Sample) {
	all := Repeat{control.N + treatment.N, control.Before + treatment.Before, control.During + treatment.During, control.Both + treatment.Both}
	theta := 0.0
	if v := share(all.Before, all.N); v > 0 && share(all.During, all.N) > 0 {
		theta = all.covariance() / v
	}
	return control.less(theta), treatment.less(theta)
}

// Repeat counts units by what they did before an experiment and during it.
type Repeat struct {
	N, Before, During, Both float64
}

func (r Repeat) covariance() float64 { return r.Both/r.N - r.Before*r.During/(r.N*r.N) }

// share is the variance of a proportion.
func share(count, n float64) float64 { return count / n * (1 - count/n) }

func (r Repeat) less(theta float64) Sample {
	variance := share(r.During, r.N) + theta*theta*share(r.Before, r.N) - 2*theta*r.covariance()
	s := sample(r.N, r.During/r.N-theta*r.Before/r.N, variance)
	s.Plain, s.PlainVariance = r.During/r.N, share(r.During, r.N)
	s.Covariance = s.PlainVariance - theta*r.covariance()
	return s
}

// Paired are two ratios of the same units, one during the experiment and one
// before: Cross are the sums of products of each of (X, Y) during with each of
// (X, Y) before.
type Paired struct {
	During, Before Pair
	Cross          [2][2]float64
}

// Add gives the sums of both.
func (p Paired) Add(o Paired) Paired {
	p.During, p.Before = p.During.Add(o.During), p.Before.Add(o.Before)
	for i := range p.Cross {
		for j := range p.Cross[i] {
			p.Cross[i][j] += o.Cross[i][j]
		}
	}
	return p
}

// slopes are the derivatives of x/y by the means of x and y.
func (p Pair) slopes() [2]float64 {
	x, y := p.X.Sum/p.N, p.Y.Sum/p.N
	return [2]float64{1 / y, -x / (y * y)}
}

// covariance is that of the two ratios of a unit, linearised.
func (p Paired) covariance() float64 {
	d, b := p.During.slopes(), p.Before.slopes()
	during, before := [2]float64{p.During.X.Sum, p.During.Y.Sum}, [2]float64{p.Before.X.Sum, p.Before.Y.Sum}
	sum := 0.0
	for i := range d {
		for j := range b {
			sum += d[i] * b[j] * covariance(p.During.N, during[i], before[j], p.Cross[i][j])
		}
	}
	return sum
}

// AdjustRatio is Adjust for ratios.
func AdjustRatio(control, treatment Paired) (a, b Sample) {
	theta := 0.0
	if v := Ratio(control.Before).Variance + Ratio(treatment.Before).Variance; v > 0 {
		theta = (control.covariance() + treatment.covariance()) / v
	}
	return control.less(theta), treatment.less(theta)
}

func (p Paired) less(theta float64) Sample {
	d, b := Ratio(p.During), Ratio(p.Before)
	if d.N < 2 || p.During.Y.Sum == 0 || p.Before.Y.Sum == 0 {
		return Sample{N: d.N, Problem: "there is no mean: the denominator is zero"}
	}
	s := sample(d.N, d.Mean-theta*b.Mean, d.Variance+theta*theta*b.Variance-2*theta*p.covariance())
	s.Plain, s.PlainVariance, s.Covariance = d.Mean, d.Variance, d.Variance-theta*p.covariance()
	s.adjustedRatio = true
	return s
}
