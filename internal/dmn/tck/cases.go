package tck

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"rapport/internal/feel"
)

// testFile is a file of test cases as it stands.
type testFile struct {
	XMLName   xml.Name   `xml:"testCases"`
	ModelName string     `xml:"modelName"`
	Cases     []testCase `xml:"testCase"`
}

type testCase struct {
	ID        string       `xml:"id,attr"`
	Name      string       `xml:"name,attr"`
	Type      string       `xml:"type,attr"`
	Invocable string       `xml:"invocableName,attr"`
	Inputs    []inputNode  `xml:"inputNode"`
	Results   []resultNode `xml:"resultNode"`
}

type inputNode struct {
	Name      string `xml:"name,attr"`
	Namespace string `xml:"namespace,attr"`
	value
}

type resultNode struct {
	Name      string `xml:"name,attr"`
	Namespace string `xml:"namespace,attr"`
	Type      string `xml:"type,attr"`
	Error     bool   `xml:"errorResult,attr"`
	Expected  *value `xml:"expected"`
}

// value is a value in its three forms: one scalar, a list, or components.
type value struct {
	Nil        bool        `xml:"http://www.w3.org/2001/XMLSchema-instance nil,attr"`
	Scalar     *scalar     `xml:"value"`
	List       *list       `xml:"list"`
	Components []component `xml:"component"`
}

type scalar struct {
	Nil  bool   `xml:"http://www.w3.org/2001/XMLSchema-instance nil,attr"`
	Type string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr"`
	Text string `xml:",chardata"`
}

type list struct {
	Nil    bool     `xml:"http://www.w3.org/2001/XMLSchema-instance nil,attr"`
	Items  []value  `xml:"item"`
	Values []scalar `xml:"value"` // some files leave out the item around a value
}

type component struct {
	Name string `xml:"name,attr"`
	value
}

func parseCases(src []byte) (*testFile, error) {
	dec := xml.NewDecoder(bytes.NewReader(src))
	dec.Strict = true
	var f testFile
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("read test cases: %w", err)
	}
	return &f, nil
}

// isCases tells whether a file holds test cases, from its beginning.
func isCases(src []byte) bool {
	head := src[:min(len(src), 4096)]
	return bytes.Contains(head, []byte("testCases"))
}

func (v *value) feel() (feel.Value, error) {
	switch {
	case v == nil || v.Nil:
		return feel.Null, nil
	case v.Scalar != nil:
		return v.Scalar.feel()
	case v.List != nil:
		return v.List.feel()
	case len(v.Components) == 0:
		return feel.Null, nil
	}
	b := feel.NewContextBuilder(len(v.Components))
	for i := range v.Components {
		c, err := v.Components[i].feel()
		if err != nil {
			return feel.Null, err
		}
		b.Put(v.Components[i].Name, c)
	}
	return b.Value(), nil
}

func (l *list) feel() (feel.Value, error) {
	if l.Nil {
		return feel.Null, nil
	}
	items := make([]feel.Value, 0, len(l.Items)+len(l.Values))
	for i := range l.Items {
		v, err := l.Items[i].feel()
		if err != nil {
			return feel.Null, err
		}
		items = append(items, v)
	}
	for i := range l.Values {
		v, err := l.Values[i].feel()
		if err != nil {
			return feel.Null, err
		}
		items = append(items, v)
	}
	return feel.ListOf(items...), nil
}

// feel gives the value of a scalar. White space counts in strings only.
func (s *scalar) feel() (feel.Value, error) {
	if s.Nil {
		return feel.Null, nil
	}
	_, kind, found := strings.Cut(s.Type, ":")
	if !found {
		kind = s.Type
	}
	text := strings.TrimSpace(s.Text)
	switch kind {
	case "string", "anySimpleType":
		return feel.String(s.Text), nil
	case "boolean":
		return feel.Bool(text == "true" || text == "1"), nil
	case "decimal", "double", "float", "integer", "int", "long", "short", "byte":
		if v, ok := feel.ParseNumber(strings.TrimPrefix(text, "+")); ok {
			return v, nil
		}
	case "date", "time", "dateTime", "duration", "dayTimeDuration", "yearMonthDuration":
		if v, ok := feel.ParseTemporal(text); ok {
			return v, nil
		}
	case "":
		return untyped(s.Text), nil
	}
	return feel.Null, fmt.Errorf("%q is not a value of type %q", text, s.Type)
}

// untyped guesses the type of a scalar that does not say it.
func untyped(text string) feel.Value {
	trimmed := strings.TrimSpace(text)
	switch trimmed {
	case "true", "false":
		return feel.Bool(trimmed == "true")
	}
	if v, ok := feel.ParseNumber(trimmed); ok {
		return v
	}
	return feel.String(text)
}
