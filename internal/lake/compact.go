package lake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"rapport/internal/clock"
)

// The sizes of joined files: one of this many bytes is not joined again, and no
// more are joined at once.
const (
	wholeBytes = 192 << 20
	batchBytes = 256 << 20
)

// graceful is how long a file that was replaced stays, for who reads it. restful
// is how long after its end a day is joined into one file.
const (
	graceful = time.Minute
	restful  = 10 * time.Minute
)

// aged is a file that was replaced, and when.
type aged struct {
	path string
	at   clock.Instant
}

// join joins files until it is stopped.
func (l *Lake) join(ctx context.Context) {
	every := time.NewTicker(2 * time.Second)
	defer every.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		err := l.joinOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && time.Since(last) > time.Minute {
			last = time.Now()
			l.Log.Error("files of the lake cannot be joined; it is tried again", "error", err)
		}
	}
}

// joinOnce joins what is to be joined and removes what was replaced.
func (l *Lake) joinOnce(ctx context.Context) (err error) {
	l.joining.Lock()
	defer l.joining.Unlock()
	defer func() { l.stats.fail(&l.stats.unjoined, err) }()
	for {
		m := l.current()
		if m == nil {
			return nil
		}
		group := l.toJoin(m)
		if group == nil {
			break
		}
		if err := l.joinFiles(ctx, m, group); err != nil {
			return err
		}
	}
	return l.sweep(ctx)
}

// toJoin finds files of one object and day to be joined; nil where there are
// none.
func (l *Lake) toJoin(m *Manifest) []File {
	if l.Join == 0 {
		return nil
	}
	type place struct{ object, day string }
	groups := map[place][]File{}
	var places []place
	for _, f := range m.Files {
		if f.Level == schemaLevel {
			continue
		}
		p := place{f.Object, f.Day}
		if groups[p] == nil {
			places = append(places, p)
		}
		groups[p] = append(groups[p], f)
	}
	for _, p := range places {
		if g := choose(groups[p], m.Edition, l.Join, l.over(p.day)); g != nil {
			return g
		}
	}
	return nil
}

// over tells whether a day is, so that all of it becomes one file.
func (l *Lake) over(day string) bool { return day < dayText(dayOf(l.Now.Now().Add(-restful))) }

// choose picks files of a day: those of an old edition of the columns; as many
// small ones of a level as make one of the next; all of a day that is over.
func choose(files []File, edition, many int, over bool) []File {
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	byLevel := map[int][]File{}
	var small []File
	for _, f := range files {
		if f.Object == usersName && f.Edition < edition {
			return []File{f}
		}
		if f.Bytes < wholeBytes {
			small = append(small, f)
			byLevel[f.Level] = append(byLevel[f.Level], f)
		}
	}
	if over && len(small) > 1 {
		return bounded(small)
	}
	for level := range schemaLevel {
		if len(byLevel[level]) >= many {
			return bounded(byLevel[level])
		}
	}
	return nil
}

// bounded takes as many files as are joined at once, at least two.
func bounded(files []File) []File {
	bytes := 0
	for i := range files {
		if bytes += files[i].Bytes; bytes > batchBytes && i >= 2 {
			return files[:i]
		}
	}
	return files
}

