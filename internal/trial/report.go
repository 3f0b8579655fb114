package trial

import (
	"math"

	"rapport/internal/clock"
	"rapport/internal/experiment"
	"rapport/internal/experiment/stats"
	"rapport/internal/wording"
)

// Report is what an experiment showed.
type Report struct {
	Experiment string                 `json:"experiment"`
	Name       string                 `json:"name"`
	Kind       experiment.Kind        `json:"kind"`
	State      experiment.State       `json:"state"`
	Version    int                    `json:"version" doc:"Of the definition"`
	Phases     []experiment.Phase     `json:"phases,omitempty"`
	Verdict    string                 `json:"verdict" doc:"What it comes to, in a sentence"`
	Decision   string                 `json:"decision" enum:"winner,harm,no_winner_yet,too_early,not_to_be_trusted,no_primary_metric"`
	Winner     string                 `json:"winner,omitempty" doc:"Key of the variant, where the decision is winner"`
	Warnings   []string               `json:"warnings" nullable:"false" doc:"Why not to trust it, or not yet"`
	People     int64                  `json:"people" doc:"Who was shown a variant, each person once, by the first one"`
	Several    int64                  `json:"saw_several" doc:"Of them, who was also shown another variant; they count for the first"`
	Recounting int64                  `json:"recounting,omitempty" doc:"People who wait to be counted by the definition as it is now"`
	Waiting    int                    `json:"waiting,omitempty" doc:"People of any experiment of whom something changed just now"`
	Variants   []VariantReport        `json:"variants" nullable:"false"`
	Mismatch   SampleRatio            `json:"sample_ratio"`
	Metrics    []MetricReport         `json:"metrics" nullable:"false"`
	Factors    []FactorReport         `json:"factors,omitempty"`
	Days       []ExposureDay          `json:"days" nullable:"false" doc:"By the day of the first exposure, in UTC"`
	Conclusion *experiment.Conclusion `json:"conclusion,omitempty"`
}

// VariantReport is who was in a variant.
type VariantReport struct {
	Key     string  `json:"key"`
	Name    string  `json:"name,omitempty"`
	Channel string  `json:"channel,omitempty"`
	People  int64   `json:"people"`
	Several int64   `json:"saw_several"`
	Share   float64 `json:"share" doc:"Of the people"`
}

// Mismatch compares how people are divided with how they should be.
type SampleRatio struct {
	P      *float64      `json:"p" doc:"The smallest of the phases: below 0.001 nothing here is to be trusted. null: there is nothing to compare, as with a bandit"`
	Phases []PhaseCounts `json:"phases" nullable:"false"`
}

// PhaseCounts are those of a phase.
type PhaseCounts struct {
	Phase  int              `json:"phase"`
	P      float64          `json:"p"`
	People map[string]int64 `json:"people"`
}

// MetricReport is what a metric showed.
type MetricReport struct {
	Key         string          `json:"key"`
	Name        string          `json:"name,omitempty"`
	Type        string          `json:"type"`
	Role        string          `json:"role"`
	Inverse     bool            `json:"less_is_better,omitempty"`
	Capped      *float64        `json:"capped_at,omitempty"`
	Adjusted    bool            `json:"adjusted" doc:"By what was counted before the first exposure (CUPED)"`
	Figures     []ArmFigure     `json:"variants" nullable:"false"`
	Comparisons []ArmComparison `json:"comparisons" nullable:"false" doc:"Each variant with the control"`
}

// ArmFigure is a metric of one variant.
type ArmFigure struct {
	Variant string   `json:"variant"`
	People  int64    `json:"people"`
	Total   float64  `json:"total" doc:"Of the numerator"`
	Value   *float64 `json:"value" doc:"null where there is none"`
	SE      *float64 `json:"standard_error"`
	Problem string   `json:"problem,omitempty"`
}

// ArmComparison is a variant against the control.
type ArmComparison struct {
	Variant    string          `json:"variant"`
	Control    string          `json:"control"`
	Fixed      EffectInterval  `json:"fixed" doc:"Valid if looked at once, at the end"`
	Sequential EffectInterval  `json:"sequential" doc:"Valid however often it is looked at"`
	Bayesian   EffectPosterior `json:"bayesian"`
	Fieller    *EffectInterval `json:"fieller,omitempty" doc:"Of relative differences: excludes zero where the absolute test does"`
	Corrected  *float64        `json:"p_corrected,omitempty" doc:"By the method of the analysis, over all comparisons that are no guardrail's"`
	Guardrail  string          `json:"guardrail,omitempty" enum:"passed,failed,unclear"`
	Power      *ArmPower       `json:"power,omitempty"`
	p          float64
	chosen     stats.Result
}

// EffectInterval is an estimated difference.
type EffectInterval struct {
	Estimate *float64 `json:"estimate"`
	Low      *float64 `json:"low" doc:"null: it has no lower bound"`
	High     *float64 `json:"high"`
	P        float64  `json:"p"`
	Problem  string   `json:"problem,omitempty"`
}

// EffectPosterior is what is believed of the difference.
type EffectPosterior struct {
	Estimate        *float64 `json:"estimate"`
	Low             *float64 `json:"low"`
	High            *float64 `json:"high"`
	ChanceToWin     float64  `json:"chance_to_win"`
	RiskOfTreatment *float64 `json:"risk_of_variant" doc:"What is lost on average by taking the variant, in units of the difference"`
	RiskOfControl   *float64 `json:"risk_of_control"`
}

// Power is what the comparison can find.
type ArmPower struct {
	Effect        float64  `json:"effect" doc:"The relative effect that is worth finding"`
	Power         float64  `json:"power" doc:"The chance to find it with the people there are"`
	MinimumEffect *float64 `json:"minimum_effect" doc:"The smallest relative effect found with the wanted power; null: none"`
	MoreUnits     *float64 `json:"more_people" doc:"How many more it takes; null: more than a million times as many"`
	MoreDays      *float64 `json:"more_days"`
}

// Day is a day of first exposures.
type ExposureDay struct {
	Day      string       `json:"day"`
	Variants []DayFigures `json:"variants" nullable:"false"`
}

// DayFigures are those of a variant of the people of a day.
type DayFigures struct {
	Variant string    `json:"variant"`
	People  int64     `json:"people"`
	Totals  []float64 `json:"totals" nullable:"false" doc:"Of each metric's numerator, in the order of metrics"`
}

// Options say which people a report is about.
type Options struct {
	Now     clock.Instant
	Version int
	Waiting int
	Once    bool // leave out who was shown several variants
	Mature  bool // leave out whose windows are not over yet
	// Language is that of the verdict and the warnings.
	Language wording.Language
}

// number makes what JSON has no word for null.
func number(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

func interval(r stats.Result) EffectInterval {
	out := EffectInterval{P: r.P, Problem: r.Problem}
	if r.Problem == "" {
		out.Estimate, out.Low, out.High = number(r.Estimate), number(r.Low), number(r.High)
	}
	return out
}
