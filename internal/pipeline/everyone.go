package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"

	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// People lists the profile ids of everybody, bucket by bucket: in an order that
// stays the same and says nothing. A person is listed where the strongest
// identifier of theirs lies that anything is known by.
func (p *Pipeline) People(ctx context.Context, cursor string, limit int) (Page[string], error) {
	var page Page[string]
	after, err := readCursor(cursor)
	if err != nil {
		return page, err
	}
	from := id.Bucket(0)
	if after != nil {
		if len(after) != 2+len(id.Key{}) || id.Bucket(binary.BigEndian.Uint16(after)) >= id.Buckets {
			return page, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is not one that this list gave; leave it out to begin at the start").At("cursor")
		}
		from, after = id.Bucket(binary.BigEndian.Uint16(after)), after[2:]
	}
	for _, l := range p.lanes {
		if err := l.commit(ctx); err != nil {
			return page, err
		}
	}
	for b := from; b < id.Buckets; b++ {
		var keys []id.Key
		err := p.store.State().Scan(ctx, store.Range{Table: store.TableAnchors, Bucket: b, After: after}, func(key []byte, _ [][]byte) bool {
			if len(key) == len(id.Key{}) {
				keys = append(keys, id.Key(key))
			}
			return len(page.Items)+len(keys) < limit
		})
		if err != nil {
			return page, err
		}
		after = nil
		for _, k := range keys {
			speaks, err := p.speaks(ctx, k)
			if err != nil {
				return page, err
			}
			if speaks {
				page.Items = append(page.Items, p.cipher.id(k))
			}
		}
		if len(page.Items) >= limit || len(keys) > 0 && len(page.Items)+len(keys) >= limit {
			last := keys[len(keys)-1]
			page.Next = writeCursor(append(binary.BigEndian.AppendUint16(nil, uint16(b)), last[:]...))
			return page, nil
		}
	}
	return page, nil
}

// speaks tells whether a person is listed by an identifier: no stronger one of
// theirs has a row.
func (p *Pipeline) speaks(ctx context.Context, k id.Key) (bool, error) {
	members, err := p.members(ctx, k)
	if err != nil {
		return false, err
	}
	var stronger []store.RowKey
	for _, m := range members {
		other := m.Key()
		if other == k {
			break
		}
		stronger = append(stronger, store.RowKey{Table: store.TableAnchors, Bucket: other.Bucket(), Key: bytes.Clone(other[:])})
	}
	if len(stronger) == 0 {
		return true, nil
	}
	rows, err := p.store.State().Load(ctx, stronger)
	if err != nil {
		return false, err
	}
	for _, parts := range rows {
		if parts != nil {
			return false, nil
		}
	}
	return true, nil
}
