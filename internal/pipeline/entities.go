package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"

	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Stored is an entity as the API shows it, with the tag of its state.
type Stored struct {
	View any
	ETag string
}

// Entity gives an order, cart, item or account.
func (p *Pipeline) Entity(ctx context.Context, kind catalog.Kind, entityID string) (Stored, error) {
	e, err := p.copyEntity(ctx, catalog.Key(kind, entityID))
	if err != nil {
		return Stored{}, err
	}
	if e == nil || !e.Exists() {
		return Stored{}, fault.Errorf(fault.NotFound, kind.String()+"_not_found", "there is no %s %q", kind, entityID)
	}
	return p.stored(ctx, e)
}

// stored shows an entity. An order that took a cart is shown with its lines.
func (p *Pipeline) stored(ctx context.Context, e *catalog.Entity) (Stored, error) {
	var cart *catalog.Entity
	if cartID, ok := e.CartID(); ok {
		var err error
		if cart, err = p.copyEntity(ctx, catalog.Key(catalog.Cart, cartID)); err != nil {
			return Stored{}, err
		}
	}
	v := e.View(cart)
	return Stored{View: v, ETag: catalog.ETagOf(v)}, nil
}

// copyEntity gives a copy of a row, nil where there is none.
func (p *Pipeline) copyEntity(ctx context.Context, k id.Key) (*catalog.Entity, error) {
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.copyEntity(ctx, k)
}

func (w *people) copyEntity(ctx context.Context, k id.Key) (*catalog.Entity, error) {
	if e, ok := w.entities.get(k); ok {
		c := catalog.NewEntity(e.row.Kind, e.row.ID)
		c.Merge(e.row)
		return c, nil
	}
	rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableEntities, Bucket: k.Bucket(), Key: k[:]}})
	if err != nil || rows[0] == nil {
		return nil, err
	}
	return catalog.Decode(rows[0])
}

// Entities lists the entities of a kind, bucket by bucket: in an order that
// stays the same, and says nothing.
func (p *Pipeline) Entities(ctx context.Context, kind catalog.Kind, cursor string, limit int) (Page[Stored], error) {
	var page Page[Stored]
	after, err := readCursor(cursor)
	if err != nil {
		return page, err
	}
	from := id.Bucket(0)
	if after != nil {
		if len(after) < 3 || id.Bucket(binary.BigEndian.Uint16(after)) >= id.Buckets {
			return page, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is not one that this list gave; leave it out to begin at the start").At("cursor")
		}
		from, after = id.Bucket(binary.BigEndian.Uint16(after)), after[2:]
	}
	for _, l := range p.lanes {
		if err := l.commit(ctx); err != nil {
			return page, err
		}
	}
	prefix := append([]byte(kind.String()), 0)
	var last []byte
	for b := from; b < id.Buckets; b++ {
		var keys []id.Key
		var rows [][]byte
		err := p.store.State().Scan(ctx, store.Range{Table: store.TableKinds, Bucket: b, Prefix: prefix, After: after}, func(key []byte, parts [][]byte) bool {
			keys, rows = append(keys, id.Key(parts[0])), append(rows, bytes.Clone(key))
			return len(page.Items)+len(keys) <= limit
		})
		if err != nil {
			return page, err
		}
		after = nil
		for i, k := range keys {
			if len(page.Items) == limit {
				page.Next = writeCursor(last)
				return page, nil
			}
			e, err := p.copyEntity(ctx, k)
			if err != nil {
				return page, err
			}
			if e == nil || !e.Exists() {
				continue
			}
			s, err := p.stored(ctx, e)
			if err != nil {
				return page, err
			}
			page.Items = append(page.Items, s)
			last = append(binary.BigEndian.AppendUint16(nil, uint16(b)), rows[i]...)
		}
	}
	return page, nil
}
