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
	for {
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
		if len(keys) < most {
			return page, nil
		}
		last := keys[len(keys)-1]
		at = bucketPlace{last.Bucket(), last[:]}
		if len(page.Items) == limit {
			page.Next = at.cursor()
			return page, nil
		}
	}
}

// anchorKeys gives the next anchors behind a place. The key of an anchor begins
// with its bucket, so a key is behind all of the buckets before its own.
func (p *Pipeline) anchorKeys(ctx context.Context, from bucketPlace, most int) ([]id.Key, error) {
	var keys []id.Key
	at := store.SpanRange{Table: store.TableAnchors, Span: store.Span{First: from.bucket, Last: id.Buckets - 1}, After: from.after}
	err := p.store.State().ScanSpan(ctx, at, func(_ id.Bucket, key []byte, _ [][]byte) store.Step {
		if len(key) == len(id.Key{}) {
			keys = append(keys, id.Key(key))
		}
		if len(keys) < most {
			return store.NextRow
		}
		return store.Stop
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
		return p.known(ctx, k)
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
	return p.known(ctx, k)
}

// known tells whether anything is known of a person, where that is in doubt:
// nothing happened on the identifier itself.
func (p *Pipeline) known(ctx context.Context, k id.Key) (bool, error) {
	a, err := p.copyAnchor(ctx, k)
	if err != nil || a != nil && !a.blank() {
		return err == nil, err
	}
	who, err := p.gatherKey(ctx, k)
	return who != nil, err
}
