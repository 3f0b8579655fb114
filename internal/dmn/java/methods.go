package java

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"rapport/internal/feel"
)

// javaFunc is the native equivalent of a method. Arguments have the Go type of
// the Java one: float64, float32, int64 (all whole types), string, bool, or
// feel.Value for objects.
type javaFunc struct {
	varargs bool
	call    func(args []any) (feel.Value, error)
}

// javaMethods is the table of known methods by class, name and short types.
var javaMethods = sync.OnceValue(func() map[string]javaFunc {
	m := map[string]javaFunc{}
	addMath(m)
	addText(m)
	return m
})

func addMath(m map[string]javaFunc) {
	for name, f := range map[string]func(float64) float64{
		"cos": math.Cos, "sin": math.Sin, "tan": math.Tan, "acos": math.Acos, "asin": math.Asin, "atan": math.Atan,
		"cosh": math.Cosh, "sinh": math.Sinh, "tanh": math.Tanh, "exp": math.Exp, "expm1": math.Expm1,
		"log": math.Log, "log10": math.Log10, "log1p": math.Log1p, "sqrt": math.Sqrt, "cbrt": math.Cbrt,
		"ceil": math.Ceil, "floor": math.Floor, "rint": math.RoundToEven, "abs": math.Abs,
		"toRadians": func(x float64) float64 { return x / 180 * math.Pi },
		"toDegrees": func(x float64) float64 { return x * 180 / math.Pi },
		"signum":    signum,
	} {
		m["java.lang.Math."+name+"(double)"] = javaFunc{call: func(a []any) (feel.Value, error) { return double(f(a[0].(float64))) }}
	}
	for name, f := range map[string]func(x, y float64) float64{
		"max": math.Max, "min": math.Min, "pow": math.Pow, "atan2": math.Atan2, "hypot": math.Hypot,
		"IEEEremainder": math.Remainder,
	} {
		m["java.lang.Math."+name+"(double,double)"] = javaFunc{call: func(a []any) (feel.Value, error) {
			return double(f(a[0].(float64), a[1].(float64)))
		}}
	}
	for _, t := range []string{"int", "long"} {
		both := "(" + t + "," + t + ")"
		m["java.lang.Math.max"+both] = whole(func(a []int64) int64 { return max(a[0], a[1]) })
		m["java.lang.Math.min"+both] = whole(func(a []int64) int64 { return min(a[0], a[1]) })
		m["java.lang.Math.abs("+t+")"] = whole(func(a []int64) int64 { return max(a[0], -a[0]) })
	}
	for _, name := range []string{"max", "min"} {
		m["java.lang.Math."+name+"(float,float)"] = javaFunc{call: func(a []any) (feel.Value, error) {
			x, y := a[0].(float32), a[1].(float32)
			if name == "max" {
				return single(max(x, y))
			}
			return single(min(x, y))
		}}
	}
	m["java.lang.Math.round(double)"] = javaFunc{call: func(a []any) (feel.Value, error) {
		return feel.Float(math.Floor(a[0].(float64) + 0.5)), nil
	}}
}

func signum(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func whole(f func([]int64) int64) javaFunc {
	return javaFunc{call: func(a []any) (feel.Value, error) {
		ints := make([]int64, len(a))
		for i := range a {
			ints[i] = a[i].(int64)
		}
		return feel.Int(f(ints)), nil
	}}
}

func double(f float64) (feel.Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return feel.Null, fmt.Errorf("the result is not a number")
	}
	return feel.Float(f), nil
}

// single gives a float the decimal digits that Java prints for it.
func single(f float32) (feel.Value, error) {
	v, ok := feel.ParseNumber(strconv.FormatFloat(float64(f), 'f', -1, 32))
	if !ok {
		return feel.Null, fmt.Errorf("the result is not a number")
	}
	return v, nil
}

