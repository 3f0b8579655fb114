// Package java has native equivalents of the static Java methods that decision
// models of other engines call: mathematics, numbers from text, text from
// values and String.format. It never runs Java and never guesses at others.
package java

import (
	"fmt"
	"strings"

	"rapport/internal/feel"
)

// Method finds the native equivalent of a static Java method, for a function of
// so many parameters.
func Method(class, signature string, params int) (feel.NativeFunc, error) {
	class, signature = strings.TrimSpace(class), strings.TrimSpace(signature)
	if class == "" || signature == "" {
		return nil, fmt.Errorf("a Java function needs the entries \"class\" and \"method signature\"")
	}
	name, rest, ok := strings.Cut(signature, "(")
	list, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !ok || !closed {
		return nil, fmt.Errorf("method signature %q is not of the form name(type, …)", signature)
	}
	var types []string
	if strings.TrimSpace(list) != "" {
		for t := range strings.SplitSeq(list, ",") {
			types = append(types, javaTypeName(t))
		}
	}
	full := class + "." + strings.TrimSpace(name) + "(" + strings.Join(types, ",") + ")"
	method, ok := javaMethods()[full]
	if !ok {
		return nil, fmt.Errorf("there is no native equivalent of Java method %s", full)
	}
	if len(types) != params && !method.varargs {
		return nil, fmt.Errorf("the method %s has %d parameters, the function has %d", full, len(types), params)
	}
	return func(_ *feel.Evaluator, args []feel.Value) (feel.Value, error) {
		converted, err := method.convert(types, args)
		if err != nil {
			return feel.Null, fmt.Errorf("%s: %w", full, err)
		}
		return method.call(converted)
	}, nil
}

// javaTypeName gives a type of a signature its short form.
func javaTypeName(t string) string {
	t = strings.Join(strings.Fields(t), "")
	if strings.HasPrefix(t, "[L") && strings.HasSuffix(t, ";") {
		t = t[2:len(t)-1] + "[]"
	}
	t = strings.TrimSuffix(t, "...") + strings.Repeat("[]", strings.Count(t, "..."))
	if short, ok := strings.CutPrefix(t, "java.lang."); ok {
		return short
	}
	if short, ok := strings.CutPrefix(t, "java.math."); ok {
		return short
	}
	return t
}

// shown is a value in a message: its beginning.
func shown(v feel.Value) string {
	text := []rune(v.Literal())
	if len(text) > 80 {
		return string(text[:79]) + "…"
	}
	return string(text)
}
