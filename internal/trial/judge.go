package trial

import (
	"math"
	"slices"
	"time"

	"rapport/internal/experiment"
	"rapport/internal/experiment/stats"
)

// judge makes a report.
type judge struct {
	*Meter
	Options
	book   *Book
	phases []int
	arms   map[armKey]*Cell
	report *Report
}

type armKey struct {
	phase   int
	variant string
}

// Report says what an experiment showed, from what it counted.
func (m *Meter) Report(b *Book, o Options) *Report {
	j := &judge{Meter: m, Options: o, book: b, arms: map[armKey]*Cell{}}
	j.report = &Report{
		Experiment: m.Key, Name: m.Name, Kind: m.Kind, State: m.State, Version: o.Version, Phases: m.Phases, Conclusion: m.Conclusion,
		Warnings: []string{}, Variants: []VariantReport{}, Metrics: []MetricReport{}, Days: []ExposureDay{},
		Mismatch: SampleRatio{Phases: []PhaseCounts{}}, Recounting: b.Stale, Waiting: o.Waiting,
	}
	j.gather()
	j.divide()
	for i := range m.metrics {
		j.report.Metrics = append(j.report.Metrics, j.metric(i))
	}
	j.correct()
	j.report.Factors = j.factors()
	j.decide()
	return j.report
}

// gather adds up the cells that the report is about.
func (j *judge) gather() {
	people := map[string]int64{}
	several := map[string]int64{}
	days := map[int]map[string]*Cell{}
	var order []int
	j.book.Each(func(p Place, c *Cell) {
		if j.Once && p.Several || j.Mature && !j.mature(p.Day) {
			return
		}
		people[p.Variant] += c.People
		if p.Several {
			several[p.Variant] += c.People
		}
		if !slices.Contains(j.phases, p.Phase) {
			j.phases = append(j.phases, p.Phase)
		}
		j.cell(armKey{p.Phase, p.Variant}).add(c)
		if days[p.Day] == nil {
			days[p.Day] = map[string]*Cell{}
			order = append(order, p.Day)
		}
		if days[p.Day][p.Variant] == nil {
			days[p.Day][p.Variant] = &Cell{Metrics: make([]Sums, len(j.metrics))}
		}
		days[p.Day][p.Variant].add(c)
	})
	slices.Sort(j.phases)
	r := j.report
	for i := range j.Variants {
		r.People += people[j.Variants[i].Key]
		r.Several += several[j.Variants[i].Key]
	}
	for i := range j.Variants {
		v := &j.Variants[i]
		x := VariantReport{Key: v.Key, Name: v.Name, Channel: v.Channel, People: people[v.Key], Several: several[v.Key]}
		if r.People > 0 {
			x.Share = float64(x.People) / float64(r.People)
		}
		r.Variants = append(r.Variants, x)
	}
	slices.Sort(order)
	for _, day := range order {
		d := ExposureDay{Day: time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly), Variants: []DayFigures{}}
		for i := range j.Variants {
			x := DayFigures{Variant: j.Variants[i].Key, Totals: make([]float64, len(j.metrics))}
			if c := days[day][x.Variant]; c != nil {
				x.People = c.People
				for k := range c.Metrics {
					x.Totals[k] = c.Metrics[k].Sum(Numerator)
				}
			}
			d.Variants = append(d.Variants, x)
		}
		r.Days = append(r.Days, d)
	}
}

func (c *Cell) add(o *Cell) {
	c.People += o.People
	for i := range o.Metrics {
		c.Metrics[i].merge(&o.Metrics[i])
	}
}

func (j *judge) cell(k armKey) *Cell {
	if j.arms[k] == nil {
		j.arms[k] = &Cell{Metrics: make([]Sums, len(j.metrics))}
	}
	return j.arms[k]
}

// mature tells whether the windows of those who came on a day are over.
func (j *judge) mature(day int) bool {
	longest := time.Duration(0)
	for i := range j.metrics {
		longest = max(longest, j.metrics[i].window)
	}
	return time.Unix(int64(day+1)*86400, 0).Add(longest).Before(j.Now.Time())
}

// divide compares how people are divided with the weights, phase by phase.
func (j *judge) divide() {
	least := 1.0
	for _, phase := range j.phases {
		counts, weights := make([]float64, len(j.Variants)), make([]float64, len(j.Variants))
		x := PhaseCounts{Phase: phase, People: map[string]int64{}, P: 1}
		at := slices.IndexFunc(j.Phases, func(p experiment.Phase) bool { return p.Number == phase })
		for i := range j.Variants {
			key := j.Variants[i].Key
			n := j.cell(armKey{phase, key}).People
			counts[i], x.People[key] = float64(n), n
			if at >= 0 {
				weights[i] = float64(j.Phases[at].Weights[key])
			}
		}
		if !j.Learns() {
			x.P = stats.Mismatch(counts, weights)
		}
		least = math.Min(least, x.P)
		j.report.Mismatch.Phases = append(j.report.Mismatch.Phases, x)
	}
	if !j.Learns() && j.report.People > 0 {
		j.report.Mismatch.P = &least
	}
}

