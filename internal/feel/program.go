package feel

// CompileOptions changes how an expression is compiled. The zero value is the
// leniency DMN asks for.
type CompileOptions struct {
	// Strict makes static problems (unknown names, wrong arguments, operands
	// of the wrong type) errors. Without it the faulty part is null at run
	// time and the problem is listed by Program.Problems.
	Strict bool
	// External makes the body of `function(…) external {…}`. Nil refuses them.
	External ExternalResolver
	// Fixed are slots whose values stay the same from one reset of an evaluator
	// to the next, however often the program runs: parts that read nothing else
	// are worked out once.
	Fixed []int
	// MaxSource is the longest source accepted, in bytes; 0 means 1 MiB.
	MaxSource int
}

// ExternalResolver finds the Go body of an external function. The spec is the
// context behind the word external, as {java: {class: …, method signature: …}}.
// Its error becomes a diagnostic, and the function null.
type ExternalResolver func(params []Param, spec Value) (NativeFunc, error)

// Program is a compiled expression. It is immutable and safe for concurrent
// use.
type Program struct {
	source   string
	root     node
	test     boolNode // set when the root is a boolean expression
	locals   int      // slots for names the expression itself introduces
	minSlots int
	keeps    int // parts that are worked out once
	typ      *Type
	problems []Diagnostic
	inputs   []int
	constant bool
	cell     Cell
	hasCell  bool
}

// Source is the text the program was compiled from.
func (p *Program) Source() string { return p.source }

// Type is the static type of the result, as far as it is known.
func (p *Program) Type() *Type { return p.typ }

// Problems are the static problems that do not stop the program from running.
func (p *Program) Problems() []Diagnostic { return p.problems }

// Inputs are the slots the program reads, in ascending order.
func (p *Program) Inputs() []int { return p.inputs }

// Constant tells whether the program reads no slot and no clock, so that every
// run has the same result.
func (p *Program) Constant() bool { return p.constant }

// Cell describes the unary tests of a program made by CompileUnaryTests when
// all of them compare the input with constants.
func (p *Program) Cell() (Cell, bool) { return p.cell, p.hasCell }

// Cell is the constant form of unary tests, for indexes and for the analysis of
// gaps and overlaps.
type Cell struct {
	// Any is set for "-": every input fits, null too.
	Any bool
	// Negated is set for not(…): the input fits when no alternative does.
	Negated bool
	// Alternatives are ranges, which hold the input, or other values, which
	// equal it. Ranges of which Op is set have one bound. They describe the
	// cell for inputs that are no lists: a list may also equal a whole list.
	Alternatives []Value
}

// Eval runs the program with a fresh evaluator.
func (p *Program) Eval(o Options, slots ...Value) (Value, []Diagnostic) {
	ev := NewEvaluator(o)
	v := ev.Run(p, slots)
	return v, ev.Diagnostics()
}
