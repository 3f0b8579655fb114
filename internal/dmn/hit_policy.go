package dmn

import (
	"math/bits"
	"slices"
	"strings"
	"sync"

	"rapport/internal/feel"
)

// HitPolicy says what a table gives when rules fit.
type HitPolicy uint8

// The hit policies.
const (
	Unique HitPolicy = iota
	Any
	Priority
	First
	RuleOrder
	OutputOrder
	Collect
	CollectSum
	CollectMin
	CollectMax
	CollectCount
)

var policyLetters = [...]string{"U", "A", "P", "F", "R", "O", "C", "C+", "C<", "C>", "C#"}

// String is the policy as the letter in the corner of a table.
func (p HitPolicy) String() string { return policyLetters[p] }

func policyOf(policy, aggregation string) (HitPolicy, bool) {
	switch strings.ToUpper(strings.TrimSpace(policy)) {
	case "", "UNIQUE":
		return Unique, true
	case "ANY":
		return Any, true
	case "PRIORITY":
		return Priority, true
	case "FIRST":
		return First, true
	case "RULE ORDER":
		return RuleOrder, true
	case "OUTPUT ORDER":
		return OutputOrder, true
	case "COLLECT":
		p, ok := map[string]HitPolicy{
			"": Collect, "SUM": CollectSum, "MIN": CollectMin, "MAX": CollectMax, "COUNT": CollectCount,
		}[strings.ToUpper(strings.TrimSpace(aggregation))]
		return p, ok
	}
	return Unique, false
}

// result applies the hit policy to the rules that fit.
func (t *Table) result(s *Session, f []feel.Value, fits []uint64) feel.Value {
	hits, first := 0, -1
	for w, word := range fits {
		if word != 0 && first < 0 {
			first = w*64 + bits.TrailingZeros64(word)
		}
		hits += bits.OnesCount64(word)
	}
	if s.trace != nil {
		s.trace.table(t, fits, hits)
	}
	if hits == 0 {
		return t.fallback(s, f)
	}
	switch t.Policy {
	case Unique:
		if hits > 1 {
			s.report(t.at, feel.CodeValue, "%d rules of a unique table fit", hits)
			return feel.Null
		}
		return t.outputOf(s, f, first)
	case First:
		return t.outputOf(s, f, first)
	case CollectCount:
		return feel.Int(int64(hits))
	}
	if hits == 1 && (t.Policy == Any || t.Policy == Priority) {
		return t.outputOf(s, f, first)
	}
	return t.combine(s, t.outputsOf(s, f, fits, hits))
}

func (t *Table) outputsOf(s *Session, f []feel.Value, fits []uint64, hits int) []feel.Value {
	out := make([]feel.Value, 0, hits)
	for w, word := range fits {
		for ; word != 0; word &= word - 1 {
			out = append(out, t.outputOf(s, f, w*64+bits.TrailingZeros64(word)))
		}
	}
	return out
}

func (t *Table) combine(s *Session, outs []feel.Value) feel.Value {
	switch t.Policy {
	case Any:
		for _, v := range outs[1:] {
			if !sameOutput(outs[0], v) {
				s.report(t.at, feel.CodeValue, "rules with different outputs fit, in a table that allows any of them")
				return feel.Null
			}
		}
		return outs[0]
	case Priority:
		best := outs[0]
		for _, v := range outs[1:] {
			if t.comparePriority(v, best) < 0 {
				best = v
			}
		}
		return best
	case OutputOrder:
		slices.SortStableFunc(outs, t.comparePriority)
		return feel.ListOf(outs...)
	case CollectSum, CollectMin, CollectMax:
		return t.aggregate(s, outs)
	}
	return feel.ListOf(outs...)
}

func sameOutput(a, b feel.Value) bool {
	return a.IsNull() && b.IsNull() || feel.Equal(a, b).IsTrue()
}

// comparePriority orders outputs by the lists of output values, column by
// column. Values that are not listed come last.
func (t *Table) comparePriority(a, b feel.Value) int {
	for i := range t.Outputs {
		x, y := a, b
		if len(t.Outputs) > 1 {
			x, y = member(a, i), member(b, i)
		}
		if d := t.Outputs[i].rank(x) - t.Outputs[i].rank(y); d != 0 {
			return d
		}
	}
	return 0
}

func member(v feel.Value, i int) feel.Value {
	if ctx, ok := v.AsContext(); ok && i < ctx.Len() {
		_, m := ctx.At(i)
		return m
	}
	return feel.Null
}

func (col *OutputColumn) rank(v feel.Value) int {
	for i, o := range col.order {
		if r, ok := o.AsRange(); ok {
			if feel.Contains(r, v).IsTrue() {
				return i
			}
		} else if feel.Equal(o, v).IsTrue() {
			return i
		}
	}
	return len(col.order)
}

// aggregators are FEEL's own functions, so that they agree with what people
// write by hand.
var aggregators = sync.OnceValue(func() map[HitPolicy]*feel.Program {
	out := map[HitPolicy]*feel.Program{}
	scope := feel.NewScope(feel.Var{Name: "outputs", Type: feel.AnyListType})
	for p, text := range map[HitPolicy]string{CollectSum: "sum(outputs)", CollectMin: "min(outputs)", CollectMax: "max(outputs)"} {
		prog, err := feel.Compile(text, scope, feel.CompileOptions{})
		if err != nil {
			panic("dmn: " + text + ": " + err.Error()) // the text is ours
		}
		out[p] = prog
	}
	return out
})

// aggregate reduces the outputs to one value, each column on its own.
func (t *Table) aggregate(s *Session, outs []feel.Value) feel.Value {
	x := &expr{aggregators()[t.Policy], t.at}
	if len(t.Outputs) == 1 {
		return s.run(x, []feel.Value{feel.ListOf(outs...)})
	}
	vals := make([]feel.Value, len(t.Outputs))
	for i := range t.Outputs {
		column := make([]feel.Value, len(outs))
		for k, v := range outs {
			column[k] = member(v, i)
		}
		vals[i] = s.run(x, []feel.Value{feel.ListOf(column...)})
	}
	return t.shape.Of(vals)
}
