package lake

import (
	"context"
	"fmt"

	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// catchUp has the log tell what the files do not have, and then lets the lanes
// tell. The lanes are listened to first, so that nothing falls between the two.
func (l *Lake) catchUp(ctx context.Context) error {
	l.catching.Store(true)
	defer l.catching.Store(false)
	l.carry = nil
	l.tap.drain()
	l.tap.open.Store(true)
	m := l.current()
	end := l.spine.LogEnd()
	// First of all: a manifest that does not name every object makes no views.
	err := l.ensureSchemas(ctx)
	if err == nil {
		err = l.readLog(ctx, m.Position, end)
	}
	if err == nil && !m.Passages {
		err = l.writeHistory(ctx, end)
	}
	if err == nil {
		err = l.recollect(ctx, m)
	}
	if err != nil {
		l.tap.drop()
		return fmt.Errorf("bring the lake up to date: %w", err)
	}
	return nil
}

// readLog writes what the log says after a place and up to another.
func (l *Lake) readLog(ctx context.Context, from, to store.Position) error {
	if from >= to {
		return nil
	}
	p := l.tap.newPool()
	bytes := 0
	write := func(upTo store.Position) error {
		for k, s := range p.marks {
			l.people.stir(k, s)
		}
		clear(p.marks)
		var rows []held
		for name, c := range p.rows {
			rows = append(rows, held{name, c, 0})
		}
		files, err := l.encode(rows, l.current().Position, upTo)
		if err == nil {
			err = l.put(ctx, files)
		}
		if err != nil {
			return err
		}
		for _, h := range rows {
			l.objects[h.object].giveBack(h.chunk)
		}
		bytes, p.rows = 0, map[string]*chunk{}
		return l.commit(ctx, func(m *Manifest) {
			m.replace(nil, filesOf(files)...)
			m.Position = max(m.Position, upTo)
		})
	}
	err := l.spine.FollowAgain(ctx, from, to, from, func(f *pipeline.Followed) error {
		if f.Cause != 0 {
			p.stir(f.Home, f.Cause, f.Record.Received)
		}
		if bytes += p.take(f.Record, f.Event); bytes > catchUpBytes {
			return write(f.Record.Position)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return write(to)
}

// catchUpBytes is how many bytes of rows are gathered before they are written.
const catchUpBytes = 24 << 20

// recollect marks the people of whom something came between the place at which
// the pending ones were written down and the manifest's, where that was not
// done before, and takes out those whose row is written since.
func (l *Lake) recollect(ctx context.Context, m *Manifest) error {
	from := m.Position
	if !l.people.ready && m.Pending.Position < from {
		from = m.Pending.Position
		// Which of two copies was written down does not matter here.
		err := l.spine.FollowAgain(ctx, from, m.Position, 0, func(f *pipeline.Followed) error {
			if f.Cause != 0 {
				l.people.stir(f.Home, stir{f.Cause, f.Record.Received})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	// A home may hear of something long after it happened, or once more.
	for _, s := range l.people.stirs {
		from = min(from, s.cause-1)
	}
	if err := l.takeOutWritten(ctx, m, from); err != nil {
		return err
	}
	l.people.ready = true
	return nil
}