// metric compares each variant with the control.
func (j *judge) metric(i int) MetricReport {
	x := &j.metrics[i]
	out := MetricReport{
		Key: x.Key, Name: x.Name, Type: x.Type, Role: x.Role, Inverse: x.Inverse, Figures: []ArmFigure{}, Comparisons: []ArmComparison{},
	}
	limit := j.limit(i)
	if limit > 0 {
		out.Capped = number(float64(limit) / Unit)
	}
	for v := range j.Variants {
		f := ArmFigure{Variant: j.Variants[v].Key}
		for _, phase := range j.phases {
			c := j.cell(armKey{phase, f.Variant})
			f.People += c.People
			f.Total += c.Metrics[i].Sum(Numerator)
		}
		s, _ := j.samples(i, limit, v, v)
		if f.Problem = s.Problem; s.N > 0 {
			f.Value = number(s.Plain)
			if s.Problem == "" {
				f.SE = number(math.Sqrt(s.PlainVariance / s.N))
			}
		}
		out.Figures = append(out.Figures, f)
	}
	for v := 1; v < len(j.Variants); v++ {
		control, treatment := j.samples(i, limit, 0, v)
		out.Adjusted = out.Adjusted || x.lookback > 0 && control.Problem == "" && control.Variance != control.PlainVariance
		out.Comparisons = append(out.Comparisons, j.compare(x, control, treatment, v))
	}
	return out
}

// limit is what a person's value counts at most by its percentile; zero: there
// is none. It is one for all variants.
func (j *judge) limit(i int) int64 {
	if j.metrics[i].CapShare == 0 {
		return 0
	}
	all := &Sums{}
	for _, c := range j.arms {
		all.merge(&c.Metrics[i])
	}
	return all.CapAt(j.metrics[i].CapShare)
}

// samples gives a metric of the control and of a variant. Where there are several
// phases, each counts as much as people came in it, so that a change of weights
// does not look like an effect.
func (j *judge) samples(i int, limit int64, control, treatment int) (a, b stats.Sample) {
	var as, bs []stats.Sample
	var weights []float64
	total := 0.0
	for _, phase := range j.phases {
		x, y := j.cell(armKey{phase, j.Variants[control].Key}), j.cell(armKey{phase, j.Variants[treatment].Key})
		if x.People == 0 || y.People == 0 {
			continue // there is nothing to compare it with
		}
		p, q := j.pair(i, limit, &x.Metrics[i], &y.Metrics[i])
		as, bs = append(as, p), append(bs, q)
		n := float64(x.People + y.People)
		weights, total = append(weights, n), total+n
	}
	for k := range weights {
		weights[k] /= total
	}
	return pool(as, weights), pool(bs, weights)
}

// pool makes one sample of those of several phases.
func pool(list []stats.Sample, weights []float64) stats.Sample {
	if len(list) == 0 {
		return stats.Sample{Problem: "nobody was shown it"}
	}
	if len(list) == 1 {
		return list[0]
	}
	out := list[0]
	out.N, out.Mean, out.Variance, out.Plain, out.PlainVariance, out.Covariance = 0, 0, 0, 0, 0, 0
	for i := range list {
		s, w := &list[i], weights[i]
		if s.Problem != "" {
			out.Problem = s.Problem
		}
		out.N += s.N
		out.Mean, out.Plain = out.Mean+w*s.Mean, out.Plain+w*s.Plain
		out.Variance += w * w * s.Variance / s.N
		out.PlainVariance += w * w * s.PlainVariance / s.N
		out.Covariance += w * w * s.Covariance / s.N
	}
	out.Variance, out.PlainVariance, out.Covariance = out.Variance*out.N, out.PlainVariance*out.N, out.Covariance*out.N
	return out
}

// pair makes samples of the sums of two arms.
func (j *judge) pair(i int, limit int64, x, y *Sums) (a, b stats.Sample) {
	m := &j.metrics[i]
	if limit > 0 {
		x, y = x.Capped(limit), y.Capped(limit)
	}
	switch {
	case m.Type == experiment.Quantile:
		return quantile(x, m.Quantile), quantile(y, m.Quantile)
	case m.Type == experiment.Ratio && m.lookback > 0:
		a, b = stats.AdjustRatio(paired(x), paired(y))
		if a.Problem == "" && b.Problem == "" && !math.IsNaN(a.Mean+b.Mean) {
			return a, b
		}
		return stats.Ratio(both(x, Numerator, Denominator)), stats.Ratio(both(y, Numerator, Denominator))
	case m.Type == experiment.Ratio:
		return stats.Ratio(both(x, Numerator, Denominator)), stats.Ratio(both(y, Numerator, Denominator))
	case m.Type == experiment.Conversion && m.lookback > 0:
		return stats.AdjustProportion(repeat(x), repeat(y))
	case m.Type == experiment.Conversion:
		return stats.Proportion(x.Sum(Numerator), float64(x.N)), stats.Proportion(y.Sum(Numerator), float64(y.N))
	case m.lookback > 0:
		return stats.Adjust(both(x, Numerator, NumeratorBefore), both(y, Numerator, NumeratorBefore))
	}
	return stats.Mean(moments(x, Numerator)), stats.Mean(moments(y, Numerator))
}

func quantile(s *Sums, share float64) stats.Sample {
	estimate, low, high := s.Quantile(share)
	return stats.Quantile(float64(s.N), estimate, low, high)
}

func moments(s *Sums, place int) stats.Moments {
	return stats.Moments{N: float64(s.N), Sum: s.Sum(place), SumSq: s.Product(place, place)}
}

func both(s *Sums, x, y int) stats.Pair {
	return stats.Pair{N: float64(s.N), X: moments(s, x), Y: moments(s, y), Products: s.Product(x, y)}
}

func repeat(s *Sums) stats.Repeat {
	return stats.Repeat{N: float64(s.N), Before: s.Sum(NumeratorBefore), During: s.Sum(Numerator), Both: s.Product(Numerator, NumeratorBefore)}
}

func paired(s *Sums) stats.Paired {
	return stats.Paired{
		During: both(s, Numerator, Denominator), Before: both(s, NumeratorBefore, DenominatorBefore),
		Cross: [2][2]float64{
			{s.Product(Numerator, NumeratorBefore), s.Product(Numerator, DenominatorBefore)},
			{s.Product(Denominator, NumeratorBefore), s.Product(Denominator, DenominatorBefore)},
		},
	}
}
