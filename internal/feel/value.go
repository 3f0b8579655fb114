package feel

import (
	"math"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
)

// Kind tells which of FEEL's kinds of value a Value holds.
type Kind uint8

// The kinds of values. KindNull is zero, so the zero Value is null.
const (
	KindNull Kind = iota
	KindBoolean
	KindNumber
	KindString
	KindDate
	KindTime
	KindDateTime
	KindDaysTime
	KindYearsMonths
	KindList
	KindContext
	KindRange
	KindFunction
)

var kindNames = [...]string{
	"null", "boolean", "number", "string", "date", "time", "date and time",
	"days and time duration", "years and months duration", "list", "context", "range", "function",
}

// String is the name of the kind as FEEL spells it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Value is one FEEL value. The zero Value is null. Values are immutable and
// may be shared between goroutines. Compare them with Equal, not with ==.
//
// It is a tagged union of 24 bytes in four fields, so that the compiler keeps
// it in registers: closures hand values around without touching the heap.
// The meaning of the fields by kind:
//
//	boolean       n = 0 or 1
//	number        p = nil: n * 10^-x; otherwise p = *apd.Decimal
//	string        p = first byte, n = length
//	date          n = packed year, month, day
//	time          n = nanoseconds of the day, p = *Zone or nil
//	date and time n = local seconds since 1970, x = nanoseconds, p = *Zone or nil
//	days/time     n = seconds (floor), x = nanoseconds 0..999999999
//	years/months  n = months
//	others        p = *List, *Context, *Range, *Function
type Value struct {
	p    unsafe.Pointer
	n    int64
	x    int32
	kind Kind
}

// Null is the null value.
var Null = Value{}

// The two boolean values.
var (
	True  = Value{kind: KindBoolean, n: 1}
	False = Value{kind: KindBoolean}
)

// Bool is the boolean value of b.
func Bool(b bool) Value {
	if b {
		return True
	}
	return False
}

// String is the string value of s. Invalid UTF-8 is kept as it is.
func String(s string) Value {
	return Value{kind: KindString, p: unsafe.Pointer(unsafe.StringData(s)), n: int64(len(s))}
}

// Kind tells what the value is.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether the value is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// IsTrue tells whether the value is the boolean true.
func (v Value) IsTrue() bool { return v.kind == KindBoolean && v.n == 1 }

// IsFalse tells whether the value is the boolean false.
func (v Value) IsFalse() bool { return v.kind == KindBoolean && v.n == 0 }

// AsBool is the boolean and whether the value is one.
func (v Value) AsBool() (b, ok bool) { return v.n == 1, v.kind == KindBoolean }

// AsString is the text and whether the value is a string.
func (v Value) AsString() (string, bool) {
	if v.kind != KindString {
		return "", false
	}
	return v.str(), true
}

func (v Value) str() string {
	return unsafe.String((*byte)(v.p), int(v.n))
}

// AsList is the items and whether the value is a list. The slice must not be
// changed.
func (v Value) AsList() ([]Value, bool) {
	if v.kind != KindList {
		return nil, false
	}
	return v.items(), true
}

func (v Value) items() []Value { return (*List)(v.p).items }

// AsContext is the context and whether the value is one.
func (v Value) AsContext() (*Context, bool) {
	if v.kind != KindContext {
		return nil, false
	}
	return v.ctx(), true
}

func (v Value) ctx() *Context { return (*Context)(v.p) }

// AsRange is the range and whether the value is one.
func (v Value) AsRange() (*Range, bool) {
	if v.kind != KindRange {
		return nil, false
	}
	return v.rng(), true
}

func (v Value) rng() *Range { return (*Range)(v.p) }

// AsFunction is the function and whether the value is one.
func (v Value) AsFunction() (*Function, bool) {
	if v.kind != KindFunction {
		return nil, false
	}
	return v.fn(), true
}

func (v Value) fn() *Function { return (*Function)(v.p) }

func (v Value) apd() *apd.Decimal { return (*apd.Decimal)(v.p) }

// List is the body of a list value.
type List struct {
	items  []Value
	extent extent
}

// extent is how deep a list or context is nested and how many values it holds
// in all, those that are shared counted again. It is kept so that no program
// can make values too deep or too large to walk.
type extent struct{ depth, size int32 }

func extentOf(vs []Value) extent {
	e := extent{depth: 1, size: int32(min(len(vs), math.MaxInt32))}
	for i := range vs {
		if k := vs[i].kind; k == KindList || k == KindContext {
			e.add(vs[i].extent())
		}
	}
	return e
}

func (e *extent) add(o extent) {
	e.depth = max(e.depth, o.depth+1)
	if e.size += o.size; e.size < 0 {
		e.size = math.MaxInt32
	}
}

func (v Value) extent() extent {
	switch v.kind {
	case KindList:
		return (*List)(v.p).extent
	case KindContext:
		return v.ctx().extent
	default:
		return extent{}
	}
}

// ListOf is a list value of the given items. It keeps the slice: the caller
// must not change it afterwards.
func ListOf(items ...Value) Value { return listAt(items, extentOf(items)) }

func listAt(items []Value, e extent) Value {
	return Value{kind: KindList, p: unsafe.Pointer(&List{items: items, extent: e})}
}

// Range is the body of a range value. A bound that is absent is Null; a range
// made by a comparison as (< 10) has Unary set, and so is not equal to the
// interval that holds the same values.
type Range struct {
	Low, High             Value
	LowClosed, HighClosed bool
	// Op is the comparison the range was written with ("<", "<=", ">", ">=",
	// "=", "!="), or "" for an interval with two ends.
	Op string
}

// RangeOf is the range value with the given body, which must not be changed
// afterwards.
func RangeOf(r *Range) Value { return Value{kind: KindRange, p: unsafe.Pointer(r)} }
