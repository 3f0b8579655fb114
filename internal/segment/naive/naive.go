// Package naive answers whether a condition holds by going through everything
// that is known of a person, each time anew. It is the judge of the incremental
// evaluation and of the columns: written to be checked by reading, it shares
// with them the tree of a condition and nothing else, and is never used to
// serve anybody.
package naive

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/segment/condition"
)

// Facts are all that is known of a person.
type Facts struct {
	View    *profile.View
	Events  []*event.Event // each message once, in any order
	Mapping func(source string) *catalog.Mapping
	Consent map[string]string // by purpose: granted or denied
	Orders  []Order
	// Item gives a present attribute of an item: a text, a number, a list …
	// as encoding/json reads it with numbers as they are; nil where there is
	// none.
	Item func(id, attribute string) any
}

// Order is an order with its lines as the catalog keeps them.
type Order struct {
	ID        string
	Time      clock.Instant
	Status    string
	Currency  string
	Total     string // decimal
	Cancelled bool   // it does not count
	Lines     []map[string]any
}

// Definitions are what conditions refer to.
type Definitions struct {
	Segments map[string]*condition.Node
	Traits   map[string]*condition.Node
	// Affinities have all that a definition may leave out.
	Affinities map[string]*Affinity
}

// world is one question: of one person at one instant.
type world struct {
	*Facts
	defs *Definitions
	now  clock.Instant
}

// Holds tells whether a condition holds for a person at an instant. It panics
// on a condition that no set would compile.
func Holds(n *condition.Node, defs *Definitions, f *Facts, now clock.Instant) bool {
	w := world{f, defs, now}
	return w.holds(n)
}

// Trait is the value of a computed trait as encoding/json would read it, with
// numbers as *big.Rat and times as clock.Instant; nil is nothing.
func Trait(key string, defs *Definitions, f *Facts, now clock.Instant) any {
	w := world{f, defs, now}
	return w.computed(key)
}

func (w *world) holds(n *condition.Node) bool {
	switch n.Kind {
	case condition.All:
		return !slices.ContainsFunc(n.Nodes, func(k *condition.Node) bool { return !w.holds(k) })
	case condition.Any:
		return slices.ContainsFunc(n.Nodes, w.holds)
	case condition.Not:
		return !w.holds(n.Nodes[0])
	case condition.Always:
		return true
	case condition.Segment:
		return w.holds(w.defs.Segments[n.Ref])
	case condition.Events:
		return w.test(&n.Events.Test, one(w.aggregate(n.Events)), w.now)
	case condition.Sequence:
		return w.sequence(n.Sequence)
	case condition.Computed:
		return w.test(&n.Field.Test, one(w.computed(n.Field.Name)), w.now)
	case condition.Expression:
		return w.feel(n.Ref, true).IsTrue()
	case condition.Affinity:
		return w.likes(n.Affinity)
	case condition.Trait, condition.Identifier, condition.Consent, condition.Context, condition.Profile:
		return w.test(&n.Field.Test, w.field(n), w.now)
	}
	panic(fmt.Sprintf("naive: no answer to kind %d", n.Kind))
}

func one(v any) []any {
	if v == nil {
		return nil
	}
	return []any{v}
}

// field are the values of a field.
func (w *world) field(n *condition.Node) []any {
	name := n.Field.Name
	switch n.Kind {
	case condition.Trait:
		if raw, ok := w.View.Traits[name]; ok {
			return flat(decode(raw))
		}
		all := map[string]any{}
		for k, raw := range w.View.Traits {
			all[k] = decode(raw)
		}
		return follow(all, name)
	case condition.Identifier:
		var out []any
		for _, i := range w.View.Identifiers {
			if i.Namespace == name {
				out = append(out, i.Value)
			}
		}
		return out
	case condition.Consent:
		if s := w.Consent[name]; s != "" {
			return []any{s}
		}
		return nil
	case condition.Context:
		from := w.View.Computed.Latest
		if n.Field.First {
			from = w.View.Computed.First
		}
		all := map[string]any{}
		for k, raw := range from {
			all[k] = decode(raw)
		}
		return follow(all, name)
	}
	return w.profile(name)
}

func (w *world) profile(name string) []any {
	c := &w.View.Computed
	at := func(i *clock.Instant) []any {
		if i == nil {
			return nil
		}
		return []any{*i}
	}
	number := func(n int64) []any { return []any{new(big.Rat).SetInt64(n)} }
	var out []any
	if kind, path, ok := condition.EntityField(name); ok {
		return w.entities(kind, path)
	}
	switch name {
	case "first_seen":
		return at(c.FirstSeen)
	case "last_seen":
		return at(c.LastSeen)
	case "first_order_at":
		return at(c.FirstOrder)
	case "last_order_at":
		return at(c.LastOrder)
	case "event_count":
		return number(int64(c.EventCount))
	case "session_count":
		return number(int64(c.SessionCount))
	case "order_count":
		return number(int64(c.OrderCount))
	case "anonymous":
		return []any{w.View.Anonymous}
	case "channel":
		for k := range c.Channels {
			out = append(out, k)
		}
	case "account":
		for _, a := range c.Accounts {
			out = append(out, a.ID)
		}
	}
	return out
}

