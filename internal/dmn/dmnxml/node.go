package dmnxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits on a file. They are far above any model people draw, and low enough
// that a hostile file is refused in milliseconds.
const (
	MaxBytes = 32 << 20
	MaxDepth = 256
	MaxNodes = 2_000_000
)

// Pos is a place in the file, counted from 1.
type Pos struct {
	Line, Column int
}

// String gives the place as line:column.
func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// Attr is an attribute as it was written, prefix included.
type Attr struct {
	Name, Value string
}

// SyntaxError says what is wrong with a file, and where.
type SyntaxError struct {
	Pos
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

func errorAt(p Pos, format string, args ...any) error {
	return &SyntaxError{Pos: p, Message: fmt.Sprintf(format, args...)}
}

// node is one element of the file, with the bytes it was read from.
type node struct {
	space, local string
	name         string // as written, prefix included
	attrs        []Attr
	children     []*node
	text         string
	pos          Pos
	start, end   int // bytes of the whole element within source
	tagEnd       int // end of the start tag
	source       []byte
	scope        *scope
}

// scope is a linked list of namespace declarations, innermost first.
type scope struct {
	prefix, uri string
	outer       *scope
}

func (s *scope) lookup(prefix string) (string, bool) {
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.uri, true
		}
	}
	if prefix == "xml" {
		return "http://www.w3.org/XML/1998/namespace", true
	}
	return "", prefix == ""
}

// treeBuilder turns tokens into nodes while counting against the limits.
type treeBuilder struct {
	source []byte
	dec    *xml.Decoder
	root   *node
	stack  []*node
	names  []string
	texts  []*strings.Builder
	count  int
}

func parse(src []byte) (*node, error) {
	if len(src) > MaxBytes {
		return nil, errorAt(Pos{1, 1}, "the file has %d bytes; the limit is %d", len(src), MaxBytes)
	}
	text, err := toUTF8(src)
	if err != nil {
		return nil, err
	}
	b := &treeBuilder{source: text, dec: xml.NewDecoder(bytes.NewReader(text))}
	// toUTF8 has done the conversion already, whatever the declaration says.
	b.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	if err := b.run(); err != nil {
		return nil, err
	}
	return b.root, nil
}

func (b *treeBuilder) pos() Pos {
	line, col := b.dec.InputPos()
	return Pos{line, col}
}

func (b *treeBuilder) run() error {
	for {
		start, pos := int(b.dec.InputOffset()), b.pos()
		tok, err := b.dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return b.readError(err)
		}
		if err := b.token(tok, start, pos); err != nil {
			return err
		}
	}
	if len(b.stack) > 0 {
		top := b.stack[len(b.stack)-1]
		return errorAt(b.pos(), "the file ends inside <%s>, opened at %s", top.local, top.pos)
	}
	if b.root == nil {
		return errorAt(Pos{1, 1}, "the file has no XML element")
	}
	return nil
}

func (b *treeBuilder) readError(err error) error {
	if se, ok := errors.AsType[*xml.SyntaxError](err); ok {
		if len(b.stack) > 0 && se.Msg == "unexpected EOF" {
			top := b.stack[len(b.stack)-1]
			return errorAt(b.pos(), "the file ends inside <%s>, opened at %s", top.local, top.pos)
		}
		return errorAt(b.pos(), "not well-formed XML: %s", se.Msg)
	}
	return errorAt(b.pos(), "not readable as XML: %v", err)
}

func (b *treeBuilder) token(tok xml.Token, start int, pos Pos) error {
	switch t := tok.(type) {
	case xml.StartElement:
		return b.open(t, start, pos)
	case xml.EndElement:
		return b.shut(t, pos)
	case xml.CharData:
		return b.chars(t, pos)
	case xml.Directive:
		return errorAt(pos, "document type declarations and entities are refused")
	}
	return nil
}

func (b *treeBuilder) chars(t xml.CharData, pos Pos) error {
	if len(b.stack) == 0 {
		if len(bytes.TrimSpace(t)) > 0 {
			return errorAt(pos, "text outside of the root element")
		}
		return nil
	}
	b.texts[len(b.texts)-1].Write(t)
	return nil
}

func rawName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

func (b *treeBuilder) open(t xml.StartElement, start int, pos Pos) error {
	if b.count++; b.count > MaxNodes {
		return errorAt(pos, "more than %d elements", MaxNodes)
	}
	if len(b.stack) >= MaxDepth {
		return errorAt(pos, "elements are nested deeper than %d", MaxDepth)
	}
	if len(b.stack) == 0 && b.root != nil {
		return errorAt(pos, "a second root element <%s>", rawName(t.Name))
	}
	n := &node{local: t.Name.Local, name: rawName(t.Name), pos: pos, start: start, tagEnd: int(b.dec.InputOffset()), source: b.source}
	var outer *scope
	if len(b.stack) > 0 {
		outer = b.stack[len(b.stack)-1].scope
	}
	n.scope = outer
	for i, a := range t.Attr {
		name := rawName(a.Name)
		for _, before := range n.attrs[:i] {
			if before.Name == name {
				return errorAt(pos, "attribute %q appears twice in <%s>", name, rawName(t.Name))
			}
		}
		if len(n.attrs) >= 256 {
			return errorAt(pos, "<%s> has more than 256 attributes", rawName(t.Name))
		}
		n.attrs = append(n.attrs, Attr{name, a.Value})
		switch {
		case name == "xmlns":
			n.scope = &scope{"", a.Value, n.scope}
		case a.Name.Space == "xmlns":
			n.scope = &scope{a.Name.Local, a.Value, n.scope}
		}
	}
	uri, ok := n.scope.lookup(t.Name.Space)
	if !ok {
		return errorAt(pos, "prefix %q of <%s> is not declared", t.Name.Space, rawName(t.Name))
	}
	n.space = uri
	if len(b.stack) == 0 {
		b.root = n
	} else {
		top := b.stack[len(b.stack)-1]
		top.children = append(top.children, n)
	}
	b.stack = append(b.stack, n)
	b.names = append(b.names, rawName(t.Name))
	b.texts = append(b.texts, &strings.Builder{})
	return nil
}

func (b *treeBuilder) shut(t xml.EndElement, pos Pos) error {
	last := len(b.stack) - 1
	if last < 0 {
		return errorAt(pos, "</%s> closes nothing", rawName(t.Name))
	}
	top := b.stack[last]
	if name := rawName(t.Name); name != b.names[last] {
		return errorAt(pos, "</%s> where </%s> is expected, opened at %s", name, b.names[last], top.pos)
	}
	top.end = int(b.dec.InputOffset())
	top.text = b.texts[last].String()
	b.stack, b.names, b.texts = b.stack[:last], b.names[:last], b.texts[:last]
	return nil
}

// raw gives the element exactly as it stands in the file.
func (n *node) raw() []byte { return n.source[n.start:n.end] }

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}
