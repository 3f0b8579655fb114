package pipeline

import (
	"context"
	"errors"

	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/trace"
)

// WaitApplied is the barrier of read-your-writes: it returns when the records
// of the receipt, everything acknowledged before them, and all that follows
// from those are visible, segments that were defined before included. It gives
// up with the context.
func (p *Pipeline) WaitApplied(ctx context.Context, r Receipt) error {
	ctx, step := trace.Start(ctx, "wait")
	defer step.End()
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
// consequences. It ends when a round finds none left. Where others write
// meanwhile every round finds some that follow from theirs: then it ends after
// more steps than a chain of consequences has.
func (p *Pipeline) waitRecords(ctx context.Context, r Receipt) error {
	at, before := r.Position, p.seq.wrote()
	for n := range endlessChain {
		if err := p.lanesAt(ctx, at); err != nil {
			return err
		}
		last, err := p.derivedUpTo(ctx)
		if err != nil {
			return err
		}
		if last <= at || n > chainLength && p.othersWrite(before) {
			return nil
		}
		at = last
	}
	return notYet(errEndless)
}

// othersWrite tells whether derived records may follow from something that came
// after so many frames of the door, or from rules that go over all identifiers.
func (p *Pipeline) othersWrite(before uint64) bool {
	if p.seq.wrote() > before {
		return true
	}
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	_, sweep := p.graph.Progress()
	return sweep.Version > 0 && !sweep.Done
}

// lanesAt waits until every lane has applied up to a position.
func (p *Pipeline) lanesAt(ctx context.Context, at store.Position) error {
	for _, l := range p.lanes {
		select {
		case <-l.wait(at):
		case <-ctx.Done():
			return notYet(ctx.Err())
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

func notYet(why error) error {
	return fault.Errorf(fault.Unavailable, "not_applied_yet", "the write is safe and not visible yet: %w", why)
}

// chainLength is more than how many records follow from one another: a command
// on an order, what it says to the customer, the link that makes a new customer
// known, the turn of a large component, what the graph asks and is answered,
// the turn that an answer asks for, what the graph says of the person, the cuts
// that the home asks for and is given, and what its anchors share with it. An
// answer may have the graph ask others in turn.
const chainLength = 16

// endlessChain is how many steps nothing has that comes to an end.
const endlessChain = 1000

var errEndless = errors.New("what follows from it comes to no end")