// entities gives what the person's entities of a type say at a path.
func (w *world) entities(kind, path string) []any {
	var out []any
	for _, o := range w.View.Computed.Entities[kind] {
		all := map[string]any{}
		for k, raw := range o.Fields {
			all[k] = decode(raw)
		}
		if _, said := all["id"]; path == "id" && !said {
			all["id"] = o.ID
		}
		out = append(out, follow(all, path)...)
	}
	return out
}

// decode reads JSON with numbers as big.Rat.
func decode(raw []byte) any {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil
	}
	return v
}

// follow gives the values at a dotted path, of lists each element.
func follow(v any, path string) []any {
	switch x := v.(type) {
	case []any:
		var out []any
		for _, e := range x {
			out = append(out, follow(e, path)...)
		}
		return out
	case map[string]any:
		if whole, ok := x[path]; ok {
			return flat(whole)
		}
		key, rest, deep := strings.Cut(path, ".")
		if inner, ok := x[key]; ok && deep {
			return follow(inner, rest)
		}
	}
	return nil
}

// flat gives the values in a value: null is none, a list is its elements.
func flat(v any) []any {
	switch x := v.(type) {
	case nil:
		return nil
	case []any:
		if len(x) == 0 {
			return []any{map[string]any{}}
		}
		var out []any
		for _, e := range x {
			out = append(out, flat(e)...)
		}
		return out
	case json.Number:
		r, ok := new(big.Rat).SetString(x.String())
		if !ok {
			return []any{map[string]any{}}
		}
		return []any{r}
	}
	return []any{v}
}

// test tells whether a test holds for one of the values.
func (w *world) test(t *condition.Test, values []any, now clock.Instant) bool {
	some := slices.ContainsFunc(values, func(v any) bool { return passes(t, v, now) })
	return some != t.Not
}

func passes(t *condition.Test, v any, now clock.Instant) bool {
	switch t.Op {
	case condition.Exists:
		return true
	case condition.In:
		return slices.ContainsFunc(t.Values, func(c condition.Value) bool { return equal(c, v) })
	case condition.Like:
		s, ok := v.(string)
		return ok && like([]rune(t.Values[0].Text), []rune(s))
	}
	return (t.Low == nil || compare(t.Low, v, now, 1)) && (t.High == nil || compare(t.High, v, now, -1))
}

func equal(c condition.Value, v any) bool {
	switch x := v.(type) {
	case string:
		return c.Kind == condition.String && c.Text == x
	case bool:
		return c.Kind == condition.Bool && c.Bool == x
	case *big.Rat:
		return c.Kind == condition.Number && rat(c.Num.Text()).Cmp(x) == 0
	}
	return false
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("naive: " + s + " is no number")
	}
	return r
}

func like(p, s []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '%':
		for i := range len(s) + 1 {
			if like(p[1:], s[i:]) {
				return true
			}
		}
		return false
	case len(s) == 0:
		return false
	case p[0] == '_':
		return like(p[1:], s[1:])
	case p[0] == '\\' && len(p) > 1:
		return p[1] == s[0] && like(p[2:], s[1:])
	}
	return p[0] == s[0] && like(p[1:], s[1:])
}

// compare tells whether a value lies on a side of a bound: 1 is above.
func compare(b *condition.Bound, v any, now clock.Instant, side int) bool {
	var c int
	if b.Value.Kind == condition.Number {
		x, ok := v.(*big.Rat)
		if !ok {
			return false
		}
		c = x.Cmp(rat(b.Value.Num.Text()))
	} else {
		at, ok := instant(v)
		if !ok {
			return false
		}
		end := b.Value.Time
		if b.Value.Relative {
			end = now.Add(b.Value.Offset)
		}
		c = strings.Compare(fmt.Sprintf("%030d", int64(at)+1<<60), fmt.Sprintf("%030d", int64(end)+1<<60))
	}
	return c == side || c == 0 && !b.Open
}

func instant(v any) (clock.Instant, bool) {
	switch x := v.(type) {
	case clock.Instant:
		return x, true
	case string:
		for _, layout := range []string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
			if t, err := time.Parse(layout, x); err == nil {
				return clock.From(t), true
			}
		}
	}
	return 0, false
}
