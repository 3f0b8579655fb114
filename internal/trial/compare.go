package trial

import (
	"math"

	"rapport/internal/experiment"
	"rapport/internal/experiment/stats"
)

func (j *judge) settings() stats.Settings {
	s := stats.Settings{Alpha: j.Analysis.Alpha, Tuning: j.Analysis.Tuning}
	if j.Analysis.Difference == "absolute" {
		s.Difference = stats.Absolute
	}
	return s
}

// compare makes the comparison of a variant with the control, by all methods.
func (j *judge) compare(x *metric, control, treatment stats.Sample, v int) ArmComparison {
	s := j.settings()
	fixed, sequential := stats.Fixed(control, treatment, s), stats.Sequential(control, treatment, s)
	bayes := stats.Bayes(control, treatment, stats.Prior{Mean: j.Analysis.PriorMean, Variance: j.Analysis.PriorSD * j.Analysis.PriorSD}, s, x.Inverse)
	out := ArmComparison{
		Variant: j.Variants[v].Key, Control: j.Variants[0].Key, Fixed: interval(fixed), Sequential: interval(sequential),
		Bayesian: EffectPosterior{ChanceToWin: bayes.ChanceToWin},
	}
	if bayes.Problem == "" {
		out.Bayesian = EffectPosterior{
			number(bayes.Estimate), number(bayes.Low), number(bayes.High), bayes.ChanceToWin, number(bayes.RiskOfTreatment), number(bayes.RiskOfControl),
		}
	}
	if s.Difference == stats.Relative {
		f := interval(stats.Fieller(control, treatment, s))
		out.Fieller = &f
	}
	switch j.Analysis.Method {
	case "fixed":
		out.chosen = fixed
	case "bayesian":
		out.chosen = bayes.Result
		out.chosen.P = 2 * math.Min(bayes.ChanceToWin, 1-bayes.ChanceToWin)
	default:
		out.chosen = sequential
	}
	out.p = out.chosen.P
	if out.chosen.Problem != "" {
		out.p = 1
	}
	if x.Role == experiment.RoleGuardrail {
		out.Guardrail = j.guard(x, out.chosen, control)
	}
	if x.Role == experiment.RolePrimary {
		out.Power = j.power(control, treatment)
	}
	return out
}

// guard tells whether a guardrail holds: the harm is less than what is
// tolerated, by the whole interval.
func (j *judge) guard(x *metric, r stats.Result, control stats.Sample) string {
	if r.Problem != "" {
		return "unclear"
	}
	margin := x.Margin
	if j.Analysis.Difference == "absolute" {
		margin *= math.Abs(control.Plain)
	}
	worst, best := r.Low, r.High
	if x.Inverse {
		worst, best = -r.High, -r.Low
	}
	switch {
	case worst >= -margin:
		return "passed"
	case best < -margin:
		return "failed"
	}
	return "unclear"
}

func (j *judge) power(control, treatment stats.Sample) *ArmPower {
	if control.Problem != "" || treatment.Problem != "" {
		return nil
	}
	a := j.Analysis
	p := stats.Plan{
		Mean: control.Plain, Variance: control.Variance, PerArm: math.Min(control.N, treatment.N), Sequential: a.Method == "sequential",
		Settings: stats.Settings{Alpha: a.Alpha, Tuning: a.Tuning},
	}
	out := &ArmPower{Effect: a.Effect, Power: p.Power(a.Effect)}
	if least, ok := p.MinimumEffect(a.Power); ok {
		out.MinimumEffect = &least
	}
	if more, ok := p.Growth(control, treatment, stats.Goal{Effect: a.Effect, Power: a.Power}); ok {
		units := math.Ceil(more * (control.N + treatment.N))
		out.MoreUnits = &units
		if days := float64(len(j.report.Days)); days > 0 && j.State == experiment.Running {
			d := math.Ceil(more * days)
			out.MoreDays = &d
		}
	}
	return out
}

// correct adjusts the p values of all comparisons that are no guardrail's.
func (j *judge) correct() {
	var at []*ArmComparison
	var p []float64
	for i := range j.report.Metrics {
		m := &j.report.Metrics[i]
		if m.Role == experiment.RoleGuardrail {
			continue
		}
		for k := range m.Comparisons {
			at, p = append(at, &m.Comparisons[k]), append(p, m.Comparisons[k].p)
		}
	}
	switch j.Analysis.Correction {
	case "holm":
		p = stats.Holm(p)
	case "benjamini-hochberg":
		p = stats.BenjaminiHochberg(p)
	default:
		return
	}
	for i := range at {
		at[i].Corrected = &p[i]
		at[i].chosen = stats.Widen(at[i].chosen, p[i], j.Analysis.Alpha)
		at[i].p = p[i]
	}
}

// FactorReport is what a level of a factor does, whatever the others are.
type FactorReport struct {
	Factor string  `json:"factor"`
	Level  string  `json:"level" doc:"Against the first level"`
	With   string  `json:"with,omitempty" doc:"factor=level: how much the effect differs there from that at the first level: the interaction"`
	Metric string  `json:"metric"`
	Effect float64 `json:"effect" doc:"Absolute"`
	SE     float64 `json:"standard_error"`
	P      float64 `json:"p"`
}

// factors gives main effects and the interactions of two, on the primary metric,
// each combination counting alike.
func (j *judge) factors() []FactorReport {
	p := j.Primary()
	if len(j.Factors) == 0 || p == nil {
		return nil
	}
	place := 0
	for i := range j.Metrics {
		if j.Metrics[i].Key == p.Key {
			place = i
		}
	}
	cells := make([]stats.Sample, len(j.Variants))
	for v := range cells {
		cells[v], _ = j.samples(place, j.limit(place), v, v)
		if cells[v].Problem != "" {
			return nil
		}
	}
	var out []FactorReport
	for f := range j.Factors {
		for l := 1; l < len(j.Factors[f].Levels); l++ {
			x := FactorReport{Factor: j.Factors[f].Key, Level: j.Factors[f].Levels[l].Key, Metric: p.Key}
			out = append(out, x.contrast(cells, func(levels []int) float64 { return side(levels[f], l) }, j.Definition))
			for g := f + 1; g < len(j.Factors); g++ {
				for k := 1; k < len(j.Factors[g].Levels); k++ {
					y := x
					y.With = j.Factors[g].Key + "=" + j.Factors[g].Levels[k].Key
					out = append(out, y.contrast(cells, func(levels []int) float64 { return side(levels[f], l) * side(levels[g], k) }, j.Definition))
				}
			}
		}
	}
	return out
}

// side is on which side of a comparison with the first level a level is.
func side(level, of int) float64 {
	switch level {
	case of:
		return 1
	case 0:
		return -1
	}
	return 0
}

// contrast is the mean of the cells on one side less that of those on the other.
// Of an interaction it is the difference of two differences.
func (x FactorReport) contrast(cells []stats.Sample, of func(levels []int) float64, d *experiment.Definition) FactorReport {
	n := 0.0
	for v := range cells {
		if of(d.Levels(v)) > 0 {
			n++
		}
	}
	if x.With != "" {
		n /= 2 // two differences
	}
	variance := 0.0
	for v := range cells {
		c := of(d.Levels(v)) / n
		x.Effect += c * cells[v].Mean
		variance += c * c * cells[v].Variance / cells[v].N
	}
	x.SE = math.Sqrt(variance)
	x.P = math.Erfc(math.Abs(x.Effect/x.SE) / math.Sqrt2)
	return x
}
