package feel

// Host is what Options.Host was given: how a function written in Go finds the
// engine that runs it.
func (ev *Evaluator) Host() any { return ev.opts.Host }

// Result is the declared result of a function type, nil when there is none.
func (t *Type) Result() *Type {
	if t == nil {
		return nil
	}
	return t.result
}

// Spend takes n steps off the budget for work that a function written in Go
// does, and tells whether the evaluation may go on.
func (ev *Evaluator) Spend(n int64) bool { return ev.spend(n) }
