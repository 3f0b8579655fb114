package pipeline

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// DeliveryQuery asks for deliveries of a destination, newest cause first.
type DeliveryQuery struct {
	Destination string
	Outcome     effect.Outcome
	Reason      string
	From, To    clock.Instant // of the cause
	Cursor      string
	Limit       int
}

// Delivery is one delivery with where the log has its parts.
type Delivery struct {
	effect.DeliveryHead
	Place  effect.Place
	Bucket id.Bucket
	Sent   store.Position
	Result store.Position
}

// Deliveries lists what was sent, or not, to a destination.
func (p *Pipeline) Deliveries(ctx context.Context, q DeliveryQuery) (Page[Delivery], error) {
	var page Page[Delivery]
	after, err := readCursor(q.Cursor)
	if err != nil {
		return page, err
	}
	if after != nil && len(after) != 24 {
		return page, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is not one that this list gave; leave it out to begin at the start").At("cursor")
	}
	if err := p.commitPeople(ctx); err != nil {
		return page, err
	}
	all, err := p.deliveryRows(ctx, &q, after, nil)
	if err != nil {
		return page, err
	}
	if len(all) > q.Limit {
		all = all[:q.Limit]
		page.Next = writeCursor(all[q.Limit-1].Place.Append(nil, true))
	}
	page.Items = all
	return page, nil
}

// deliveryRows gives the first rows of a list behind a place, one more than
// are asked for; where only is given, those that it lets pass.
func (p *Pipeline) deliveryRows(ctx context.Context, q *DeliveryQuery, after []byte, only func(*Delivery) bool) ([]Delivery, error) {
	prefix := effect.DeliveryPrefix(q.Destination)
	at := store.SpanRange{Table: store.TableOutbox, Span: allPeople(), Prefix: prefix}
	if after != nil {
		at.After = append(slices.Clone(prefix), after...)
	}
	var all []Delivery
	var bad error
	err := p.store.State().ScanSpan(ctx, at, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		d := Delivery{Bucket: b}
		if d.Place, bad = effect.ReadPlace(key[len(prefix):], true); bad != nil {
			return store.Stop
		}
		if len(all) > q.Limit && d.Place.Compare(all[q.Limit].Place) < 0 {
			return store.NextBucket
		}
		var at effect.Places
		if at, d.DeliveryHead, bad = effect.ReadDelivery(parts[0]); bad != nil {
			return store.Stop
		}
		d.Sent, d.Result = store.Position(at.Sent), store.Position(at.Result)
		if !q.wants(&d.DeliveryHead) || only != nil && !only(&d) {
			return store.NextRow
		}
		i, _ := slices.BinarySearchFunc(all, d.Place, func(x Delivery, at effect.Place) int { return at.Compare(x.Place) })
		all = slices.Insert(all, i, d)
		all = all[:min(len(all), q.Limit+1)]
		return store.NextRow
	})
	return all, errors.Join(err, bad)
}

func (q *DeliveryQuery) wants(h *effect.DeliveryHead) bool {
	return (q.Outcome == "" || h.Outcome == q.Outcome) && (q.Reason == "" || h.Reason == q.Reason) &&
		h.Time >= q.From && (q.To == 0 || h.Time < q.To)
}

// Delivery finds one delivery of a destination by the id of its message.
func (p *Pipeline) Delivery(ctx context.Context, destination, messageID string) (Delivery, error) {
	b, err := hex.DecodeString(messageID)
	if err == nil && len(b) == 16 {
		if err := p.commitPeople(ctx); err != nil {
			return Delivery{}, err
		}
		list, err := p.deliveryRows(ctx, &DeliveryQuery{Destination: destination}, nil, func(d *Delivery) bool { return bytes.Equal(d.Place.ID[:], b) })
		if err != nil {
			return Delivery{}, err
		}
		if len(list) > 0 {
			return list[0], nil
		}
	}
	return Delivery{}, fault.Errorf(fault.NotFound, "delivery_not_found", "%q has no delivery %q: it is older than deliveries are listed, or there never was one", destination, messageID)
}

// PurgeDeliveries takes deliveries off the list that came to an end before an
// instant, and tells how many.
func (p *Pipeline) PurgeDeliveries(ctx context.Context, destination string, before clock.Instant) (int, error) {
	n := 0
	old, err := p.oldDeliveries(ctx, destination, before)
	if err != nil {
		return n, err
	}
	for _, b := range slices.Sorted(maps.Keys(old)) {
		if _, err := p.KeepEffects(ctx, []Effect{{AnchorIn(b), effect.Fact{Op: effect.OpPurge, Destination: destination, Rows: old[b]}}}); err != nil {
			return n, err
		}
		n += len(old[b])
	}
	return n, nil
}

// oldDeliveries are the rows of deliveries that came to an end before an
// instant, of each bucket as many as one record takes.
func (p *Pipeline) oldDeliveries(ctx context.Context, destination string, before clock.Instant) (map[id.Bucket][][]byte, error) {
	old := map[id.Bucket][][]byte{}
	var bad error
	err := p.store.State().ScanSpan(ctx, store.SpanRange{
		Table: store.TableOutbox, Span: allPeople(), Prefix: effect.DeliveryPrefix(destination),
	}, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		var h effect.DeliveryHead
		if _, h, bad = effect.ReadDelivery(parts[0]); bad != nil {
			return store.Stop
		}
		if h.Outcome.Final() && h.Outcome != effect.Dead && h.Changed < before {
			old[b] = append(old[b], bytes.Clone(key))
		}
		if len(old[b]) == maxPurge {
			return store.NextBucket
		}
		return store.NextRow
	})
	return old, errors.Join(err, bad)
}

// ToldPeople visits the people of whom a destination knows something of a
// segment, by their profile ids.
func (p *Pipeline) ToldPeople(ctx context.Context, destination, segment, known string, visit func(person string) error) error {
	if err := p.commitPeople(ctx); err != nil {
		return err
	}
	prefix := effect.ToldKey(destination, segment, "")
	for b := id.Bucket(0); b < id.Buckets; {
		// Whoever is visited may take long: a scan must not wait for it.
		var people []string
		next := id.Bucket(id.Buckets)
		at := store.SpanRange{Table: store.TableOutbox, Span: store.Span{First: b, Last: id.Buckets - 1}, Prefix: prefix}
		err := p.store.State().ScanSpan(ctx, at, func(in id.Bucket, key []byte, parts [][]byte) store.Step {
			if in != b && len(people) >= toldWindow {
				next = in
				return store.Stop
			}
			b = in
			if string(parts[len(parts)-1]) == known {
				people = append(people, string(key[len(prefix):]))
			}
			return store.NextRow
		})
		if err != nil {
			return err
		}
		for _, person := range people {
			if err := visit(person); err != nil {
				return err
			}
		}
		b = next
	}
	return nil
}

// toldWindow is how many people are read before they are visited, and those of
// the bucket of the last.
const toldWindow = 1000

// End is the position of the last record of the log.
func (p *Pipeline) End() store.Position { return p.store.Log().End() }

// EventAt gives the event of a record, as it is understood today.
func (p *Pipeline) EventAt(ctx context.Context, at store.Position) (*event.Event, error) {
	r, err := p.store.Log().At(ctx, at)
	if err != nil {
		return nil, err
	}
	return p.decode(r.Payload)
}
