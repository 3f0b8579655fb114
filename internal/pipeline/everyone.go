package pipeline

import (
	"bytes"
	"context"

	"rapport/internal/id"
	"rapport/internal/store"
)

// People lists the profile ids of everybody, bucket by bucket: in an order that
// stays the same and says nothing. A person is listed where the strongest
// identifier of theirs lies that anything is known by.
func (p *Pipeline) People(ctx context.Context, cursor string, limit int) (Page[string], error) {
	var page Page[string]
	at, err := p.bucketPlace(ctx, cursor)
	if err != nil {
		return page, err
	}
	for ; at.bucket < id.Buckets; at = (bucketPlace{bucket: at.bucket + 1}) {
		most := limit - len(page.Items)
		keys, err := p.anchorKeys(ctx, at, most)
		if err != nil {
			return page, err
		}
		for _, k := range keys {
			speaks, err := p.speaks(ctx, k)
			if err != nil {
				return page, err
			}
			if speaks {
				page.Items = append(page.Items, p.cipher.id(k))
			}
		}
		if len(keys) >= most {
			last := keys[len(keys)-1]
			page.Next = bucketPlace{at.bucket, last[:]}.cursor()
			return page, nil
		}
	}
	return page, nil
}

// anchorKeys gives the next anchors of a bucket.
func (p *Pipeline) anchorKeys(ctx context.Context, from bucketPlace, most int) ([]id.Key, error) {
	var keys []id.Key
	at := store.Range{Table: store.TableAnchors, Bucket: from.bucket, After: from.after}
	err := p.store.State().Scan(ctx, at, func(key []byte, _ [][]byte) bool {
		if len(key) == len(id.Key{}) {
			keys = append(keys, id.Key(key))
		}
		return len(keys) < most
	})
	return keys, err
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
