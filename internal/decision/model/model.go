// Package model is a decision model as the product runs it: compiled from its
// document, fed from a request and a person, asked for its decisions, held
// against its test cases. It never stores, never reads a clock and never finds
// out about a person by itself.
package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// Model is a compiled decision model. It is immutable and safe for concurrent
// use.
type Model struct {
	dmn       *dmn.Model
	inputs    []dmn.Node
	decisions []dmn.Node
	services  []dmn.Node
	plan      []binding
	warnings  []Problem
	size      int    // nodes
	all       []bool // by the index of a node: whether it is an input data that some decision needs
}

// Options are the outside of a compilation.
type Options struct {
	// Import and External are those of dmn.CompileOptions.
	Import   func(namespace, location string) (*dmnxml.Definitions, error)
	External func(dmn.ExternalFunction) (feel.NativeFunc, error)
	// Given are types of what input data gets by the model's settings, by name;
	// nil where the type is not known.
	Given map[string]*feel.Type
}

// Problem is something wrong with a document, with its place in it.
type Problem struct {
	Severity string `json:"severity" enum:"error,warning"`
	Line     int    `json:"line" doc:"Counted from 1; 0 where no line is to blame"`
	Column   int    `json:"column"`
	Node     string `json:"node,omitempty" doc:"The decision, table or type that is meant"`
	Message  string `json:"message" doc:"What is wrong and what was expected"`
}

// Variable is something that a model takes or gives.
type Variable struct {
	Name string `json:"name"`
	Type string `json:"type" doc:"A type of FEEL; Any where none is declared"`
}

// Compile makes a document ready to run. Where it cannot run as it is there is
// no model, and at least one of the problems is an error.
func Compile(document []byte, o Options) (*Model, []Problem) {
	defs, err := dmnxml.Decode(document)
	if err != nil {
		return nil, []Problem{fromError(err)}
	}
	known := newSchema()
	compiled, err := dmn.Compile(defs, dmn.CompileOptions{Import: o.Import, External: o.External, InputType: func(name string) *feel.Type {
		if t, ok := o.Given[name]; ok {
			return t
		}
		return known.of(name)
	}})
	if err != nil {
		return nil, fromCompileError(err)
	}
	m := &Model{dmn: compiled, size: len(compiled.Nodes())}
	failed := false
	for _, p := range compiled.Problems() {
		m.warnings = append(m.warnings, problemOf(p))
		failed = failed || p.Severity == dmn.Fatal
	}
	for _, n := range compiled.Nodes() {
		switch {
		case n.Name == "":
		case n.Kind == dmn.InputNode:
			m.inputs = append(m.inputs, n)
		case n.Imported:
		case n.Kind == dmn.DecisionNode:
			m.decisions = append(m.decisions, n)
		case n.Kind == dmn.ServiceNode:
			m.services = append(m.services, n)
		}
	}
	if failed {
		return nil, m.warnings
	}
	if len(m.decisions) == 0 {
		return nil, append(m.warnings, Problem{Severity: "error", Message: "the model has no decision with a name: there is nothing to evaluate; add one"})
	}
	m.bindings()
	m.warnings = append(m.warnings, m.mismatches(known, o.Given)...)
	return m, m.warnings
}

func problemOf(p dmn.Problem) Problem {
	return Problem{p.Severity.String(), p.Pos.Line, p.Pos.Column, p.Node, p.Message}
}

func fromError(err error) Problem {
	p := Problem{Severity: "error", Message: err.Error()}
	if syntax, ok := errors.AsType[*dmnxml.SyntaxError](err); ok {
		p.Line, p.Column, p.Message = syntax.Line, syntax.Column, syntax.Message
	}
	return p
}

func fromCompileError(err error) []Problem {
	failed, ok := errors.AsType[*dmn.CompileError](err)
	if !ok {
		return []Problem{fromError(err)}
	}
	out := make([]Problem, len(failed.Problems))
	for i, p := range failed.Problems {
		out[i] = problemOf(p)
	}
	return out
}

// Name is the name that the document gives the model.
func (m *Model) Name() string { return m.dmn.Name() }

// Warnings are what the document should be mended for, though it runs.
func (m *Model) Warnings() []Problem { return m.warnings }

// Inputs lists the input data, with those of imported models.
func (m *Model) Inputs() []Variable { return variables(m.inputs) }

// Decisions lists the decisions of the model itself.
func (m *Model) Decisions() []Variable { return variables(m.decisions) }

// Services lists the decision services of the model itself.
func (m *Model) Services() []string {
	out := make([]string, len(m.services))
	for i, n := range m.services {
		out[i] = n.Name
	}
	return out
}

func variables(nodes []dmn.Node) []Variable {
	out := make([]Variable, len(nodes))
	for i, n := range nodes {
		out[i] = Variable{n.Name, typeName(n.Type)}
	}
	return out
}

func typeName(t *feel.Type) string {
	if t == nil {
		return "Any"
	}
	if t.Name() != "" {
		return t.Name()
	}
	return t.String()
}

func named(nodes []dmn.Node, name string) (dmn.Node, bool) {
	i := slices.IndexFunc(nodes, func(n dmn.Node) bool { return n.Name == name })
	if i < 0 {
		return dmn.Node{}, false
	}
	return nodes[i], true
}

func names(nodes []dmn.Node) string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.Name
	}
	return fmt.Sprintf("%q", all)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
