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
	file, err := open(content)
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
	v := decimalValue(s)
	if v.IsNull() {
		return nil
	}
	return v.ByteArray()
}

// Afterwards is how long a lake rests after an attempt.
func Afterwards(rest, flush time.Duration, err error) time.Duration {
	return afterwards(rest, flush, err)
}
