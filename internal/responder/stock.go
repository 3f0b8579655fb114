package responder

import (
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

// take sets one of an offer aside for a decision. It is taken in the step in which
// the decision is written down, or the message that it is for.
func (q *question) take(o *offer.Ready, decision string) bool {
	r, err := q.Spine.Reserve(q.ctx, o.Key, 1, o.Inventory.Total, decision)
	if err != nil {
		q.Log.Warn("an offer could not be taken", "offer", o.Key, "error", err)
	}
	if r != nil {
		q.taken = append(q.taken, r)
	}
	return r != nil
}

// takenFor are what is set aside for a decision, and what is for others.
func (q *question) takenFor(decision string) (mine, others []*pipeline.Reservation) {
	for _, r := range q.taken {
		if r.Decision == decision {
			mine = append(mine, r)
		} else {
			others = append(others, r)
		}
	}
	return mine, others
}

// mark is how far a page is filled.
type mark struct{ shown, taken int }

func (q *question) mark() mark { return mark{len(q.shown), len(q.taken)} }

// undo takes back what was put on the page since a mark: something of it could
// not be shown, so none of it was.
func (q *question) undo(to mark) {
	for _, r := range q.taken[to.taken:] {
		q.Spine.Release(r)
	}
	q.shown, q.taken = q.shown[:to.shown], q.taken[:to.taken]
}
