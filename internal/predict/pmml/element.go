package pmml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"rapport/internal/predict/shape"
)

// element is one element of a document with what is inside it.
type element struct {
	name     string
	attrs    []xml.Attr
	children []*element
	text     string
	line     int
}

func problem(line int, msg string, args ...any) error {
	place := ""
	if line > 0 {
		place = "line " + strconv.Itoa(line)
	}
	return shape.Problemf("PMML", place, msg, args...)
}

// parse reads a document. Document types are refused, so there are no entities
// but those of XML itself.
func parse(raw []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, errors.New("the encoding " + charset + " is not read; save it as UTF-8")
	}
	var root *element
	var open []*element
	count := 0
	for {
		line, _ := d.InputPos()
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, problem(0, "it is no well-formed XML: %s", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, problem(line, "a document type is not allowed; remove the <!DOCTYPE>")
		case xml.StartElement:
			if count++; count > MaxElements || len(open) >= MaxDepth {
				return nil, problem(line, "there are more than %d elements, or more than %d inside one another", MaxElements, MaxDepth)
			}
			e := &element{name: t.Name.Local, attrs: t.Attr, line: line}
			switch {
			case len(open) > 0:
				in := open[len(open)-1]
				in.children = append(in.children, e)
			case root != nil:
				return nil, problem(line, "there are two outermost elements")
			default:
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += keep(t)
			}
		}
	}
	if root == nil {
		return nil, problem(0, "the document is empty")
	}
	return root, nil
}

// keep drops the white space between elements.
func keep(t xml.CharData) string {
	if len(bytes.TrimSpace(t)) == 0 {
		return ""
	}
	return string(t)
}

// attr is an attribute's value, "" where it is not there.
func (e *element) attr(name string) string {
	v, _ := e.find(name)
	return v
}

func (e *element) find(name string) (string, bool) {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// child is the first child of a name; an empty element where there is none.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return &element{name: name, line: e.line}
}

// all are the children of a name.
func (e *element) all(name string) []*element {
	var out []*element
	for _, c := range e.children {
		if c.name == name {
			out = append(out, c)
		}
	}
	return out
}

// body are the children but for extensions.
func (e *element) body() []*element {
	out := make([]*element, 0, len(e.children))
	for _, c := range e.children {
		if c.name != "Extension" {
			out = append(out, c)
		}
	}
	return out
}

// words takes the text of an <Array> apart: at white space, but not within
// quotes, where \" is a quote.
func words(text string) []string {
	var out []string
	var word strings.Builder
	within, quoted := false, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			word.WriteByte(text[i])
		case c == '"':
			quoted, within = !quoted, true
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			if within {
				out = append(out, word.String())
			}
			word.Reset()
			within = false
		default:
			word.WriteByte(c)
			within = true
		}
	}
	if within {
		out = append(out, word.String())
	}
	return out
}
