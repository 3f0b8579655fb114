package feel

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// FromGo is the FEEL value of a Go value: nil, booleans, all numbers,
// json.Number, *apd.Decimal, strings, time.Time, time.Duration, Value,
// []any, []Value, []string, map[string]any (keys sorted).
func FromGo(x any) (Value, error) { return fromGo(x, maxValueDepth) }

func fromGo(x any, depth int) (Value, error) {
	if depth == 0 {
		return Null, fmt.Errorf("a Go value is nested too deeply for FEEL")
	}
	switch x := x.(type) {
	case nil:
		return Null, nil
	case Value:
		return x, nil
	case bool:
		return Bool(x), nil
	case string:
		return String(x), nil
	case time.Time:
		return FromTime(x), nil
	case time.Duration:
		return DaysTimeOf(int64(x/time.Second), int32(x%time.Second)), nil
	case []Value:
		return ListOf(x...), nil
	case []string:
		items := make([]Value, len(x))
		for i, s := range x {
			items[i] = String(s)
		}
		return ListOf(items...), nil
	case []any:
		return listFromGo(x, depth)
	case map[string]any:
		return contextFromGo(x, depth)
	default:
		return numberFromGo(x)
	}
}

func listFromGo(x []any, depth int) (Value, error) {
	items := make([]Value, len(x))
	for i, it := range x {
		v, err := fromGo(it, depth-1)
		if err != nil {
			return Null, err
		}
		items[i] = v
	}
	return ListOf(items...), nil
}

func contextFromGo(x map[string]any, depth int) (Value, error) {
	keys := slices.Sorted(maps.Keys(x))
	vals := make([]Value, len(keys))
	for i, k := range keys {
		v, err := fromGo(x[k], depth-1)
		if err != nil {
			return Null, err
		}
		vals[i] = v
	}
	return contextValue(newShape(keys), vals), nil
}

func numberFromGo(x any) (Value, error) {
	switch x := x.(type) {
	case int:
		return Int(int64(x)), nil
	case int8:
		return Int(int64(x)), nil
	case int16:
		return Int(int64(x)), nil
	case int32:
		return Int(int64(x)), nil
	case int64:
		return Int(x), nil
	case uint:
		return unsigned(uint64(x)), nil
	case uint8:
		return Int(int64(x)), nil
	case uint16:
		return Int(int64(x)), nil
	case uint32:
		return Int(int64(x)), nil
	case uint64:
		return unsigned(x), nil
	case float32:
		return Float(float64(x)), nil
	case float64:
		return Float(x), nil
	case *apd.Decimal:
		return Number(x), nil
	case json.Number:
		v, ok := ParseNumber(x.String())
		if !ok {
			return Null, fmt.Errorf("%q is no number of FEEL", x.String())
		}
		return v, nil
	default:
		return Null, fmt.Errorf("a Go value of type %T has no FEEL value", x)
	}
}

func unsigned(u uint64) Value {
	if u <= math.MaxInt64 {
		return Int(int64(u))
	}
	d := new(apd.Decimal)
	d.Coeff.SetUint64(u)
	return bigNumber(d)
}

// Go is the value as plain Go data: nil, bool, string, json.Number for
// numbers, []any, map[string]any, and text for temporal values, ranges and
// functions.
func (v Value) Go() any {
	switch v.kind {
	case KindNull:
		return nil
	case KindBoolean:
		return v.n == 1
	case KindNumber:
		return json.Number(v.String())
	case KindList:
		items := v.items()
		out := make([]any, len(items))
		for i, it := range items {
			out[i] = it.Go()
		}
		return out
	case KindContext:
		c := v.ctx()
		out := make(map[string]any, len(c.vals))
		for i, k := range c.shape.keys {
			out[k] = c.vals[i].Go()
		}
		return out
	default:
		return v.String()
	}
}
