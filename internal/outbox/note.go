package outbox

import (
	"context"
	"errors"

	"rapport/internal/pipeline"
)

// notice is something to write down, or a question whether all before it is.
type notice struct {
	pipeline.Effect
	over chan struct{} // closed once all before it is written down; nil: no question
}

var errEnded = errors.New("the outbox has stopped: who is erased is looked after when it runs again")

// noted waits until what came of messages so far is in the log.
func (o *Outbox) noted(ctx context.Context) error {
	over := make(chan struct{})
	o.asking.Lock()
	if o.ended { // what is in the queue may not be in the log yet
		o.asking.Unlock()
		return errEnded
	}
	select {
	case o.notes <- notice{over: over}:
	case <-ctx.Done():
	}
	o.asking.Unlock()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// note appends what came of messages, many at once.
func (o *Outbox) note() {
	for first := range o.notes {
		list, asked := taken(nil, nil, first)
		for more := true; more && len(list) < notedAtOnce; {
			select {
			case n, ok := <-o.notes:
				if more = ok; ok {
					list, asked = taken(list, asked, n)
				}
			default:
				more = false
			}
		}
		o.noteAll(list)
		for _, over := range asked {
			close(over)
		}
	}
}

// taken puts a notice to those that are written down next.
func taken(list []pipeline.Effect, asked []chan struct{}, n notice) ([]pipeline.Effect, []chan struct{}) {
	if n.over != nil {
		return list, append(asked, n.over)
	}
	return append(list, n.Effect), asked
}

// noteAll tries until the log takes all of it.
func (o *Outbox) noteAll(list []pipeline.Effect) {
	for len(list) > 0 {
		err := o.forgetFarewells(o.ctx, list)
		if err == nil {
			_, err = o.Spine.KeepEffects(o.ctx, list)
		}
		if err == nil || o.ctx.Err() != nil {
			return
		}
		o.Log.Error("what came of messages cannot be written down", "error", err)
		if !pause(o.ctx, o.Pace.First) {
			return
		}
	}
}

// notedAtOnce is how many results are written at once.
const notedAtOnce = 512
