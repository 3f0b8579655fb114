package pipeline

import (
	"context"

	"rapport/internal/fault"
)

// WaitApplied is the barrier of read-your-writes: it returns when the records
// of the receipt, everything acknowledged before them, and all that follows
// from those are visible. It gives up with the context.
//
// What follows from a record is queued for the log before the record's lane
// moves its position. So once all lanes have applied up to the receipt, the
// derived records it caused are among those the sequencer has taken; waiting
// until they are in the log, and then for the lanes again, covers one step of
// consequences. It ends when a round finds none left, or after as many steps as
// a chain of consequences can have.
func (p *Pipeline) WaitApplied(ctx context.Context, r Receipt) error {
	at := r.Position
	for range chainLength {
		for _, l := range p.lanes {
			select {
			case <-l.wait(at):
			case <-ctx.Done():
				return fault.Errorf(fault.Unavailable, "not_applied_yet", "the write is safe and not visible yet: %w", ctx.Err())
			}
		}
		m := p.seq.derivations()
		if m.pending == 0 {
			if m.last <= at {
				return nil
			}
			at = m.last
			continue
		}
		fence, err := p.seq.submit(nil, 0, false)
		if err != nil {
			return unavailable(err)
		}
		select {
		case <-fence.done:
		case <-ctx.Done():
			return fault.Errorf(fault.Unavailable, "not_applied_yet", "the write is safe and not visible yet: %w", ctx.Err())
		}
		at = max(at, p.seq.derivations().last)
	}
	for _, l := range p.lanes {
		select {
		case <-l.wait(at):
		case <-ctx.Done():
			return fault.Errorf(fault.Unavailable, "not_applied_yet", "the write is safe and not visible yet: %w", ctx.Err())
		}
	}
	return nil
}

// chainLength is how many records can follow from one another: a command on an
// order, what it says to the customer, and the link that makes a new customer
// known.
const chainLength = 3
