package message

import (
	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/parser"
)

// block makes the node of a tag that holds others.
func (c *compiler) block(b *parser.ASTBlock) (node, error) {
	body, err := c.sequence(b.Body)
	if err != nil {
		return nil, err
	}
	switch b.Name {
	case "if", "unless":
		return c.branches(b, body)
	case "case":
		return c.choice(b)
	case "for":
		return c.loop(b, body)
	case "capture":
		if !word.MatchString(b.Args) || word.FindString(b.Args) != b.Args {
			return nil, &Error{b.SourceLoc.LineNo, b.Source + " needs one name"}
		}
		c.words = append(c.words, b.Args)
		return &capture{b.SourceLoc.LineNo, b.Args, body}, nil
	}
	return nil, &Error{b.SourceLoc.LineNo, "there is no tag " + b.Name}
}

func (c *compiler) branches(b *parser.ASTBlock, body sequence) (node, error) {
	test, err := c.expression(b.Token)
	if err != nil {
		return nil, err
	}
	out := &branches{{line: b.SourceLoc.LineNo, test: test, not: b.Name == "unless", body: body}}
	for _, clause := range b.Clauses {
		next := branch{line: clause.SourceLoc.LineNo}
		if next.body, err = c.sequence(clause.Body); err != nil {
			return nil, err
		}
		if clause.Name == "elsif" {
			if next.test, err = c.expression(clause.Token); err != nil {
				return nil, err
			}
		}
		*out = append(*out, next)
	}
	return out, nil
}

func (c *compiler) choice(b *parser.ASTBlock) (node, error) {
	of, err := c.expression(b.Token)
	if err != nil {
		return nil, err
	}
	out := &choice{line: b.SourceLoc.LineNo, of: of}
	for _, clause := range b.Clauses {
		var next when
		if next.body, err = c.sequence(clause.Body); err != nil {
			return nil, err
		}
		if clause.Name == "when" {
			s, err := c.statement(clause.Token, expressions.WhenStatementSelector)
			if err != nil {
				return nil, err
			}
			next.values = s.Exprs
		}
		out.whens = append(out.whens, next)
	}
	return out, nil
}

func (c *compiler) loop(b *parser.ASTBlock, body sequence) (node, error) {
	s, err := c.statement(b.Token, expressions.LoopStatementSelector)
	if err != nil {
		return nil, err
	}
	out := &loop{line: b.SourceLoc.LineNo, variable: s.Loop.Variable, over: s.Expr, limit: s.Limit, offset: s.Offset, reversed: s.Reversed, body: body}
	if s.Cols != nil {
		return nil, &Error{b.SourceLoc.LineNo, "for has no cols"}
	}
	if len(b.Clauses) > 1 {
		return nil, &Error{b.SourceLoc.LineNo, "for has at most one else"}
	}
	for _, clause := range b.Clauses {
		if out.none, err = c.sequence(clause.Body); err != nil {
			return nil, err
		}
	}
	return out, nil
}
