package script

import (
	"math/big"
	"reflect"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"
)

// The names of the functions that count. No program can write such a name.
const (
	stepName   = "\x00step"
	madeName   = "\x00made"
	spreadName = "\x00spread"
	argsName   = "\x00args"
)

// maxArguments is how long a list may be that is spread over arguments.
const maxArguments = 1 << 14

// watcher puts calls that count into a tree: one at the start of every
// function and of every round of a loop, one around what makes a text or a
// list. What cannot be counted it refuses.
type watcher struct {
	seen    map[any]bool
	ours    bool // the prelude may do what boxes may not
	refused string
	at      file.Idx
}

func (w *watcher) program(tree *ast.Program) {
	w.walk(reflect.ValueOf(&tree.Body).Elem())
}

func (w *watcher) refuse(n ast.Node, why string) {
	if w.refused == "" && !w.ours {
		w.refused, w.at = why, position(n)
	}
}

func (w *watcher) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		w.walk(v.Elem())
		w.replace(v)
	case reflect.Pointer:
		if v.IsNil() || w.seen[v.Interface()] {
			return
		}
		w.seen[v.Interface()] = true
		w.check(v.Interface())
		w.walk(v.Elem())
		w.insert(v.Interface())
	case reflect.Slice:
		for i := range v.Len() {
			w.walk(v.Index(i))
		}
	case reflect.Struct:
		if v.Type().PkgPath() != reflect.TypeFor[ast.Program]().PkgPath() {
			return
		}
		for _, field := range v.Fields() {
			w.walk(field)
		}
	}
}

// check refuses what cannot be counted.
func (w *watcher) check(n any) {
	switch n := n.(type) {
	case *ast.NumberLiteral:
		if _, ok := n.Value.(*big.Int); ok {
			w.refuse(n, "whole numbers with n (BigInt) are not available")
		}
	case *ast.RegExpLiteral:
		if _, err := parser.TransformRegExp(n.Pattern, strings.Contains(n.Flags, "s"), strings.ContainsAny(n.Flags, "uv")); err != nil || len(n.Pattern) > 1_000 {
			w.refuse(n, "this regular expression is not available: look-ahead, look-behind and back-references take too long to be safe")
		}
	case *ast.ArrayPattern:
		if n.Rest != nil {
			w.refuse(n, "a list pattern cannot end in ...rest here; use slice")
		}
	case *ast.AwaitExpression:
		w.refuse(n, "await is not available: nothing here takes time")
	case *ast.FunctionLiteral:
		if n.Async {
			w.refuse(n, "async functions are not available: nothing here takes time")
		}
	case *ast.ArrowFunctionLiteral:
		if n.Async {
			w.refuse(n, "async functions are not available: nothing here takes time")
		}
	case *ast.WithStatement:
		w.refuse(n, "with is not available")
	}
}

func call(name string, at file.Idx, args ...ast.Expression) ast.Expression {
	return &ast.CallExpression{
		Callee:       &ast.Identifier{Name: unistring.NewFromString(name), Idx: at},
		ArgumentList: args, LeftParenthesis: at, RightParenthesis: at,
	}
}

func step(at file.Idx) ast.Statement {
	return &ast.ExpressionStatement{Expression: call(stepName, at)}
}

// counted is a body that counts before anything else.
func counted(body ast.Statement) ast.Statement {
	if body == nil {
		return nil
	}
	at := position(body)
	return &ast.BlockStatement{LeftBrace: at, List: []ast.Statement{step(at), body}, RightBrace: at}
}

// insert makes functions and loops count.
func (w *watcher) insert(n any) {
	switch n := n.(type) {
	case *ast.FunctionLiteral:
		if n.Body != nil {
			n.Body.List = append([]ast.Statement{step(position(n))}, n.Body.List...)
		}
	case *ast.ArrowFunctionLiteral:
		switch body := n.Body.(type) {
		case *ast.BlockStatement:
			body.List = append([]ast.Statement{step(position(n))}, body.List...)
		case *ast.ExpressionBody:
			at := position(n)
			body.Expression = &ast.SequenceExpression{Sequence: []ast.Expression{call(stepName, at), body.Expression}}
		}
	case *ast.ForStatement:
		n.Body = counted(n.Body)
	case *ast.ForInStatement:
		n.Body = counted(n.Body)
	case *ast.ForOfStatement:
		n.Body = counted(n.Body)
	case *ast.WhileStatement:
		n.Body = counted(n.Body)
	case *ast.DoWhileStatement:
		n.Body = counted(n.Body)
	case *ast.CallExpression:
		arguments(n.ArgumentList)
	case *ast.NewExpression:
		arguments(n.ArgumentList)
	case *ast.SpreadElement:
		n.Expression = call(spreadName, position(n.Expression), n.Expression)
	}
}

// arguments makes what is spread over the arguments of a call count as such.
func arguments(list []ast.Expression) {
	for _, a := range list {
		if s, ok := a.(*ast.SpreadElement); ok {
			s.Expression = call(argsName, position(s.Expression), s.Expression)
		}
	}
}

// replace puts a count around an expression that makes a text or a list.
func (w *watcher) replace(v reflect.Value) {
	if v.Type() != reflect.TypeFor[ast.Expression]() || !v.CanSet() {
		return
	}
	e := v.Interface().(ast.Expression)
	switch n := e.(type) {
	case *ast.BinaryExpression:
		if n.Operator != token.PLUS {
			return
		}
	case *ast.AssignExpression:
		if n.Operator != token.PLUS {
			return
		}
	case *ast.TemplateLiteral:
		if n.Tag != nil {
			return
		}
	case *ast.ArrayLiteral:
		if !spreads(n) {
			return
		}
	default:
		return
	}
	v.Set(reflect.ValueOf(call(madeName, position(e), e)))
}

func spreads(n *ast.ArrayLiteral) bool {
	for _, e := range n.Value {
		if _, ok := e.(*ast.SpreadElement); ok {
			return true
		}
	}
	return false
}
