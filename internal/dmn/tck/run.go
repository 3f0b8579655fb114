package tck

import (
	"fmt"

	"rapport/internal/dmn"
	"rapport/internal/feel"
)

// node evaluates one expected result of a test case.
func (s *suite) node(m *dmn.Model, c *testCase, r *resultNode) NodeResult {
	out := NodeResult{Name: r.Name}
	want, err := r.Expected.feel()
	if err != nil {
		out.Reasons = append(out.Reasons, err.Error())
		return out
	}
	out.Expected, out.ExpectsNull = want.Literal(), want.IsNull()
	run := m.NewSession(dmn.SessionOptions{Now: s.options.Now})
	args := map[string]feel.Value{}
	for i := range c.Inputs {
		in := &c.Inputs[i]
		v, err := in.feel()
		if err != nil {
			out.Reasons = append(out.Reasons, err.Error())
			return out
		}
		args[in.Name] = v
		if c.Invocable == "" && !run.Set(in.Namespace, in.Name, v) && !setAnywhere(run, m, in.Name, v) {
			out.Reasons = append(out.Reasons, fmt.Sprintf("the model has no input %q", in.Name))
		}
	}
	got, ok := evaluate(run, m, c, r, args)
	if !ok {
		out.Reasons = append(out.Reasons, fmt.Sprintf("the model has no %q to evaluate", r.Name))
	}
	out.Actual = got.Literal()
	out.Passed = ok && same(want, got)
	if !out.Passed {
		out.Reasons = append(out.Reasons, reasons(run, m, r.Name)...)
	}
	return out
}

// setAnywhere gives a value to an input of an imported model, for test cases
// that leave out its namespace.
func setAnywhere(run *dmn.Session, m *dmn.Model, name string, v feel.Value) bool {
	for _, n := range m.Nodes() {
		if n.Name == name && n.Imported && n.Kind == dmn.InputNode {
			run.SetIndex(n.Index, v)
			return true
		}
	}
	return false
}

func evaluate(run *dmn.Session, m *dmn.Model, c *testCase, r *resultNode, args map[string]feel.Value) (feel.Value, bool) {
	if c.Invocable == "" {
		v, ok := run.Decide(r.Namespace, r.Name)
		if !ok {
			if n, found := m.Find(r.Namespace, r.Name); found && n.Kind != dmn.InputNode {
				return run.Call(r.Namespace, r.Name, args)
			}
		}
		return v, ok
	}
	v, ok := run.Call("", c.Invocable, args)
	if !ok || r.Name == c.Invocable {
		return v, ok
	}
	// A service with several outputs gives a context; a result node may name
	// one of them.
	if n, _ := m.Find("", c.Invocable); n.Kind == dmn.ServiceNode {
		if ctx, isContext := v.AsContext(); isContext && n.Outputs > 1 {
			if part, has := ctx.Get(r.Name); has {
				return part, true
			}
		}
	}
	return v, ok
}

// reasons lists the diagnostics of the evaluation and the faults of the model
// that may explain a wrong result.
func reasons(run *dmn.Session, m *dmn.Model, name string) []string {
	var out []string
	for _, d := range run.Diagnostics() {
		out = append(out, d.String())
	}
	for _, p := range m.Problems() {
		if p.Severity == dmn.Fatal && (p.Node == name || len(m.Problems()) <= 3) {
			out = append(out, p.String())
		}
	}
	return out[:min(len(out), 5)]
}
