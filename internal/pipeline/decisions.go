package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/decision/kept"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// A kept decision is a fact in the bucket of the person it is about, sealed
// under that person's anchor; its rows say where in the log it stands:
//
//	'i' sort key                   position
//	'p' anchor, sort key           position, head
//	'm' model, zero byte, sort key position, head
//	'j' job, zero byte, sort key   position
//
// The sort key lets the newest come first.
const (
	decisionByID     = 'i'
	decisionByPerson = 'p'
	decisionByModel  = 'm'
	decisionByJob    = 'j'
)

// Keepsake is a decision on its way into the log.
type Keepsake struct {
	Anchor  id.Key // whom it is about, or what takes the place of a person
	Time    clock.Instant
	Payload []byte // as kept encodes it
}

// Keep appends decisions, all in one step. It refuses with fault.Limited where
// more waits to be applied than half of what the memory allows: decisions never
// take the room of events.
func (p *Pipeline) Keep(ctx context.Context, list []Keepsake) (Receipt, error) {
	if p.waiting.Load() > p.room.most/2 {
		return Receipt{}, fault.Errorf(fault.Limited, "busy", "the log is behind: decisions are not kept until it has caught up")
	}
	frame := &store.Frame{Records: make([]store.Record, len(list))}
	for i, k := range list {
		frame.Records[i] = store.Record{Kind: store.KindDecision, Bucket: k.Anchor.Bucket(), Anchor: k.Anchor, Received: k.Time, Payload: k.Payload}
	}
	return p.append(ctx, frame)
}

// keepDecision lists a decision, or takes those off the lists that are no
// longer kept.
func (w *people) keepDecision(r *store.Record) {
	gone, err := kept.ReadPurge(r.Payload)
	if err != nil {
		w.log.Error("end of kept decisions cannot be read", "position", r.Position, "error", err)
		return
	}
	for _, g := range gone {
		if len(g.Anchor) != len(id.Key{}) {
			continue
		}
		for _, key := range decisionKeys(g.ID, id.Key(g.Anchor), g.Model, g.Job) {
			w.rows = append(w.rows, decisionRow(r.Bucket, key, store.Delete, nil))
		}
	}
	head, text, err := kept.ReadHead(r.Payload)
	if err != nil {
		w.log.Error("kept decision cannot be read", "position", r.Position, "error", err)
		return
	}
	if head == nil {
		return
	}
	position := positionKey(r.Position)
	listed := append(positionKey(r.Position), text...)
	for _, key := range decisionKeys(head.ID, r.Anchor, head.Model, head.Job) {
		value := position
		if key[0] == decisionByPerson || key[0] == decisionByModel {
			value = listed
		}
		w.rows = append(w.rows, decisionRow(r.Bucket, key, store.Put, value))
	}
}

// decisionKeys are the rows of a decision.
func decisionKeys(at kept.ID, anchor id.Key, model, job string) [][]byte {
	sort := at.SortKey()
	keys := [][]byte{
		append([]byte{decisionByID}, sort...),
		append(append([]byte{decisionByPerson}, anchor[:]...), sort...),
		append(namedDecisions(decisionByModel, model), sort...),
	}
	if job != "" {
		keys = append(keys, append(namedDecisions(decisionByJob, job), sort...))
	}
	return keys
}

// namedDecisions is what the rows of a model or a job begin with.
func namedDecisions(by byte, name string) []byte { return append(append([]byte{by}, name...), 0) }

func decisionRow(b id.Bucket, key []byte, op store.Op, value []byte) store.Change {
	return store.Change{RowKey: store.RowKey{Table: store.TableDecisions, Bucket: b, Key: key}, Op: op, Value: value}
}

