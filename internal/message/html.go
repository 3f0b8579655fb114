package message

import (
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"
)

// spot is where in a page one is.
type spot int

const (
	inText         spot = iota
	inTag               // behind the name, between attributes
	inTagName           //
	inAttrName          //
	behindAttrName      // before an equals sign
	beforeValue         // behind it
	inDouble            // a value in "
	inSingle            // a value in '
	inBare              // a value without quotes
	inComment           //
	inScript            //
	inStyle             //
	inDeclaration       // <!doctype …>
)

// page follows HTML as far as escaping needs it.
type page struct {
	at    spot
	tag   string          // the name of the tag, or what is there of it
	attr  string          // the name of the attribute
	begun strings.Builder // the attribute's value up to here
	tail  string          // the last bytes, to find the ends of comments and scripts
}

func (p *page) literal(s string) {
	for i := 0; i < len(s); i++ {
		p.next(s[i])
	}
}

func blankByte(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// longestTail is the longest text that is looked for behind one.
const longestTail = len("</script")

func (p *page) next(c byte) {
	p.tail += string(rune(c | 0x20*b2i(c >= 'A' && c <= 'Z')))
	if len(p.tail) > longestTail+2 {
		p.tail = p.tail[len(p.tail)-longestTail-2:]
	}
	switch p.at {
	case inText:
		p.text(c)
	case inComment:
		if strings.HasSuffix(p.tail, "-->") {
			p.at = inText
		}
	case inDeclaration:
		if strings.HasSuffix(p.tail, "<!--") {
			p.at, p.tail = inComment, ""
		} else if c == '>' {
			p.at = inText
		}
	case inScript:
		if strings.HasSuffix(p.tail, "</script") {
			p.open("/script")
		}
	case inStyle:
		if strings.HasSuffix(p.tail, "</style") {
			p.open("/style")
		}
	default:
		p.inside(c)
	}
}

func b2i(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (p *page) open(name string) { p.at, p.tag = inTagName, name }

func (p *page) text(c byte) {
	before := byte(0)
	if n := len(p.tail); n > 1 {
		before = p.tail[n-2]
	}
	switch {
	case before == '<' && c == '!':
		p.at = inDeclaration
	case before == '<' && (letter(c) || c == '/' || c == '?'):
		p.open(strings.ToLower(string(rune(c))))
	}
}

// inside is between < and >.
func (p *page) inside(c byte) {
	switch p.at {
	case inDouble, inSingle, inBare:
		p.valueByte(c)
		return
	}
	if c == '>' {
		p.closeTag()
		return
	}
	switch p.at {
	case inTagName:
		if blankByte(c) {
			p.at = inTag
		} else {
			p.tag += strings.ToLower(string(rune(c)))
		}
	case inTag, behindAttrName:
		p.between(c)
	case inAttrName:
		switch {
		case c == '=':
			p.at = beforeValue
		case blankByte(c) || c == '/':
			p.at = behindAttrName
		default:
			p.attr += strings.ToLower(string(rune(c)))
		}
	case beforeValue:
		p.begun.Reset()
		switch {
		case blankByte(c):
		case c == '"':
			p.at = inDouble
		case c == '\'':
			p.at = inSingle
		default:
			p.at = inBare
			p.begun.WriteByte(c)
		}
	}
}

func (p *page) between(c byte) {
	switch {
	case blankByte(c) || c == '/':
	case c == '=' && p.at == behindAttrName:
		p.at = beforeValue
	default:
		p.at, p.attr = inAttrName, strings.ToLower(string(rune(c)))
	}
}

func (p *page) valueByte(c byte) {
	switch {
	case p.at == inDouble && c == '"', p.at == inSingle && c == '\'', p.at == inBare && blankByte(c):
		p.at, p.attr = inTag, ""
	case p.at == inBare && c == '>':
		p.closeTag()
	default:
		p.begun.WriteByte(c)
	}
}

func (p *page) closeTag() {
	p.at, p.attr = inText, ""
	switch strings.TrimSuffix(p.tag, "/") {
	case "script":
		p.at = inScript
	case "style":
		p.at = inStyle
	}
	p.tail = ""
}

func (p *page) value(v any) (string, error) {
	s, isSafe := v.(safe)
	text := textOf(v)
	if isSafe && p.at == inText {
		p.literal(string(s))
		return string(s), nil
	}
	if isSafe {
		// What was escaped as a text is a text again, to be escaped for this place.
		text = html.UnescapeString(text)
	}
	switch p.at {
	case inText, inComment:
		return html.EscapeString(text), nil
	case beforeValue:
		p.at = inBare
		p.begun.Reset()
		fallthrough
	case inDouble, inSingle, inBare:
		return p.attribute(text)
	case inStyle:
		return css(text)
	case inScript:
		return "", errors.New("a value cannot stand in a script: put it into an attribute, such as data-name=\"{{ name }}\"")
	}
	return "", errors.New("a value cannot stand within a tag beside its attributes: put it into the quotes of one")
}

// leading are attributes that hold an address.
var leading = map[string]bool{
	"href": true, "src": true, "action": true, "background": true, "cite": true, "formaction": true, "poster": true,
	"data": true, "longdesc": true, "usemap": true, "xlink:href": true, "srcset": true, "manifest": true, "ping": true,
}

func (p *page) attribute(text string) (string, error) {
	bare := p.at == inBare
	switch {
	case strings.HasPrefix(p.attr, "on"), p.attr == "srcdoc":
		return "", fmt.Errorf("a value cannot stand in the attribute %s", p.attr)
	case p.attr == "style":
		var err error
		if text, err = css(text); err != nil {
			return "", err
		}
	case leading[p.attr]:
		text = p.link(text)
	}
	p.begun.WriteString(text)
	text = html.EscapeString(text)
	if bare {
		text = unquoted.Replace(text)
		if text == "" {
			p.begun.WriteByte(' ')
			return "&#32;", nil // an empty value would give its place to what follows
		}
	}
	return text, nil
}

var unquoted = strings.NewReplacer(" ", "&#32;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;", "\f", "&#12;", "=", "&#61;", "`", "&#96;")

// link escapes a value for an address, by the part of it that is reached. An
// address that would run a script leads nowhere.
func (p *page) link(text string) string {
	before := html.UnescapeString(p.begun.String())
	switch {
	case strings.ContainsAny(before, "?#"):
		return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
	case strings.ContainsAny(before, "/") || strings.Contains(before, ":"):
		if strings.HasSuffix(strings.ToLower(strings.TrimSpace(before)), "javascript:") {
			return "#"
		}
		return strings.ReplaceAll(normal(text), "?", "%3F")
	}
	whole := strings.ToLower(strings.Map(visible, before+text))
	if scheme, _, ok := strings.Cut(whole, ":"); ok && !strings.ContainsAny(scheme, "/?#") {
		switch scheme {
		case "http", "https", "mailto", "tel", "sms", "cid":
		default:
			return "#"
		}
	}
	return normal(text)
}

// visible drops what browsers overlook in a scheme.
func visible(c rune) rune {
	if c <= ' ' || c == 0x7f {
		return -1
	}
	return c
}

// normal percent-encodes what cannot stand in an address and leaves what has a
// meaning in it.
func normal(text string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case letter(c), c >= '0' && c <= '9', strings.IndexByte("-._~:/?#[]@!$&*+,;=%", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// css lets through what a colour, a size or a font is made of.
func css(text string) (string, error) {
	for i := range len(text) {
		if c := text[i]; !letter(c) && (c < '0' || c > '9') && strings.IndexByte(" #%,.-_", c) < 0 {
			return "", fmt.Errorf("the value %.40q cannot stand in a style: it may hold letters, digits and # %% , . - _", text)
		}
	}
	return text, nil
}
