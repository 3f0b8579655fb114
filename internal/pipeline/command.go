package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/store"
)

// Command is a request whose answer depends on the state of an entity.
type Command struct {
	Kind           catalog.Kind
	ID             string
	Op             catalog.Op // Put replaces, Merge is a merge patch, Delete removes
	Body           []byte
	IfMatch        string // the tag the caller saw; "*": any; empty: not asked
	IfNoneMatch    string // "*": only if there is none
	IdempotencyKey string
	// First says that nobody has sent a command with the idempotency key before:
	// its answer is kept and none is looked for.
	First    bool
	Source   string
	Received clock.Instant
	// Sent is what the caller sent where Body was made of it and of the state:
	// sent again with the same idempotency key, it is the same command.
	Sent []byte
	// Tell makes of what was decided the event that tells the entity's customer
	// of it; nil, or nil from it, tells nobody. It is in the log with the outcome
	// or not at all.
	Tell func(Told) (*Arrival, error)
}

// Told is a decided change: what the entity was and what it is from then on, as
// the API shows them; nil where it was not or is not.
type Told struct {
	Before, After any
	Change        *catalog.Change
}

// Outcome is the answer to a command.
type Outcome struct {
	Stored
	Created bool
	Deleted bool
	Receipt Receipt
}

// outcomeRecord is the fact that a command became: a change without
// conditions, and what to answer if the command is sent again.
type outcomeRecord struct {
	Change         json.RawMessage `json:"change"`
	IdempotencyKey string          `json:"idempotency_key,omitempty"`
	BodyHash       []byte          `json:"body_hash,omitempty"`
	Created        bool            `json:"created,omitempty"`
}

// append writes it as JSON.
func (o *outcomeRecord) append(b []byte) []byte {
	b = append(append(b, `{"change":`...), o.Change...)
	if o.IdempotencyKey != "" {
		b = jsondoc.AppendString(append(b, `,"idempotency_key":`...), o.IdempotencyKey)
	}
	if len(o.BodyHash) > 0 {
		b = append(base64.StdEncoding.AppendEncode(append(b, `,"body_hash":"`...), o.BodyHash), '"')
	}
	if o.Created {
		b = append(b, `,"created":true`...)
	}
	return append(b, '}')
}

func readChange(payload []byte) (catalog.Change, error) {
	var o outcomeRecord
	if err := json.Unmarshal(payload, &o); err != nil {
		return catalog.Change{}, err
	}
	return catalog.ReadChange(o.Change)
}

// Change decides a command against the applied state of its entity and
// appends the outcome as a fact. A second command on the same entity waits
// until the outcome of the first is applied.
func (p *Pipeline) Change(ctx context.Context, c Command) (Outcome, error) {
	k := catalog.Key(c.Kind, c.ID)
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	turn, err := l.enter(ctx, w, k)
	if err != nil {
		return Outcome{}, err
	}
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if w.undecided[k] == turn { // the outcome, when applied, has left already
			w.leave(k)
		}
	}
	d, again, err := p.outcome(ctx, &c, k)
	if err != nil || again != nil {
		leave()
		if again != nil {
			return *again, nil
		}
		return Outcome{}, err
	}
	receipt, err := p.appendOutcome(ctx, &c, d)
	if err != nil {
		leave()
		return Outcome{}, err
	}
	// Applying the outcome ends the turn; the answer shows what came of it.
	if err := p.waitRecords(ctx, receipt); err != nil {
		return Outcome{Receipt: receipt}, err
	}
	out := Outcome{Receipt: receipt, Deleted: c.Op == catalog.Delete}
	out.Created = d.created
	if !out.Deleted {
		out.Stored, err = p.Entity(ctx, c.Kind, c.ID)
	}
	return out, err
}

// enter waits until no other command on the entity is undecided.
func (l *lane) enter(ctx context.Context, w *people, k id.Key) (turn chan struct{}, err error) {
	for {
		l.mu.Lock()
		busy := w.undecided[k]
		if busy == nil {
			turn = make(chan struct{})
			w.undecided[k] = turn
			l.mu.Unlock()
			return turn, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, fault.Errorf(fault.Unavailable, "busy", "another command on this entity is not decided yet: %w", ctx.Err())
		}
	}
}

func (w *people) leave(k id.Key) {
	if done := w.undecided[k]; done != nil {
		close(done)
		delete(w.undecided, k)
	}
}