// Decision gives one kept decision.
func (p *Pipeline) Decision(ctx context.Context, decisionID string) (*kept.Decision, error) {
	at, ok := kept.ParseID(decisionID)
	if !ok {
		return nil, fault.Errorf(fault.NotFound, "decision_not_found", "%q is no id of a decision", decisionID)
	}
	if err := p.lanes[p.laneIndex(at.Bucket)].commit(ctx); err != nil {
		return nil, err
	}
	rows, err := p.store.State().Load(ctx, []store.RowKey{{Table: store.TableDecisions, Bucket: at.Bucket, Key: append([]byte{decisionByID}, at.SortKey()...)}})
	if err != nil {
		return nil, err
	}
	if len(rows[0]) == 0 || len(rows[0][0]) < 8 {
		return nil, fault.Errorf(fault.NotFound, "decision_not_found", "no decision %q is kept: it was left out by sampling, is older than the model keeps decisions, or is not in the log yet", decisionID)
	}
	d, err := p.decisionAt(ctx, store.Position(binary.BigEndian.Uint64(rows[0][0])))
	switch {
	case errors.Is(err, store.ErrErased):
		return nil, fault.Errorf(fault.Gone, "decision_erased", "the person whom decision %q was about was erased", decisionID)
	case err == nil && d.Expires <= p.clock.Now():
		return nil, fault.Errorf(fault.NotFound, "decision_not_found", "decision %q is no longer kept", decisionID)
	}
	return d, err
}

func (p *Pipeline) decisionAt(ctx context.Context, at store.Position) (*kept.Decision, error) {
	rec, err := p.store.Log().At(ctx, at)
	if err != nil {
		return nil, err
	}
	if rec.Payload == nil {
		return nil, store.ErrErased
	}
	d, err := kept.Decode(rec.Payload)
	if err != nil {
		return nil, fmt.Errorf("decision at %d: %w", at, err)
	}
	return d, nil
}

// readHead reads the value of a row that carries a head.
func readHead(value []byte) (h kept.Head, err error) {
	if len(value) < 8 {
		return h, errors.New("row of a decision is damaged")
	}
	return h, json.Unmarshal(value[8:], &h)
}

// PurgeDecisions takes decisions off the lists that are no longer to be kept,
// and tells how many. Lists leave them out already.
func (p *Pipeline) PurgeDecisions(ctx context.Context) (int, error) {
	for _, l := range p.lanes {
		if err := l.commit(ctx); err != nil {
			return 0, err
		}
	}
	now, purged := p.clock.Now(), 0
	for first := id.Bucket(0); first < id.Buckets; first += purgeBuckets {
		gone, err := p.expired(ctx, store.Span{First: first, Last: first + purgeBuckets - 1}, now)
		if err != nil {
			return purged, err
		}
		for i, gone := range gone {
			n, err := p.purge(ctx, first+id.Bucket(i), gone, now)
			if purged += n; err != nil {
				return purged, err
			}
		}
	}
	return purged, nil
}

// purge takes decisions of a bucket off the lists, and tells how many.
func (p *Pipeline) purge(ctx context.Context, b id.Bucket, gone []kept.Gone, now clock.Instant) (purged int, err error) {
	for some := range slices.Chunk(gone, maxPurge) {
		payload, err := kept.EncodePurge(some)
		if err != nil {
			return purged, err
		}
		if _, err := p.append(ctx, &store.Frame{Records: []store.Record{{
			Kind: store.KindDecision, Bucket: b, Anchor: id.KeyOf("decisions", "purge"), Received: now, Payload: payload,
		}}}); err != nil {
			return purged, err
		}
		purged += len(some)
	}
	return purged, nil
}

// purgeBuckets is of how many buckets what has expired is read at once; it
// divides id.Buckets.
const purgeBuckets = 64

// maxPurge is how many decisions one record takes off the lists.
const maxPurge = 1000

// expired finds the decisions of some buckets that are no longer to be kept, by
// bucket.
func (p *Pipeline) expired(ctx context.Context, span store.Span, now clock.Instant) (gone [purgeBuckets][]kept.Gone, err error) {
	var bad error
	at := store.SpanRange{Table: store.TableDecisions, Span: span, Prefix: []byte{decisionByPerson}}
	err = p.store.State().ScanSpan(ctx, at, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		var h kept.Head
		if h, bad = readHead(parts[0]); bad != nil || len(key) < 17 {
			return store.Stop
		}
		if h.Expires <= now {
			one := kept.Gone{ID: h.ID, Model: h.Model, Job: h.Job, Anchor: bytes.Clone(key[1:17])}
			gone[b-span.First] = append(gone[b-span.First], one)
		}
		return store.NextRow
	})
	return gone, errors.Join(err, bad)
}
