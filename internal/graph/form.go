package graph

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// The form of the graph's rows. A folder of an older one is written anew when it
// is loaded. The numbers are on disk: none is 1, in which sightings lay by the
// quarter of an hour.
const (
	form        = 2
	oldByTime   = 'f'
	oldBackward = 'b'
)

var formKey = []byte("identity-form")

// loadForm brings rows of an older form into that of today. What it writes goes
// with the next commit, all of it or nothing.
func (g *Graph) loadForm(ctx context.Context) error {
	found, err := g.state.Load(ctx, []store.RowKey{{Table: store.TableMeta, Bucket: id.CommonBucket, Key: formKey}})
	if err != nil {
		return fmt.Errorf("load the form of the identity graph: %w", err)
	}
	if parts := found[0]; len(parts) > 0 {
		if is, _ := binary.Uvarint(parts[len(parts)-1]); is != form {
			return fmt.Errorf("the identity graph has the form %d and this version reads %d: start the version that wrote it, or run `rapport rebuild`", is, form)
		}
		return nil
	}
	n, err := g.sightingsByMoment(ctx)
	if err != nil {
		return fmt.Errorf("write sightings of an older form anew: %w", err)
	}
	if n > 0 {
		g.log.Info("sightings on shared identifiers were of an older form and are written anew", "sightings", n)
	}
	g.rows = append(g.rows, rows.Common(store.TableMeta, formKey, store.Put, binary.AppendUvarint(nil, form)))
	return nil
}

// sightingsByMoment puts sightings that lie by the quarter of an hour where they
// lie by the moment. Their values say the moment.
func (g *Graph) sightingsByMoment(ctx context.Context) (n int, err error) {
	var old [][]byte
	var bad error
	err = g.state.Scan(ctx, store.Range{Table: store.TableSightings, Bucket: id.CommonBucket}, func(key []byte, parts [][]byte) bool {
		if len(key) != 37 || key[16] != oldByTime && key[16] != oldBackward || len(parts) == 0 {
			return true
		}
		value := slices.Clone(parts[len(parts)-1])
		r := rows.Cursor{B: value}
		at := clock.Instant(r.Varint())
		if r.Bad {
			bad = errGraph
			return false
		}
		order := byte(byTime)
		if key[16] == oldBackward {
			order = backwards
		} else {
			n++
		}
		g.more.Put(store.TableSightings, sightingKey(id.Key(key[:16]), order, at, id.Key(key[21:])), value)
		old = append(old, slices.Clone(key))
		return true
	})
	for _, key := range old {
		g.more.Remove(store.TableSightings, key)
	}
	if err == nil {
		err = bad
	}
	return n, err
}
