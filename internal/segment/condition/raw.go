package condition

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// raw is a document as it was written, whether in JSON or in YAML.
type raw struct {
	kind jsondoc.Kind // True stands for both booleans
	text string       // String, Number
	is   bool         // True
	keys []string
	kids []*raw
	at   string
}

func (r *raw) get(key string) *raw {
	for i, k := range r.keys {
		if k == key {
			return r.kids[i]
		}
	}
	return nil
}

func (r *raw) has(key string) bool { return r.get(key) != nil }

// describe is the value's kind for messages.
func (r *raw) describe() string {
	switch r.kind {
	case jsondoc.True, jsondoc.False:
		return "true or false"
	case jsondoc.Null:
		return "null"
	case jsondoc.String:
		return "the text " + strconv.Quote(clip(r.text))
	case jsondoc.Number:
		return "the number " + clip(r.text)
	case jsondoc.Array:
		if len(r.kids) == 0 {
			return "an empty list"
		}
		return "a list of " + strconv.Itoa(len(r.kids))
	default:
		if len(r.keys) == 0 {
			return "an empty object"
		}
		return "an object with " + strconv.Quote(clip(r.keys[0]))
	}
}

const clipAt = 60

func clip(s string) string {
	if len(s) > clipAt {
		return strings.ToValidUTF8(s[:clipAt], "") + "…"
	}
	return s
}

// readRaw reads a document of either kind: one that begins with a brace is
// JSON.
func readRaw(doc []byte, at string) (*raw, error) {
	if len(doc) > MaxBytes {
		return nil, bad(at, "condition_too_large", "the document has %d bytes: at most %d are read; split the condition over segments", len(doc), MaxBytes)
	}
	trimmed := bytes.TrimSpace(doc)
	if len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		return readJSON(doc, at)
	}
	return readYAML(doc, at)
}

func readJSON(doc []byte, at string) (*raw, error) {
	d, err := jsondoc.Parse(doc, jsondoc.Limits{Depth: maxDepthJSON, Keys: MaxFilters * 4, StringBytes: MaxExpr * 6})
	if err != nil {
		if s, ok := errors.AsType[*jsondoc.SyntaxError](err); ok {
			return nil, bad(at, "invalid_condition", "the document is no JSON at byte %d: %s", s.Offset, s.Msg)
		}
		return nil, bad(at, "invalid_condition", "the document is no JSON: %v", err)
	}
	if f, flawed := d.Root().Flaw(); flawed {
		return nil, bad(at, "invalid_condition", "the document has a fault at byte %d: %s", f.Offset, f.Msg)
	}
	return ofJSON(d.Root(), at), nil
}

func ofJSON(v jsondoc.Value, at string) *raw {
	r := &raw{kind: v.Kind(), at: at}
	switch v.Kind() {
	case jsondoc.True, jsondoc.False:
		r.is = v.Kind() == jsondoc.True
		r.kind = jsondoc.True
	case jsondoc.String:
		r.text = v.Text()
	case jsondoc.Number:
		r.text = v.Number()
	case jsondoc.Array:
		i := 0
		for e := range v.Elements() {
			r.kids = append(r.kids, ofJSON(e, at+"/"+strconv.Itoa(i)))
			i++
		}
	case jsondoc.Object:
		for key, m := range v.Members() {
			r.keys = append(r.keys, key)
			r.kids = append(r.kids, ofJSON(m, at+"/"+pointer(key)))
		}
	}
	return r
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(key string) string { return escapePointer.Replace(clip(key)) }

func readYAML(doc []byte, at string) (*raw, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(doc, &n); err != nil {
		return nil, bad(at, "invalid_condition", "the document is no YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
		return nil, bad(at, "invalid_condition", "the document is empty: write a condition such as {\"trait\": \"plan\", \"op\": \"=\", \"value\": \"gold\"}")
	}
	return ofYAML(n.Content[0], at, 0)
}

func ofYAML(n *yaml.Node, at string, depth int) (*raw, error) {
	if depth > maxDepthJSON {
		return nil, bad(at, "condition_too_large", "line %d lies deeper than %d levels: nest less", n.Line, maxDepthJSON)
	}
	r := &raw{at: at}
	switch n.Kind {
	case yaml.ScalarNode:
		return r, r.scalar(n)
	case yaml.SequenceNode:
		r.kind = jsondoc.Array
		for i, c := range n.Content {
			kid, err := ofYAML(c, at+"/"+strconv.Itoa(i), depth+1)
			if err != nil {
				return nil, err
			}
			r.kids = append(r.kids, kid)
		}
	case yaml.MappingNode:
		r.kind = jsondoc.Object
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || r.has(key.Value) {
				return nil, bad(at, "invalid_condition", "line %d: a key is no text or stands there twice: write each key once", key.Line)
			}
			kid, err := ofYAML(n.Content[i+1], at+"/"+pointer(key.Value), depth+1)
			if err != nil {
				return nil, err
			}
			r.keys = append(r.keys, key.Value)
			r.kids = append(r.kids, kid)
		}
	default:
		return nil, bad(at, "invalid_condition", "line %d uses an anchor or an alias: write the value out", n.Line)
	}
	return r, nil
}

func (r *raw) scalar(n *yaml.Node) error {
	r.text = n.Value
	switch n.ShortTag() {
	case "!!null":
		r.kind = jsondoc.Null
	case "!!bool":
		r.kind = jsondoc.True
		return n.Decode(&r.is)
	case "!!int", "!!float":
		r.kind = jsondoc.Number
		doc, err := jsondoc.Parse([]byte(strings.TrimPrefix(n.Value, "+")), jsondoc.Limits{})
		if err != nil || doc.Root().Kind() != jsondoc.Number {
			return bad(r.at, "invalid_condition", "line %d: %s is no plain decimal number: write it as 1000 or 0.5", n.Line, clip(n.Value))
		}
		r.text = doc.Root().Number()
	default: // texts and times
		r.kind = jsondoc.String
	}
	return nil
}

// bad is a fault of the document, at a node.
func bad(at, code, format string, args ...any) *fault.Fault {
	where := at
	if where == "" {
		where = "/"
	}
	f := fault.Errorf(fault.Invalid, code, "%s: %s", where, fmt.Sprintf(format, args...))
	return f.At(at)
}
