package pipeline

import (
	"context"

	"rapport/internal/catalog"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Items gives items of the catalog, nil where there is none. What it reads it
// reads for all together, and it stays in memory for the commands that follow:
// who loads a table asks for thousands, and then changes them.
func (p *Pipeline) Items(ctx context.Context, ids []string) ([]*catalog.Entity, error) {
	keys := make([]id.Key, len(ids))
	for i := range ids {
		keys[i] = catalog.Key(catalog.Item, ids[i])
	}
	found, err := p.copyEntities(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, e := range found {
		if e != nil && !e.Exists() {
			found[i] = nil
		}
	}
	return found, nil
}

// copyEntities gives copies of rows, nil where there is none.
func (p *Pipeline) copyEntities(ctx context.Context, keys []id.Key) ([]*catalog.Entity, error) {
	out := make([]*catalog.Entity, len(keys))
	lanes := map[int][]int{}
	for i, k := range keys {
		n := p.laneIndex(k.Bucket())
		lanes[n] = append(lanes[n], i)
	}
	for n, of := range lanes {
		if err := p.people[n].copyEntities(ctx, p.lanes[n], of, keys, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// copyEntities copies those of one lane.
func (w *people) copyEntities(ctx context.Context, l *lane, of []int, keys []id.Key, into []*catalog.Entity) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	some := make([]id.Key, len(of))
	for n, i := range of {
		some[n] = keys[i]
	}
	return w.seeEntities(ctx, some, func(n int, row *catalog.Entity, held bool) {
		if held {
			row = copyOf(row)
		}
		into[of[n]] = row
	})
}

// seeEntities shows rows, nil where there is none; held tells that one is the
// lane's own. It is locked over memory and store: a row is in one of the two as
// long as no commit and no trim comes between.
func (w *people) seeEntities(ctx context.Context, keys []id.Key, see func(i int, row *catalog.Entity, held bool)) error {
	var missing []store.RowKey
	var at []int
	for i, k := range keys {
		if e, ok := w.entities.Get(k); ok {
			see(i, e.row, true)
		} else if w.absent[target{store.TableEntities, k}] {
			see(i, nil, false)
		} else {
			missing = append(missing, store.RowKey{Table: store.TableEntities, Bucket: k.Bucket(), Key: keys[i][:]})
			at = append(at, i)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := w.store.State().Load(ctx, missing)
	if err != nil {
		return err
	}
	for n, i := range at {
		k := keys[i]
		switch {
		case found[n] == nil:
			w.noteAbsent(store.TableEntities, k)
			see(i, nil, false)
		case w.entities.Full(): // nobody who only reads lets go of rows
			row, err := catalog.Decode(found[n])
			if err != nil {
				return err
			}
			see(i, row, false)
		default:
			if err := w.adopt(store.TableEntities, k, found[n]); err != nil {
				return err
			}
			e, _ := w.entities.Get(k)
			see(i, e.row, true)
		}
	}
	return nil
}

// copyOf is a row for whoever does not hold the lane.
func copyOf(row *catalog.Entity) *catalog.Entity {
	out := catalog.NewEntity(row.Kind, row.ID)
	out.Merge(row)
	return out
}
