package rowfile_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/rowfile"
)

var columns = []string{"id", "trait é", "a"}

// table makes rows of a seed.
func table(seed uint64, n int) [][]json.RawMessage {
	r := rand.New(rand.NewPCG(seed, 1))
	values := []string{"", `"x"`, `"a,\"b\"\nc"`, "12.50", "true", `{"k":[1,2]}`, `"=1+1"`, `"ü"`}
	out := make([][]json.RawMessage, n)
	for i := range out {
		out[i] = make([]json.RawMessage, len(columns))
		for k := range out[i] {
			if v := values[r.IntN(len(values))]; v != "" {
				out[i][k] = json.RawMessage(v)
			}
		}
	}
	return out
}

// plain is a value as CSV and Parquet have it.
func plain(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

func write(t *testing.T, f rowfile.Format, rows [][]json.RawMessage) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := rowfile.New(f, &b, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written comes back, in every format, whatever the values have in them.
func TestWriter_ComesBack(t *testing.T) {
	t.Parallel()
	for seed, n := range []int{0, 1, 50, 25_000} {
		rows := table(uint64(seed), n)
		lines, err := csv.NewReader(bytes.NewReader(write(t, rowfile.CSV, rows))).ReadAll()
		if err != nil || len(lines) != n+1 || !slices.Equal(lines[0], columns) {
			t.Fatalf("csv: %d lines of %d, %v", len(lines), n, err)
		}
		for i := range rows {
			for k := range columns {
				if lines[i+1][k] != plain(rows[i][k]) {
					t.Fatalf("csv: row %d has %q, want %s", i, lines[i+1][k], rows[i][k])
				}
			}
		}
		readLines(t, write(t, rowfile.JSONLines, rows), rows)
		readParquet(t, write(t, rowfile.Parquet, rows), rows)
	}
}

func readLines(t *testing.T, b []byte, rows [][]json.RawMessage) {
	t.Helper()
	s := bufio.NewScanner(bytes.NewReader(b))
	n := 0
	for ; s.Scan(); n++ {
		var got map[string]json.RawMessage
		if err := json.Unmarshal(s.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for k, name := range columns {
			want := string(rows[n][k])
			if want == "" {
				want = "null"
			}
			if string(got[name]) != want {
				t.Fatalf("jsonl: row %d has %s, want %s", n, got[name], want)
			}
		}
	}
	if n != len(rows) {
		t.Fatalf("jsonl: %d lines of %d", n, len(rows))
	}
}

func readParquet(t *testing.T, b []byte, rows [][]json.RawMessage) {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != int64(len(rows)) {
		t.Fatalf("parquet: %d rows of %d", f.NumRows(), len(rows))
	}
	sorted := slices.Sorted(slices.Values(columns))
	n := 0
	for _, g := range f.RowGroups() {
		r := g.Rows()
		buffer := make([]parquet.Row, 100)
		for {
			got, err := r.ReadRows(buffer)
			for _, row := range buffer[:got] {
				for _, v := range row {
					k := slices.Index(columns, sorted[v.Column()])
					want := rows[n][k]
					if v.IsNull() != (want == nil) || want != nil && v.String() != plain(want) {
						t.Fatalf("parquet: row %d, %s is %v, want %s", n, columns[k], v, want)
					}
				}
				n++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNew_RefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	if _, err := rowfile.New("xml", io.Discard, columns); err == nil {
		t.Error("a format nobody knows was taken")
	}
	if _, err := rowfile.New(rowfile.Parquet, io.Discard, []string{"a", "a"}); err == nil {
		t.Error("a column may come twice")
	}
}

func BenchmarkWriter(b *testing.B) {
	rows := table(1, 1000)
	for _, f := range []rowfile.Format{rowfile.CSV, rowfile.JSONLines, rowfile.Parquet} {
		b.Run(fmt.Sprint(f), func(b *testing.B) {
			w, err := rowfile.New(f, io.Discard, columns)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := range b.N {
				if err := w.Write(rows[i%len(rows)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
