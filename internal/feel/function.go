package feel

import "unsafe"

// Param is a formal parameter of a function. A nil Type takes anything.
type Param struct {
	Name string
	Type *Type
	// Optional parameters may be left out by the caller and are then null.
	Optional bool
}

// NativeFunc is the body of a function written in Go. The arguments are in the
// order of the parameters, already coerced to their types. The slice is only
// valid during the call. An error becomes null and a diagnostic at the place
// of the call.
//
// Programs run inside it must use the same Evaluator, so that they share one
// budget: ev.Run(program, slots).
type NativeFunc func(ev *Evaluator, args []Value) (Value, error)

// Function is the body of a function value.
type Function struct {
	Name   string
	Params []Param
	// Result is the declared type of the result, nil when none was declared.
	// Results are coerced to it.
	Result *Type

	native NativeFunc
	lambda *lambda
	bound  []Value // values a lambda captured when it was made
	spec   *builtin
}

// NewFunction is a function value with a body written in Go, for business
// knowledge models, decision services, boxed functions and external functions.
func NewFunction(name string, params []Param, result *Type, body NativeFunc) Value {
	return funcValue(&Function{Name: name, Params: params, Result: result, native: body})
}

func funcValue(f *Function) Value { return Value{kind: KindFunction, p: unsafe.Pointer(f)} }

// Type is the function type made of the types of parameters and result.
func (f *Function) Type() *Type {
	if f.spec != nil {
		return f.spec.typ()
	}
	params := make([]*Type, len(f.Params))
	for i, p := range f.Params {
		params[i] = p.Type
	}
	result := f.Result
	if result == nil && f.lambda != nil {
		result = f.lambda.result
	}
	return FunctionType(params, result)
}
