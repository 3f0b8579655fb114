package message

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
)

// compiler makes nodes of the library's parse tree.
type compiler struct {
	format  Format
	words   []string
	filters []string
	depth   int
}

// grammar has the tags that are there: none that reads a file.
func grammar() render.Config {
	c := render.NewConfig()
	c.AddBlock("if").Clause("else").Clause("elsif")
	c.AddBlock("unless").Clause("else").Clause("elsif")
	c.AddBlock("case").Clause("when").Clause("else")
	c.AddBlock("for").Clause("else")
	c.AddBlock("capture")
	c.AddBlock("comment")
	c.AddBlock("raw")
	return c
}

func (c *compiler) compile(source string) (sequence, error) {
	config := grammar()
	root, err := config.Parse(source, parser.SourceLoc{LineNo: 1})
	if err != nil {
		return nil, wrong(err)
	}
	seq, ok := root.(*parser.ASTSeq)
	if !ok {
		return nil, &Error{0, "it cannot be read"}
	}
	return c.sequence(seq.Children)
}

func wrong(err parser.Error) error {
	text := err.Error()
	if cause := err.Cause(); cause != nil {
		text = cause.Error()
	}
	if _, after, ok := strings.Cut(text, "Liquid error"); ok {
		_, text, _ = strings.Cut(after, ": ")
	}
	return &Error{err.LineNumber(), text}
}

func (c *compiler) sequence(children []parser.ASTNode) (sequence, error) {
	if c.depth++; c.depth > maxDepth {
		return nil, &Error{0, "tags are nested deeper than 50"}
	}
	defer func() { c.depth-- }()
	out := make(sequence, 0, len(children))
	trimNext := false
	for i, child := range children {
		if t, ok := child.(*parser.ASTTrim); ok {
			trimNext = t.TrimDirection == parser.Right
			continue
		}
		var n node
		var err error
		if t, ok := child.(*parser.ASTText); ok {
			n, err = trimmed(t, trimNext, children[i+1:])
		} else {
			n, err = c.node(child)
		}
		trimNext = false
		if err != nil {
			return nil, err
		}
		if n != nil {
			out = append(out, n)
		}
	}
	return out, nil
}

// trimmed is a text without the blanks that the tags beside it want away.
func trimmed(t *parser.ASTText, left bool, behind []parser.ASTNode) (node, error) {
	text := t.Source
	if left {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	if len(behind) > 0 {
		if next, ok := behind[0].(*parser.ASTTrim); ok && next.TrimDirection == parser.Left {
			text = strings.TrimRightFunc(text, unicode.IsSpace)
		}
	}
	return literal(text), unfinished(t)
}

// unfinished finds braces that open something and are never closed: the library
// takes them for text.
func unfinished(t *parser.ASTText) error {
	for _, open := range []string{"{{", "{%"} {
		if i := strings.Index(t.Source, open); i >= 0 {
			line := t.SourceLoc.LineNo + strings.Count(t.Source[:i], "\n")
			return &Error{line, open + " is not closed, or holds nothing; write {% raw %}" + open + "{% endraw %} for the braces themselves"}
		}
	}
	return nil
}

func (c *compiler) node(n parser.ASTNode) (node, error) {
	switch n := n.(type) {
	case *parser.ASTRaw:
		return literal(strings.Join(n.Slices, "")), nil
	case *parser.ASTObject:
		expr, err := c.expression(n.Token)
		return &object{line: n.SourceLoc.LineNo, expr: expr, source: n.Args}, err
	case *parser.ASTTag:
		return c.tag(n.Token)
	case *parser.ASTBlock:
		return c.block(n)
	}
	return nil, &Error{0, "it cannot be read"}
}

var (
	texts   = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	word    = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_-]*\??`)
	filter  = regexp.MustCompile(`\|\s*([A-Za-z_][A-Za-z0-9_-]*)`)
	inRange = regexp.MustCompile(`\)\s*(\.\s*[A-Za-z_]|\[)`)
)

// look notes what a tag names and refuses what the library would only find, or
// do harm with, when a message is written.
func (c *compiler) look(t parser.Token) error {
	bare := texts.ReplaceAllString(t.Args, `""`)
	for _, m := range filter.FindAllStringSubmatch(bare, -1) {
		if !slices.Contains(filterNames(), m[1]) {
			return &Error{t.SourceLoc.LineNo, "there is no filter " + m[1] + "; there are " + strings.Join(filterNames(), ", ")}
		}
		c.filters = append(c.filters, m[1])
	}
	if inRange.MatchString(bare) {
		return &Error{t.SourceLoc.LineNo, "a value in parentheses has no properties: assign it first"}
	}
	c.words = append(c.words, word.FindAllString(t.Args, -1)...)
	return nil
}

func (c *compiler) expression(t parser.Token) (expressions.Expression, error) {
	if err := c.look(t); err != nil {
		return nil, err
	}
	e, err := expressions.Parse(t.Args)
	if err != nil {
		return nil, &Error{t.SourceLoc.LineNo, err.Error()}
	}
	return e, nil
}

func (c *compiler) statement(t parser.Token, kind string) (*expressions.Statement, error) {
	if err := c.look(t); err != nil {
		return nil, err
	}
	s, err := expressions.ParseStatement(kind, t.Args)
	if err != nil {
		return nil, &Error{t.SourceLoc.LineNo, t.Source + " cannot be read"}
	}
	return s, nil
}

func (c *compiler) tag(t parser.Token) (node, error) {
	line := t.SourceLoc.LineNo
	switch t.Name {
	case "assign":
		s, err := c.statement(t, expressions.AssignStatementSelector)
		if err != nil {
			return nil, err
		}
		return &assign{line, s.Assignment.Variable, s.ValueFn}, nil
	case "cycle":
		s, err := c.statement(t, expressions.CycleStatementSelector)
		if err != nil {
			return nil, err
		}
		return &cycle{line, s.Group, s.Values}, nil
	case "break":
		return leave{errBreak}, nil
	case "continue":
		return leave{errContinue}, nil
	case "include", "render":
		return nil, &Error{line, "there is no tag " + t.Name + ": a template reads nothing beside it; use a variable"}
	}
	return nil, &Error{line, "there is no tag " + t.Name + "; there are assign, capture, case, comment, cycle, for, if, raw, unless"}
}
