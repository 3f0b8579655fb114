package script

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"

	"rapport/internal/fault"
)

// Compile compiles a box. The source is the body of a function with the given
// parameters and gives its value with return. Errors are faults with the line
// and column within the source.
func Compile(name, source string, params ...string) (*Program, error) {
	if len(source) > MaxSource {
		return nil, fault.Errorf(fault.TooLarge, "script_too_large", "the script %q has %d bytes, the limit is %d", name, len(source), MaxSource)
	}
	if nesting(source) > MaxNesting {
		return nil, fault.Errorf(fault.Invalid, "script_invalid", "the script %q has brackets more than %d deep", name, MaxNesting)
	}
	for i, p := range params {
		if !identifier(p) || slices.Contains(params[:i], p) {
			return nil, fault.Errorf(fault.Invalid, "script_parameter", "the script %q cannot have the parameter %q: it is no name, or there twice", name, p)
		}
	}
	// The body stands on lines of its own, so that a comment at its end ends
	// there, and must parse by itself, so that it cannot close the function.
	head := "(function(" + strings.Join(params, ", ") + ") {\"use strict\";\n"
	main, err := compile(name, head+source+"\n})", 1)
	if err != nil {
		return nil, err
	}
	around, err := compile("prelude", prelude, 0)
	if err != nil {
		return nil, err
	}
	return &Program{name: name, params: slices.Clone(params), main: main, around: around}, nil
}

// compile parses and watches a program whose first lines are not the user's.
func compile(name, source string, lines int) (*goja.Program, error) {
	tree, err := parser.ParseFile(nil, name, source, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, parseFault(name, err, lines)
	}
	if lines > 0 && !oneFunction(tree) {
		return nil, fault.Errorf(fault.Invalid, "script_invalid", "the script %q closes more brackets than it opens", name)
	}
	w := &watcher{seen: map[any]bool{}, ours: lines == 0}
	w.program(tree)
	if w.refused != "" {
		at := tree.File.Position(int(w.at) - tree.File.Base())
		return nil, fault.Errorf(fault.Invalid, "script_refused", "the script %q, line %d, column %d: %s", name, at.Line-lines, at.Column, w.refused)
	}
	out, err := goja.CompileAST(tree, true)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "script_invalid", "the script %q does not compile: %s", name, shorten(err.Error()))
	}
	return out, nil
}

// oneFunction tells whether a tree is the function that Compile wrote and
// nothing else.
func oneFunction(tree *ast.Program) bool {
	if len(tree.Body) != 1 {
		return false
	}
	st, ok := tree.Body[0].(*ast.ExpressionStatement)
	if !ok {
		return false
	}
	_, ok = st.Expression.(*ast.FunctionLiteral)
	return ok
}

func parseFault(name string, err error, lines int) error {
	if list, ok := errors.AsType[parser.ErrorList](err); ok && len(list) > 0 {
		at := list[0].Position
		return fault.Errorf(fault.Invalid, "script_invalid", "the script %q, line %d, column %d: %s",
			name, max(1, at.Line-lines), at.Column, shorten(list[0].Message))
	}
	return fault.Errorf(fault.Invalid, "script_invalid", "the script %q cannot be read: %s", name, shorten(err.Error()))
}

func shorten(s string) string {
	const most = 300
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// nesting is how deep brackets nest at most, those within texts included. The
// parser goes as deep as they do.
func nesting(source string) int {
	depth, most := 0, 0
	for i := range len(source) {
		switch source[i] {
		case '(', '[', '{':
			depth++
			most = max(most, depth)
		case ')', ']', '}':
			depth = max(0, depth-1)
		}
	}
	return most
}

// identifier tells whether a parameter is a plain name that is free to use.
func identifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || r == '$' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	if s == "" || len(s) > 100 {
		return false
	}
	_, err := parser.ParseFile(nil, "", "\"use strict\"; let "+s+" = "+strconv.Itoa(0), 0, parser.WithDisableSourceMaps)
	return err == nil && s != "eval" && s != "arguments"
}

// position is where a node begins.
func position(n ast.Node) file.Idx { return n.Idx0() }
