package feel_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/feel"
)

// The decisions of the DMN TCK that are one FEEL expression test this package
// on its own; whole models are tested where models are read.

type tckModel struct {
	Items     []tckItem     `xml:"itemDefinition"`
	Decisions []tckDecision `xml:"decision"`
	Inputs    []struct {
		Name     string `xml:"name,attr"`
		Variable struct {
			Type string `xml:"typeRef,attr"`
		} `xml:"variable"`
	} `xml:"inputData"`
}

type tckItem struct {
	Name       string    `xml:"name,attr"`
	Collection bool      `xml:"isCollection,attr"`
	Type       string    `xml:"typeRef"`
	Components []tckItem `xml:"itemComponent"`
	Function   *struct{} `xml:"functionItem"`
}

type tckDecision struct {
	Name     string `xml:"name,attr"`
	Variable struct {
		Type string `xml:"typeRef,attr"`
	} `xml:"variable"`
	Literal *struct {
		Text string `xml:"text"`
	} `xml:"literalExpression"`
	Needs []struct {
		Decision *struct{} `xml:"requiredDecision"`
	} `xml:"informationRequirement"`
	Knows []struct{} `xml:"knowledgeRequirement"`
}

type tckCases struct {
	Cases []struct {
		ID     string `xml:"id,attr"`
		Type   string `xml:"type,attr"`
		Inputs []struct {
			Name string `xml:"name,attr"`
			tckValue
		} `xml:"inputNode"`
		Results []struct {
			Name     string   `xml:"name,attr"`
			Expected tckValue `xml:"expected"`
		} `xml:"resultNode"`
	} `xml:"testCase"`
}

type tckValue struct {
	Value *struct {
		Type string `xml:"type,attr"`
		Nil  bool   `xml:"nil,attr"`
		Text string `xml:",chardata"`
	} `xml:"value"`
	List *struct {
		Items  []tckValue `xml:"item"`
		Values []struct {
			Type string `xml:"type,attr"`
			Nil  bool   `xml:"nil,attr"`
			Text string `xml:",chardata"`
		} `xml:"value"`
	} `xml:"list"`
	Components []struct {
		Name string `xml:"name,attr"`
		tckValue
	} `xml:"component"`
}

func (v tckValue) feel(t *testing.T) feel.Value {
	t.Helper()
	switch {
	case v.List != nil:
		items := []feel.Value{}
		for _, it := range v.List.Items {
			items = append(items, it.feel(t))
		}
		for _, s := range v.List.Values {
			items = append(items, scalar(t, s.Type, s.Text, s.Nil))
		}
		return feel.ListOf(items...)
	case v.Components != nil:
		var es []feel.Entry
		for _, c := range v.Components {
			es = append(es, feel.Entry{Key: c.Name, Value: c.feel(t)})
		}
		return feel.ContextOf(es...)
	case v.Value != nil:
		return scalar(t, v.Value.Type, v.Value.Text, v.Value.Nil)
	default:
		return feel.Null
	}
}

func scalar(t *testing.T, typ, text string, isNil bool) feel.Value {
	t.Helper()
	if isNil {
		return feel.Null
	}
	_, typ, _ = strings.Cut(typ, ":")
	switch typ {
	case "boolean":
		return feel.Bool(text == "true")
	case "decimal", "double", "integer":
		v, ok := feel.ParseNumber(strings.TrimSpace(text))
		if !ok {
			t.Fatalf("bad number %q", text)
		}
		return v
	case "string":
		return feel.String(text)
	case "":
		return feel.String(text)
	default:
		v, ok := feel.ParseTemporal(strings.TrimSpace(text))
		if !ok {
			t.Fatalf("bad %s %q", typ, text)
		}
		return v
	}
}

// near is equality with the tolerance the TCK gives numbers.
func near(a, b feel.Value) bool {
	if la, ok := a.AsList(); ok {
		lb, ok := b.AsList()
		if !ok || len(la) != len(lb) {
			return false
		}
		for i := range la {
			if !near(la[i], lb[i]) {
				return false
			}
		}
		return true
	}
	if ca, ok := a.AsContext(); ok {
		cb, ok := b.AsContext()
		if !ok || ca.Len() != cb.Len() {
			return false
		}
		for i := range ca.Len() {
			k, va := ca.At(i)
			vb, ok := cb.Get(k)
			if !ok || !near(va, vb) {
				return false
			}
		}
		return true
	}
	if fa, ok := a.AsFloat(); ok {
		fb, ok := b.AsFloat()
		return ok && fa-fb < 1e-8 && fb-fa < 1e-8
	}
	return feel.Same(a, b)
}

