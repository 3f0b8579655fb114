package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/wording"
)

// A passage that the follower shall write down has a row of its own until it
// has: the position of the record that led to it, then the key of the row of
// the history. It is made and deleted with commits of the lane.

// tellFollower notes a passage for who writes them down.
func (w *people) tellFollower(a *anchor, history []byte) {
	if !w.passing {
		return
	}
	key := append(positionKey(w.position), history...)
	w.rows = append(w.rows, w.row(store.TablePassages, a.key, key, store.Put, nil))
	w.passages.Add(1)
}

// Passages counts entries and exits since the start, so that one knows when to
// look.
func (p *Pipeline) Passages() uint64 { return p.passages.Load() }

// PassageRow is an entry or an exit that waits to be written down.
type PassageRow struct {
	Passage
	Home     id.Key
	Position store.Position
	// Key names it, whenever it is made again.
	Key []byte
	row store.RowKey
}

// WaitingPassages gives entries and exits that are committed and were not
// written down, at most so many. now commits those that are not.
func (p *Pipeline) WaitingPassages(ctx context.Context, most int, now bool) ([]PassageRow, error) {
	for i := range p.people {
		if !now {
			break
		}
		if err := p.lanes[i].commit(ctx); err != nil {
			return nil, err
		}
	}
	var out []PassageRow
	var histories []store.RowKey
	const prefix = 8 + len(id.Key{})
	at := store.SpanRange{Table: store.TablePassages, Span: store.AllBuckets()}
	err := p.store.State().ScanSpan(ctx, at, func(b id.Bucket, key []byte, _ [][]byte) store.Step {
		if len(key) < prefix {
			return store.NextRow
		}
		key = bytes.Clone(key)
		out = append(out, PassageRow{
			Home: id.Key(key[8:prefix]), Position: store.Position(binary.BigEndian.Uint64(key)), Key: key[8:],
			row: store.RowKey{Table: store.TablePassages, Bucket: b, Key: key},
		})
		histories = append(histories, store.RowKey{Table: store.TableHistory, Bucket: b, Key: key[8:]})
		if len(out) == most {
			return store.Stop
		}
		return store.NextRow
	})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	rows, err := p.store.State().Load(ctx, histories)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if len(rows[i]) == 0 {
			continue // erased since: it has no segment
		}
		x, err := readPassage(rows[i][0])
		if err != nil {
			return nil, err
		}
		out[i].Passage = p.tellBare(&x, clock.Instant(binary.BigEndian.Uint64(out[i].Key[len(id.Key{}):])))
	}
	return out, nil
}

// tellBare is tellPassage without the reasons.
func (p *Pipeline) tellBare(x *passage, at clock.Instant) Passage {
	x.reasons = nil
	return p.tellPassage(wording.English, x, at)
}

// AllPassages visits every entry and exit that is kept.
func (p *Pipeline) AllPassages(ctx context.Context, visit func(*PassageRow) error) error {
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return err
		}
	}
	var bad error
	at := store.SpanRange{Table: store.TableHistory, Span: store.AllBuckets()}
	err := p.store.State().ScanSpan(ctx, at, func(_ id.Bucket, key []byte, parts [][]byte) store.Step {
		var x passage
		if x, bad = readPassage(parts[0]); bad != nil {
			return store.Stop
		}
		key = bytes.Clone(key)
		row := PassageRow{Home: id.Key(key[:len(id.Key{})]), Key: key}
		row.Passage = p.tellBare(&x, clock.Instant(binary.BigEndian.Uint64(key[len(id.Key{}):])))
		if bad = visit(&row); bad != nil {
			return store.Stop
		}
		return store.NextRow
	})
	return errors.Join(err, bad)
}

// PassagesWritten says that entries and exits were written down: they do not
// wait any more once the next commits are made.
func (p *Pipeline) PassagesWritten(list []PassageRow) {
	for i := range list {
		n := p.laneIndex(list[i].row.Bucket)
		l, w := p.lanes[n], p.people[n]
		l.mu.Lock()
		w.rows = append(w.rows, store.Change{RowKey: list[i].row, Op: store.Delete})
		l.mu.Unlock()
	}
}
