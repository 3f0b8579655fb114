package trial

import (
	"fmt"
	"math"
	"strings"
	"time"

	"rapport/internal/experiment"
)

// The p values of a sample-ratio mismatch from which on results are not to be
// trusted, and from which on they are to be looked at.
const (
	mismatched = 0.001
	suspicious = 0.01
)

// decide says what it comes to, and why not to trust it.
func (j *judge) decide() {
	r := j.report
	j.warn()
	primary := -1
	for i := range r.Metrics {
		if r.Metrics[i].Role == experiment.RolePrimary {
			primary = i
		}
	}
	least := int64(math.MaxInt64)
	for _, v := range r.Variants {
		if v.People > 0 || !j.silent(v.Key) {
			least = min(least, v.People)
		}
	}
	switch {
	case primary < 0:
		r.Decision, r.Verdict = "no_primary_metric", j.say("There is no primary metric, so there is nothing to decide by.")
	case r.Mismatch.P != nil && *r.Mismatch.P < mismatched:
		r.Decision = "not_to_be_trusted"
		r.Verdict = j.say("Do not trust this: people are not divided by the weights (p = %s), so the variants are not comparable.", j.number("%.2g", *r.Mismatch.P))
	case least < int64(j.Analysis.MinUnits):
		r.Decision = "too_early"
		r.Verdict = j.say("Too early: the smallest variant has %d people, %d are needed before there is a verdict.", max(least, 0), j.Analysis.MinUnits)
	default:
		j.judge(&r.Metrics[primary])
	}
}

// silent tells a variant that nobody was to get.
func (j *judge) silent(key string) bool {
	for _, p := range j.Phases {
		if p.Weights[key] > 0 {
			return false
		}
	}
	return true
}

// judge looks for the best variant by the primary metric.
func (j *judge) judge(m *MetricReport) {
	r := j.report
	var best, worst *ArmComparison
	sign := 1.0
	if m.Inverse {
		sign = -1
	}
	for i := range m.Comparisons {
		c := &m.Comparisons[i]
		if c.chosen.Problem != "" || !(c.p < j.Analysis.Alpha) {
			continue
		}
		gain := sign * c.chosen.Estimate
		if gain > 0 && (best == nil || gain > sign*best.chosen.Estimate) {
			best = c
		}
		if gain < 0 && (worst == nil || gain < sign*worst.chosen.Estimate) {
			worst = c
		}
	}
	name := m.Name
	if name == "" {
		name = m.Key
	}
	switch {
	case best != nil:
		r.Decision, r.Winner = "winner", best.Variant
		r.Verdict = j.say("%s beats %s on %s: %s.", best.Variant, best.Control, name, j.words(best))
		if harmed := j.harmed(best.Variant); harmed != "" {
			r.Decision, r.Winner = "harm", ""
			r.Verdict = j.say("%s beats %s on %s (%s), but it harms %s more than is tolerated.", best.Variant, best.Control, name, j.words(best), harmed)
		}
	case worst != nil:
		r.Decision = "harm"
		r.Verdict = j.say("%s is worse than %s on %s: %s.", worst.Variant, worst.Control, name, j.words(worst))
	default:
		r.Decision = "no_winner_yet"
		r.Verdict = j.say("No variant differs from %s on %s so far.", j.Variants[0].Key, name)
		if len(m.Comparisons) == 1 {
			c := &m.Comparisons[0]
			if c.chosen.Problem == "" {
				r.Verdict = j.say("%s does not differ from %s on %s so far: %s.", c.Variant, c.Control, name, j.words(c))
			} else {
				r.Verdict = j.say("%s cannot be compared with %s on %s yet: %s.", c.Variant, c.Control, name, j.say(c.chosen.Problem))
			}
			if c.Power != nil && c.Power.MoreDays != nil && *c.Power.MoreDays > 0 {
				r.Verdict += j.say(" To find %s it takes about %.0f more days.", j.percent(c.Power.Effect), *c.Power.MoreDays)
			}
		}
	}
}

