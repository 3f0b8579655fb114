package pipeline

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// An event that was stored once may not be understood any more when it is folded
// again, by a rebuild under another mapping. It is a dead letter then: counted
// where it would have been folded, and listed by its place in the log, so that
// it can be looked at, replayed and discarded like those that the door made.

const reasonUnread = "unreadable"

// misread counts an event that cannot be folded, and has it listed.
func (w *people) misread(t *task) {
	if d, ok := t.err.(errDropped); ok { //nolint:errorlint // resolve made it, and nobody wraps it
		w.tally.dropped(d.Copy)
		return
	}
	w.tally.unreadable(t.err)
	if t.rec.Payload == nil {
		return // erased
	}
	w.derived = append(w.derived, store.Record{
		Kind: store.KindUnread, Bucket: id.CommonBucket, Anchor: t.rec.Anchor, Received: t.rec.Received,
		Payload: binary.AppendUvarint(nil, uint64(t.rec.Position)),
	})
}

// buryUnread lists an event that could not be mapped again, unless somebody
// decided on it before. What it says stays in the log alone.
func (c *common) buryUnread(ctx context.Context, r *store.Record) error {
	at, n := binary.Uvarint(r.Payload)
	if n <= 0 {
		return nil // erased since
	}
	switch mark, err := c.row(ctx, store.TableMeta, decidedKey(store.Position(at))); {
	case err != nil:
		return err
	case string(mark) == discardedUnseen:
		c.discardUnread(store.Position(at))
		return nil
	case mark != nil:
		return nil
	}
	rec, err := c.store.Log().At(ctx, store.Position(at))
	if errors.Is(err, store.ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	env, _, err := event.ReadPayload(rec.Payload)
	if err != nil {
		return nil //nolint:nilerr // erased since
	}
	summary, err := json.Marshal(DeadLetterView{
		Received: rec.Received, Source: env.Source, Dialect: env.Dialect, Reason: reasonUnread,
		Message: "the mapping of today does not understand this event, which an earlier one took",
	})
	if err != nil {
		return err
	}
	c.more.Put(store.TableDeadLetters, positionKey(store.Position(at)), summary)
	return nil
}

// What is kept of a decision on an event that could not be mapped again: a
// rebuild finds the event once more, behind the decision.
const (
	replayedUnread  = "r"
	discardedUnread = "d" // and counted as that
	discardedUnseen = "u" // the event was folded, as far as is known
)

// decideUnread takes a decision on an event that could not be mapped again.
func (c *common) decideUnread(ctx context.Context, v *verdict) error {
	listed, err := c.row(ctx, store.TableDeadLetters, positionKey(v.DeadLetter))
	switch {
	case err != nil:
		return err
	case v.Decision == "replayed":
		c.more.Put(store.TableMeta, decidedKey(v.DeadLetter), []byte(replayedUnread))
	case listed == nil:
		c.more.Put(store.TableMeta, decidedKey(v.DeadLetter), []byte(discardedUnseen))
	default:
		c.discardUnread(v.DeadLetter)
	}
	c.more.Remove(store.TableDeadLetters, positionKey(v.DeadLetter))
	return nil
}

func (c *common) discardUnread(at store.Position) {
	c.tally.Discarded++
	c.tally.changed = true
	c.more.Put(store.TableMeta, decidedKey(at), []byte(discardedUnread))
}

// row reads a row of one part that the overlay holds while it is not committed.
func (c *common) row(ctx context.Context, t store.Table, key []byte) (value []byte, err error) {
	err = c.more.Scan(ctx, c.store.State(), store.Range{Table: t, Prefix: key}, func(k, v []byte) bool {
		if len(k) == len(key) {
			value = slices.Clone(v)
		}
		return false
	})
	return value, err
}

// readUnread makes a dead letter of a stored event, with what is wrong with it
// today.
func (p *Pipeline) readUnread(rec *store.Record) (d DeadLetter, err error) {
	if rec.Payload == nil {
		return d, store.ErrErased
	}
	d.Reason = reasonUnread
	if d.Envelope, d.Body, err = event.ReadPayload(rec.Payload); err != nil {
		return d, err
	}
	if _, err := p.decode(rec.Payload); err != nil {
		d.Message = err.Error()
	}
	return d, nil
}

// decidedKey is the row of a decision on an event that could not be mapped again.
func decidedKey(at store.Position) []byte { return slices.Concat([]byte("decided"), positionKey(at)) }

// replayOfStored tells that a replayed letter is an event that is folded itself:
// the mapping of today understands it where it stands in the log.
func replayOfStored(t *task, e, other *profile.Entry) bool {
	return t.rec.Kind == store.KindReplay && e.Received == other.Received && e.Time == other.Time && e.Type == other.Type
}
