package tablefile

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"rapport/internal/fault"
)

// tokens reads XML of which no piece may be larger than a row: the decoder would
// hold a piece as a whole before anybody could look at its size.
type tokens struct {
	xml   *xml.Decoder
	in    io.Reader
	piece int // bytes read since the last piece began
	most  int
}

func newTokens(in io.Reader, l Limits) *tokens {
	t := &tokens{in: in, most: l.Row + 64<<10} // the decoder reads ahead
	t.xml = xml.NewDecoder(t)
	return t
}

// Read reads for the decoder.
func (t *tokens) Read(p []byte) (int, error) {
	if t.piece > t.most {
		return 0, fault.Errorf(fault.Invalid, "row_too_long", "a cell of the spreadsheet has more than %d bytes; shorten it, or save the sheet as CSV", t.most)
	}
	n, err := t.in.Read(p)
	t.piece += n
	return n, err
}

// next gives the next piece.
func (t *tokens) next() (xml.Token, error) {
	t.piece = 0
	return t.xml.Token()
}

// held collects the text of elements: what is in t or v, but not in what says
// how a text is spoken.
type held struct {
	text     []byte
	hold     bool
	phonetic int
}

// take takes a piece, up to a number of bytes.
func (h *held) take(token xml.Token, most int) {
	switch token := token.(type) {
	case xml.StartElement:
		switch token.Name.Local {
		case "v", "t":
			h.hold = h.phonetic == 0
		case "rPh":
			h.phonetic++
		}
	case xml.CharData:
		if h.hold && len(h.text) <= most {
			h.text = append(h.text, token...)
		}
	case xml.EndElement:
		switch token.Name.Local {
		case "rPh":
			h.phonetic--
		case "v", "t":
			h.hold = false
		}
	}
}

// escape is how a spreadsheet writes what XML cannot hold, such as _x000D_.
var escape = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescaped is a text as it was entered. What no text
// can hold stays as it is written.
func unescaped(text []byte) []byte {
	if !bytes.Contains(text, []byte("_x")) {
		return text
	}
	return escape.ReplaceAllFunc(text, func(found []byte) []byte {
		n, _ := strconv.ParseUint(string(found[2:6]), 16, 16) // four digits
		if n == 0 || utf16.IsSurrogate(rune(n)) {
			return found
		}
		return utf8.AppendRune(nil, rune(n))
	})
}
