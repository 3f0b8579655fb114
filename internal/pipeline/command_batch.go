package pipeline

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// ChangeMany decides commands and appends their outcomes in one frame: of several on
// one entity each on what those before it leave. Of each it gives why it could not be
// done, nil where it was. It returns when all outcomes are in the log, and WaitApplied
// tells when they can be read; an error says that none was appended, or that it is not
// known what became of them: with idempotency keys they can be sent again. Commands
// have no Tell here, and no two have the same idempotency key.
func (p *Pipeline) ChangeMany(ctx context.Context, commands []Command) (refused []error, receipt Receipt, err error) {
	n := len(commands)
	b := &commandBatch{
		Pipeline: p, commands: commands, keys: make([]id.Key, n), refused: make([]error, n), again: make([]bool, n),
		changes: make([][16]byte, n), records: make([]*store.Record, n),
	}
	for i := range commands {
		b.keys[i] = catalog.Key(commands[i].Kind, commands[i].ID)
	}
	defer b.leave()
	if err := b.enter(ctx); err != nil {
		return nil, receipt, err
	}
	if err := b.answered(ctx); err != nil {
		return nil, receipt, err
	}
	frame, err := b.decide(ctx)
	if err != nil || len(frame.Records) == 0 {
		return b.refused, receipt, err
	}
	if receipt, err = p.append(ctx, frame); err != nil {
		return nil, receipt, err
	}
	for i := range frame.Records { // their turns end when they are applied
		delete(b.turns, frame.Records[i].Anchor)
	}
	return b.refused, receipt, nil
}

// commandBatch is one call of ChangeMany.
type commandBatch struct {
	*Pipeline
	commands []Command
	keys     []id.Key
	turns    map[id.Key]chan struct{}
	refused  []error
	again    []bool // answered before
	changes  [][16]byte
	records  []*store.Record // nil of those that are refused or were answered before
}

// enter waits for the turn of each entity, in the order of the keys: two batches
// never wait for one another.
func (b *commandBatch) enter(ctx context.Context) error {
	b.turns = make(map[id.Key]chan struct{}, len(b.keys))
	for _, k := range b.entities() {
		n := b.laneIndex(k.Bucket())
		turn, err := b.lanes[n].enter(ctx, b.people[n], k)
		if err != nil {
			return err
		}
		b.turns[k] = turn
	}
	return nil
}

// entities gives the keys of the commands, each once.
func (b *commandBatch) entities() []id.Key {
	sorted := slices.Clone(b.keys)
	slices.SortFunc(sorted, func(x, y id.Key) int { return bytes.Compare(x[:], y[:]) })
	return slices.Compact(sorted)
}

// leave gives back the turns of what was not appended; an outcome that was
// applied has left already.
func (b *commandBatch) leave() {
	for k, turn := range b.turns {
		n := b.laneIndex(k.Bucket())
		b.lanes[n].mu.Lock()
		if b.people[n].undecided[k] == turn {
			b.people[n].leave(k)
		}
		b.lanes[n].mu.Unlock()
	}
}

// answered finds the commands that were done before.
func (b *commandBatch) answered(ctx context.Context) error {
	var rows []store.RowKey
	var of []int
	lanes := map[int]bool{}
	for i := range b.commands {
		if key := b.commands[i].IdempotencyKey; key != "" && !b.commands[i].First {
			rows = append(rows, store.RowKey{Table: store.TableAnswers, Bucket: b.keys[i].Bucket(), Key: answerKey(b.keys[i], key)})
			of = append(of, i)
			lanes[b.laneIndex(b.keys[i].Bucket())] = true
		}
	}
	if len(rows) == 0 {
		return nil
	}
	for n := range lanes {
		if err := b.lanes[n].commit(ctx); err != nil {
			return err
		}
	}
	found, err := b.store.State().Load(ctx, rows)
	if err != nil {
		return err
	}
	for n, i := range of {
		if found[n] == nil {
			continue
		}
		b.again[i] = true
		_, b.refused[i] = answerTo(found[n][0], b.commands[i].hash())
	}
	return nil
}

// decide makes the records of what is not refused.
func (b *commandBatch) decide(ctx context.Context) (*store.Frame, error) {
	keys := b.entities()
	rows, err := b.copyEntities(ctx, keys)
	if err != nil {
		return nil, err
	}
	width := runtime.GOMAXPROCS(0)
	parts := make([]deciding, width)
	for n := range parts {
		parts[n] = deciding{commandBatch: b, now: map[id.Key]*catalog.Entity{}, last: map[id.Key]*liveChange{}}
	}
	part := func(k id.Key) *deciding { return &parts[int(k[len(k)-1])%width] }
	for i, k := range keys {
		part(k).now[k] = rows[i]
	}
	for i, k := range b.keys {
		if !b.again[i] {
			part(k).of = append(part(k).of, i)
			b.random(b.changes[i][:])
		}
	}
	var wait sync.WaitGroup
	for n := range parts {
		wait.Go(func() { parts[n].run(ctx) })
	}
	wait.Wait()
	frame := &store.Frame{Records: make([]store.Record, 0, len(b.commands))}
	for i := range b.records {
		if b.records[i] != nil {
			frame.Records = append(frame.Records, *b.records[i])
		}
	}
	for n := range parts {
		err = errors.Join(err, parts[n].err)
	}
	return frame, err
}

// deciding is a part of a batch that one worker decides: all that is said of some
// entities.
type deciding struct {
	*commandBatch
	of   []int // commands
	now  map[id.Key]*catalog.Entity
	last map[id.Key]*liveChange
	err  error
}

func (d *deciding) run(ctx context.Context) {
	for _, i := range d.of {
		c, k := &d.commands[i], d.keys[i]
		made, err := d.decideOn(ctx, c, k, d.now[k], d.changes[i])
		if kind := fault.KindOf(err); err != nil && (kind == fault.Internal || kind == fault.Unavailable) {
			d.err = err
			return
		}
		if err != nil {
			d.refused[i] = err
			continue
		}
		d.records[i] = &made.record
		if before := d.last[k]; before != nil {
			before.more = true
		}
		d.last[k] = made.record.Attached.(*liveChange) //nolint:forcetypeassert // decideOn made it
		if d.now[k] == nil {
			d.now[k] = catalog.NewEntity(c.Kind, c.ID)
		}
		d.now[k].Apply(&d.last[k].portion)
	}
}
