package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/dmn"
	"rapport/internal/fault"
	"rapport/internal/feel"
)

// MaxCases is how many test cases a model can have.
const MaxCases = 300

// maxExhausted is how many cases may use up their budget before the rest is
// left out: a model that never ends must not be tried three hundred times.
const maxExhausted = 5

// Case is one test case: inputs, and what the decisions must come to.
type Case struct {
	Name     string                     `json:"name"`
	Inputs   map[string]json.RawMessage `json:"inputs,omitempty"`
	Now      *clock.Instant             `json:"now,omitempty" doc:"What now() gives; left out: 2026-01-01T00:00:00Z"`
	Expected map[string]json.RawMessage `json:"expected" doc:"Values by the names of decisions; others may come to anything"`
}

// Cases is the document of a model's test cases.
type Cases struct {
	Cases []Case `json:"cases"`
}

// caseNow is the time of a case that names none: a case must not come to
// something else tomorrow.
const caseNow = clock.Instant(1_767_225_600_000_000)

// ReadCases reads the document of test cases.
func ReadCases(document []byte) (*Cases, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	c := &Cases{}
	if err := d.Decode(c); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_test_cases", "the test cases cannot be read: %v; send {\"cases\": [{\"name\": …, \"inputs\": {…}, \"expected\": {…}}]}", err)
	}
	if len(c.Cases) > MaxCases {
		return nil, fault.Errorf(fault.TooLarge, "too_many_test_cases", "there are %d test cases, %d are possible", len(c.Cases), MaxCases).At("/cases")
	}
	seen := map[string]bool{}
	for i, one := range c.Cases {
		at := fmt.Sprintf("/cases/%d", i)
		switch {
		case one.Name == "":
			return nil, fault.Errorf(fault.Invalid, "invalid_test_cases", "case %d has no name: give it one", i+1).At(at + "/name")
		case seen[one.Name]:
			return nil, fault.Errorf(fault.Invalid, "invalid_test_cases", "two cases are called %q: rename one", one.Name).At(at + "/name")
		case len(one.Expected) == 0:
			return nil, fault.Errorf(fault.Invalid, "invalid_test_cases", "case %q expects nothing: give expected values by decision", one.Name).At(at + "/expected")
		}
		seen[one.Name] = true
	}
	return c, nil
}

// Verdict is what a case came to.
type Verdict struct {
	Name        string       `json:"name"`
	Passed      bool         `json:"passed"`
	Error       string       `json:"error,omitempty" doc:"Why the case could not run"`
	Differences []Difference `json:"differences,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty" doc:"Of cases that failed"`
}

// Difference is a decision that came to something else.
type Difference struct {
	Decision string          `json:"decision"`
	Expected json.RawMessage `json:"expected"`
	Got      any             `json:"got"`
}

// Try runs the cases and tells how many failed.
func (m *Model) Try(c *Cases) (verdicts []Verdict, failed int) {
	run := m.NewRun()
	verdicts = make([]Verdict, len(c.Cases))
	exhausted := 0
	for i := range c.Cases {
		if exhausted < maxExhausted {
			verdicts[i] = m.try(run, &c.Cases[i])
		} else {
			verdicts[i] = Verdict{Name: c.Cases[i].Name, Error: "not run: too many cases before it took more than their budget"}
		}
		if run.Exhausted() {
			exhausted++
		}
		if !verdicts[i].Passed {
			failed++
		}
	}
	return verdicts, failed
}

func (m *Model) try(run *dmn.Session, c *Case) Verdict {
	v := Verdict{Name: c.Name}
	q := &Question{Inputs: c.Inputs, Decisions: slices.Sorted(maps.Keys(c.Expected)), Now: caseNow}
	if c.Now != nil {
		q.Now = *c.Now
	}
	a, err := m.Evaluate(run, q)
	if err != nil {
		v.Error = err.Error()
		return v
	}
	for _, name := range q.Decisions {
		n, _ := named(m.decisions, name)
		want, err := valueOf(c.Expected[name])
		if err != nil {
			v.Error = fmt.Sprintf("expected %q cannot be read: %v", name, err)
			return v
		}
		if got := run.DecideIndex(n.Index); !same(got, dmn.Adapt(want, n.Type), want) {
			v.Differences = append(v.Differences, Difference{name, c.Expected[name], got.Go()})
		}
	}
	if v.Passed = len(v.Differences) == 0; !v.Passed {
		v.Diagnostics = a.Diagnostics
	}
	return v
}

// same compares a value with what was expected; where the model declares no
// type, text may stand for a date or a duration.
func same(got, adapted, plain feel.Value) bool {
	if feel.Same(got, adapted) {
		return true
	}
	text, ok := plain.AsString()
	return ok && got.Kind() != feel.KindString && got.String() == text
}
