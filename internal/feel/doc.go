// Package feel is the expression language FEEL of DMN 1.5: parser, types,
// compiler to closures, evaluator and all built-in functions.
//
// # Compile once, run often
//
// A Scope lists the names an expression may use; the i-th name has slot i.
// Compile turns source text into a Program, an Evaluator runs it with a slice
// of values, one per slot:
//
//	scope := feel.NewScope(
//		feel.Var{Name: "Guest Count", Type: feel.NumberType},
//		feel.Var{Name: "season"}, // no type: anything
//	)
//	prog, err := feel.Compile(`Guest Count > 8 and season in ["Fall", "Winter"]`, scope, feel.CompileOptions{})
//	ev := feel.NewEvaluator(feel.Options{Now: feel.FromTime(now)})
//	v := ev.Run(prog, []feel.Value{feel.Int(10), feel.String("Fall")})
//	why := ev.Diagnostics() // why parts became null
//
// Syntax errors are a *CompileError with line, column, what was found and what
// was expected. Static problems (unknown names, wrong arguments, operands of
// the wrong type) make the faulty part null, as DMN asks, and are listed by
// Program.Problems; CompileOptions.Strict turns them into errors.
//
// Programs are immutable and safe for concurrent use; an Evaluator is for one
// goroutine at a time and may be kept in a pool (Reset makes it new). One
// Evaluator is one budget (Limits): nested runs share it.
//
// # Unary tests
//
// CompileUnaryTests compiles a cell of a decision table. The scope must hold
// the name "?", whose slot gets the input value; add it last and share the
// scope over the cells of a column. Evaluator.Test tells whether the cell
// fits. Program.Cell describes a cell that compares with constants only, to
// build indexes and to find gaps and overlaps.
//
// # Functions
//
// NewFunction makes a function value with a body written in Go: business
// knowledge models, decision services, boxed and external functions. Put it in
// a slot whose Var has the function's Type (so that named arguments and
// results are checked). Evaluator.Call and CallNamed call any function value.
// Arguments are coerced to the parameter types before the body runs, and the
// result to Function.Result; an argument that does not conform makes the call
// null. `function(…) external {…}` asks CompileOptions.External for the body.
//
// # Types
//
// Item definitions are Types: ListType, ContextType, FunctionType, RangeType
// and the simple ones, with Named and Constrained (allowed values).
// ParseType reads a typeRef, as "number", "list<tPerson>" or a name from
// Scope.AddType. Conforms tells whether a value is of a type, Coerce applies
// DMN's implicit conversions (element to singleton list and back, date to date
// and time at midnight UTC; everything else that does not conform is null).
//
// # Values
//
// A Value is a small struct: Null, Bool, Int, Number…, String, the temporal
// constructors, ListOf, ContextOf, RangeOf, NewFunction. FromGo and Value.Go
// convert to and from Go values. Equal is FEEL's `=`, Same is is(), Compare is
// the order of <, Contains is `in` for a range. Value.String is string(v),
// Value.Literal the value as FEEL source.
//
// Imported models are contexts: give the name of the import a ContextType with
// the imported names as fields and a context value with their values.
//
// The package is pure: it never asks a clock, reads, writes, draws a random
// number or starts a goroutine. Time zones come from a copy of the IANA data
// inside the package.
package feel
