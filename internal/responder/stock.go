package responder

import (
	"context"

	"rapport/internal/decision/offer"
	"rapport/internal/pipeline"
)

func (q *question) left(o *offer.Ready) int64 {
	n, err := q.Spine.Taken(q.ctx, o.Key)
	if err != nil {
		return 0
	}
	return o.Inventory.Total - n
}

// taken is one of an offer that was taken for the answer.
type taken struct {
	offer string
	// reserved is set where it is only set aside: for a message, which is written
	// down together with what is taken for it.
	reserved *pipeline.Reservation
}

func (q *question) take(o *offer.Ready, decision string) bool {
	var ok bool
	var err error
	x := taken{offer: o.Key}
	if q.forMessage == [16]byte{} {
		ok, err = q.Spine.Take(q.ctx, o.Key, 1, o.Inventory.Total, decision)
	} else {
		x.reserved, err = q.Spine.Reserve(q.ctx, o.Key, 1, o.Inventory.Total, decision)
		ok = x.reserved != nil
	}
	if err != nil {
		q.Log.Warn("an offer could not be taken", "offer", o.Key, "error", err)
	}
	if ok {
		q.taken = append(q.taken, x)
	}
	return ok
}

// reservations are what was set aside for a message.
func (q *question) reservations() (out []*pipeline.Reservation) {
	for _, x := range q.taken {
		if x.reserved != nil {
			out = append(out, x.reserved)
		}
	}
	return out
}

// mark is how far a page is filled.
type mark struct{ shown, taken int }

func (q *question) mark() mark { return mark{len(q.shown), len(q.taken)} }

// undo takes back what was put on the page since a mark: something of it could
// not be shown, so none of it was.
func (q *question) undo(to mark) {
	for _, x := range q.taken[to.taken:] {
		q.giveBack(x)
	}
	q.shown, q.taken = q.shown[:to.shown], q.taken[:to.taken]
}

// giveBack gives one of an offer back, also where nobody waits for the answer
// any more.
func (q *question) giveBack(x taken) {
	if x.reserved != nil {
		q.Spine.Release(x.reserved)
		return
	}
	at, err := q.Spine.PutBack(context.WithoutCancel(q.ctx), x.offer, "it could not be shown")
	if err != nil {
		q.Log.Warn("an offer could not be given back", "offer", x.offer, "error", err)
		return
	}
	q.record.await(at)
}
