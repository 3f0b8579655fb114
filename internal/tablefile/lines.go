package tablefile

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"rapport/internal/fault"
)

// lines is a buffer over text in UTF-8 in which a reader may go back as far as
// the beginning of the row it is at.
type lines struct {
	r      io.Reader
	buf    []byte
	start  int // of what was not taken
	end    int
	failed error
	line   int64 // lines taken
}

// block is how much is read at once.
const block = 256 << 10

// decode makes UTF-8 of a stream. Without a name the mark at the start counts, or
// what UTF-16 looks like.
func decode(s *stream, encoding string) (*lines, error) {
	l := &lines{r: s}
	if encoding != "" {
		e, err := htmlindex.Get(encoding)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "unknown_encoding", "the encoding %.40q is not known; name one such as utf-8, utf-16le or windows-1252", encoding).At("encoding")
		}
		if name, _ := htmlindex.Name(e); name != "utf-8" {
			l.r = transform.NewReader(s, unicode.BOMOverride(e.NewDecoder()))
			return l, nil
		}
	}
	l.more()
	switch head := l.rest(); {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		l.start = 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), wide(head, 0), wide(head, 1):
		order := unicode.LittleEndian
		if wide(head, 0) {
			order = unicode.BigEndian
		}
		u := unicode.UTF16(order, unicode.UseBOM)
		before := io.Reader(bytes.NewReader(bytes.Clone(head)))
		if l.failed != nil {
			before = io.MultiReader(before, failing{l.failed})
		} else {
			before = io.MultiReader(before, s)
		}
		*l = lines{r: transform.NewReader(before, u.NewDecoder())}
	}
	return l, nil
}

// wide tells UTF-16 without a mark: the header is of Latin letters at first, and
// each has its NUL byte before it (at 0) or behind it (at 1).
func wide(head []byte, at int) bool {
	if len(head) < 4 {
		return false
	}
	for i, b := range head[:4] {
		if (i%2 == at) != (b == 0) {
			return false
		}
	}
	return true
}

// failing is a stream that has ended for a reason.
type failing struct{ err error }

// Read gives the reason.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (l *lines) rest() []byte { return l.buf[l.start:l.end] }

// more reads on, and tells whether anything came.
func (l *lines) more() bool {
	if l.failed != nil {
		return false
	}
	if l.start > 0 {
		l.end = copy(l.buf, l.rest())
		l.start = 0
	}
	if len(l.buf)-l.end < block/2 {
		grown := make([]byte, max(2*len(l.buf), block))
		copy(grown, l.buf[:l.end])
		l.buf = grown
	}
	for range 100 {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		l.failed = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	l.failed = io.ErrNoProgress
	return false
}

// ended says why nothing more comes: io.EOF, or the fault of the file.
func (l *lines) ended() error { return l.failed }

// newline finds the end of the line at an offset of the rest: n is what is
// behind its end. ok is false where the file ends, or where the line is longer
// than most.
func (l *lines) newline(from, most int) (n int, ok bool) {
	at := from
	for {
		if i := bytes.IndexByte(l.rest()[at:], '\n'); i >= 0 {
			return at + i + 1, true
		}
		at = len(l.rest())
		if at > most || !l.more() {
			return at, false
		}
	}
}

// take removes what a row was read from; it stays valid until more is read.
func (l *lines) take(n, ends int) []byte {
	out := l.buf[l.start : l.start+n]
	l.start += n
	l.line += int64(ends)
	return out
}

// skip takes the rest of a line that is too long, without keeping it.
func (l *lines) skip() {
	for {
		if i := bytes.IndexByte(l.rest(), '\n'); i >= 0 {
			l.take(i+1, 1)
			return
		}
		l.take(len(l.rest()), 0)
		if !l.more() {
			l.line++
			return
		}
	}
}

// guess tells CSV from JSON lines by the first byte that says something.
func (l *lines) guess() (Format, error) {
	for {
		head := bytes.TrimLeft(l.rest(), " \t\r\n")
		switch {
		case len(head) == 0 && l.end-l.start < 1<<20 && l.more():
		case len(head) == 0 && l.failed != nil && !errors.Is(l.failed, io.EOF):
			return "", l.failed
		case len(head) == 0:
			return "", fault.Errorf(fault.Invalid, "empty_file", "the file has nothing but white space; send one with a header and rows")
		case otherKind(head) != "":
			return "", notATable(otherKind(head))
		case head[0] == '{':
			return JSONLines, nil
		case head[0] == '[':
			return "", fault.Errorf(fault.Invalid, "not_json_lines", "the file is a JSON array; send one object on each line")
		case head[0] == '<':
			return "", notATable("XML or HTML")
		default:
			return CSV, nil
		}
	}
}

// others are files that people send by mistake, by how they begin.
var others = [...]struct{ begins, what string }{
	{"%PDF", "PDF"}, {"\x89PNG", "PNG"}, {"\xff\xd8\xff", "JPEG"}, {"GIF8", "GIF"},
	{"{\\rtf", "RTF"}, {"SQLite format 3", "SQLite"}, {"Obj\x01", "Avro"}, {"ARROW1", "Arrow"},
}

// otherKind says what a file is that is none of lines; empty where it may be.
func otherKind(head []byte) string {
	for _, o := range others {
		if bytes.HasPrefix(head, []byte(o.begins)) {
			return o.what
		}
	}
	return ""
}

// notATable refuses a file of another format, which is called the same in every
// language.
func notATable(what string) error {
	return fault.Errorf(fault.Invalid, "not_a_table", "the file holds no table but %s, whatever its name says; send CSV, JSON lines, Excel or Parquet", what)
}

// readable says what is wrong with the bytes of a row, nil where they are text.
func readable(b []byte, line int64) *RowError {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return &RowError{
			Line: line, Code: "nul_byte", Value: Show(b[max(0, i-20):i]), Reason: "there is a NUL byte in it",
			Mend: "take the byte out; where the whole file is UTF-16, name it in the mapping as encoding: utf-16le or utf-16be",
		}
	}
	if utf8.Valid(b) {
		return nil
	}
	at := 0
	for at < len(b) {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return &RowError{
		Line: line, Code: "invalid_encoding", Value: Show(bytes.ToValidUTF8(b[max(0, at-20):min(len(b), at+20)], []byte("\ufffd"))),
		Reason: "it is not UTF-8", Mend: "write the file as UTF-8, or name its encoding, such as windows-1252, in the mapping",
	}
}

func tooLong(line int64, most int) *RowError {
	return &RowError{
		Line: line, Code: "row_too_long", Reason: "it has more bytes than a row may have",
		Mend: "keep a row below " + bytesText(most),
	}
}
