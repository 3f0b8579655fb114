package tablefile_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"rapport/internal/fault"
	"rapport/internal/tablefile"
)

// table is all that came of a file.
type table struct {
	rows []string // number:column=cell|column=cell
	bad  []string // number:code
	warn []string
	err  error
}

func read(file []byte, o tablefile.Options) (out table) {
	r, err := tablefile.Open(bytes.NewReader(file), int64(len(file)), o)
	if err != nil {
		out.err = err
		return out
	}
	defer r.Close() //nolint:errcheck // it was only read
	var row tablefile.Row
	for {
		err := r.Next(&row)
		if bad := new(tablefile.RowError); errors.As(err, &bad) {
			out.bad = append(out.bad, fmt.Sprintf("%d:%s", bad.Line, bad.Code))
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				out.err = err
			}
			for _, w := range r.Warnings() {
				out.warn = append(out.warn, w.Code)
			}
			return out
		}
		var cells []string
		for i, c := range row.Cells {
			switch c.Kind {
			case tablefile.Text:
				cells = append(cells, row.Columns[i]+"="+string(c.Text))
			case tablefile.JSON:
				cells = append(cells, row.Columns[i]+":="+string(c.Text))
			}
		}
		out.rows = append(out.rows, fmt.Sprintf("%d:%s", row.Number, strings.Join(cells, "|")))
	}
}

func (t table) String() string {
	code := ""
	if f := new(fault.Fault); errors.As(t.err, &f) {
		code = "!" + f.Code
	} else if t.err != nil {
		code = "!!" + t.err.Error()
	}
	return strings.TrimSpace(strings.Join(t.rows, " ; ") + " / " + strings.Join(t.bad, " ") + " / " + strings.Join(append(t.warn, code), " "))
}