func readXML(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func (it tckItem) feel(scope *feel.Scope) *feel.Type {
	var typ *feel.Type
	switch {
	case it.Function != nil:
		typ = feel.AnyFunctionType
	case it.Components != nil:
		var fs []feel.Field
		for _, c := range it.Components {
			fs = append(fs, feel.Field{Name: c.Name, Type: c.feel(scope)})
		}
		typ = feel.ContextType(fs...)
	default:
		typ, _ = feel.ParseType(it.Type, scope)
	}
	if it.Collection {
		typ = feel.ListType(typ)
	}
	return typ
}

func TestTCK_DecisionsOfOneExpression(t *testing.T) {
	t.Parallel()
	root := os.Getenv("RAPPORT_TESTDATA")
	if root == "" {
		t.Skip("RAPPORT_TESTDATA is not set: the TCK is not part of the repository")
	}
	suites, _ := filepath.Glob(filepath.Join(root, "dmn-tck", "*", "*"))
	if len(suites) == 0 {
		t.Skip("no TCK in RAPPORT_TESTDATA")
	}
	ran := 0
	for _, dir := range suites {
		name := filepath.Base(dir)
		models, _ := filepath.Glob(filepath.Join(dir, "*.dmn"))
		tests, _ := filepath.Glob(filepath.Join(dir, "*-test-*.xml"))
		if len(models) != 1 {
			continue
		}
		var m tckModel
		readXML(t, models[0], &m)
		for _, path := range tests {
			var cs tckCases
			readXML(t, path, &cs)
			ran += runTCK(t, name, &m, &cs)
		}
	}
	t.Logf("%d results checked", ran)
}

func runTCK(t *testing.T, suite string, m *tckModel, cs *tckCases) (ran int) {
	t.Helper()
	scope := feel.NewScope()
	for range 3 { // definitions may refer to later ones
		for _, it := range m.Items {
			if typ := it.feel(scope); typ != nil {
				scope.AddType(it.Name, typ.Named(it.Name))
			}
		}
	}
	for _, in := range m.Inputs {
		typ, _ := feel.ParseType(in.Variable.Type, scope)
		scope.Add(feel.Var{Name: in.Name, Type: typ})
	}
	decisions := map[string]tckDecision{}
	for _, d := range m.Decisions {
		decisions[d.Name] = d
	}
	now, _ := feel.ParseTemporal("2026-01-02T03:04:05Z")
	for _, c := range cs.Cases {
		if c.Type != "" && c.Type != "decision" {
			continue
		}
		slots := make([]feel.Value, scope.Len())
		for _, in := range c.Inputs {
			if s, ok := scope.Slot(in.Name); ok {
				slots[s] = in.feel(t)
			}
		}
		for _, r := range c.Results {
			d, ok := decisions[r.Name]
			if !ok || d.Literal == nil || len(d.Knows) > 0 || d.needsDecision() {
				continue
			}
			ran++
			want := r.Expected.feel(t)
			got, why := feel.Null, ""
			prog, err := feel.Compile(d.Literal.Text, scope, feel.CompileOptions{})
			if err != nil {
				why = err.Error()
			} else {
				var diags []feel.Diagnostic
				got, diags = prog.Eval(feel.Options{Now: now}, slots...)
				for _, dg := range diags {
					why += dg.String() + "; "
				}
				if typ, err := feel.ParseType(d.Variable.Type, scope); err == nil {
					got, _ = feel.Coerce(got, typ)
				}
			}
			if !near(got, want) {
				t.Errorf("%s %s %s: %s\n\tgot  %s\n\twant %s\n\t%s", suite, c.ID, r.Name,
					strings.TrimSpace(d.Literal.Text), got.Literal(), want.Literal(), why)
			}
		}
	}
	return ran
}

func (d tckDecision) needsDecision() bool {
	for _, n := range d.Needs {
		if n.Decision != nil {
			return true
		}
	}
	return false
}
