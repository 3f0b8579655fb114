package responder

import (
	"context"

	"rapport/internal/decision/offer"
)

func (q *question) left(o *offer.Ready) int64 {
	n, err := q.Spine.Taken(q.ctx, o.Key)
	if err != nil {
		return 0
	}
	return o.Inventory.Total - n
}

func (q *question) take(o *offer.Ready, decision string) bool {
	ok, err := q.Spine.Take(q.ctx, o.Key, 1, o.Inventory.Total, decision)
	if err != nil {
		q.Log.Warn("an offer could not be taken", "offer", o.Key, "error", err)
	}
	if ok {
		q.taken = append(q.taken, o.Key)
	}
	return ok
}

// mark is how far a page is filled.
type mark struct{ shown, taken int }

func (q *question) mark() mark { return mark{len(q.shown), len(q.taken)} }

// undo takes back what was put on the page since a mark: something of it could
// not be shown, so none of it was.
func (q *question) undo(to mark) {
	for _, key := range q.taken[to.taken:] {
		q.giveBack(key)
	}
	q.shown, q.taken = q.shown[:to.shown], q.taken[:to.taken]
}

// giveBack gives one of an offer back, also where nobody waits for the answer
// any more.
func (q *question) giveBack(key string) {
	at, err := q.Spine.PutBack(context.WithoutCancel(q.ctx), key, "it could not be shown")
	if err != nil {
		q.Log.Warn("an offer could not be given back", "offer", key, "error", err)
		return
	}
	q.record.await(at)
}
