package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"rapport/internal/fault"
)

func escape(key string) string       { return url.PathEscape(key) }
func queryEscape(text string) string { return url.QueryEscape(text) }

// value is a JSON value that keeps the order of members and the digits of
// numbers, so that what is exported reads as it was written.
type value struct {
	fields []field  // of an object
	items  []*value // of a list
	scalar any      // string, json.Number, bool or nil
	kind   byte     // '{', '[' or 's'
}

type field struct {
	name string
	of   *value
}

func object(f ...field) *value { return &value{kind: '{', fields: f} }
func scalar(v any) *value      { return &value{kind: 's', scalar: v} }

// get is a member; nil where there is none.
func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for _, f := range v.fields {
		if f.name == name {
			return f.of
		}
	}
	return nil
}

// text is a string or the digits of a number; empty: it is neither.
func (v *value) text() string {
	if v == nil {
		return ""
	}
	switch s := v.scalar.(type) {
	case string:
		return s
	case json.Number:
		return s.String()
	}
	return ""
}

func (v *value) without(names ...string) *value {
	if v == nil || v.kind != '{' || len(names) == 0 {
		return v
	}
	out := object()
	for _, f := range v.fields {
		if !slices.Contains(names, f.name) {
			out.fields = append(out.fields, f)
		}
	}
	return out
}

// parseJSON reads one value.
func parseJSON(text []byte) (*value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("it goes on behind its end")
	}
	return v, nil
}

func readValue(d *json.Decoder) (*value, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		out := object()
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			of, err := readValue(d)
			if err != nil {
				return nil, err
			}
			out.fields = append(out.fields, field{name.(string), of})
		}
		_, err = d.Token()
		return out, err
	case json.Delim('['):
		out := &value{kind: '['}
		for d.More() {
			item, err := readValue(d)
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, item)
		}
		_, err = d.Token()
		return out, err
	}
	return scalar(t), nil
}

// JSON writes the value.
func (v *value) JSON() []byte {
	var b bytes.Buffer
	v.appendJSON(&b)
	return b.Bytes()
}

func (v *value) appendJSON(b *bytes.Buffer) {
	switch v.kind {
	case '{':
		b.WriteByte('{')
		for i, f := range v.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			scalar(f.name).appendJSON(b)
			b.WriteByte(':')
			f.of.appendJSON(b)
		}
		b.WriteByte('}')
	case '[':
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.appendJSON(b)
		}
		b.WriteByte(']')
	default:
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v.scalar); err != nil {
			panic(err) // texts, numbers and truths
		}
		b.Truncate(b.Len() - 1) // the line end
	}
}

// node is the value in YAML: texts of several lines as blocks, long numbers
// digit for digit.
func (v *value) node() *yaml.Node {
	switch v.kind {
	case '{':
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, f := range v.fields {
			n.Content = append(n.Content, scalar(f.name).node(), f.of.node())
		}
		return n
	case '[':
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v.items {
			n.Content = append(n.Content, item.node())
		}
		return n
	}
	switch s := v.scalar.(type) {
	case string:
		n := &yaml.Node{}
		n.SetString(s)
		if needsQuotes(s) {
			n.Style = yaml.DoubleQuotedStyle
		}
		return n
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(s.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: s.String()}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(s)}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

// needsQuotes tells texts that YAML would read as something else, or whose
// blanks and line ends a block would not keep.
func needsQuotes(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff
	}) {
		return true
	}
	if strings.Contains(s, "\n") {
		return strings.HasPrefix(s, " ") || strings.HasPrefix(s, "\n") || strings.Contains(s, " \n") || strings.HasSuffix(s, " ")
	}
	var back yaml.Node
	return s == "" || yaml.Unmarshal([]byte(s), &back) != nil || len(back.Content) != 1 || back.Content[0].Kind != yaml.ScalarNode ||
		back.Content[0].ShortTag() != "!!str" || back.Content[0].Value != s || back.Content[0].LineComment != ""
}

const maxDepth = 200

// ofNode reads what a person wrote in YAML.
func ofNode(n *yaml.Node, depth int) (*value, error) {
	bad := func(why string) error {
		return fault.Errorf(fault.Invalid, "invalid_manifest", "line %d: %s", n.Line, why)
	}
	switch {
	case depth > maxDepth:
		return nil, bad("it is nested too deeply")
	case n.Kind == yaml.AliasNode:
		return nil, bad("aliases are not taken: write it out")
	case n.Kind == yaml.MappingNode:
		out := object()
		for i := 0; i+1 < len(n.Content); i += 2 {
			of, err := ofNode(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			name := n.Content[i].Value
			if out.get(name) != nil {
				return nil, bad("the member " + strconv.Quote(name) + " comes twice")
			}
			out.fields = append(out.fields, field{name, of})
		}
		return out, nil
	case n.Kind == yaml.SequenceNode:
		out := &value{kind: '['}
		for _, c := range n.Content {
			item, err := ofNode(c, depth+1)
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, item)
		}
		return out, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return scalar(nil), nil
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return nil, bad(err.Error())
		}
		return scalar(b), nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return scalar(json.Number(n.Value)), nil
		}
		var f float64
		if err := n.Decode(&f); err != nil {
			return nil, bad(err.Error())
		}
		text, err := json.Marshal(f)
		if err != nil {
			return nil, bad(n.Value + " is no number that JSON knows")
		}
		return scalar(json.Number(text)), nil
	}
	return scalar(n.Value), nil // texts, and dates as they are written
}

// same tells whether two values say the same: the order of members and the way
// a number is written do not count.
func same(a, b *value) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case '{':
		if len(a.fields) != len(b.fields) {
			return false
		}
		for _, f := range a.fields {
			if !same(f.of, b.get(f.name)) {
				return false
			}
		}
		return true
	case '[':
		return slices.EqualFunc(a.items, b.items, same)
	}
	x, isX := a.scalar.(json.Number)
	y, isY := b.scalar.(json.Number)
	if isX && isY && x != y {
		m, errM := x.Float64()
		n, errN := y.Float64()
		return errM == nil && errN == nil && m == n && !(whole(x) && whole(y))
	}
	return a.scalar == b.scalar
}

func whole(n json.Number) bool { return !strings.ContainsAny(n.String(), ".eE") }
