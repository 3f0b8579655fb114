package stats

import "math"

// Sequential compares two arms with an interval that holds at every moment at
// once: it may be looked at after each event, and the experiment stopped when it
// excludes zero. It is wider than Fixed for that.
//
// Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central
// limit theory and asymptotic confidence sequences", arXiv 2103.06476v7,
// equations 9 (width), 155 (p) and 161 (tuning); the one-sided ones of its
// appendix B.
func Sequential(control, treatment Sample, s Settings) Result {
	e := compare(control, treatment, s.Difference)
	if e.problem != "" {
		return failed(e.problem)
	}
	n := control.N + treatment.N
	se := math.Sqrt(e.variance)
	out := Result{Estimate: e.estimate, SE: se, Low: math.Inf(-1), High: math.Inf(1)}
	if s.Tail == TwoSided {
		half := width(se, n, s.alpha(), s.tuning())
		out.Low, out.High = e.estimate-half, e.estimate+half
		r := mixture(s.alpha(), s.tuning())
		k := n*r*r + 1
		// The e-value is exp(exponent) / sqrt(k).
		exponent := r * r * n * e.estimate * e.estimate / (2 * e.variance * k)
		out.P = math.Min(1, math.Sqrt(k)*math.Exp(-exponent))
		return out
	}
	half := oneSidedWidth(se, n, s.alpha(), s.tuning())
	towards := e.estimate
	if s.Tail == Greater {
		out.Low = e.estimate - half
	} else {
		out.High = e.estimate + half
		towards = -towards
	}
	out.P = oneSidedP(towards, se, n, s.alpha(), s.tuning())
	return out
}

// mixture is rho of equation 161.
func mixture(alpha, tuning float64) float64 {
	l := -2 * math.Log(alpha)
	return math.Sqrt((l + math.Log(l+1)) / tuning)
}

// width is the half-width of equation 9.
func width(se, n, alpha, tuning float64) float64 {
	r := mixture(alpha, tuning)
	k := n*r*r + 1
	return se * math.Sqrt(n) * math.Sqrt(2*k*math.Log(math.Sqrt(k)/alpha)) / (n * r)
}

func oneSidedWidth(se, n, alpha, tuning float64) float64 {
	r := mixture(2*alpha, tuning)
	k := n*r*r + 1
	return se * math.Sqrt(n) * math.Sqrt(2*k*math.Log(1+math.Sqrt(k)/(2*alpha))) / (n * r)
}

// oneSidedP is the level at which the interval, tuned for alpha, just excludes
// zero. Above one half it says nothing: what is not found below is as good as
// one half.
func oneSidedP(estimate, se, n, alpha, tuning float64) float64 {
	const most = 0.4999
	if estimate <= 0 {
		return most
	}
	r := mixture(2*alpha, tuning)
	k := n*r*r + 1
	z := estimate / se
	return math.Min(most, math.Sqrt(k)/(2*math.Expm1(z*z*n*r*r/(2*k))))
}