// decided is the record of an outcome, and what is told of it.
type decided struct {
	record  store.Record
	told    Told
	created bool
}

// outcome checks the conditions of a command and makes its record. Where the
// command was answered before, that answer is given again.
func (p *Pipeline) outcome(ctx context.Context, c *Command, k id.Key) (*decided, *Outcome, error) {
	if c.IdempotencyKey != "" {
		again, err := p.answered(ctx, c, k, c.hash())
		if again != nil || err != nil {
			return nil, again, err
		}
	}
	e, err := p.copyEntity(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	var random [16]byte
	p.random(random[:])
	d, err := p.decideOn(ctx, c, k, e, random)
	return d, nil, err
}

// hash tells the commands of an idempotency key apart.
func (c *Command) hash() []byte {
	h := sha256.Sum256(append([]byte{byte(c.Op)}, c.sent()...))
	return h[:]
}

// decideOn decides a command on what its entity is; nil is nothing. The change has the
// id that random makes.
func (p *Pipeline) decideOn(ctx context.Context, c *Command, k id.Key, e *catalog.Entity, random [16]byte) (*decided, error) {
	var told Told
	exists, tag := e != nil && e.Exists(), ""
	if exists && (c.IfMatch != "" || c.Tell != nil) {
		now, err := p.stored(ctx, e)
		if err != nil {
			return nil, err
		}
		tag, told.Before = now.ETag, now.View
	}
	if err := c.conditions(exists, tag); err != nil {
		return nil, err
	}
	received := cmp.Or(c.Received, p.clock.Now())
	change, err := catalog.Decide(catalog.Change{
		Kind: c.Kind, ID: c.ID, Op: c.Op, Time: received, ChangeID: id.UUID(random),
		Source: c.Source, Priority: p.sources(c.Source).Priority, Document: c.Body,
	}, e, p.Rules())
	if err != nil {
		return nil, err
	}
	o := outcomeRecord{
		Change: change.AppendJSON(nil), IdempotencyKey: c.IdempotencyKey, Created: !exists && c.Op != catalog.Delete,
	}
	if c.IdempotencyKey != "" {
		o.BodyHash = c.hash()
	}
	portion, err := change.Portion()
	if err != nil {
		return nil, err
	}
	if c.Tell != nil {
		told = told.of(&change, &portion, e)
	}
	return &decided{store.Record{
		Kind: store.KindChange, Bucket: k.Bucket(), Anchor: k, Received: received, Payload: o.append(nil), Attached: &liveChange{outcome: o, portion: portion},
	}, told, o.Created}, nil
}

// liveChange travels with the record of an outcome that was decided here: it
// spares the lane the decoding.
type liveChange struct {
	outcome outcomeRecord
	portion catalog.Portion
	more    bool // another one on the same entity is in its frame, and has its turn
}

// changeOf gives what a record says of its entity, decoded here or before.
func changeOf(r *store.Record) (*liveChange, error) {
	if l, ok := r.Attached.(*liveChange); ok {
		return l, nil
	}
	l := &liveChange{}
	if err := json.Unmarshal(r.Payload, &l.outcome); err != nil {
		return nil, err
	}
	c, err := catalog.ReadChange(l.outcome.Change)
	if err != nil {
		return nil, err
	}
	l.portion, err = c.Portion()
	return l, err
}

// of is what is told of a change to an entity, nil where there was none.
func (t Told) of(c *catalog.Change, portion *catalog.Portion, e *catalog.Entity) Told {
	after := catalog.NewEntity(c.Kind, c.ID)
	if e != nil {
		after.Merge(e)
	}
	after.Apply(portion)
	t.Change = c
	if after.Exists() {
		t.After = after.View(nil)
	}
	return t
}

// appendOutcome writes an outcome, in one frame with the event that tells of it.
func (p *Pipeline) appendOutcome(ctx context.Context, c *Command, d *decided) (Receipt, error) {
	frame := &store.Frame{Records: []store.Record{d.record}}
	if c.Tell == nil {
		return p.append(ctx, frame)
	}
	a, err := c.Tell(d.told)
	if err != nil {
		return Receipt{}, err
	}
	bytes := 0
	if a != nil {
		s := &Submission{Received: d.record.Received, Events: []Arrival{*a}}
		if err := p.takeIn(ctx, s); err != nil {
			return Receipt{}, err
		}
		p.refuseErased(s)
		if err := p.admit(ctx, s); err != nil {
			return Receipt{}, err
		}
		var payload []byte
		events, size := p.frame(s, &payload)
		events.Records = append(events.Records, frame.Records...)
		frame, bytes = events, size
	}
	p.waiting.Add(int64(bytes))
	receipt, err := p.append(ctx, frame)
	if err != nil {
		p.waiting.Add(-int64(bytes))
	}
	return receipt, err
}

// sent is what the caller sent.
func (c *Command) sent() []byte {
	if c.Sent != nil {
		return c.Sent
	}
	return c.Body
}

// conditions holds a command against what is there and its tag.
func (c *Command) conditions(exists bool, tag string) error {
	switch {
	case c.IfNoneMatch == "*" && exists:
		return fault.Errorf(fault.Precondition, "already_exists", "the %s %q exists already; leave If-None-Match out to change it", c.Kind, c.ID)
	case c.IfMatch != "" && !exists:
		return fault.Errorf(fault.Precondition, "changed_meanwhile", "there is no %s %q that If-Match could mean", c.Kind, c.ID)
	case c.IfMatch != "" && c.IfMatch != "*" && c.IfMatch != tag:
		return fault.Errorf(fault.Precondition, "changed_meanwhile", "the %s %q was changed since; read it again and repeat the change on what it is now", c.Kind, c.ID)
	case c.Op != catalog.Put && !exists:
		return fault.Errorf(fault.NotFound, c.Kind.String()+"_not_found", "there is no %s %q", c.Kind, c.ID)
	}
	return nil
}

// answer is the row of a command that had an idempotency key.
type answer struct {
	BodyHash []byte         `json:"body_hash"`
	Created  bool           `json:"created,omitempty"`
	Position store.Position `json:"position"`
}

// answerKey is the row of an idempotency key, next to the entity it was for.
func answerKey(k id.Key, idempotencyKey string) []byte {
	h := sha256.Sum256([]byte(idempotencyKey))
	return append(append(make([]byte, 0, 48), k[:]...), h[:]...)
}

// answered finds the answer to an earlier command with the same key.
func (p *Pipeline) answered(ctx context.Context, c *Command, k id.Key, hash []byte) (*Outcome, error) {
	i := p.laneIndex(k.Bucket())
	row := answerKey(k, c.IdempotencyKey)
	if err := p.lanes[i].commit(ctx); err != nil {
		return nil, err
	}
	rows, err := p.store.State().Load(ctx, []store.RowKey{{Table: store.TableAnswers, Bucket: k.Bucket(), Key: row}})
	if err != nil || rows[0] == nil {
		return nil, err
	}
	a, err := answerTo(rows[0][0], hash)
	if err != nil {
		return nil, err
	}
	out := &Outcome{Created: a.Created, Deleted: c.Op == catalog.Delete, Receipt: Receipt{Position: a.Position}}
	if !out.Deleted {
		if out.Stored, err = p.Entity(ctx, c.Kind, c.ID); fault.KindOf(err) == fault.NotFound {
			err = nil // deleted since: the answer stays that it was done
		}
	}
	return out, err
}

// answerTo reads the answer to an earlier command, which must have been the same.
func answerTo(row, hash []byte) (a answer, err error) {
	if err := json.Unmarshal(row, &a); err != nil {
		return a, err
	}
	if !bytes.Equal(a.BodyHash, hash) {
		return a, fault.Errorf(fault.Conflict, "idempotency_key_reused", "the Idempotency-Key was used for another body; use a new key for a new command")
	}
	return a, nil
}

// answer notes what was answered to a command, with the change it became.
func (w *people) answer(k id.Key, r *store.Record, o *outcomeRecord) {
	if o.IdempotencyKey == "" {
		return
	}
	value := append(base64.StdEncoding.AppendEncode([]byte(`{"body_hash":"`), o.BodyHash), '"')
	if o.Created {
		value = append(value, `,"created":true`...)
	}
	value = append(strconv.AppendUint(append(value, `,"position":`...), uint64(r.Position), 10), '}')
	w.rows = append(w.rows, w.row(store.TableAnswers, k, answerKey(k, o.IdempotencyKey), store.Put, value))
}
