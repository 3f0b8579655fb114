package dmnxml

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var encodingDeclaration = regexp.MustCompile(`^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)

// toUTF8 gives the file as UTF-8 without a byte order mark. UTF-8 input is
// returned as it is, so that places and bytes stay those of the file.
func toUTF8(src []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(src, []byte{0xEF, 0xBB, 0xBF}):
		src = src[3:]
	case bytes.HasPrefix(src, []byte{0xFF, 0xFE}):
		return fromUTF16(src[2:], binary.LittleEndian)
	case bytes.HasPrefix(src, []byte{0xFE, 0xFF}):
		return fromUTF16(src[2:], binary.BigEndian)
	}
	head := src
	if len(head) > 200 {
		head = head[:200]
	}
	if m := encodingDeclaration.FindSubmatch(head); m != nil {
		switch strings.ToLower(string(m[1])) {
		case "utf-8", "utf8", "us-ascii", "ascii":
		case "iso-8859-1", "latin1":
			return withUTF8Declaration(fromLatin1(src)), nil
		default:
			return nil, errorAt(Pos{1, 1}, "encoding %q is not supported; use UTF-8", m[1])
		}
	}
	if !utf8.Valid(src) {
		return nil, errorAt(invalidAt(src), "the text is not valid UTF-8")
	}
	return src, nil
}

func invalidAt(src []byte) Pos {
	p := Pos{1, 1}
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 {
			return p
		}
		if p.Column++; r == '\n' {
			p = Pos{p.Line + 1, 1}
		}
		i += size
	}
	return p
}

func fromLatin1(src []byte) []byte {
	out := make([]byte, 0, len(src)+len(src)/8)
	for _, b := range src {
		out = utf8.AppendRune(out, rune(b))
	}
	return out
}

func fromUTF16(src []byte, order binary.ByteOrder) ([]byte, error) {
	if len(src)%2 != 0 {
		return nil, errorAt(Pos{1, 1}, "the UTF-16 text ends within a character")
	}
	units := make([]uint16, len(src)/2)
	for i := range units {
		units[i] = order.Uint16(src[2*i:])
	}
	return withUTF8Declaration([]byte(string(utf16.Decode(units)))), nil
}

// withUTF8Declaration makes the XML declaration true again after a conversion.
func withUTF8Declaration(src []byte) []byte {
	head := src
	if len(head) > 200 {
		head = head[:200]
	}
	m := encodingDeclaration.FindSubmatchIndex(head)
	if m == nil {
		return src
	}
	out := append([]byte{}, src[:m[2]]...)
	out = append(out, "UTF-8"...)
	return append(out, src[m[3]:]...)
}
