package outbox

import (
	"context"
	"errors"

	"rapport/internal/effect"
	"rapport/internal/store"
)

// Erased is called when the state knows nothing of somebody any more. When it
// returns, whatever was made out of what was read of them before is in the log,
// with what came of it: nothing of that is added later. From then on nothing
// about them is sent that waits in memory: each message is read from the log
// again first.
func (o *Outbox) Erased(ctx context.Context) error {
	// Who reads people now keeps what they make before this goes on; who reads
	// them from here on finds nobody.
	o.composing.Lock()
	o.era.Add(1)
	o.composing.Unlock()
	var under []chan struct{}
	o.mu.Lock()
	for _, l := range o.lines {
		l.mu.Lock()
		for _, over := range l.flying {
			under = append(under, over)
		}
		l.mu.Unlock()
	}
	o.mu.Unlock()
	for _, over := range under {
		select {
		case <-over:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return o.noted(ctx)
}

// unerased leaves out those about people who were erased since they were read,
// and takes of the others what the log has left. Those are settled.
func (l *line) unerased(ctx context.Context, batch []*message) []*message {
	era := l.era.Load()
	out := make([]*message, 0, len(batch))
	for _, m := range batch {
		if m.Last && l.now().Sub(m.When) > effect.FarewellKept {
			m.refused = effect.Erased
			continue
		}
		if m.era == era {
			out = append(out, m)
			continue
		}
		e, err := l.Spine.EffectAt(ctx, m.sent)
		switch {
		case err == nil:
			l.mu.Lock()
			l.queue.bytes += len(e.Payload) - len(m.Payload)
			l.mu.Unlock()
			m.Payload, m.era = e.Payload, era
			out = append(out, m)
		case errors.Is(err, store.ErrErased), errors.Is(err, store.ErrNotFound):
			m.refused = effect.Erased
		default:
			m.unasked = true
		}
	}
	return out
}
