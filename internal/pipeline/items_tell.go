package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// The rhythm of telling. After people were looked through for a change, items
// may change unseen for restTurns times as long as that took.
const (
	tellEvery   = 100 * time.Millisecond
	tellItems   = 512 // in one frame
	recheckHome = 256 // people in one record
	recheckRows = 64  // records in one frame
	restTurns   = 4
)

// keepItems tells of changed items until the pipeline stops.
func (p *Pipeline) keepItems() {
	every := time.NewTicker(tellEvery)
	defer every.Stop()
	ctx := p.lifetime()
	var next time.Time
	for {
		select {
		case <-p.stop:
			return
		case <-every.C:
		}
		if p.clock().Before(next) || p.itemsTold() {
			continue
		}
		begun := p.clock()
		if err := p.TellItems(ctx); err != nil && ctx.Err() == nil {
			p.log.Error("changed items cannot be told", "error", err)
		}
		next = p.clock().Add(restTurns * p.clock().Sub(begun))
	}
}

// itemsTold tells whether conditions see all items as they are, and everybody
// whom that concerns was evaluated.
func (p *Pipeline) itemsTold() bool {
	if p.items.last() > p.common.rechecked.Load() {
		return false
	}
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		n := len(w.untold)
		p.lanes[i].mu.Unlock()
		if n > 0 {
			return false
		}
	}
	return true
}

// TellItems makes facts of what changed of items, and of whom to evaluate anew
// because of it. It returns when both are applied.
func (p *Pipeline) TellItems(ctx context.Context) error {
	p.telling.Lock()
	defer p.telling.Unlock()
	for {
		records, err := p.untoldItems(ctx)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		if err := p.appendFacts(ctx, records); err != nil {
			return err
		}
	}
	return p.recheck(ctx)
}

// appendFacts writes facts and waits until every lane has them.
func (p *Pipeline) appendFacts(ctx context.Context, records []store.Record) error {
	r, err := p.append(ctx, &store.Frame{Records: records})
	if err != nil {
		return err
	}
	return p.lanesAt(ctx, r.Position)
}

// untoldItems are facts of items that are others than conditions see.
func (p *Pipeline) untoldItems(ctx context.Context) ([]store.Record, error) {
	var out []store.Record
	now := p.clock.Now()
	for i, w := range p.people {
		err := func() error {
			p.lanes[i].mu.Lock()
			defer p.lanes[i].mu.Unlock()
			var keys []id.Key
			for k := range w.untold {
				if len(out)+len(keys) == tellItems {
					break
				}
				keys = append(keys, k)
			}
			return w.seeEntities(ctx, keys, func(i int, row *catalog.Entity, _ bool) {
				k, item := keys[i], w.untold[keys[i]]
				if w.markItem(k, item, row); w.untold[k] == "" {
					return // it is again as it was
				}
				f := catalog.ItemFactOf(item, row)
				out = append(out, store.Record{Kind: store.KindItem, Bucket: k.Bucket(), Anchor: k, Received: now, Payload: f.Append(nil), Attached: &f})
			})
		}()
		if err != nil {
			return nil, fmt.Errorf("items to be told: %w", err)
		}
	}
	return out, nil
}

// recheck has everybody evaluated anew whom items concern that changed since it
// was done last.
func (p *Pipeline) recheck(ctx context.Context) error {
	from, upTo := p.common.rechecked.Load(), p.items.last()
	if upTo <= from {
		return nil
	}
	if p.asksItems() {
		var items map[string]bool
		p.items.read(func(b *catalog.ItemBook) { items = b.Changed(from, upTo) })
		if err := p.recheckPeople(ctx, items); err != nil {
			return err
		}
	}
	return p.appendFacts(ctx, []store.Record{{
		Kind: store.KindRecheck, Bucket: id.CommonBucket, Anchor: id.KeyOf("recheck", ""), Received: p.clock.Now(),
		Payload: positionKey(store.Position(upTo)),
	}})
}

// asksItems tells whether anything that is live or in force depends on what
// items are.
func (p *Pipeline) asksItems() bool {
	list := p.common.force.Load().criteria()
	list = append(list, p.live("", "")...)
	return slices.ContainsFunc(list, func(c criterion) bool {
		docs, err := p.library.get([]criterion{c})
		return err == nil && docs[0].items
	})
}

