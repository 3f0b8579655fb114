package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// passagesKnown is which entries and exits were written though they may still
// wait: their rows in the state go with later commits, and come back where a
// crash takes those away.
type passagesKnown struct {
	read    bool // those from before the start are among them
	before  map[string]bool
	written map[string]bool
	seen    uint64 // how many there had been at the last look
	looks   int    // that are left until nothing new is expected
}

// passagesAtOnce is how many are written in one go. looksAfter is how often one
// looks after the last came: lanes commit some time later.
const (
	passagesAtOnce = 50_000
	looksAfter     = 20
)

// membershipID names an entry or an exit.
func membershipID(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:12])
}

// writePassages writes the entries and exits that are committed.
func (l *Lake) writePassages(ctx context.Context, now bool) error {
	k := &l.known
	if n := l.spine.Passages(); n != k.seen || !k.read {
		k.seen, k.looks = n, looksAfter
	}
	if k.looks == 0 && !now {
		return nil
	}
	k.looks = max(0, k.looks-1)
	rows, err := l.spine.WaitingPassages(ctx, passagesAtOnce, now)
	if err != nil {
		return err
	}
	if !k.read {
		if err := l.readPassages(ctx, rows); err != nil {
			return err
		}
	}
	o := l.objects[membershipsName]
	d, c := newDraft(o), newChunk(o)
	still := map[string]bool{}
	written := l.Now.Now()
	for i := range rows {
		name := membershipID(rows[i].Key)
		still[name] = true
		if rows[i].Segment == "" || k.written[name] || k.before[name] {
			continue
		}
		l.passageRow(d, &rows[i], name)
		c.add(d, rows[i].Position, written)
	}
	if len(c.marks) > 0 {
		if err := l.writeMemberships(ctx, c, dayText(dayOf(written)), nil); err != nil {
			return err
		}
		k.looks = looksAfter
	}
	k.written = still
	l.spine.PassagesWritten(rows)
	return nil
}

func (l *Lake) writeMemberships(ctx context.Context, c *chunk, day string, change func(m *Manifest)) error {
	w := l.writer(l.objects[membershipsName])
	if err := w.chunk(c, 0, len(c.marks)); err != nil {
		return err
	}
	f, err := l.ended(w, day, 0)
	if err != nil {
		return err
	}
	if err := l.put(ctx, []made{f}); err != nil {
		return err
	}
	return l.commit(ctx, func(m *Manifest) {
		m.replace(nil, f.File)
		if change != nil {
			change(m)
		}
	})
}

func (l *Lake) passageRow(d *draft, p *pipeline.PassageRow, name string) {
	d.clear()
	o := d.of
	d.text(o.at("membershipId"), name)
	d.text(o.at("deviceId"), l.spine.OwnID(p.Home))
	d.text(o.at("segment"), p.Segment)
	d.int(o.at("segmentVersion"), int64(p.Version))
	d.text(o.at("change"), p.Change)
	d.time(o.at("dateTime"), p.At)
	d.text(o.at("cause"), p.Cause.Kind)
	d.text(o.at("eventId"), p.Cause.MessageID)
	d.int(o.at(position), int64(p.Position))
}

// readPassages finds which of the entries and exits that wait, or are made again
// after a crash, were written before the start.
func (l *Lake) readPassages(ctx context.Context, waiting []pipeline.PassageRow) error {
	from := l.replayed
	for i := range waiting {
		from = min(from, waiting[i].Position)
	}
	before := map[string]bool{}
	m := l.current()
	for i := range m.Files {
		f := &m.Files[i]
		if f.Object != membershipsName || f.Rows == 0 || f.High < from {
			continue
		}
		err := l.eachCell(ctx, f, func(get func(string) parquet.Value) { before[get("membershipId").String()] = true })
		if err != nil {
			return err
		}
	}
	l.known.read, l.known.before = true, before
	return nil
}

// writeHistory writes the entries and exits from before the lake was made.
func (l *Lake) writeHistory(ctx context.Context, end store.Position) error {
	o := l.objects[membershipsName]
	d, c := newDraft(o), newChunk(o)
	now := l.Now.Now()
	err := l.spine.AllPassages(ctx, func(p *pipeline.PassageRow) error {
		p.Position = end
		l.passageRow(d, p, membershipID(p.Key))
		c.add(d, end, now)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	done := func(m *Manifest) { m.Passages = true }
	if len(c.marks) == 0 {
		return l.commit(ctx, done)
	}
	return l.writeMemberships(ctx, c, dayText(dayOf(now)), done)
}
