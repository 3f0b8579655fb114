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
	if e, ok := w.entities.Get(k); ok {
		return copyOf(e.row), nil
	}
	return w.seeEntity(ctx, k)
}

// seeEntity gives a row for as long as the lane is held, nil where there is none.
func (w *people) seeEntity(ctx context.Context, k id.Key) (*catalog.Entity, error) {
	if e, ok := w.entities.Get(k); ok {
		return e.row, nil
	}
	if w.absent[target{store.TableEntities, k}] {
		return nil, nil
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
	return p.listEntities(ctx, append([]byte(kind.String()), 0), cursor, limit)
}

// Objects lists the entities of a declared type, likewise.
func (p *Pipeline) Objects(ctx context.Context, kind, cursor string, limit int) (Page[Stored], error) {
	return p.listEntities(ctx, append(append([]byte(catalog.Object.String()), 0), catalog.ObjectID(kind, "")...), cursor, limit)
}

// listEntities lists those whose rows begin so.
func (p *Pipeline) listEntities(ctx context.Context, prefix []byte, cursor string, limit int) (Page[Stored], error) {
	var page Page[Stored]
	at, err := p.bucketPlace(ctx, cursor)
	if err != nil {
		return page, err
	}
	for {
		most := limit + 1 - len(page.Items)
		keys, places, err := p.entityKeys(ctx, prefix, at, most)
		if err != nil {
			return page, err
		}
		for i, k := range keys {
			if len(page.Items) == limit {
				return page, nil
			}
			s, err := p.listed(ctx, k)
			if err != nil {
				return page, err
			}
			at = places[i]
			if s != nil {
				page.Items = append(page.Items, *s)
				page.Next = at.cursor()
			}
		}
		if len(keys) < most {
			page.Next = ""
			return page, nil
		}
	}
}

// entityKeys gives the keys of the next entities behind a place in the list,
// with their own.
func (p *Pipeline) entityKeys(ctx context.Context, prefix []byte, from bucketPlace, most int) (keys []id.Key, places []bucketPlace, err error) {
	take := func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		keys, places = append(keys, id.Key(parts[0])), append(places, bucketPlace{b, bytes.Clone(key)})
		if len(keys) < most {
			return store.NextRow
		}
		return store.Stop
	}
	at := store.SpanRange{Table: store.TableKinds, Span: store.Span{First: from.bucket, Last: from.bucket}, Prefix: prefix, After: from.after}
	err = p.store.State().ScanSpan(ctx, at, take)
	if err != nil || len(keys) == most || from.bucket == id.Buckets-1 {
		return keys, places, err
	}
	at.After, at.Span = nil, store.Span{First: from.bucket + 1, Last: id.Buckets - 1}
	err = p.store.State().ScanSpan(ctx, at, take)
	return keys, places, err
}

// listed gives an entity as lists show it; nil where it is gone.
func (p *Pipeline) listed(ctx context.Context, k id.Key) (*Stored, error) {
	e, err := p.copyEntity(ctx, k)
	if err != nil || e == nil || !e.Exists() {
		return nil, err
	}
	s, err := p.stored(ctx, e)
	return &s, err
}

// bucketPlace is a place in a list that goes bucket by bucket.
type bucketPlace struct {
	bucket id.Bucket
	after  []byte // nil: from the bucket's first row
}

// bucketPlace reads the cursor of such a list, and makes what was applied
// readable.
func (p *Pipeline) bucketPlace(ctx context.Context, cursor string) (at bucketPlace, err error) {
	b, err := readCursor(cursor)
	if err != nil {
		return at, err
	}
	if b != nil {
		if len(b) < 3 || id.Bucket(binary.BigEndian.Uint16(b)) >= id.Buckets {
			return at, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is not one that this list gave; leave it out to begin at the start").At("cursor")
		}
		at = bucketPlace{id.Bucket(binary.BigEndian.Uint16(b)), b[2:]}
	}
	for _, l := range p.lanes {
		if err := l.commit(ctx); err != nil {
			return at, err
		}
	}
	return at, nil
}

func (a bucketPlace) cursor() string {
	return writeCursor(append(binary.BigEndian.AppendUint16(nil, uint16(a.bucket)), a.after...))
}
