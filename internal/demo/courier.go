package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// The size of a batch, and how many are under way at once: so they arrive out
// of order, as they do from many clients.
const (
	perBatch = 100
	senders  = 4
)

// courier brings messages to the server, in batches and not always in order:
// some are late, some arrive twice, as over any network.
type courier struct {
	to      Target
	rand    *rand.Rand
	jobs    chan []json.RawMessage
	group   *errgroup.Group
	ctx     context.Context //nolint:containedctx // the life of one play: the senders end with it
	bag     []json.RawMessage
	held    map[int][]json.RawMessage // by the number of the batch they will be in
	batches int
	sent    atomic.Int64
	late    int
	twice   int
	// progress is told what was sent, by whoever dispatches; nil: nobody is.
	progress func(sent int) error
}

// hire starts a courier; equal seeds make equal mistakes.
func hire(ctx context.Context, to Target, seed uint64) *courier {
	group, ctx := errgroup.WithContext(ctx)
	c := &courier{
		to: to, rand: rand.New(rand.NewPCG(seed, 0xc0)), jobs: make(chan []json.RawMessage),
		group: group, ctx: ctx, held: map[int][]json.RawMessage{},
	}
	for range senders {
		group.Go(c.carry)
	}
	return c
}

func (c *courier) carry() error {
	for messages := range c.jobs {
		if err := c.to.post(c.ctx, batch{Batch: messages, Context: library()}, false); err != nil {
			return err
		}
		c.sent.Add(int64(len(messages)))
	}
	return nil
}

// take accepts a message: one in fifty is held back for a while, one in a
// hundred is sent a second time later.
func (c *courier) take(m message) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", m.MessageID, err)
	}
	switch c.rand.IntN(100) {
	case 0, 1:
		c.late++
		c.hold(raw)
		return nil
	case 2:
		c.twice++
		c.hold(raw)
	}
	c.bag = append(c.bag, raw)
	if len(c.bag) < perBatch {
		return nil
	}
	return c.dispatch()
}

func (c *courier) hold(raw json.RawMessage) {
	n := c.batches + 1 + c.rand.IntN(60)
	c.held[n] = append(c.held[n], raw)
}

// dispatch hands the bag to a sender, with what was held back until now.
func (c *courier) dispatch() error {
	c.bag = append(c.bag, c.held[c.batches]...)
	delete(c.held, c.batches)
	c.batches++
	if len(c.bag) == 0 {
		return nil
	}
	select {
	case c.jobs <- c.bag:
		c.bag = nil
		if c.progress == nil {
			return nil
		}
		if err := c.progress(int(c.sent.Load())); err != nil {
			return errors.Join(err, c.finish())
		}
		return nil
	case <-c.ctx.Done():
		return cmp.Or(c.finish(), c.ctx.Err())
	}
}

// empty sends everything that is left and waits for the senders.
func (c *courier) empty() error {
	for len(c.bag) > 0 || len(c.held) > 0 {
		if err := c.dispatch(); err != nil {
			return err
		}
	}
	return c.finish()
}

// finish ends the senders and gives the first reason for which one stopped.
func (c *courier) finish() error {
	close(c.jobs)
	return c.group.Wait()
}
