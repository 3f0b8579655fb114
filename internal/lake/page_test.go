package lake_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"rapport/internal/lake"
)

// tableOf reads a file with the library alone, each row as a line.
func tableOf(t rapid.TB, content []byte) (lines []string) {
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buffer := make([]parquet.Row, 100)
		for {
			n, err := rows.ReadRows(buffer)
			for _, r := range buffer[:n] {
				lines = append(lines, lineOf(r))
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		bounded(t, f, g)
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

func lineOf(r parquet.Row) string {
	cells := make([]string, len(r))
	for i, v := range r {
		switch {
		case v.IsNull():
		case i == 1: // an amount
			cells[i] = strconv.FormatInt(int64(binary.BigEndian.Uint64(v.ByteArray()[8:])), 10)
		default:
			cells[i] = v.String()
		}
	}
	return strings.Join(cells, "|")
}

// bounded checks what a row group says of its columns.
func bounded(t rapid.TB, f *parquet.File, g parquet.RowGroup) {
	for k, chunk := range g.ColumnChunks() {
		file, ok := chunk.(*parquet.FileColumnChunk)
		if !ok {
			t.Fatalf("column %d is a %T", k, chunk)
		}
		least, most, known := file.Bounds()
		values, nulls := make([]parquet.Value, 100), int64(0)
		in := parquet.NewColumnChunkValueReader(chunk)
		for {
			n, err := in.ReadValues(values)
			for _, v := range values[:n] {
				if v.IsNull() {
					nulls++
				} else if known && (file.Type().Compare(v, least) < 0 || file.Type().Compare(v, most) > 0) {
					t.Errorf("column %d has %v, it should lie between %v and %v", k, v, least, most)
				}
			}
			if err != nil {
				break
			}
		}
		if want := file.NullCount(); want != nulls {
			t.Errorf("column %d has %d rows without a value, and says %d", k, nulls, want)
		}
		if name := f.Schema().Columns()[k][0]; !known && nulls < chunk.NumValues() && (name == "integer" || name == "time") {
			t.Errorf("column %s says no bounds", name)
		}
	}
}

// What is written is read again, whether it came as rows, was copied with its
// pages or encoded anew, and with any rows left out at both ends.
func TestFile_HasTheRowsThatWereWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table, want := lake.NewTable(), []string(nil)
		maybe := func(g *rapid.Generator[string]) string {
			return rapid.OneOf(rapid.Just(""), g).Draw(t, "cell")
		}
		whole := rapid.Custom(func(t *rapid.T) string { return strconv.FormatInt(rapid.Int64().Draw(t, "n"), 10) })
		for range rapid.IntRange(0, 60).Draw(t, "rows") {
			row := []string{
				maybe(rapid.SampledFrom([]string{"true", "false"})), maybe(rapid.SampledFrom([]string{"0.000000001", "-2.5", "7"})),
				maybe(rapid.SampledFrom([]string{"a", "b", "c"})), maybe(whole), maybe(rapid.SampledFrom([]string{"1.5", "-2"})),
				maybe(rapid.StringN(1, 20, -1)), maybe(whole),
			}
			table.Add(row...)
			row[1] = map[string]string{"0.000000001": "1", "-2.5": "-2500000000", "7": "7000000000"}[row[1]]
			want = append(want, strings.Join(row, "|"))
		}
		from := rapid.IntRange(0, len(want)).Draw(t, "from")
		to := rapid.IntRange(from, len(want)).Draw(t, "to")
		file := func(raw bool, from, to int, files ...[]byte) []byte {
			b, err := table.File(raw, from, to, files...)
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Clone(b)
		}
		first, second := file(true, from, to), file(true, 0, from)
		joined := file(true, to, len(want), first, second)
		again := file(false, 0, 0, joined, file(false, 0, from))
		all := slices.Concat(want[from:to], want[:from], want[to:])
		for _, c := range []struct {
			what string
			file []byte
			want []string
		}{
			{"new", first, want[from:to]},
			{"joined", joined, all},
			{"encoded", again, slices.Concat(all, want[:from])},
			{"encoded from the start", file(false, from, to), want[from:to]},
		} {
			if got := tableOf(t, c.file); !slices.Equal(got, c.want) {
				t.Fatalf("%s: %q, want %q", c.what, got, c.want)
			}
		}
	})
}

// Columns of many rows have several pages, large groups are copied as they are,
// and one with too many different values has no dictionary.
func TestFile_HasManyPages(t *testing.T) {
	t.Parallel()
	table, want := lake.NewTable(), []string(nil)
	for i := range 45_000 {
		row := []string{"true", "", fmt.Sprint("w", i%20_000), fmt.Sprint(i), "", fmt.Sprint("text ", i), ""}
		if i%3 == 0 {
			row[0], row[5] = "", strings.Repeat("x", i%100)
		}
		table.Add(row...)
		want = append(want, strings.Join(row, "|"))
	}
	raw, err := table.File(true, 0, len(want))
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.Clone(raw)
	packed, err := table.File(false, 0, 0, raw)
	if err != nil {
		t.Fatal(err)
	}
	packed = bytes.Clone(packed)
	copied, err := table.File(false, 0, 0, packed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(packed, copied) {
		t.Error("a large group was encoded anew")
	}
	for what, b := range map[string][]byte{"raw": raw, "packed": packed} {
		if got := tableOf(t, b); !slices.Equal(got, want) {
			t.Errorf("%s: the rows are others", what)
		}
	}
	if len(packed) >= len(raw) {
		t.Errorf("%d bytes are packed into %d", len(raw), len(packed))
	}
}

func FuzzReadPages(f *testing.F) {
	table := lake.NewTable()
	for i := range 30 {
		table.Add("", "", "", "", "", strings.Repeat("t", i%4), "")
	}
	content, err := table.File(true, 0, 30)
	if err != nil {
		f.Fatal(err)
	}
	pages, err := lake.Pages(content)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pages)
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, plain, err := lake.ReadPages(b)
		if err == nil && len(plain) > len(b) {
			t.Errorf("%d rows have %d bytes, there were %d", rows, len(plain), len(b))
		}
	})
}
