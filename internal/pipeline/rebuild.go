package pipeline

import (
	"context"
	"errors"
	"fmt"

	"rapport/internal/store"
)

// Rebuild throws the derived state of a store away and folds it again from the
// facts of its log, then closes the pipeline it used. What was derived then is
// derived anew, and what destinations were to be told of and were not is planned
// again, nothing else; an interrupted rebuild is continued by the next start, which
// replays the rest.
func Rebuild(ctx context.Context, c Config, progress func(done, end store.Position)) error {
	tail, err := openPlans(ctx, c.Store)
	if err != nil {
		return fmt.Errorf("read what is planned: %w", err)
	}
	if err := c.Store.State().Reset(ctx); err != nil {
		return fmt.Errorf("reset the state: %w", err)
	}
	p, err := build(ctx, c)
	if err != nil {
		return err
	}
	p.plans.tail = tail
	p.start()
	derived := func(r *store.Record) bool { return !r.Kind.Fact() }
	err = p.replay(ctx, 0, progress, derived)
	return errors.Join(err, p.Close(ctx))
}