// joinFiles writes one file in the place of several.
func (l *Lake) joinFiles(ctx context.Context, m *Manifest, group []File) error {
	o := l.object(m, group[0].Object)
	w, level, rows, bytes := newWriter(o), 0, 0, 0
	for i := range group {
		level, rows, bytes = max(level, group[i].Level), rows+group[i].Rows, bytes+group[i].Bytes
	}
	if level == 0 && rows < copyRows && !l.over(group[0].Day) {
		w = newRawWriter(o)
	}
	w.begin()
	w.expect(rows, bytes)
	for i := range group {
		content, err := l.Target.Get(ctx, group[i].Path)
		if err != nil {
			return err
		}
		if err := w.file(content); err != nil {
			return err
		}
		w.span(group[i].Low, group[i].High)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	f, err := l.ended(w, group[0].Day, min(level+1, schemaLevel-1))
	if err != nil {
		return err
	}
	f.Edition = m.Edition * boolInt(o.name == usersName)
	if err := l.put(ctx, []made{f}); err != nil {
		return err
	}
	if err := l.commit(ctx, func(m *Manifest) { m.replace(group, f.File) }); err != nil {
		return err
	}
	l.stats.joined.Add(uint64(len(group)))
	l.retire(group)
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// file adds the rows of a file. Row groups of the same columns are copied as they
// are where they are large and compressed, or where so few are written that they
// are joined once more: so each row is encoded twice, when it comes and when it has
// others around it.
func (w *writer) file(content []byte) error {
	files, err := open(content)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := w.part(content, f); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) part(content []byte, f *parquet.File) (err error) {
	same := parquet.EqualNodes(f.Schema(), w.of.schema)
	for i, g := range f.RowGroups() {
		meta := &f.Metadata().RowGroups[i]
		switch packed := compressed(meta); {
		case same && packed != w.raw && (w.raw || g.NumRows() >= copyRows):
			err = w.copied(content, meta)
		case same:
			err = w.again(content, meta, g)
		default:
			err = w.group(f, g)
		}
		if err != nil {
			return fmt.Errorf("copy rows of %s: %w", w.of.name, err)
		}
	}
	return nil
}

// compressed tells it of a row group; in all that a lake writes the columns agree.
func compressed(g *format.RowGroup) bool {
	return !slices.ContainsFunc(g.Columns, func(c format.ColumnChunk) bool { return c.MetaData.Codec == format.Uncompressed })
}

// again adds the rows of a group that has the same columns, each by itself: no
// row is put together.
func (w *writer) again(content []byte, meta *format.RowGroup, g parquet.RowGroup) error {
	n := int(meta.NumRows)
	if err := w.grow(n); err != nil {
		return err
	}
	w.room(meta)
	for k, chunk := range g.ColumnChunks() {
		c := &w.columns[k]
		before := len(c.set)
		if err := c.readChunk(w.of.columns[k].Type, content, &meta.Columns[k].MetaData, chunk); err != nil {
			return err
		}
		if len(c.set)-before != n {
			return errDamaged("a column has another number of rows than its group")
		}
	}
	return nil
}

// group adds rows one by one: columns by their names, those of attributes from
// the attributes themselves, as their types are now.
func (w *writer) group(f *parquet.File, g parquet.RowGroup) error {
	from := columnsOf(f)
	all, hasAll := from["attributes"]
	return eachRow(g, func(rows []parquet.Row) error {
		for _, r := range rows {
			var traits map[string]json.RawMessage
			if hasAll && !r[all].IsNull() {
				if err := json.Unmarshal(r[all].ByteArray(), &traits); err != nil {
					return err
				}
			}
			if err := w.grow(1); err != nil {
				return err
			}
			for k := range w.of.columns {
				of, c := &w.of.columns[k], &w.columns[k]
				at, known := from[of.Name]
				switch {
				case of.Trait != "":
					x := traitCell(of.Type, traits[of.Trait])
					c.cell(of.Type, &x)
				case known:
					c.value(of.Type, r[at])
				default:
					c.none()
				}
			}
		}
		return nil
	})
}

// retire lets files that were replaced go after a while.
func (l *Lake) retire(files []File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range files {
		l.obsolete = append(l.obsolete, aged{files[i].Path, l.Now.Now()})
	}
}

// sweep removes files that were replaced long enough ago.
func (l *Lake) sweep(ctx context.Context) error {
	now := l.Now.Now()
	return l.removeReplaced(ctx, func(a aged) bool { return now.Sub(a.at) >= graceful })
}

// removeReplaced removes files that were replaced. One that cannot be removed
// stays among them, behind the others, so that it holds none of them up.
func (l *Lake) removeReplaced(ctx context.Context, which func(a aged) bool) error {
	l.mu.Lock()
	list := slices.Clone(l.obsolete)
	l.mu.Unlock()
	for _, a := range list {
		if !which(a) {
			continue
		}
		err := l.Target.Delete(ctx, a.path)
		l.mu.Lock()
		l.obsolete = slices.DeleteFunc(l.obsolete, func(o aged) bool { return o == a })
		if err != nil {
			l.obsolete = append(l.obsolete, a)
		}
		l.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}
