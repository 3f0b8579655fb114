package feel

import "time"

// Compile turns an expression into a program.
func Compile(src string, scope *Scope, o CompileOptions) (*Program, error) { return nil, nil }

// CompileUnaryTests turns the text of a decision table cell into a program
// that gives a boolean. The scope must hold the name "?".
func CompileUnaryTests(src string, scope *Scope, o CompileOptions) (*Program, error) {
	return nil, nil
}

// ParseType reads a type as written after `instance of`: a simple type, a
// name of the scope's types, or list<…>, range<…>, context<a: …>,
// function<…>->….
func ParseType(src string, scope *Scope) (*Type, error) { return nil, nil }

// String is the type as FEEL writes it.
func (t *Type) String() string { return "" }

// Conforms tells whether v is of type t. Null conforms to every type.
func Conforms(v Value, t *Type) bool { return false }

// InstanceOf is FEEL's `v instance of t`: as Conforms, but null is only an
// instance of Null and Any.
func InstanceOf(v Value, t *Type) bool { return false }

// Coerce is v as a value of type t after DMN's implicit conversions, or Null
// and false when it does not conform.
func Coerce(v Value, t *Type) (Value, bool) { return Null, false }

// ConformsTo tells whether every value of type t is one of type to.
func (t *Type) ConformsTo(to *Type) bool { return false }

// Equal is FEEL's `a = b`: true, false, or null when they cannot be compared.
func Equal(a, b Value) Value { return Null }

// Same is FEEL's is(a, b): same kind and same representation.
func Same(a, b Value) bool { return false }

// Compare orders two values of one ordered kind: -1, 0 or 1, and whether they
// can be ordered.
func Compare(a, b Value) (int, bool) { return 0, false }

// Contains tells whether v is in r: True, False, or Null when it cannot be told.
func Contains(r *Range, v Value) Value { return Null }

// String is FEEL's string(v); null is "null".
func (v Value) String() string { return "" }

// Literal is the value as FEEL source.
func (v Value) Literal() string { return "" }

// FromGo is the FEEL value of a Go value: nil, booleans, all numbers,
// json.Number, *apd.Decimal, strings, time.Time, time.Duration, Value,
// []any, []Value, []string, map[string]any (keys sorted).
func FromGo(x any) (Value, error) { return Null, nil }

// Go is the value as plain Go data: nil, bool, string, json.Number for
// numbers, []any, map[string]any, and text for temporal values, ranges and
// functions.
func (v Value) Go() any { return nil }

// FromTime is the date and time of t with its zone.
func FromTime(t time.Time) Value { return Null }

// DateOf is a date, and whether there is such a day.
func DateOf(year, month, day int64) (Value, bool) { return Null, false }

// TimeOf is a time of day, and whether there is such a time. A nil zone makes a
// local time.
func TimeOf(nanosOfDay int64, zone *Zone) (Value, bool) { return Null, false }

// DateTimeOf joins a date and a time.
func DateTimeOf(date, timeOfDay Value) (Value, bool) { return Null, false }

// DaysTimeOf is a days and time duration.
func DaysTimeOf(seconds int64, nanos int32) Value { return Null }

// YearsMonthsOf is a years and months duration.
func YearsMonthsOf(months int64) Value { return Null }

// ParseTemporal reads the text of an @ literal: a date, time, date and time or
// duration.
func ParseTemporal(s string) (Value, bool) { return Null, false }

// OffsetZone is the zone with a fixed offset in seconds east of UTC.
func OffsetZone(seconds int) *Zone { return nil }

// NamedZone is an IANA zone and whether there is one of that name.
func NamedZone(name string) (*Zone, bool) { return nil, false }

// Call calls a function value with arguments by position.
func (ev *Evaluator) Call(fn Value, args ...Value) Value { return Null }

// CallNamed calls a function value with arguments by name.
func (ev *Evaluator) CallNamed(fn Value, names []string, args []Value) Value { return Null }

type lambda struct{}

type builtin struct{}

func normalName(s string) string { return s }
