package feel

import (
	"fmt"
	"strings"
)

// Position is a place in the source of an expression. Line and Column count
// from 1, Column in code points.
type Position struct {
	Offset, Line, Column int
}

// Diagnostic says why a part of an expression is wrong or became null.
type Diagnostic struct {
	Pos     Position
	Code    Code
	Message string
}

// String is the diagnostic as one line of text.
func (d Diagnostic) String() string {
	return fmt.Sprintf("%d:%d: %s: %s", d.Pos.Line, d.Pos.Column, d.Code, d.Message)
}

// Code is the stable name of a kind of diagnostic.
type Code string

// The kinds of diagnostics.
const (
	CodeSyntax    Code = "syntax"
	CodeUnknown   Code = "unknown_name"
	CodeType      Code = "type"
	CodeArguments Code = "arguments"
	CodeValue     Code = "value"
	CodeBudget    Code = "budget"
	CodeDuplicate Code = "duplicate"
	CodeExternal  Code = "external"
)

// CompileError is why an expression could not be compiled.
type CompileError struct {
	Source string
	Issues []Diagnostic
}

// Error is the first issue and how many more there are.
func (e *CompileError) Error() string {
	var b strings.Builder
	b.WriteString("feel: ")
	b.WriteString(e.Issues[0].String())
	if n := len(e.Issues) - 1; n > 0 {
		fmt.Fprintf(&b, " (and %d more)", n)
	}
	return b.String()
}
