package lake

import (
	"context"
	"encoding/json"
	"time"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/id"
)

// Step brings the lake up to date once.
func (l *Lake) Step(ctx context.Context) error { return l.step(ctx) }

// JoinOnce joins what is to be joined and removes what was replaced.
func (l *Lake) JoinOnce(ctx context.Context) error { return l.joinOnce(ctx) }

// Drop lets go of the rows that wait, as when there are too many.
func (l *Lake) Drop() { l.tap.drop() }

// Carried is how many bytes of rows wait beside those of the lanes.
func (l *Lake) Carried() int64 {
	l.work.Lock()
	defer l.work.Unlock()
	return waiting(l.carry)
}

// ReadManifest reads a manifest.
func ReadManifest(b []byte) (*Manifest, error) { return readManifest(b) }

// EachRow visits the rows that a manifest names, as maps of texts.
func EachRow(ctx context.Context, t Target, object string, visit func(row map[string]string)) error {
	b, err := t.Get(ctx, manifestName)
	if err != nil {
		return err
	}
	m, err := readManifest(b)
	if err != nil {
		return err
	}
	for i := range m.Files {
		if f := &m.Files[i]; f.Object == object {
			if err := eachOf(ctx, t, f, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func eachOf(ctx context.Context, t Target, f *File, visit func(row map[string]string)) error {
	content, err := t.Get(ctx, f.Path)
	if err != nil {
		return err
	}
	file, err := openWhole(content)
	if err != nil {
		return err
	}
	columns := columnsOf(file)
	for _, g := range file.RowGroups() {
		err := eachRow(g, func(rows []parquet.Row) error {
			for _, r := range rows {
				row := map[string]string{}
				for name, at := range columns {
					if !r[at].IsNull() {
						row[name] = r[at].String()
					}
				}
				visit(row)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Widen is widen, from the columns that every lake has.
func Widen(columns []Column, edition int, traits map[string]json.RawMessage) ([]Column, int) {
	if columns == nil {
		columns = usersColumns()
	}
	return widen(columns, edition, traits)
}

// ReadPending reads the file of those who are due, and tells how many there are.
func ReadPending(b []byte) (int, error) {
	p := newPeople(1)
	err := p.decode(b, func(text string) (id.Key, bool) { return id.KeyOf("own", text), true })
	return len(p.stirs), err
}

// DecimalText is a number as it is stored.
func DecimalText(s string) []byte {
	b, ok := appendDecimal(nil, s)
	if !ok {
		return nil
	}
	return b
}

// Afterwards is how long a lake rests after an attempt.
func Afterwards(rest, flush time.Duration, err error) time.Duration {
	return afterwards(rest, flush, err)
}

// Table is rows of an object with a column of each type.
type Table struct {
	of *object
	c  *chunk
}

// NewTable has the columns boolean, decimal, few, integer, number, text and time.
func NewTable() *Table {
	o := newObject("table", Column{Name: "boolean", Type: Boolean}, decimal("decimal"), few("few"), integer("integer"),
		Column{Name: "number", Type: Number}, text("text"), instant("time"))
	return &Table{o, newChunk(o)}
}

// Add takes a row: of each column a value as text, empty for none.
func (t *Table) Add(cells ...string) {
	d := newDraft(t.of)
	for i, s := range cells {
		switch k := t.of.columns[i].Type; {
		case s == "":
		case k == Text || k == Decimal:
			d.text(i, s)
		default:
			if k == Time {
				k = Integer
			}
			d.cells[i] = traitCell(k, json.RawMessage(s))
		}
	}
	t.c.add(d, 1, 0)
}

// File writes files, or parts of them, and then the rows from one to another.
func (t *Table) File(raw bool, from, to int, files ...[]byte) ([]byte, error) {
	w := makeWriter(t.of, raw)
	w.begin()
	for _, f := range files {
		if err := w.file(f); err != nil {
			return nil, err
		}
	}
	if err := w.chunk(t.c, from, to); err != nil {
		return nil, err
	}
	return w.end()
}

// ReadPages reads pages of a column of texts, and tells how many rows they have.
func ReadPages(b []byte) (rows int, plain []byte, err error) {
	var c column
	err = c.readPlain(Text, b)
	return len(c.set), c.plain, err
}

// Pages are the pages of the texts of a file without compression.
func Pages(content []byte) ([]byte, error) {
	f, err := openWhole(content)
	if err != nil {
		return nil, err
	}
	return bytesOf(content, &f.Metadata().RowGroups[0].Columns[5].MetaData)
}
