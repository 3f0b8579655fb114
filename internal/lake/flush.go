package lake

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"

	"rapport/internal/store"
)

// held is rows of a chunk that are not written, from one on.
type held struct {
	object string
	chunk  *chunk
	from   int
}

// made is a file that is not in the manifest yet.
type made struct {
	File
	content []byte
}

// quiet is how long the position in the manifest may lag behind while there is
// nothing to write down.
const quiet = 10 * time.Second

// flush writes the rows that wait and lie before the place that all lanes have
// reached, in one file for each object and day.
func (l *Lake) flush(ctx context.Context, last bool) error {
	upTo := l.tap.reached()
	if at := l.tap.oldest.Load(); at != 0 && l.oldest.Load() == 0 {
		l.oldest.Store(at)
	}
	defer l.noteCarried()
	for _, p := range l.tap.drain() {
		for name, c := range p.rows {
			l.carry = append(l.carry, held{name, c, 0})
		}
		for k, s := range p.marks {
			l.people.stir(k, s)
		}
	}
	if !l.tap.open.Load() {
		l.carry = nil // more came than may wait: the log tells all of it again
		return nil
	}
	if err := l.flushTo(ctx, upTo, last); err != nil {
		if ctx.Err() == nil {
			// What cannot be written must not pile up until it can be.
			l.letGo()
		}
		return err
	}
	if waiting(l.carry) > l.Most {
		l.letGo() // one lane is far behind the others
	}
	return nil
}

// noteCarried says what still waits here, for who asks.
func (l *Lake) noteCarried() {
	l.carried.Store(waiting(l.carry))
	if len(l.carry) == 0 {
		l.oldest.Store(0)
	}
}

// letGo drops all that waits: the log tells it again.
func (l *Lake) letGo() {
	l.carry = nil
	l.tap.drop()
}

// waiting is how many bytes rows hold on to.
func waiting(rows []held) (n int64) {
	for _, h := range rows {
		n += int64(h.chunk.size)
	}
	return n
}

// flushTo writes the rows that are carried and lie before a place.
func (l *Lake) flushTo(ctx context.Context, upTo store.Position, last bool) error {
	m := l.current()
	files, err := l.encode(l.carry, m.Position, upTo)
	if err != nil {
		return err
	}
	if len(files) == 0 && !l.pendingDue(last) && (upTo <= m.Position || !last && l.Now.Now().Sub(m.Written) < quiet) {
		l.keepTail(upTo)
		return nil
	}
	if err := l.put(ctx, files); err != nil {
		return err
	}
	pending, err := l.keepPeople(ctx, upTo, last)
	if err != nil {
		return err
	}
	err = l.commit(ctx, func(m *Manifest) {
		m.replace(nil, filesOf(files)...)
		m.Position = max(m.Position, upTo)
		if pending != nil {
			m.Pending = *pending
		}
	})
	if err != nil {
		return err
	}
	l.keepTail(upTo)
	if pending != nil {
		l.dropPending(ctx, m)
	}
	return nil
}

// keepTail lets go of the rows up to a place.
func (l *Lake) keepTail(upTo store.Position) {
	kept := l.carry[:0]
	for _, h := range l.carry {
		if h.from = behind(h.chunk, upTo); h.from < len(h.chunk.marks) {
			kept = append(kept, h)
		} else {
			l.objects[h.object].giveBack(h.chunk)
		}
	}
	clear(l.carry[len(kept):])
	l.carry = kept
}

// behind finds the first row after a place.
func behind(c *chunk, at store.Position) int {
	return sort.Search(len(c.marks), func(i int) bool { return c.marks[i].at > at })
}

// encode makes files of rows after a place and up to another.
func (l *Lake) encode(rows []held, after, upTo store.Position) ([]made, error) {
	slices.SortStableFunc(rows, func(a, b held) int { return cmp.Compare(a.object, b.object) })
	var out []made
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].object == rows[0].object {
			n++
		}
		files, err := l.encodeObject(l.objects[rows[0].object], rows[:n], after, upTo)
		if err != nil {
			return nil, err
		}
		out, rows = append(out, files...), rows[n:]
	}
	return out, nil
}

// run is rows of one chunk and one day.
type run struct {
	chunk    *chunk
	from, to int
}

func (l *Lake) encodeObject(o *object, rows []held, after, upTo store.Position) ([]made, error) {
	days := map[int32][]run{}
	for _, h := range rows {
		from, end := max(h.from, behind(h.chunk, after)), behind(h.chunk, upTo)
		for from < end {
			to := from + 1
			for to < end && h.chunk.marks[to].day == h.chunk.marks[from].day {
				to++
			}
			day := h.chunk.marks[from].day
			days[day] = append(days[day], run{h.chunk, from, to})
			from = to
		}
	}
	var out []made
	for day, runs := range days {
		w := l.writer(o)
		for _, r := range runs {
			if err := w.chunk(r.chunk, r.from, r.to); err != nil {
				return nil, err
			}
		}
		f, err := l.ended(w, dayText(day), 0)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// ended is the file that a writer has written.
func (l *Lake) ended(w *writer, day string, level int) (made, error) {
	b, err := w.end()
	if err != nil {
		return made{}, err
	}
	f := l.file(w.of.name, day, level)
	f.Rows, f.Bytes, f.Low, f.High = w.n, len(b), w.low, w.high
	if w.kept {
		b = bytes.Clone(b)
	}
	return made{f, b}, nil
}

// put writes files, several at once.
func (l *Lake) put(ctx context.Context, files []made) error {
	errs := make([]error, len(files))
	var wait sync.WaitGroup
	for i := range files {
		wait.Go(func() { errs[i] = l.Target.Put(ctx, files[i].Path, files[i].content) })
	}
	wait.Wait()
	for i := range files {
		l.stats.wrote(&files[i].File)
	}
	return errors.Join(errs...)
}

func filesOf(files []made) []File {
	out := make([]File, len(files))
	for i := range files {
		out[i] = files[i].File
	}
	return out
}