// harmed names guardrails that a variant breaks.
func (j *judge) harmed(variant string) string {
	var out []string
	for i := range j.report.Metrics {
		m := &j.report.Metrics[i]
		for k := range m.Comparisons {
			if m.Comparisons[k].Variant == variant && m.Comparisons[k].Guardrail == "failed" {
				out = append(out, m.Key)
			}
		}
	}
	return strings.Join(out, " "+j.say("and")+" ")
}

func (j *judge) words(c *ArmComparison) string {
	write := j.percent
	if j.Analysis.Difference == "absolute" {
		write = func(f float64) string { return j.number("%+.4g", f) }
	}
	bound := func(f float64) string {
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return j.say("no bound")
		}
		return write(f)
	}
	return j.say("%s, %s %% interval %s to %s", write(c.chosen.Estimate), j.number("%.4g", 100*(1-j.Analysis.Alpha)), bound(c.chosen.Low), bound(c.chosen.High))
}

func (j *judge) percent(f float64) string { return j.number("%+.1f %%", 100*f) }

// number writes one as the reader does.
func (j *judge) number(format string, f float64) string {
	return j.Language.Number(fmt.Sprintf(format, f))
}

// warn says when not to trust the results.
func (j *judge) warn() {
	r := j.report
	say := func(format string, args ...any) { r.Warnings = append(r.Warnings, j.say(format, args...)) }
	if p := r.Mismatch.P; p != nil && *p < suspicious {
		say("People are not divided as the weights say (p = %s): look for what keeps some of them out of a variant.", j.number("%.2g", *p))
	}
	if r.People > 0 && float64(r.Several) > 0.01*float64(r.People) {
		say("%s %% of the people were shown more than one variant, mostly before they were known on a second device; they count for the first.", j.number("%.1f", 100*float64(r.Several)/float64(r.People)))
	}
	if len(j.phases) > 1 {
		say("Who gets what changed %d times while it ran: phases are judged apart and put together by how many people came in each.", len(j.phases)-1)
	}
	if r.Recounting > 0 {
		say("%d people are still to be counted by the definition as it is now.", r.Recounting)
	}
	if j.Analysis.Method == "fixed" && j.State == experiment.Running {
		say("The fixed method holds only if it is looked at once, at the end: looking again and again finds differences that are not there. The sequential figures may be looked at at any time.")
	}
	if days := len(r.Days); days > 0 && days < 7 && j.State == experiment.Running {
		if days == 1 {
			say("It has people of 1 day: a whole week shows what weekends change.")
		} else {
			say("It has people of %d days: a whole week shows what weekends change.", days)
		}
	}
	if young := j.young(); young > 0 && !j.Mature {
		say("The windows of %d people are not over yet: what they still do changes the results.", young)
	}
	if j.Learns() {
		say("A bandit moves people to what does better: its variants had different people at different times, so intervals are rough.")
	}
	for i := range r.Metrics {
		m := &r.Metrics[i]
		if m.Type != experiment.Conversion {
			continue
		}
		for k := range m.Figures {
			if f := &m.Figures[k]; f.People >= int64(j.Analysis.MinUnits) && (f.Total < 5 || float64(f.People)-f.Total < 5) {
				say("%s of %s: %.0f of %d people is too near to none or all for intervals to be right.", m.Key, f.Variant, f.Total, f.People)
			}
		}
	}
}

// young are people whose longest window is not over.
func (j *judge) young() (n int64) {
	windows := false
	for i := range j.metrics {
		windows = windows || j.metrics[i].window > 0
	}
	if !windows {
		return 0
	}
	for _, d := range j.report.Days {
		at, err := time.Parse(time.DateOnly, d.Day)
		if err != nil || j.mature(int(at.Unix()/86400)) {
			continue
		}
		for _, v := range d.Variants {
			n += v.People
		}
	}
	return n
}
