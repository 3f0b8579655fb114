package pipeline

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// DeadLetterView is a dead letter as the API shows it.
type DeadLetterView struct {
	ID       string        `json:"id"`
	Received clock.Instant `json:"received_at"`
	Source   string        `json:"source"`
	Dialect  string        `json:"dialect"`
	Reason   string        `json:"reason"`
	Message  string        `json:"message"`
	// Body is as it was received; only where one letter is asked for.
	Body string `json:"body,omitempty"`
}

// DeadLetterQuery filters a list of dead letters; empty fields let all pass.
type DeadLetterQuery struct {
	Reason string
	Source string
	Cursor string
	Limit  int
}

// append encodes a dead letter: reason and message, then envelope and body.
func (d *DeadLetter) append(b []byte) []byte {
	b = rows.AppendBytes(b, []byte(d.Reason))
	b = rows.AppendBytes(b, []byte(d.Message))
	return d.Envelope.AppendPayload(b, d.Body)
}

func readDeadLetter(payload []byte) (DeadLetter, error) {
	if payload == nil {
		return DeadLetter{}, store.ErrErased
	}
	r := rows.Cursor{B: payload}
	d := DeadLetter{Reason: string(r.Bytes()), Message: string(r.Bytes())}
	if r.Bad {
		return d, errors.New("dead letter is damaged")
	}
	var err error
	d.Envelope, d.Body, err = event.ReadPayload(r.B)
	return d, err
}

// verdict is the payload of a person's decision on a dead letter.
type verdict struct {
	DeadLetter store.Position `json:"dead_letter,omitempty"`
	Unread     bool           `json:"unread,omitempty"`   // the letter is an event that could not be mapped again
	Decision   string         `json:"decision,omitempty"` // replayed, discarded
	// Identity is an operator's word on identifiers; then nothing else is said.
	Identity *identity.Fact `json:"identity,omitempty"`
}

func positionKey(p store.Position) []byte { return binary.BigEndian.AppendUint64(nil, uint64(p)) }

// bury lists a dead letter until somebody decides on it.
func (c *common) bury(r *store.Record) {
	c.tally.take(r.Kind)
	d, err := readDeadLetter(r.Payload)
	if err != nil {
		c.tally.dead(reasonUnread)
		return
	}
	c.tally.dead(d.Reason)
	summary, err := json.Marshal(DeadLetterView{
		Received: r.Received, Source: d.Envelope.Source, Dialect: d.Envelope.Dialect, Reason: d.Reason, Message: d.Message,
	})
	if err != nil {
		c.log.Error("dead letter cannot be listed", "position", r.Position, "error", err)
		return
	}
	c.rows = append(c.rows, rows.Common(store.TableDeadLetters, positionKey(r.Position), store.Put, summary))
}

// decide takes what a person said: of identifiers, or of a dead letter, which
// leaves the list. A replayed one is counted where its event is folded.
func (c *common) decide(ctx context.Context, r *store.Record) error {
	var v verdict
	if err := json.Unmarshal(r.Payload, &v); err != nil {
		if r.Payload != nil {
			c.log.Error("verdict cannot be read", "position", r.Position, "error", err)
		}
		return nil
	}
	if v.Identity != nil {
		return c.graph.Say(ctx, r, v.Identity)
	}
	delete(c.deciding, v.DeadLetter)
	if v.Unread {
		return c.decideUnread(ctx, &v)
	}
	if v.Decision == "discarded" {
		c.tally.Discarded++
	}
	c.tally.changed = true
	c.rows = append(c.rows, rows.Common(store.TableDeadLetters, positionKey(v.DeadLetter), store.Delete, nil))
	return nil
}

// DeadLetters lists dead letters, oldest first.
func (p *Pipeline) DeadLetters(ctx context.Context, q DeadLetterQuery) (Page[DeadLetterView], error) {
	var page Page[DeadLetterView]
	after, err := readCursor(q.Cursor)
	if err != nil {
		return page, err
	}
	if err := p.graphLane.commit(ctx); err != nil {
		return page, err
	}
	var bad error
	at := store.Range{Table: store.TableDeadLetters, Bucket: id.CommonBucket, After: after}
	err = p.store.State().Scan(ctx, at, func(key []byte, parts [][]byte) bool {
		var v DeadLetterView
		if bad = json.Unmarshal(parts[len(parts)-1], &v); bad != nil {
			return false
		}
		if (q.Reason != "" && v.Reason != q.Reason) || (q.Source != "" && v.Source != q.Source) {
			return true
		}
		if len(page.Items) == q.Limit {
			page.Next = writeCursor(positionKey(deadLetterPosition(page.Items[q.Limit-1].ID)))
			return false
		}
		v.ID = deadLetterID(store.Position(binary.BigEndian.Uint64(key)))
		page.Items = append(page.Items, v)
		return true
	})
	return page, errors.Join(err, bad)
}

