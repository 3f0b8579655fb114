package pipeline

import (
	"context"
	"sync/atomic"

	"rapport/internal/definition"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// common is the work of the lane that owns the common bucket: who is who, which
// the graph keeps, and what else an instance has one of: dead letters,
// definitions, jobs, privacy requests, suppression lists.
type common struct {
	*setting
	graph    *graph.Graph
	tally    tally
	requests map[string][]store.Position // privacy requests under way: where they name people
	more     rows.Overlay                // rows that are read back before they are committed
	rows     []store.Change              // rows that are not
	deciding map[store.Position]bool

	definitions atomic.Pointer[definition.Index] // read without a lock
	defining    map[seriesOf]chan struct{}       // definitions with a change on its way
	rechecked   atomic.Uint64                    // up to where people were evaluated for changed items
	force       atomic.Pointer[force]            // what counts at the lane's position, read without a lock
}

func newCommon(s *setting, budget int) *common {
	c := &common{
		setting: s, graph: graph.New(graph.Config{State: s.store.State(), Book: s.book, Log: s.log, Budget: budget}),
		deciding: map[store.Position]bool{}, defining: map[seriesOf]chan struct{}{}, requests: map[string][]store.Position{},
	}
	c.definitions.Store(&definition.Index{})
	c.force.Store(&force{})
	return c
}

// apply takes what is said of identity, dead letters, definitions and jobs.
func (c *common) apply(ctx context.Context, batch []*store.Record) ([]store.Record, error) {
	if err := c.graph.Begin(ctx, batch); err != nil {
		return nil, err
	}
	for i, r := range batch {
		if err := c.take(ctx, i, r); err != nil {
			return nil, err
		}
	}
	out, err := c.graph.Publish(ctx)
	c.tally.link(c.graph.Counted())
	return out, err
}

// take applies one record, by its place in the batch.
func (c *common) take(ctx context.Context, i int, r *store.Record) error {
	switch r.Kind {
	case store.KindLink, store.KindSighting, store.KindResolve:
		return c.graph.Apply(ctx, i, r)
	case store.KindUnread:
		return c.buryUnread(ctx, r)
	case store.KindVerdict:
		return c.decide(ctx, r)
	case store.KindDeadLetter:
		c.bury(r)
	case store.KindDefinition:
		c.define(r)
	case store.KindActivation:
		c.activate(r)
	case store.KindRecheck:
		c.recheckedUpTo(r)
	case store.KindJob:
		c.keepJob(r)
	case store.KindPrivacy:
		c.privacy(r)
	case store.KindSuppress:
		c.suppress(r)
	case store.KindRetention:
		c.raiseFloors(r)
	}
	return nil
}

// dirty is how many rows wait for the next commit.
func (c *common) dirty() int { return c.graph.Dirty() + len(c.rows) + c.more.Waiting() }

func (c *common) settled() bool { return c.graph.Settled() }

func (c *common) full() bool { return c.graph.Full() }

func (c *common) changes(store.Position) []store.Change {
	if c.dirty() == 0 && !c.tally.changed {
		return nil
	}
	out := append(c.rows, c.more.Gather()...)
	c.rows = nil
	out = c.graph.Changes(out)
	return append(out, c.tally.change(store.Span{First: id.CommonBucket, Last: id.CommonBucket}))
}

func (c *common) trim() {
	c.more.Committed()
	c.graph.Trim()
}
