package feel

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a kind of token. Keywords are names until the parser asks.
type token uint8

const (
	tokEOF token = iota
	tokBad
	tokName
	tokNumber
	tokString
	tokAt
	tokLParen
	tokRParen
	tokLBracket
	tokRBracket
	tokLBrace
	tokRBrace
	tokComma
	tokColon
	tokDot
	tokDotDot
	tokPlus
	tokMinus
	tokStar
	tokStarStar
	tokSlash
	tokEq
	tokNotEq
	tokLess
	tokLessEq
	tokGreater
	tokGreaterEq
	tokArrow
)

var tokenText = map[token]string{
	tokLParen: "(", tokRParen: ")", tokLBracket: "[", tokRBracket: "]", tokLBrace: "{", tokRBrace: "}",
	tokComma: ",", tokColon: ":", tokDot: ".", tokDotDot: "..", tokPlus: "+", tokMinus: "-", tokStar: "*",
	tokStarStar: "**", tokSlash: "/", tokEq: "=", tokNotEq: "!=", tokLess: "<", tokLessEq: "<=",
	tokGreater: ">", tokGreaterEq: ">=", tokArrow: "->",
}

// keywords end a name of several words. Those of them that start an expression
// are never variables.
var keywords = map[string]bool{
	"true": true, "false": true, "null": true, "if": true, "then": true, "else": true, "for": true, "in": true,
	"return": true, "some": true, "every": true, "satisfies": true, "and": true, "or": true, "between": true,
	"instance": true, "of": true, "function": true, "external": true,
}

// lexer cuts the source into tokens. The parser may move it, because where a
// name ends depends on the names in scope.
type lexer struct {
	src   string
	tok   token
	start int // of the current token
	end   int
}

func isSpace(r rune) bool {
	switch r {
	case 0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0xfeff:
		return true
	}
	return unicode.IsSpace(r)
}

func isNameStart(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '?'
	case r == utf8.RuneError || isSpace(r):
		return false
	default:
		return !unicode.IsControl(r)
	}
}

func isNamePart(r rune) bool { return isNameStart(r) || r >= '0' && r <= '9' }

// isPlainName tells whether a key can be written without quotes.
func isPlainName(s string) bool {
	if s == "" || keywords[s] {
		return false
	}
	for i, r := range s {
		if !isNamePart(r) && (i == 0 || r != ' ') || i == 0 && !isNameStart(r) {
			return false
		}
	}
	return s == normalName(s)
}

// normalName turns runs of white space into one space.
func normalName(s string) string {
	return strings.Join(strings.FieldsFunc(s, isSpace), " ")
}

// skip is the offset of the next token behind white space and comments.
func (l *lexer) skip(i int) int {
	for i < len(l.src) {
		switch c := l.src[i]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			i++
		case c == '/' && strings.HasPrefix(l.src[i:], "//"):
			if n := strings.IndexByte(l.src[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(l.src)
			}
		case c == '/' && strings.HasPrefix(l.src[i:], "/*"):
			n := strings.Index(l.src[i+2:], "*/")
			if n < 0 {
				return i
			}
			i += n + 4
		default:
			r, w := utf8.DecodeRuneInString(l.src[i:])
			if !isSpace(r) {
				return i
			}
			i += w
		}
	}
	return i
}

// seek makes the token at or behind offset i the current one.
func (l *lexer) seek(i int) {
	i = l.skip(i)
	l.start = i
	if i >= len(l.src) {
		l.tok, l.end = tokEOF, i
		return
	}
	c := l.src[i]
	switch {
	case c >= '0' && c <= '9', c == '.' && i+1 < len(l.src) && isDigit(l.src[i+1]):
		l.tok, l.end = tokNumber, numberEnd(l.src, i)
	case c == '"':
		l.tok, l.end = l.stringEnd(i)
	case c == '@' && i+1 < len(l.src) && l.src[i+1] == '"':
		l.tok, l.end = l.stringEnd(i + 1)
		if l.tok == tokString {
			l.tok = tokAt
		}
	default:
		if r, w := utf8.DecodeRuneInString(l.src[i:]); isNameStart(r) {
			l.tok, l.end = tokName, wordEnd(l.src, i+w)
			return
		}
		l.tok, l.end = punctuation(l.src, i)
	}
}

