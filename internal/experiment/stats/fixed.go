package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Fixed compares two arms once, at the end: Welch's t test. Looking at it again
// and again until it is significant makes it wrong; Sequential may be looked at.
func Fixed(control, treatment Sample, s Settings) Result {
	e := compare(control, treatment, s.Difference)
	if e.problem != "" {
		return failed(e.problem)
	}
	se := math.Sqrt(e.variance)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: welch(control, treatment)}
	out := Result{Estimate: e.estimate, SE: se, Low: math.Inf(-1), High: math.Inf(1)}
	score := e.estimate / se
	switch s.Tail {
	case Greater:
		out.P = t.Survival(score)
		out.Low = e.estimate + t.Quantile(s.alpha())*se
	case Less:
		out.P = t.CDF(score)
		out.High = e.estimate - t.Quantile(s.alpha())*se
	default:
		out.P = 2 * t.Survival(math.Abs(score))
		half := -t.Quantile(s.alpha()/2) * se
		out.Low, out.High = e.estimate-half, e.estimate+half
	}
	return out
}

// welch is the Welch–Satterthwaite degrees of freedom, of the absolute
// variances also where the difference is relative.
func welch(a, b Sample) float64 {
	va, vb := a.Variance/a.N, b.Variance/b.N
	return (va + vb) * (va + vb) / (va*va/(a.N-1) + vb*vb/(b.N-1))
}

// Fieller is the interval of the relative difference that excludes zero exactly
// where the absolute test is significant, which the delta method's does not. It
// is not bounded where the control itself is not clearly different from zero.
//
// Source: Fieller, "Some problems in interval estimation", JRSS B 16 (1954).
func Fieller(control, treatment Sample, s Settings) Result {
	out := Fixed(control, treatment, Settings{Difference: Absolute, Alpha: s.Alpha})
	if out.Problem != "" {
		return out
	}
	a, b := control, treatment
	if a.Plain == 0 {
		return failed("nothing is relative to a control of zero: compare absolutely")
	}
	va, vb := a.Variance/a.N, b.Variance/b.N
	t := -distuv.StudentsT{Mu: 0, Sigma: 1, Nu: welch(a, b)}.Quantile(s.alpha() / 2)
	ratio := 1 + (b.Mean-a.Mean)/a.Plain
	g := t * t * va / (a.Plain * a.Plain)
	out.Estimate = ratio - 1
	out.SE = math.Sqrt(compare(a, b, Relative).variance)
	if g >= 1 {
		out.Low, out.High = math.Inf(-1), math.Inf(1)
		return out
	}
	half := t / math.Abs(a.Plain) * math.Sqrt(vb*(1-g)+ratio*ratio*va) / (1 - g)
	middle := ratio / (1 - g)
	out.Low, out.High = middle-half-1, middle+half-1
	return out
}