func deadLetterID(at store.Position) string { return "dl_" + strconv.FormatUint(uint64(at), 16) }

func deadLetterPosition(letter string) store.Position {
	hex, ok := strings.CutPrefix(letter, "dl_")
	n, err := strconv.ParseUint(hex, 16, 64)
	if !ok || err != nil {
		return 0
	}
	return store.Position(n)
}

// DeadLetter gives one that waits, with its body.
func (p *Pipeline) DeadLetter(ctx context.Context, letter string) (DeadLetterView, error) {
	l, err := p.buried(ctx, letter)
	if err != nil {
		return DeadLetterView{}, err
	}
	return DeadLetterView{
		ID: deadLetterID(l.at), Received: l.Envelope.Received, Source: l.Envelope.Source,
		Dialect: l.Envelope.Dialect, Reason: l.Reason, Message: l.Message, Body: string(l.Body),
	}, nil
}

// letter is a dead letter that waits.
type letter struct {
	DeadLetter
	at     store.Position
	unread bool // an event that could not be mapped again
}

func (p *Pipeline) buried(ctx context.Context, name string) (*letter, error) {
	gone := fault.Errorf(fault.NotFound, "dead_letter_not_found", "no dead letter %q waits; it may have been replayed or discarded", name)
	at := deadLetterPosition(name)
	if at == 0 {
		return nil, gone
	}
	if err := p.graphLane.commit(ctx); err != nil {
		return nil, err
	}
	rows, err := p.store.State().Load(ctx, []store.RowKey{{Table: store.TableDeadLetters, Bucket: id.CommonBucket, Key: positionKey(at)}})
	if err != nil {
		return nil, err
	}
	if rows[0] == nil {
		return nil, gone
	}
	rec, err := p.store.Log().At(ctx, at)
	if errors.Is(err, store.ErrErased) {
		return &letter{at: at, unread: true}, fault.Errorf(fault.Gone, "dead_letter_erased", "dead letter %q was an event of somebody who was erased; discard it: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("dead letter at %d: %w", at, err)
	}
	l := &letter{at: at, unread: rec.Kind != store.KindDeadLetter}
	if l.unread {
		l.DeadLetter, err = p.readUnread(&rec)
	} else {
		l.DeadLetter, err = readDeadLetter(rec.Payload)
	}
	return l, err
}

// DiscardDeadLetter gives a dead letter up: it counts as rejected from now on.
func (p *Pipeline) DiscardDeadLetter(ctx context.Context, name string) (Receipt, error) {
	l, err := p.buried(ctx, name)
	if err != nil && !errors.Is(err, store.ErrErased) {
		return Receipt{}, err
	}
	return p.rule(ctx, verdict{DeadLetter: l.at, Unread: l.unread, Decision: "discarded"})
}

// rule appends a verdict with what follows from it, as one frame. Of two
// verdicts on one letter the second finds the first on its way and fails.
func (p *Pipeline) rule(ctx context.Context, v verdict, with ...store.Record) (Receipt, error) {
	p.graphLane.mu.Lock()
	taken := p.common.deciding[v.DeadLetter]
	p.common.deciding[v.DeadLetter] = true
	p.graphLane.mu.Unlock()
	if taken {
		return Receipt{}, fault.Errorf(fault.Conflict, "already_decided", "a decision on this dead letter is on its way")
	}
	payload, err := json.Marshal(v)
	if err != nil {
		return Receipt{}, err
	}
	received := uint64(0)
	for i := range with {
		if with[i].Kind == store.KindEvent { // what is replayed was received before
			received++
		}
	}
	frame := &store.Frame{Received: received, Records: append(with, store.Record{
		Kind: store.KindVerdict, Bucket: id.CommonBucket, Anchor: id.KeyOf("dead_letter", deadLetterID(v.DeadLetter)),
		Received: p.clock.Now(), Payload: payload,
	})}
	receipt, err := p.append(ctx, frame)
	if err != nil {
		p.graphLane.mu.Lock()
		delete(p.common.deciding, v.DeadLetter)
		p.graphLane.mu.Unlock()
		return receipt, err
	}
	// The next decision must find this one applied.
	return receipt, p.waitRecords(ctx, receipt)
}
