package pipeline

import (
	"context"

	"rapport/internal/id"
	"rapport/internal/store"
)

// copyAnchor gives a copy of an anchor's row, nil where there is none. The lane
// is locked only while it is copied.
func (p *Pipeline) copyAnchor(ctx context.Context, k id.Key) (*anchor, error) {
	return p.copyAnchorBy(ctx, k, (*anchor).clone)
}

func (p *Pipeline) copyAnchorBy(ctx context.Context, k id.Key, copied func(*anchor) *anchor) (*anchor, error) {
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.copyAnchorBy(ctx, k, copied)
}

func (w *people) copyAnchor(ctx context.Context, k id.Key) (*anchor, error) {
	return w.copyAnchorBy(ctx, k, (*anchor).clone)
}

// maxBlank bounds how many anchors are remembered of which nothing is known.
const maxBlank = 1 << 14

func (w *people) copyAnchorBy(ctx context.Context, k id.Key, copied func(*anchor) *anchor) (*anchor, error) {
	a, ok := w.anchors.Get(k)
	switch {
	case ok:
		a = copied(a)
	case w.blank[k]:
		return nil, nil
	default:
		rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableAnchors, Bucket: k.Bucket(), Key: k[:]}})
		if err != nil {
			return nil, err
		}
		if rows[0] == nil {
			w.noteBlank(k)
			return nil, nil
		}
		if a, err = w.whole(k, rows[0], nil); err != nil {
			return nil, err
		}
	}
	if a.ident.Value == "" { // the row only says where the home is
		if !ok {
			w.noteBlank(k)
		}
		return nil, nil
	}
	return a, nil
}

// noteBlank spares the next reader the store: many are known by identifiers that
// no event had as its strongest.
func (w *people) noteBlank(k id.Key) {
	if len(w.blank) >= maxBlank {
		clear(w.blank)
	}
	w.blank[k] = true
}
