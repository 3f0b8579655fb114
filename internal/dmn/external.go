package dmn

import (
	"fmt"
	"strings"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/dmn/java"
	"rapport/internal/feel"
)

// externalBox finds the body of a boxed function of another kind than FEEL.
// Its body is a context of texts, such as the class and the method.
func (c *compiler) externalBox(e *dmnxml.Function, params []feel.Param) (feel.NativeFunc, error) {
	fields := map[string]string{}
	if body, ok := e.Body.(*dmnxml.Context); ok {
		for _, entry := range body.Entries {
			text, isText := entry.Value.(*dmnxml.Literal)
			if entry.Variable == nil || !isText {
				continue
			}
			fields[spaced(entry.Variable.Name)] = unquote(text.Source)
		}
	}
	return c.external(ExternalFunction{Kind: e.Kind, Fields: fields, Params: params})
}

// unquote gives the value of a string literal; other text is taken as it is.
func unquote(text string) string {
	text = strings.TrimSpace(text)
	prog, err := feel.Compile(text, feel.NewScope(), feel.CompileOptions{})
	if err == nil && prog.Constant() {
		v, _ := prog.Eval(feel.Options{NoDiagnostics: true})
		if s, ok := v.AsString(); ok {
			return s
		}
	}
	return strings.Trim(text, `"`)
}

// externalContext finds the body of `function(…) external {…}` in FEEL.
func (c *compiler) externalContext(params []feel.Param, spec feel.Value) (feel.NativeFunc, error) {
	outer, ok := spec.AsContext()
	if !ok || outer.Len() == 0 {
		return nil, fmt.Errorf("external needs a context such as {java: {…}}")
	}
	kind, inner := outer.At(0)
	body, ok := inner.AsContext()
	if !ok {
		return nil, fmt.Errorf("external %s needs a context", kind)
	}
	fields := map[string]string{}
	for i := range body.Len() {
		key, v := body.At(i)
		if s, isText := v.AsString(); isText {
			fields[key] = s
		}
	}
	return c.external(ExternalFunction{Kind: kind, Fields: fields, Params: params})
}

func (c *compiler) external(f ExternalFunction) (feel.NativeFunc, error) {
	if c.m.options.External != nil {
		if fn, err := c.m.options.External(f); err == nil && fn != nil {
			return fn, nil
		} else if !strings.EqualFold(f.Kind, "Java") {
			if err == nil {
				err = fmt.Errorf("it is not known")
			}
			return nil, fmt.Errorf("external %s function: %w", f.Kind, err)
		}
	}
	if !strings.EqualFold(f.Kind, "Java") {
		return nil, fmt.Errorf("functions of kind %q are not supported", f.Kind)
	}
	return java.Method(f.Fields["class"], f.Fields["method signature"], len(f.Params))
}
