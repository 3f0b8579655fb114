package identity

import (
	"cmp"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
)

// Op is what an operator says of identifiers.
type Op string

// The operations. Block and Shared are about one identifier, the others about
// two. Ignore is exactly as if the two had never been seen together.
const (
	Ignore     Op = "ignore"
	CannotLink Op = "cannot_link"
	MustLink   Op = "must_link"
	Blocked    Op = "block"
	Shared     Op = "shared"
)

// Fact is an operator's word on identifiers. Of two on the same identifiers
// the one of the later time counts, then the one with the larger id.
type Fact struct {
	ID    string            `json:"id"`
	Op    Op                `json:"op"`
	A     event.Identifier  `json:"a"`
	B     *event.Identifier `json:"b,omitempty"`
	Time  clock.Instant     `json:"time"`
	Actor string            `json:"actor"`
	Note  string            `json:"note,omitempty"`
	// Withdrawn takes back what was said of the identifiers.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// Check says what is wrong with a fact, and how to mend it.
func (f *Fact) Check() error {
	switch f.Op {
	case Ignore, CannotLink, MustLink:
		if f.B == nil || f.B.Value == "" {
			return fault.Errorf(fault.Invalid, "invalid_identity_fact", "%s is about two identifiers: give b", f.Op).At("/b")
		}
		if *f.B == f.A {
			return fault.Errorf(fault.Invalid, "invalid_identity_fact", "a and b are the same identifier %s: name two", f.A).At("/b")
		}
	case Blocked, Shared:
		if f.B != nil {
			return fault.Errorf(fault.Invalid, "invalid_identity_fact", "%s is about one identifier: leave b out", f.Op).At("/b")
		}
	default:
		return fault.Errorf(fault.Invalid, "invalid_identity_fact", "op %q: give ignore, cannot_link, must_link, block or shared", f.Op).At("/op")
	}
	if len(f.Note) > 2_000 {
		return fault.Errorf(fault.Invalid, "invalid_identity_fact", "the note is longer than 2000 bytes: say it shorter").At("/note")
	}
	return nil
}

// Pair names what facts are about: two identifiers in the order of their keys,
// or one and the zero key.
type Pair struct{ A, B id.Key }

// PairOf names two identifiers, whichever comes first.
func PairOf(a, b id.Key) Pair {
	if !b.IsZero() && slices.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return Pair{a, b}
}

// Pair is what the fact is about.
func (f *Fact) Pair() Pair {
	if f.B == nil {
		return Pair{A: f.A.Key()}
	}
	return PairOf(f.A.Key(), f.B.Key())
}

// later orders facts on one pair: the larger counts.
func (f *Fact) later(o *Fact) bool {
	return cmp.Or(cmp.Compare(f.Time, o.Time), cmp.Compare(f.ID, o.ID)) > 0
}

// Facts is what operators said, as it counts now: of each pair the last word.
// The zero value holds nothing. One writer at a time.
type Facts struct {
	last map[Pair]*Fact
	of   map[id.Key][]Pair // the pairs of an identifier
	same map[id.Key]id.Key // must_link: towards the one that stands for all
}

// Apply takes a fact. It tells whether it is the last word on its pair now.
func (f *Facts) Apply(x Fact) bool {
	p := x.Pair()
	if old := f.last[p]; old != nil && !x.later(old) {
		return false
	}
	if f.last == nil {
		f.last, f.of = map[Pair]*Fact{}, map[id.Key][]Pair{}
	}
	if f.last[p] == nil {
		f.of[p.A] = append(f.of[p.A], p)
		if !p.B.IsZero() {
			f.of[p.B] = append(f.of[p.B], p)
		}
	}
	f.last[p] = &x
	f.same = nil
	return true
}

// Last is the last word on a pair, nil where there is none or it was withdrawn.
func (f *Facts) Last(p Pair) *Fact {
	if x := f.last[p]; x != nil && !x.Withdrawn {
		return x
	}
	return nil
}

// All gives the last words, in the order of time; with withdrawn ones if asked.
func (f *Facts) All(withdrawn bool) []Fact {
	out := make([]Fact, 0, len(f.last))
	for _, x := range f.last {
		if withdrawn || !x.Withdrawn {
			out = append(out, *x)
		}
	}
	slices.SortFunc(out, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Forget removes what is said of an identifier, and gives the pairs.
func (f *Facts) Forget(k id.Key) []Pair {
	pairs := f.of[k]
	for _, p := range pairs {
		delete(f.last, p)
		for _, o := range [...]id.Key{p.A, p.B} {
			if o != k {
				f.of[o] = slices.DeleteFunc(f.of[o], func(q Pair) bool { return q == p })
			}
		}
	}
	delete(f.of, k)
	f.same = nil
	return pairs
}

// About gives what is said of an identifier, alone or with another.
func (f *Facts) About(k id.Key) []*Fact {
	var out []*Fact
	for _, p := range f.of[k] {
		if x := f.Last(p); x != nil {
			out = append(out, x)
		}
	}
	return out
}

// single tells what is said of one identifier alone.
func (f *Facts) single(k id.Key, op Op) bool {
	if f == nil || len(f.last) == 0 {
		return false
	}
	x := f.Last(Pair{A: k})
	return x != nil && x.Op == op
}

// Between tells what is said of two identifiers, nothing being empty.
func (f *Facts) Between(a, b id.Key) Op {
	if f == nil || len(f.last) == 0 {
		return ""
	}
	if x := f.Last(PairOf(a, b)); x != nil {
		return x.Op
	}
	return ""
}

// stand is the identifier that stands for all that must be one with k. Those
// of a blocked identifier stand for themselves.
func (f *Facts) stand(k id.Key) id.Key {
	if f == nil || len(f.last) == 0 {
		return k
	}
	if f.same == nil {
		f.join()
	}
	for f.same[k] != (id.Key{}) && f.same[k] != k {
		k = f.same[k]
	}
	return k
}

// join unites what must be linked; the smallest key stands for all.
func (f *Facts) join() {
	f.same = map[id.Key]id.Key{}
	find := func(k id.Key) id.Key {
		for f.same[k] != (id.Key{}) && f.same[k] != k {
			k = f.same[k]
		}
		return k
	}
	for p, x := range f.last {
		if x.Withdrawn || x.Op != MustLink || f.single(p.A, Blocked) || f.single(p.B, Blocked) {
			continue
		}
		a, b := find(p.A), find(p.B)
		if slices.Compare(a[:], b[:]) > 0 {
			a, b = b, a
		}
		f.same[b] = a
	}
}