func (l *lexer) next() { l.seek(l.end) }

func (l *lexer) text() string { return l.src[l.start:l.end] }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func wordEnd(s string, i int) int {
	for i < len(s) {
		r, w := utf8.DecodeRuneInString(s[i:])
		if !isNamePart(r) {
			break
		}
		i += w
	}
	return i
}

// numberEnd leaves the dots of a range (1..2) alone.
func numberEnd(s string, i int) int {
	i = digitsEnd(s, i)
	if i+1 < len(s) && s[i] == '.' && isDigit(s[i+1]) {
		i = digitsEnd(s, i+1)
	}
	if i == len(s) || s[i] != 'e' && s[i] != 'E' {
		return i
	}
	j := i + 1
	if j < len(s) && (s[j] == '+' || s[j] == '-') {
		j++
	}
	if j == len(s) || !isDigit(s[j]) {
		return i
	}
	return digitsEnd(s, j)
}

func digitsEnd(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

func (l *lexer) stringEnd(i int) (token, int) {
	for i++; i < len(l.src); i++ {
		switch l.src[i] {
		case '"':
			return tokString, i + 1
		case '\\':
			i++
		}
	}
	return tokBad, len(l.src)
}

func punctuation(s string, i int) (token, int) {
	if i+1 < len(s) {
		switch s[i : i+2] {
		case "..":
			return tokDotDot, i + 2
		case "**":
			return tokStarStar, i + 2
		case "!=":
			return tokNotEq, i + 2
		case "<=":
			return tokLessEq, i + 2
		case ">=":
			return tokGreaterEq, i + 2
		case "->":
			return tokArrow, i + 2
		}
	}
	const chars = "()[]{},:.+-*/=<>"
	toks := [...]token{
		tokLParen, tokRParen, tokLBracket, tokRBracket, tokLBrace, tokRBrace, tokComma, tokColon, tokDot,
		tokPlus, tokMinus, tokStar, tokSlash, tokEq, tokLess, tokGreater,
	}
	if k := strings.IndexByte(chars, s[i]); k >= 0 {
		return toks[k], i + 1
	}
	_, w := utf8.DecodeRuneInString(s[i:])
	return tokBad, i + w
}

// unquote is the text of a string literal with its quotes. Backslashes that
// start no escape stay: patterns are written with them.
func unquote(s string) string {
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case '"', '\'', '\\':
			b = append(b, c)
		case 'u', 'U':
			r, n := codePoint(s[i:])
			if n == 0 {
				b = append(b, '\\', c)
				continue
			}
			b = utf8.AppendRune(b, r)
			i += n - 1
		default:
			b = append(b, '\\', c)
		}
	}
	return string(b)
}

// codePoint reads uXXXX or UXXXXXX, and joins surrogates written one by one.
func codePoint(s string) (r rune, n int) {
	width := 4
	if s[0] == 'U' {
		width = 6
	}
	r, ok := hexRune(s, 1, width)
	if !ok {
		return 0, 0
	}
	n = 1 + width
	if r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(s[n:], `\u`) {
		if low, ok := hexRune(s, n+2, 4); ok && low >= 0xdc00 && low < 0xe000 {
			return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, n + 6
		}
	}
	return r, n
}

func hexRune(s string, i, width int) (rune, bool) {
	if i+width > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[i : i+width]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// position finds line and column of an offset.
func position(src string, offset int) Position {
	offset = min(offset, len(src))
	before := src[:offset]
	line := strings.Count(before, "\n")
	start := strings.LastIndexByte(before, '\n') + 1
	return Position{Offset: offset, Line: line + 1, Column: utf8.RuneCountInString(before[start:]) + 1}
}
