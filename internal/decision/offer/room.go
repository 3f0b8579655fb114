package offer

import "rapport/internal/feel"

// Room is where the offers of a question stand while it is answered. It serves
// one question at a time; nothing of an answer points into it.
type Room struct {
	offers []scored
	drops  []*Drop // by rule that offers share; nil: it was not checked
	eval   *feel.Evaluator
}

// list gives an empty list for so many. An answer that is explained points into
// its list, which is its own then.
func (r *Room) list(n int, explained bool) []scored {
	if r == nil || explained {
		return make([]scored, 0, n)
	}
	if cap(r.offers) < n {
		r.offers = make([]scored, 0, n)
	}
	return r.offers[:0]
}

// checked gives a place for what becomes of each of so many rules.
func (r *Room) checked(n int) []*Drop {
	if r == nil {
		return make([]*Drop, n)
	}
	if cap(r.drops) < n {
		r.drops = make([]*Drop, n)
	}
	out := r.drops[:n]
	clear(out)
	return out
}

// evaluator gives one for a question.
func (r *Room) evaluator(o feel.Options) *feel.Evaluator {
	if r == nil || r.eval == nil {
		e := feel.NewEvaluator(o)
		if r != nil {
			r.eval = e
		}
		return e
	}
	r.eval.Reset(o)
	return r.eval
}
