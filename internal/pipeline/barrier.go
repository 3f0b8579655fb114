package pipeline

import (
	"context"

	"rapport/internal/fault"
	"rapport/internal/store"
)

// WaitApplied is the barrier of read-your-writes: it returns when the records
// of the receipt, everything acknowledged before them, and all that follows
// from those are visible, segments that were defined before included. It gives
// up with the context.
func (p *Pipeline) WaitApplied(ctx context.Context, r Receipt) error {
	if err := p.waitRecords(ctx, r); err != nil {
		return err
	}
	return p.waitForce(ctx)
}

// waitRecords waits for records and what follows from them.
//
// What follows from a record is queued for the log before the record's lane
// moves its position. So once all lanes have applied up to the receipt, the
// derived records it caused are among those the sequencer has taken; waiting
// until they are in the log, and then for the lanes again, covers one step of
// consequences. It ends when a round finds none left, or after as many steps as
// a chain of consequences can have.
func (p *Pipeline) waitRecords(ctx context.Context, r Receipt) error {
	at := r.Position
	for range chainLength {
		if err := p.lanesAt(ctx, at); err != nil {
			return err
		}
		last, err := p.derivedUpTo(ctx)
		if err != nil {
			return err
		}
		if last <= at {
			return nil
		}
		at = last
	}
	return p.lanesAt(ctx, at)
}

// lanesAt waits until every lane has applied up to a position.
func (p *Pipeline) lanesAt(ctx context.Context, at store.Position) error {
	for _, l := range p.lanes {
		select {
		case <-l.wait(at):
		case <-ctx.Done():
			return notYet(ctx)
		}
	}
	return nil
}

// derivedUpTo waits until the derived records that lanes have emitted are in
// the log, and tells where the last of them is.
func (p *Pipeline) derivedUpTo(ctx context.Context) (store.Position, error) {
	if m := p.seq.derivations(); m.pending == 0 {
		return m.last, nil
	}
	if err := p.seq.fence(ctx); err != nil {
		return 0, err
	}
	return p.seq.derivations().last, nil
}

func notYet(ctx context.Context) error {
	return fault.Errorf(fault.Unavailable, "not_applied_yet", "the write is safe and not visible yet: %w", ctx.Err())
}

// chainLength is how many records can follow from one another: a command on an
// order, what it says to the customer, the link that makes a new customer
// known, what the graph asks and is answered, what it says of the person, and
// what its anchors share with their home.
const chainLength = 8
