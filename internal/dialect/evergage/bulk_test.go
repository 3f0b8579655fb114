package evergage_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/jsondoc"
	"rapport/internal/tablefile"
)

// written gives the rows of a CSV as JSON.
func written(text string) (out []string, columns int, err error) {
	table, err := tablefile.Open(bytes.NewReader([]byte(text)), int64(len(text)), tablefile.Options{Format: tablefile.CSV, Delimiter: ','})
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = table.Close() }()
	for {
		var row tablefile.Row
		err := table.Next(&row)
		bad := new(tablefile.RowError)
		switch {
		case err == nil:
			columns = len(row.Columns)
			out = append(out, string(evergage.AppendRow(nil, &row)))
		case !errors.As(err, &bad):
			return out, columns, nil
		}
	}
}

func TestBulkRow_CellsAreWhatTheyAreWrittenAs(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": `null`, "0": `0`, "-0.5": `-0.5`, "12": `12`, "1.10": `1.10`, "true": `true`, "false": `false`, "123456789012345": `123456789012345`,
		"007": `"007"`, "00.5": `"00.5"`, "1e5": `"1e5"`, "+43": `"+43"`, "-": `"-"`, ".5": `".5"`, "-.5": `"-.5"`, "5.": `"5."`, "1.2.3": `"1.2.3"`, "1234567890123456": `"1234567890123456"`,
		"True": `"True"`, "null": `"null"`, " 1": `" 1"`, `"a ""b"", c"`: `"a \"b\", c"`, "2026-01-05": `"2026-01-05"`, "\"a\nb\"": `"a\nb"`,
	} {
		rows, _, err := written("x,Email Address,phone\n" + cell + ",12,3\n")
		if want = `{"x":` + want + `,"Email Address":"12","phone":"3"}`; err != nil || len(rows) != 1 || rows[0] != want {
			t.Errorf("%q: %q %v, want %s", cell, rows, err, want)
		}
	}
}

func TestBulk_IsNotThereWithoutJobs(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	w := send(evergage.New(config(l)), call{path: "/api/v1/ingest/jobs", body: `{}`, header: basic("", "sk_write")})
	if w.Code != 404 || !strings.Contains(w.Body.String(), `"not_found"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// FuzzBulkRow makes JSON of any CSV: each row has the members of the header, and
// the door can read it.
func FuzzBulkRow(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a,a\n-,1.5\n\"x\n", "\n", "a,\"b\n\"\n,\x00\n", "e,email\n\xff,1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, columns, _ := written(text)
		for _, row := range rows {
			if _, err := jsondoc.Parse([]byte(row), jsondoc.Limits{Keys: 1 << 20}); err != nil {
				t.Fatalf("%q became %s: %v", text, row, err)
			}
			var members map[string]any
			if err := json.Unmarshal([]byte(row), &members); err != nil || len(members) != columns {
				t.Fatalf("%q became %s, %d columns: %v", text, row, columns, err)
			}
		}
	})
}