func TestOpen_ReadsCSVAsProgramsWriteIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"plain":                   {"a,b\n1,2\n", "2:a=1|b=2 /  /"},
		"line ends":               {"a,b\r\n1,2\r\n\r\n3,4", "2:a=1|b=2 ; 4:a=3|b=4 /  /"},
		"mark":                    {"\xef\xbb\xbfa,b\n1,2\n", "2:a=1|b=2 /  /"},
		"semicolons":              {"a;b\n1,5;2\n", "2:a=1,5|b=2 /  /"},
		"tabs":                    {"a\tb\n1\t2\n", "2:a=1|b=2 /  /"},
		"delimiter said":          {"sep=;\r\na,x;b\r\n1;2\r\n", "3:a,x=1|b=2 /  /"},
		"quotes":                  {"a,b\n\"x,\"\"y\"\"\",\"two\nlines\"\n5,6\n", "2:a=x,\"y\"|b=two\nlines ; 4:a=5|b=6 /  /"},
		"empty cells":             {"a,b\n,\"\"\n", "2:a=|b= /  /"},
		"quote in a cell":         {"a,b\n5\" disk,2\n", "2:a=5\" disk|b=2 /  /"},
		"ragged":                  {"a,b\n1\n1,2,3\n3,4\n", "4:a=3|b=4 / 2:ragged_row 3:ragged_row /"},
		"cut off":                 {"a,b\n1,2\n3", "2:a=1|b=2 / 3:cut_off /"},
		"unclosed":                {"a,b\n\"1,2\n3,4\n", "3:a=3|b=4 / 2:unclosed_quote /"},
		"behind a quote":          {"a,b\n\"1\"x,2\n3,4\n", "3:a=3|b=4 / 2:invalid_quote /"},
		"encoding":                {"a,b\nM\xfcller,2\n3,4\n", "3:a=3|b=4 / 2:invalid_encoding /"},
		"nul":                     {"a,b\n\x00,2\n3,4\n", "3:a=3|b=4 / 2:nul_byte /"},
		"duplicate header":        {"a,a,\n1,2,3\n", "2:a=1|a (2)=2|column 3=3 /  / duplicate_column unnamed_column"},
		"nothing":                 {"", "/  / !empty_file"},
		"white":                   {" \n\n", "/  / !empty_file"},
		"only a header":           {"a,b\n", "/  /"},
		"array":                   {"[{}]", "/  / !not_json_lines"},
		"page":                    {"<html>", "/  / !not_a_table"},
		"PDF":                     {"%PDF-1.7\n%\xe2\xe3", "/  / !not_a_table"},
		"picture":                 {"\x89PNG\r\n\x1a\n\x00", "/  / !not_a_table"},
		"RTF":                     {"{\\rtf1", "/  / !not_a_table"},
		"single quotes":           {"'a';'b'\r\n'x;''y';5\" disk\n'two\nlines';O'Neil\n", "2:a=x;'y|b=5\" disk ; 3:a=two\nlines|b=O'Neil /  /"},
		"apostrophes":             {"a,'b'\n'x','y'\n", "2:a='x'|'b'='y' /  /"},
		"returns alone":           {"a,b\r1,2\r", "/  / !unknown_line_ends"},
		"only a header, ended so": {"a,b\r", "/  /"},
		"bzip2":                   {"BZh9xx", "/  / !unknown_packing"},
		"7-Zip":                   {"7z\xbc\xaf\x27\x1c", "/  / !unknown_packing"},
		"RAR":                     {"Rar!\x1a\x07", "/  / !unknown_packing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := read([]byte(c.file), tablefile.Options{}).String(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestOpen_ReadsEncodings(t *testing.T) {
	t.Parallel()
	want := "2:a=Müller €|b=2 /  /"
	wide := func(big bool) []byte {
		var out []byte
		for _, u := range utf16.Encode([]rune("\ufeffa,b\nMüller €,2\n")) {
			if big {
				out = append(out, byte(u>>8), byte(u))
			} else {
				out = append(out, byte(u), byte(u>>8))
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		file     []byte
		encoding string
	}{
		"utf-16le by its mark": {wide(false), ""},
		"utf-16be by its mark": {wide(true), ""},
		"utf-16le by its look": {wide(false)[2:], ""},
		"utf-16be by its look": {wide(true)[2:], ""},
		"utf-16le by name":     {wide(false)[2:], "utf-16le"},
		"windows-1252 by name": {[]byte("a,b\nM\xfcller \x80,2\n"), "windows-1252"},
		"utf-8 by name":        {[]byte("\xef\xbb\xbfa,b\nMüller €,2\n"), "UTF-8"},
	} {
		if got := read(c.file, tablefile.Options{Encoding: c.encoding}).String(); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := read([]byte("a\n1\n"), tablefile.Options{Encoding: "klingon"}).String(); got != "/  / !unknown_encoding" {
		t.Error(got)
	}
}

func TestOpen_ReadsJSONLines(t *testing.T) {
	t.Parallel()
	file := `{"a":"x","b":1.50}` + "\n" + `{"b":null,"c":{"d":[1]}}` + "\n[1]\n{\"a\":}\n\n{\"a\":1,\"a\":2}\n{\"a\":\"y"
	want := `1:a=x|b:=1.50 ; 2:b:=null|c:={"d":[1]} / 3:invalid_json 4:invalid_json 6:duplicate_key 7:cut_off /`
	if got := read([]byte(file), tablefile.Options{}).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOpen_AgreesWithEncodingCSVOnWhatThatWrites(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	letters := []string{"a", "ü", ",", "\"", "\n", " ", ";", "'", "1", "x\"y"}
	for range 300 {
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		columns := 2 + rng.IntN(4)
		var want []string
		for line := range 1 + rng.IntN(20) {
			cells := make([]string, columns)
			for i := range cells {
				cells[i] = fmt.Sprint("c", i)
				if line > 0 {
					cells[i] = "v"
					for range rng.IntN(6) {
						cells[i] += letters[rng.IntN(len(letters))]
					}
					want = append(want, cells[i])
				}
			}
			if err := w.Write(cells); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		r, err := tablefile.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), tablefile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var row tablefile.Row
		for r.Next(&row) == nil {
			for _, c := range row.Cells {
				got = append(got, string(c.Text))
			}
		}
		if strings.Join(got, "\x01") != strings.Join(want, "\x01") {
			t.Fatalf("%q:\ngot  %q\nwant %q", file.String(), got, want)
		}
	}
}

func TestOpen_SkipsALineThatIsTooLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3<<20)
	for _, file := range []string{"a,b\n1,2\n" + long + ",\"\n3,4\n", "a,b\n1,2\n\"" + long + ",2\n3,4\n"} {
		if got := read([]byte(file), tablefile.Options{}).String(); got != "2:a=1|b=2 ; 4:a=3|b=4 / 3:row_too_long /" {
			t.Error(got)
		}
	}
	if got := read([]byte(`{"a":1}`+"\n{\""+long+"\":1}\n{\"a\":2}"), tablefile.Options{}).String(); got != "1:a:=1 ; 3:a:=2 / 2:row_too_long /" {
		t.Error(got)
	}
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(t *testing.T, file []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOpen_Unpacks(t *testing.T) {
	t.Parallel()
	plain := "a,b\n1,2\n"
	want := "2:a=1|b=2 /  /"
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"gzip":        {gzipped(t, []byte(plain)), want},
		"zstd":        {z.EncodeAll([]byte(plain), nil), want},
		"zip":         {zipped(t, "folder/", "", "folder/user.csv", plain, "__MACOSX/._user.csv", "x"), want},
		"path tricks": {zipped(t, "../../etc/passwd", plain, "user.csv", plain, `..\x.csv`, plain), want + " unsafe_path unsafe_path"},
		"only tricks": {zipped(t, "../user.csv", plain), "/  / !unsafe_path"},
		"a document":  {zipped(t, "[Content_Types].xml", "<x/>", "word/document.xml", "<x/>"), "/  / !not_a_table"},
		"two tables":  {zipped(t, "a.csv", plain, "b.csv", plain), "/  / !several_files"},
		"nothing":     {zipped(t), "/  / !no_table"},
		"twice":       {gzipped(t, gzipped(t, []byte(plain))), "/  / !packed_twice"},
		"zip in zip":  {zipped(t, "a.zip", string(zipped(t, "a.csv", plain))), "/  / !packed_twice"},
		"half a zip":  {zipped(t, "a.csv", plain)[:60], "/  / !damaged_file"},
	} {
		if got := read(c.file, tablefile.Options{}).String(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestOpen_KeepsTheRowsBeforeAFileBreaksOff(t *testing.T) {
	t.Parallel()
	var plain bytes.Buffer
	plain.WriteString("a,b\n")
	for i := range 200_000 {
		fmt.Fprintf(&plain, "%d,%x\n", i, i*7919)
	}
	file := gzipped(t, plain.Bytes())
	got := read(file[:len(file)/2], tablefile.Options{})
	if n := len(got.rows); n < 50_000 || n > 150_000 || len(got.bad) > 0 {
		t.Errorf("%d rows, %v", n, got.bad)
	}
	if f := new(fault.Fault); !errors.As(got.err, &f) || f.Code != "damaged_file" || f.Kind != fault.Invalid {
		t.Errorf("%v", got.err)
	}
}

func TestOpen_StopsABomb(t *testing.T) {
	t.Parallel()
	bomb := zipped(t, "a.csv", "a,b\n"+strings.Repeat("1,2\n", 1<<20))
	got := read(bomb, tablefile.Options{Limits: tablefile.Limits{Unpacked: 1 << 20}})
	if f := new(fault.Fault); !errors.As(got.err, &f) || f.Code != "unpacks_to_too_much" || len(got.rows) == 0 {
		t.Errorf("%v after %d rows", got.err, len(got.rows))
	}
}

func sheet(t *testing.T, rows string) []byte {
	t.Helper()
	const ns = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	return zipped(t, "[Content_Types].xml", "<Types/>",
		"xl/workbook.xml", `<workbook `+ns+` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/styles.xml", `<styleSheet `+ns+`><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy hh:mm"/><numFmt numFmtId="165" formatCode="0.00 &quot;days&quot;"/></numFmts>`+
			`<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>`,
		"xl/sharedStrings.xml", `<sst `+ns+`><si><t>id</t></si><si><r><t>Mül</t></r><r><t>ler</t></r><rPh><t>x</t></rPh></si></sst>`,
		"xl/worksheets/sheet1.xml", `<worksheet `+ns+`><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>when</t></is></c><c r="C1" t="str"><v>n</v></c></row>`+rows+`</sheetData></worksheet>`)
}

func TestOpen_ReadsSpreadsheets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ rows, want string }{
		"texts and dates": {`<row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2" s="1"><v>45292</v></c><c r="C2"><v>1.5</v></c></row>`, "2:id=Müller|when=2024-01-01|n:=1.5 /  /"},
		"gaps":            {`<row r="5"><c r="C5" t="b"><v>1</v></c></row>`, "5:n:=true /  /"},
		"time of day":     {`<row r="2"><c r="B2" s="2"><v>45292.5</v></c><c r="C2" s="3"><v>2</v></c></row>`, "2:when=2024-01-01T12:00:00Z|n:=2 /  /"},
		"errors":          {`<row r="2"><c r="C2" t="e"><v>#REF!</v></c></row><row r="3"><c r="A3" t="s"><v>9</v></c></row><row r="4"><c r="D4"><v>1</v></c></row><row r="5"><c r="C5"><v>1E-7</v></c></row>`, "5:n:=1e-07 / 2:formula_error 3:damaged_cell 4:ragged_row /"},
		"empty rows":      {`<row r="2"><c r="A2"/></row>`, "/  /"},
		"broken off":      {`<row r="2"><c r="A2" t="s"><v>1</v></c></row><row r="3"><c`, "2:id=Müller /  / !damaged_file"},
	} {
		if got := read(sheet(t, c.rows), tablefile.Options{}).String(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := read(sheet(t, ""), tablefile.Options{Sheet: "Two"}).String(); got != "/  / !no_sheet" {
		t.Error(got)
	}
}

func parquetFile(t *testing.T) []byte {
	t.Helper()
	type line struct {
		ID    string    `parquet:"id"`
		Price int64     `parquet:"price,decimal(2:18)"`
		When  time.Time `parquet:"when,timestamp(millisecond)"`
		Tags  []string  `parquet:"tags"`
		Score *float64  `parquet:"score,optional"`
		Count uint32    `parquet:"count"`
		Lists []string  `parquet:"lists,list"`
		Hour  int64     `parquet:"hour,time(microsecond)"`
	}
	score := 0.5
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	var out bytes.Buffer
	w := parquet.NewGenericWriter[line](&out)
	if _, err := w.Write([]line{{"a", -1205, at, []string{"x", "y"}, &score, 4_000_000_000, []string{"p", "q"}, 43_260_000_000}, {"b", 5, at, nil, nil, 1, nil, 1_500_000}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOpen_ReadsParquet(t *testing.T) {
	t.Parallel()
	file := parquetFile(t)
	want := `1:id=a|price:=-12.05|when=2024-01-02T03:04:05Z|tags:=["x","y"]|score:=0.5|count:=4000000000|lists:=["p","q"]|hour=12:01:00 ; 2:id=b|price:=0.05|when=2024-01-02T03:04:05Z|count:=1|hour=00:00:01.5 /  /`
	if got := read(file, tablefile.Options{}).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	type unread struct {
		Bin []byte `parquet:"bin"`
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[unread](&out)
	if _, err := w.Write([]unread{{[]byte("\x00")}}); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	r, err := tablefile.Open(bytes.NewReader(out.Bytes()), int64(out.Len()), tablefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var row tablefile.Row
	first, end := r.Next(&row), r.Next(&row)
	if bad := new(tablefile.RowError); !errors.As(first, &bad) || bad.Column != "bin" || !errors.Is(end, io.EOF) || !slices.Equal(row.Columns, []string{"bin"}) {
		t.Errorf("%v, %v, %q", first, end, row.Columns)
	}
	if got := read(file[:len(file)-20], tablefile.Options{}).String(); got != "/  / !damaged_file" {
		t.Error(got)
	}
}

func FuzzOpen(f *testing.F) {
	t := new(testing.T)
	for _, seed := range [][]byte{
		[]byte("a,b\n\"1\n\"\"2\",3\n\"x\n4,5"), []byte("{\"a\":1}\n{\"b\":\"x\"}\n["), []byte("\xff\xfea\x00,\x00b\x00\n\x00"),
		gzipped(t, []byte("a\n1\n")), zipped(t, "a.csv", "a\n1\n"), sheet(t, `<row r="2"><c r="A2" t="s"><v>1</v></c></row>`), parquetFile(t),
	} {
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, file []byte, encoding string) {
		o := tablefile.Options{Encoding: encoding, Limits: tablefile.Limits{Row: 1 << 12, Unpacked: 1 << 20, Shared: 1 << 16}}
		r, err := tablefile.Open(bytes.NewReader(file), int64(len(file)), o)
		if err != nil {
			return
		}
		defer r.Close() //nolint:errcheck // it was only read
		var row tablefile.Row
		last := int64(0)
		for range 10_000 {
			err := r.Next(&row)
			bad := new(tablefile.RowError)
			switch {
			case errors.As(err, &bad):
				row.Number = bad.Line
			case err != nil:
				return
			case len(row.Cells) > len(row.Columns):
				t.Fatalf("row %d has %d cells and %d columns", row.Number, len(row.Cells), len(row.Columns))
			}
			if row.Number <= last {
				t.Fatalf("row %d after row %d", row.Number, last)
			}
			last = row.Number
		}
	})
}

func BenchmarkCSV(b *testing.B) {
	var file bytes.Buffer
	file.WriteString("userId,attribute:email,attribute:name,attribute:city,attribute:points\n")
	for i := range 10_000 {
		fmt.Fprintf(&file, "user-%d,ada%d@example.org,\"Ada, %d\",Ulm,%d\n", i, i, i, i%977)
	}
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		r, err := tablefile.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), tablefile.Options{})
		if err != nil {
			b.Fatal(err)
		}
		var row tablefile.Row
		n := 0
		for r.Next(&row) == nil {
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}

func TestOpen_ATableWithoutAHeaderHasRowsOfAnyLength(t *testing.T) {
	t.Parallel()
	text := "\"a, b\",1\n\nc\nd,2,3\n\"e\n"
	r, err := tablefile.Open(bytes.NewReader([]byte(text)), int64(len(text)), tablefile.Options{Format: tablefile.CSV, Delimiter: ',', Headless: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var got []string
	for {
		var row tablefile.Row
		err := r.Next(&row)
		bad := new(tablefile.RowError)
		if errors.As(err, &bad) {
			got = append(got, bad.Code)
			continue
		}
		if err != nil {
			break
		}
		got = append(got, fmt.Sprint(row.Number, len(row.Columns), len(row.Cells), " ", string(row.Cells[0].Text)))
	}
	if want := "1 0 2 a, b|3 0 1 c|4 0 3 d|unclosed_quote"; strings.Join(got, "|") != want {
		t.Errorf("%s, want %s", strings.Join(got, "|"), want)
	}
}
