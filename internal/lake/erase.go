package lake

import (
	"bytes"
	"context"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/pipeline"
)

// Erase takes a person out of all files: rows that are the person's own, and
// values in rows about others that name the person. When it returns, no file of
// the lake has any of it, those that were replaced or never counted included.
// The pipeline knows nothing of the person any more.
func (l *Lake) Erase(ctx context.Context, gone pipeline.Gone) (out pipeline.Rewritten, err error) {
	l.joining.Lock()
	defer l.joining.Unlock()
	l.work.Lock()
	defer l.work.Unlock()
	if l.spine == nil {
		return out, l.eraseEarly(ctx, gone, &out)
	}
	if err := l.open(ctx); err != nil {
		return out, err
	}
	if l.tap.open.Load() {
		if err := l.flush(ctx, true); err != nil {
			return out, err
		}
	}
	if err := l.eraseFiles(ctx, gone, &out); err != nil {
		return out, err
	}
	for k := range l.people.stirs {
		if gone.IDs[l.spine.OwnID(k)] {
			l.people.settle(k, l.people.stirs[k].cause)
		}
	}
	if err := l.eraseDue(ctx); err != nil {
		return out, err
	}
	// What is in the lake now is what the manifest says that was written last:
	// only then may go what it does not name.
	if err := l.commit(ctx, func(*Manifest) {}); err != nil {
		return out, err
	}
	return out, l.tidy(ctx, l.current())
}

// eraseEarly is Erase while the pipeline starts, which the lake is attached to
// afterwards: an older backup may know people whom the ledger of erasures names.
// Nothing is opened yet, so what the manifest does not name goes with that.
func (l *Lake) eraseEarly(ctx context.Context, gone pipeline.Gone, out *pipeline.Rewritten) error {
	m, err := l.read(ctx)
	if err != nil {
		return err
	}
	l.take(m)
	defer l.take(nil)
	return l.eraseFiles(ctx, gone, out)
}

// eraseFiles writes those files anew that the person is in, and removes the
// ones they replace, and those that were replaced before, whoever reads them.
func (l *Lake) eraseFiles(ctx context.Context, gone pipeline.Gone, out *pipeline.Rewritten) error {
	m := l.current()
	for _, f := range m.Files {
		if f.Rows == 0 {
			continue
		}
		if err := l.eraseFile(ctx, m, f, gone, out); err != nil {
			return err
		}
	}
	return l.removeReplaced(ctx, func(aged) bool { return true })
}

// eraseDue writes down without the person of whom a row is due.
func (l *Lake) eraseDue(ctx context.Context) error {
	l.people.since++
	if l.tap.open.Load() {
		return l.flush(ctx, true)
	}
	m := l.current()
	if m.Pending.Path == "" {
		return nil
	}
	// What came since the last ones were written down is read from the log again.
	pending, err := l.putPending(ctx, m.Pending.Position)
	if err != nil {
		return err
	}
	if err := l.commit(ctx, func(m *Manifest) { m.Pending = *pending }); err != nil {
		return err
	}
	l.dropPending(ctx, m)
	return nil
}

// eraseFile writes a file anew where the person is in it.
func (l *Lake) eraseFile(ctx context.Context, m *Manifest, f File, gone pipeline.Gone, out *pipeline.Rewritten) error {
	content, err := l.Target.Get(ctx, f.Path)
	if err != nil {
		return err
	}
	files, err := open(content)
	if err != nil {
		return err
	}
	o := l.object(m, f.Object)
	e := eraser{gone: gone, columns: map[int]Column{}}
	at := columnsOf(files[0])
	for _, c := range o.columns {
		if i, ok := at[c.Name]; ok {
			e.columns[i] = c
		}
	}
	if found, err := e.search(files); err != nil || !found {
		return err
	}
	w := newWriter(o)
	w.begin()
	w.span(f.Low, f.High)
	for _, file := range files {
		for _, g := range file.RowGroups() {
			if err := w.group(file, &without{g, &e}); err != nil {
				return err
			}
		}
	}
	fresh, err := l.ended(w, f.Day, f.Level)
	if err != nil {
		return err
	}
	fresh.Edition = f.Edition
	var put []made
	if fresh.Rows > 0 {
		put = append(put, fresh)
	}
	if err := l.put(ctx, put); err != nil {
		return err
	}
	if err := l.commit(ctx, func(m *Manifest) { m.replace([]File{f}, filesOf(put)...) }); err != nil {
		return err
	}
	out.Files, out.Rows, out.Cells = out.Files+1, out.Rows+e.rows, out.Cells+e.cells
	l.retire([]File{f}) // if it cannot be removed now, whoever tries again finds it there
	return nil
}

// eraser takes a person out of rows.
type eraser struct {
	gone        pipeline.Gone
	columns     map[int]Column // of the file
	rows, cells int
}

// search tells whether the person is in a file.
func (e *eraser) search(files []*parquet.File) (bool, error) {
	for _, g := range groupsOf(files) {
		found := false
		err := eachRow(g, func(rows []parquet.Row) error {
			for _, r := range rows {
				found = found || e.own(r) || e.named(r)
			}
			return nil
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// own tells whether a row is the person's.
func (e *eraser) own(r parquet.Row) bool {
	for i, c := range e.columns {
		if c.own && !r[i].IsNull() && e.gone.IDs[string(r[i].ByteArray())] {
			return true
		}
	}
	return false
}

// named tells whether a value of a row names the person.
func (e *eraser) named(r parquet.Row) bool {
	for i := range e.columns {
		if e.mentioned(i, r[i]) {
			return true
		}
	}
	return false
}

func (e *eraser) mentioned(i int, v parquet.Value) bool {
	c, ok := e.columns[i]
	return ok && c.Type == Text && !c.own && !v.IsNull() && e.gone.Mentions.In(v.ByteArray())
}

// clean takes values that name the person out of a row about somebody else.
func (e *eraser) clean(r parquet.Row) {
	for i := range r {
		if !e.mentioned(i, r[i]) {
			continue
		}
		e.cells++
		v := parquet.NullValue()
		if b := r[i].ByteArray(); len(b) > 0 && b[0] == '{' {
			if doc, _ := e.gone.Mentions.Redact(bytes.Clone(b)); !e.gone.Mentions.In(doc) {
				v = parquet.ByteArrayValue(doc)
			}
		}
		r[i] = v.Level(0, boolInt(!v.IsNull()), i)
	}
}

// without is a row group without a person.
type without struct {
	parquet.RowGroup
	eraser *eraser
}

// Rows gives the rows that stay.
func (w *without) Rows() parquet.Rows { return &rest{w.RowGroup.Rows(), w.eraser} }

// rest reads rows and leaves those of a person out.
type rest struct {
	parquet.Rows
	eraser *eraser
}

// ReadRows is of parquet.RowReader.
func (r *rest) ReadRows(into []parquet.Row) (int, error) {
	n, err := r.Rows.ReadRows(into)
	kept := 0
	for i := range n {
		if r.eraser.own(into[i]) {
			r.eraser.rows++
			continue
		}
		r.eraser.clean(into[i])
		into[kept], into[i] = into[i], into[kept]
		kept++
	}
	return kept, err
}
