package naive

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/segment/condition"
)

// feel runs an expression over the person.
func (w *world) feel(src string, all bool) feel.Value {
	traits := map[string]any{}
	for k, raw := range w.View.Traits {
		traits[k] = decode(raw)
	}
	fields := map[string]any{}
	for _, name := range condition.ProfileFields() {
		values := w.profile(name)
		switch {
		case name == "channel" || name == "account":
			slices.SortFunc(values, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			fields[name] = plain(values)
		case len(values) > 0:
			fields[name] = plain(values[0])
		default:
			fields[name] = nil
		}
	}
	computed := map[string]any{}
	for key, n := range w.defs.Traits {
		if all || n.Kind == condition.Events {
			computed[key] = plain(w.computed(key))
		}
	}
	var slots []feel.Value
	for _, m := range []map[string]any{traits, fields, computed} {
		v, err := feel.FromGo(m)
		if err != nil {
			panic(err)
		}
		slots = append(slots, v)
	}
	scope := feel.NewScope(feel.Var{Name: "traits"}, feel.Var{Name: "profile"}, feel.Var{Name: "computed"})
	prog, err := feel.Compile(src, scope, feel.CompileOptions{})
	if err != nil {
		panic(err)
	}
	v, _ := prog.Eval(feel.Options{Now: feel.FromTime(w.now.Time().Truncate(24 * time.Hour))}, slots...)
	return v
}

func plain(v any) any {
	switch x := v.(type) {
	case *big.Rat:
		const digits = 19
		return json.Number(strings.TrimSuffix(strings.TrimRight(x.FloatString(digits), "0"), "."))
	case clock.Instant:
		return x.Time()
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = plain(x[i])
		}
		return out
	}
	return v
}

// computed is the value of a computed trait.
func (w *world) computed(key string) any {
	n := w.defs.Traits[key]
	if n.Kind == condition.Events {
		return w.aggregate(n.Events)
	}
	switch v := w.feel(n.Ref, false); v.Kind() {
	case feel.KindNull:
		return nil
	case feel.KindNumber:
		return rat(v.String())
	case feel.KindBoolean:
		return v.IsTrue()
	case feel.KindDateTime:
		t, _ := v.AsTime()
		return clock.From(t)
	default:
		return v.String()
	}
}
