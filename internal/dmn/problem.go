package dmn

import (
	"fmt"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// Severity says whether a problem makes a part of the model useless.
type Severity uint8

// The severities of problems.
const (
	Warning Severity = iota
	Fatal            // the node is null whatever its inputs
)

// String is the severity in one word.
func (s Severity) String() string {
	if s == Fatal {
		return "error"
	}
	return "warning"
}

// Problem is something wrong with a model that compiling found.
type Problem struct {
	Severity  Severity
	Namespace string // the model's
	Node      string // decision, item definition or other named element
	Pos       dmnxml.Pos
	Message   string
}

// String is the problem as one line of text.
func (p Problem) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", p.Pos, p.Severity, p.Node, p.Message)
}

// Diagnostic says why a value became null during an evaluation.
type Diagnostic struct {
	Node    string
	Pos     dmnxml.Pos
	Code    feel.Code
	Message string
}

// String is the diagnostic as one line of text.
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", d.Pos, d.Node, d.Code, d.Message)
}

// CompileError is why a model could not be compiled at all.
type CompileError struct {
	Problems []Problem
}

func (e *CompileError) Error() string {
	if len(e.Problems) == 1 {
		return "dmn: " + e.Problems[0].String()
	}
	return fmt.Sprintf("dmn: %s (and %d more)", e.Problems[0], len(e.Problems)-1)
}

// within gives the place in the file of a place in an expression whose text
// starts at p.
func within(p dmnxml.Pos, at feel.Position) dmnxml.Pos {
	switch {
	case at.Line > 1:
		return dmnxml.Pos{Line: p.Line + at.Line - 1, Column: at.Column}
	case at.Column > 1:
		return dmnxml.Pos{Line: p.Line, Column: p.Column + at.Column - 1}
	}
	return p
}
