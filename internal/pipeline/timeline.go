package pipeline

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// TimelineQuery asks for a part of a timeline.
type TimelineQuery struct {
	profile.Filter
	Ascending bool
	Cursor    string
	Limit     int
}

// Timeline lists what happened to a person, newest first unless asked
// otherwise. The cursor names the last item given, so what arrives meanwhile
// neither doubles nor hides an item.
func (p *Pipeline) Timeline(ctx context.Context, ref string, q TimelineQuery) (Page[profile.Item], error) {
	var page Page[profile.Item]
	after, err := readPlace(q.Cursor)
	if err != nil {
		return page, err
	}
	who, err := p.gather(ctx, ref)
	if err != nil {
		return page, err
	}
	entries, err := p.entries(ctx, who)
	if err != nil {
		return page, err
	}
	direction := -1
	if q.Ascending {
		direction = 1
	}
	slices.SortFunc(entries, func(a, b profile.Entry) int { return direction * placeOf(&a).compare(placeOf(&b)) })
	var last place
	for i := range entries {
		e := &entries[i]
		if after != nil && direction*placeOf(e).compare(*after) <= 0 || !q.Match(e) {
			continue
		}
		item, err := p.item(ctx, e)
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err != nil {
			return page, err
		}
		if !q.MatchItem(&item) {
			continue
		}
		if len(page.Items) == q.Limit {
			page.Next = writeCursor(last.append(nil))
			return page, nil
		}
		page.Items, last = append(page.Items, item), placeOf(e)
	}
	return page, nil
}

// place is where an entry stands in a timeline: by event time, and within one
// instant by its message and its anchor's position.
type place struct {
	time     clock.Instant
	short    uint64
	position uint64
}

func placeOf(e *profile.Entry) place { return place{e.Time, e.Short, e.Position} }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.time, o.time), cmp.Compare(p.short, o.short), cmp.Compare(p.position, o.position))
}

func (p place) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(p.time))
	b = binary.BigEndian.AppendUint64(b, p.short)
	return binary.BigEndian.AppendUint64(b, p.position)
}

func readPlace(cursor string) (*place, error) {
	b, err := readCursor(cursor)
	if err != nil || b == nil {
		return nil, err
	}
	if len(b) != 24 {
		return nil, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is not one that this list gave; leave it out to begin at the start").At("cursor")
	}
	return &place{clock.Instant(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}, nil
}

// entries gives all timeline entries of a person, in no order.
func (p *Pipeline) entries(ctx context.Context, who *person) ([]profile.Entry, error) {
	var out []profile.Entry
	for _, a := range who.anchors {
		done, err := p.finished(ctx, a.key, a.chunks, a.pending)
		if err != nil {
			return nil, err
		}
		out = append(append(out, done...), a.open...)
	}
	return out, nil
}

// item reads an entry's event from the log and shows it.
func (p *Pipeline) item(ctx context.Context, e *profile.Entry) (profile.Item, error) {
	rec, err := p.store.Log().At(ctx, store.Position(e.Position))
	if err != nil {
		return profile.Item{}, err
	}
	ev, err := p.decode(rec.Payload)
	if err != nil {
		return profile.Item{}, err
	}
	return profile.ItemOf(ev, p.sources(ev.Source).Mapping), nil
}

// messageIDs finds the message ids behind the short forms that registers keep.
func (p *Pipeline) messageIDs(ctx context.Context, who *person) func(short uint64, source string, at clock.Instant) string {
	type said struct {
		short uint64
		at    clock.Instant
	}
	var entries map[said]*profile.Entry
	found := map[said]string{}
	return func(short uint64, _ string, at clock.Instant) string {
		if entries == nil {
			list, _ := p.entries(ctx, who)
			entries = make(map[said]*profile.Entry, len(list))
			for i := range list {
				entries[said{list[i].Short, list[i].Time}] = &list[i]
			}
		}
		k := said{short, at}
		if known, ok := found[k]; ok || entries[k] == nil {
			return known
		}
		if item, err := p.item(ctx, entries[k]); err == nil && id.Message(item.MessageID) == short {
			found[k] = item.MessageID
		}
		return found[k]
	}
}
