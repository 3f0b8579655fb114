package model

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/dmn"
	"rapport/internal/fault"
	"rapport/internal/feel"
)

// Question is one evaluation.
type Question struct {
	Inputs    map[string]json.RawMessage // by the names of input data
	Context   json.RawMessage            // of the request: an object, or nothing
	Item      *catalog.ItemView          // nil: none
	Given     map[string]feel.Value      // what connections answered, by the names of input data
	Person    *Person                    // nil: nobody
	Exactly   []Read                     // instead of all of these: the values of another run
	Decisions []string                   // which; empty: all
	Service   string                     // a decision service instead
	Now       clock.Instant
	Seed      uint64 // of what scripts draw by chance
	Explain   bool
	Clock     func() int64 // nanoseconds, for the times of a trace
}

// Answer is what came of it.
type Answer struct {
	Outputs     map[string]any `json:"outputs" doc:"Values by the names of decisions, or of the decision service"`
	Diagnostics []Diagnostic   `json:"diagnostics" nullable:"false" doc:"Why values are null"`
	Inputs      []Bound        `json:"inputs,omitempty" doc:"With explain: the inputs, and where they came from"`
	Trace       []Step         `json:"trace,omitempty" doc:"With explain: what ran, in the order in which it began"`
	// Read and Values are what the outputs were made of and what they are, with
	// their types.
	Read   []Read       `json:"-"`
	Values []feel.Entry `json:"-"`
}