// recheckPeople looks through all people for those who have to do with items.
func (p *Pipeline) recheckPeople(ctx context.Context, items map[string]bool) error {
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return err
		}
	}
	s := rechecking{p: p, now: p.clock.Now(), homes: map[id.Bucket][]id.Key{}}
	for b := range id.Bucket(id.Buckets) {
		if err := s.look(ctx, b, items); err != nil {
			return fmt.Errorf("who has to do with changed items in bucket %d: %w", b, err)
		}
		if s.people >= recheckHome*recheckRows {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
	}
	return s.flush(ctx)
}

// rechecking gathers people to be evaluated anew.
type rechecking struct {
	p      *Pipeline
	now    clock.Instant
	homes  map[id.Bucket][]id.Key
	people int
}

// look gathers those in a bucket who have to do with items.
func (s *rechecking) look(ctx context.Context, b id.Bucket, items map[string]bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var bad error
	var shared []id.Key
	err := s.p.store.State().Scan(ctx, store.Range{Table: store.TableAnchors, Bucket: b}, func(key []byte, parts [][]byte) bool {
		var x mentioned
		if x, bad = leavesOf(id.Key(key), parts); bad == nil && x.leaves != nil && x.leaves.Mentions(items) {
			s.add(x.home)
			if x.cut {
				shared = append(shared, id.Key(key))
			}
		}
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	for _, k := range shared {
		// What happened there is at times one person's, at times another's.
		if err := s.p.store.State().Scan(ctx, store.Range{Table: store.TableCuts, Bucket: b, Prefix: k[:]}, func(key []byte, _ [][]byte) bool {
			if len(key) == 2*len(k) {
				s.add(id.Key(key[len(k):]))
			}
			return true
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *rechecking) add(home id.Key) {
	s.homes[home.Bucket()] = append(s.homes[home.Bucket()], home)
	s.people++
}

func (s *rechecking) flush(ctx context.Context) error {
	var records []store.Record
	for _, b := range slices.Sorted(maps.Keys(s.homes)) {
		homes := s.homes[b]
		slices.SortFunc(homes, func(a, b id.Key) int { return bytes.Compare(a[:], b[:]) })
		for some := range slices.Chunk(slices.Compact(homes), recheckHome) {
			c := recheck{some}
			records = append(records, store.Record{
				Kind: store.KindRecheck, Bucket: b, Anchor: id.KeyOf("recheck", ""), Received: s.now, Payload: c.append(nil),
			})
		}
	}
	clear(s.homes)
	s.people = 0
	for some := range slices.Chunk(records, recheckRows) {
		if err := s.p.appendFacts(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// mentioned is an anchor as changed items are looked for in it.
type mentioned struct {
	home   id.Key // of the person
	cut    bool   // it is other people's at times
	leaves *segment.State
}

// leavesOf reads of an anchor's row what conditions keep, and where the person's
// home is, and nothing else.
func leavesOf(key id.Key, parts [][]byte) (x mentioned, err error) {
	x.home = key
	var states [][]byte
	for _, p := range parts {
		for r := (rows.Cursor{B: p}); len(r.B) > 0; {
			switch tag := r.Byte(); tag {
			case sectionCut: // its tag says all
				x.cut = true
			case sectionHome:
				h, ok := readHome(r.Section())
				if r.Bad = r.Bad || !ok; ok {
					if x.home = key; h.at.Value != "" {
						x.home = h.key
					}
				}
			case sectionLeaves:
				states = append(states[:0], r.Section())
			case sectionMoreLeaves:
				states = append(states, r.Section())
			default:
				skipSection(tag, &r)
			}
			if r.Bad {
				return x, fmt.Errorf("%w: %s", errAnchor, key)
			}
		}
	}
	if len(states) == 0 {
		return x, nil
	}
	x.leaves, err = segment.DecodeState(states)
	return x, err
}

var recheckedKey = []byte("rechecked")

// recheckedUpTo keeps up to where changed items have been looked after.
func (c *common) recheckedUpTo(r *store.Record) {
	if len(r.Payload) != len(positionKey(0)) {
		return
	}
	at := store.Position(binary.BigEndian.Uint64(r.Payload))
	if at > store.Position(c.rechecked.Load()) {
		c.rechecked.Store(uint64(at))
		c.rows = append(c.rows, rows.Common(store.TableMeta, recheckedKey, store.Put, bytes.Clone(r.Payload)))
	}
}

func (c *common) loadRechecked(ctx context.Context) error {
	rows, err := c.store.State().Load(ctx, []store.RowKey{{Table: store.TableMeta, Bucket: id.CommonBucket, Key: recheckedKey}})
	if err != nil || len(rows[0]) == 0 {
		return err
	}
	c.rechecked.Store(binary.BigEndian.Uint64(rows[0][0]))
	return nil
}
