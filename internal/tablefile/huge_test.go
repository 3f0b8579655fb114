package tablefile_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"rapport/internal/tablefile"
)

// long is a file that is there without being held: a head, a byte many times
// over, and a tail.
type long struct {
	head, tail string
	fill       string // made of one byte
	n, at      int64
}

func (l *long) size() int64 { return int64(len(l.head)) + l.n + int64(len(l.tail)) }

func (l *long) Read(p []byte) (int, error) {
	n, err := l.ReadAt(p, l.at)
	l.at += int64(n)
	return n, err
}

func (l *long) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) && at < l.size() {
		switch behind := at - int64(len(l.head)); {
		case behind < 0:
			m := copy(p[n:], l.head[at:])
			n, at = n+m, at+int64(m)
		case behind < l.n:
			m := copy(p[n:], l.fill[:min(int64(len(l.fill)), l.n-behind)])
			n, at = n+m, at+int64(m)
		default:
			m := copy(p[n:], l.tail[behind-l.n:])
			n, at = n+m, at+int64(m)
		}
	}
	if at >= l.size() && n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// A line of a gigabyte is named and passed over, in memory for a row.
func TestOpen_PassesOverALineOfAGigabyte(t *testing.T) { //nolint:paralleltest // it counts what is taken
	xs := strings.Repeat("x", 1<<20)
	for name, f := range map[string]*long{
		"csv":        {head: "a,b\n1,2\n", fill: xs, n: 1 << 30, tail: ",2\n3,4\n"},
		"csv quoted": {head: "a,b\n1,2\n\"", fill: xs, n: 1 << 30, tail: "\",2\n3,4\n"},
		"jsonl":      {head: "{\"a\":\"1\",\"b\":\"2\"}\n{\"a\":\"", fill: xs, n: 1 << 30, tail: "\"}\n{\"a\":\"3\",\"b\":\"4\"}\n"},
	} {
		r, err := tablefile.Open(f, f.size(), tablefile.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var row tablefile.Row
		var rows, bad int
		for {
			err := r.Next(&row)
			if errors.Is(err, io.EOF) {
				break
			}
			if e := new(tablefile.RowError); errors.As(err, &e) {
				if bad++; e.Code != "row_too_long" {
					t.Errorf("%s: %v", name, e)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			rows++
		}
		runtime.ReadMemStats(&after)
		if rows != 2 || bad != 1 {
			t.Errorf("%s: %d rows and %d bad ones", name, rows, bad)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%s: %d MiB were taken", name, took>>20)
		}
	}
}

func TestOpen_HoldsNoTextOfASpreadsheetThatIsLargerThanARow(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("x", 8<<20)
	for _, cell := range []string{`<c r="A2" t="inlineStr"><is><t>` + huge + `</t></is></c>`, `<c r="A2" t="` + huge + `"/>`} {
		out := read(sheet(t, `<row r="2">`+cell+`</row>`), tablefile.Options{})
		if got := out.String(); !strings.Contains(got, "row_too_long") {
			t.Errorf("%.100s", got)
		}
	}
}
