package tablefile_test

import (
	"os"
	"strings"
	"testing"

	"rapport/internal/tablefile"
)

// testdata/libreoffice.xlsx was written by LibreOffice Calc 7.4.
func TestOpen_ReadsWhatLibreOfficeWrites(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/libreoffice.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	const rest = "|sum:=2468|text=Müller, Anna!|isold:=true|day=2024-02-29|rich=a bold word|quote==1+1|ctrl=line one\nline two"
	want := []string{
		"2:userId=u1|name=Müller, Anna|note=says \"hi\"|birthday=1980-02-28|joined=2024-05-06T07:08:09Z|open=07:30:00|took=26:30:05|month=2024-05-01|points:=1234|share:=0.125|price:=1234.5|active:=true" + rest,
		"3:userId=u2|name=Größe & Söhne|note=ünïcödé 日本 😀|birthday=1899-06-15|joined=2023-01-01T00:00:00Z|open=00:00:00|took=00:00:01|month=2024-05-01|points:=0|share:=-0.5|price:=-0.25|active:=false",
		"4:userId=u3|name=O'Neil|note=  spaced|birthday=2000-01-01|joined=2022-06-15T23:59:59Z|open=23:59:59|took=100:00:00|month=2024-05-01|points:=100000000000|share:=1|price:=0|active:=true",
		"5:userId=u4|name=€uro|note=<b>&amp;|birthday=1900-01-15|joined=1970-01-01T12:00:00.5Z|month=2024-05-01|points:=0.000001234|share:=0.333333333333333|price:=9.99|active:=false",
	}
	got := read(file, tablefile.Options{})
	if got.err != nil || len(got.bad)+len(got.warn) > 0 || len(got.rows) != len(want) {
		t.Fatal(got)
	}
	for i := range want {
		if !strings.HasPrefix(got.rows[i], want[i]) {
			t.Errorf("got  %s\nwant %s", got.rows[i], want[i])
		}
	}
	if !strings.Contains(got.rows[2], "|quote=_x0041_|") {
		t.Errorf("an escape that was escaped: %s", got.rows[2])
	}
	if got := read(file, tablefile.Options{Sheet: "Zweites"}).String(); got != "3:userId=u10|bad:=5 / 2:formula_error 4:formula_error /" {
		t.Error(got)
	}
}

func TestOpen_NamesSpreadsheetsThatItDoesNotRead(t *testing.T) {
	t.Parallel()
	for name, file := range map[string][]byte{
		"OpenDocument": zipped(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "<x/>"),
		"binary":       zipped(t, "[Content_Types].xml", "<Types/>", "xl/workbook.bin", "x"),
		"Excel 97":     []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"),
	} {
		if got := read(file, tablefile.Options{}).String(); got != "/  / !unknown_spreadsheet" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