// Diagnostic says why a value became null.
type Diagnostic struct {
	Node    string `json:"node,omitempty"`
	Line    int    `json:"line,omitempty" doc:"In the document"`
	Column  int    `json:"column,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// limits bound an evaluation: about a tenth of a second.
func limits() feel.Limits {
	return feel.Limits{Steps: 1_000_000, ListLen: 100_000, StringLen: 1 << 20}
}

// NewRun makes what Evaluate runs in. It may be used again and again, by one
// goroutine at a time.
func (m *Model) NewRun() *dmn.Session { return m.dmn.NewSession(dmn.SessionOptions{Limits: limits()}) }

// Evaluate answers a question in a run of this model. What is wrong with the
// question is a fault; what is wrong with values is among the diagnostics.
func (m *Model) Evaluate(run *dmn.Session, q *Question) (*Answer, error) {
	targets, err := m.targets(q)
	if err != nil {
		return nil, err
	}
	run.Reset(dmn.SessionOptions{
		Now: feel.FromTime(q.Now.Time()), Limits: limits(), Trace: q.Explain, Clock: q.Clock,
		Outside: &Outside{Now: q.Now, seed: q.Seed},
	})
	needed := m.needed(targets)
	read, err := m.bind(run, q, needed)
	if err != nil {
		return nil, err
	}
	a := &Answer{Outputs: make(map[string]any, len(targets)), Diagnostics: []Diagnostic{}, Read: read, Values: make([]feel.Entry, len(targets))}
	for i, n := range targets {
		var v feel.Value
		if n.Kind == dmn.ServiceNode {
			v, _ = run.Call(n.Namespace, n.Name, nil)
		} else {
			v = run.DecideIndex(n.Index)
		}
		a.Outputs[n.Name], a.Values[i] = v.Go(), feel.Entry{Key: n.Name, Value: v}
	}
	a.missing(m, needed)
	for _, d := range run.Diagnostics() {
		a.Diagnostics = append(a.Diagnostics, Diagnostic{d.Node, d.Pos.Line, d.Pos.Column, string(d.Code), d.Message})
	}
	slices.SortFunc(read, func(x, y Read) int { return strings.Compare(x.Name, y.Name) })
	if q.Explain {
		a.Trace = steps(run.Trace())
		for _, r := range read {
			a.Inputs = append(a.Inputs, Bound{r.Name, r.Value.Go(), r.From})
		}
	}
	return a, nil
}

// Outside is what a run hands to functions whose bodies are not FEEL: its time
// and its chance, which are inputs as all others, so that a run can be repeated.
type Outside struct {
	Now   clock.Instant
	seed  uint64
	calls uint64
}

// Seed gives the seed of the next call. The calls of a run have different ones,
// the same in every run of the same question.
func (o *Outside) Seed() uint64 {
	o.calls++
	return o.seed ^ o.calls*0x9e3779b97f4a7c15
}

// targets are the nodes whose values are asked for.
func (m *Model) targets(q *Question) ([]dmn.Node, error) {
	if q.Service != "" {
		if len(q.Decisions) > 0 {
			return nil, fault.Errorf(fault.Invalid, "invalid_request", "decisions and service are both given: ask for one of them").At("/service")
		}
		n, ok := named(m.services, q.Service)
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "unknown_service", "service: the model has no decision service %q; it has %s", q.Service, names(m.services)).At("/service")
		}
		return []dmn.Node{n}, nil
	}
	if len(q.Decisions) == 0 {
		return m.decisions, nil
	}
	out := make([]dmn.Node, len(q.Decisions))
	for i, name := range q.Decisions {
		n, ok := named(m.decisions, name)
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "unknown_decision", "decisions: the model has no decision %q; it has %s", name, names(m.decisions)).At("/decisions")
		}
		out[i] = n
	}
	return out, nil
}

// missing names the inputs that the decisions need and nobody gave.
func (a *Answer) missing(m *Model, needed []bool) {
	given := make([]bool, m.size)
	for _, r := range a.Read {
		if n, ok := named(m.inputs, r.Name); ok {
			given[n.Index] = true
		}
	}
	for _, n := range m.inputs {
		if needed[n.Index] && !given[n.Index] {
			a.Diagnostics = append(a.Diagnostics, Diagnostic{Node: n.Name, Code: "missing_input", Message: "no value was given: it is null"})
		}
	}
}

// Step is one node that ran.
type Step struct {
	Kind   string         `json:"kind" doc:"decision, business knowledge model or decision service"`
	Name   string         `json:"name"`
	Parent *int           `json:"parent" doc:"Place in the trace of what asked for it, null where the request did"`
	Inputs map[string]any `json:"inputs"`
	Output any            `json:"output"`
	Tables []TableStep    `json:"tables,omitempty"`
	Start  float64        `json:"start_us" doc:"Microseconds since the first one began"`
	Took   float64        `json:"took_us" doc:"What it called included"`
}

// TableStep is a decision table that ran.
type TableStep struct {
	Name   string     `json:"name"`
	Policy string     `json:"hit_policy"`
	Rules  []RuleStep `json:"rules" doc:"Those that fitted"`
}

// RuleStep is a rule that fitted.
type RuleStep struct {
	Number      int      `json:"number" doc:"Counted from 1"`
	ID          string   `json:"id,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
}

func steps(trace []dmn.NodeTrace) []Step {
	out := make([]Step, len(trace))
	for i, n := range trace {
		s := Step{
			Kind: n.Kind.String(), Name: n.Name, Inputs: make(map[string]any, len(n.Inputs)), Output: n.Output.Go(),
			Start: micros(n.Start), Took: micros(n.Took),
		}
		if n.Parent >= 0 {
			s.Parent = &n.Parent
		}
		for _, in := range n.Inputs {
			s.Inputs[in.Key] = in.Value.Go()
		}
		for _, t := range n.Tables {
			s.Tables = append(s.Tables, tableStep(t))
		}
		out[i] = s
	}
	return out
}

func tableStep(t dmn.TableTrace) TableStep {
	out := TableStep{Name: t.Table.Name, Policy: t.Table.Policy.String(), Rules: make([]RuleStep, len(t.Rules))}
	for i, r := range t.Rules {
		id, annotations := t.Table.Rule(r)
		out.Rules[i] = RuleStep{r + 1, id, annotations}
	}
	return out
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