func addText(m map[string]javaFunc) {
	for _, t := range []string{"Object", "boolean", "char", "int", "long", "float", "double"} {
		m["java.lang.String.valueOf("+t+")"] = javaFunc{call: func(a []any) (feel.Value, error) { return feel.String(javaString(a[0])), nil }}
	}
	m["java.lang.String.format(String,Object[])"] = javaFunc{varargs: true, call: func(a []any) (feel.Value, error) {
		s, err := javaFormat(a[0].(string), a[1].([]feel.Value))
		return feel.String(s), err
	}}
	for class, bits := range map[string]int{"Byte": 8, "Short": 16, "Integer": 32, "Long": 64} {
		parse := javaFunc{call: func(a []any) (feel.Value, error) {
			n, err := strconv.ParseInt(a[0].(string), 10, bits)
			if err != nil {
				return feel.Null, fmt.Errorf("%q is not a whole number of %d bits", a[0], bits)
			}
			return feel.Int(n), nil
		}}
		prefix := "java.lang." + class + "."
		primitive := strings.ToLower(class)
		if class == "Integer" {
			primitive = "int"
		}
		m[prefix+"valueOf(String)"] = parse
		m[prefix+"parse"+strings.ToUpper(primitive[:1])+primitive[1:]+"(String)"] = parse
		m[prefix+"valueOf("+primitive+")"] = whole(func(a []int64) int64 { return a[0] })
	}
	for class, bits := range map[string]int{"Float": 32, "Double": 64} {
		parse := javaFunc{call: func(a []any) (feel.Value, error) {
			f, err := strconv.ParseFloat(strings.TrimSpace(a[0].(string)), bits)
			if err != nil {
				return feel.Null, fmt.Errorf("%q is not a number", a[0])
			}
			if bits == 32 {
				return single(float32(f))
			}
			return double(f)
		}}
		prefix := "java.lang." + class + "."
		m[prefix+"valueOf(String)"] = parse
		m[prefix+"parse"+class+"(String)"] = parse
		m[prefix+"valueOf("+strings.ToLower(class)+")"] = javaFunc{call: func(a []any) (feel.Value, error) {
			if f, ok := a[0].(float32); ok {
				return single(f)
			}
			return double(a[0].(float64))
		}}
	}
	m["java.lang.Character.valueOf(char)"] = m["java.lang.String.valueOf(char)"]
	m["java.lang.Boolean.valueOf(boolean)"] = javaFunc{call: func(a []any) (feel.Value, error) { return feel.Bool(a[0].(bool)), nil }}
	m["java.lang.Boolean.parseBoolean(String)"] = javaFunc{call: func(a []any) (feel.Value, error) {
		return feel.Bool(strings.EqualFold(a[0].(string), "true")), nil
	}}
	m["java.lang.Boolean.valueOf(String)"] = m["java.lang.Boolean.parseBoolean(String)"]
}

// convert gives the arguments the types of the signature, as the standard maps
// FEEL's types to Java's.
func (f javaFunc) convert(types []string, args []feel.Value) ([]any, error) {
	out := make([]any, len(types))
	for i, t := range types {
		if f.varargs && i == len(types)-1 {
			rest := args[min(i, len(args)):]
			if len(rest) == 1 {
				if list, ok := rest[0].AsList(); ok {
					rest = list
				}
			}
			out[i] = rest
			continue
		}
		if i >= len(args) {
			return nil, fmt.Errorf("argument %d is missing", i+1)
		}
		v, err := javaArgument(t, args[i])
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		out[i] = v
	}
	return out, nil
}

var javaWhole = map[string]int{"byte": 8, "short": 16, "int": 32, "long": 64}

func javaArgument(t string, v feel.Value) (any, error) {
	wrong := fmt.Errorf("%s is not a Java %s", shown(v), t)
	switch t {
	case "Object":
		return v, nil
	case "String":
		s, ok := v.AsString()
		if !ok {
			return nil, wrong
		}
		return s, nil
	case "boolean":
		b, ok := v.AsBool()
		if !ok {
			return nil, wrong
		}
		return b, nil
	case "char":
		s, _ := v.AsString()
		if len([]rune(s)) != 1 {
			return nil, wrong
		}
		return s, nil
	}
	f, ok := v.AsFloat()
	if !ok || v.Kind() != feel.KindNumber {
		return nil, wrong
	}
	if n, isInt := v.AsInt(); isInt && t == "long" {
		return n, nil // a float64 does not hold all of them
	}
	switch t {
	case "double":
		return f, nil
	case "float":
		return float32(f), nil
	}
	if math.Trunc(f) < -math.Ldexp(1, javaWhole[t]-1) || math.Trunc(f) >= math.Ldexp(1, javaWhole[t]-1) {
		return nil, wrong
	}
	return int64(f), nil
}
