package experiment

import (
	"encoding/json"
	"strings"
)

// combine makes a variant of every combination of levels: the first of all is
// the control. Its weight is the product of the levels', its value an object
// with the value of each factor.
func (d *Definition) combine() error {
	if len(d.Factors) > MaxFactors {
		return invalid("/factors", "at most %d factors", MaxFactors)
	}
	n := 1
	seen := map[string]bool{}
	for i := range d.Factors {
		f, at := &d.Factors[i], "/factors/"+itoa(i)
		switch {
		case !validKey(f.Key):
			return badKey(f.Key, at+"/key")
		case seen[f.Key]:
			return invalid(at+"/key", "two factors have the key %q", f.Key)
		case len(f.Levels) < 2:
			return invalid(at+"/levels", "give at least two levels")
		}
		seen[f.Key] = true
		if err := f.check(at); err != nil {
			return err
		}
		if n *= len(f.Levels); n > MaxVariants {
			return invalid("/factors", "the levels make more than %d combinations", MaxVariants)
		}
	}
	d.Variants = nil
	for c := range n {
		d.Variants = append(d.Variants, d.combination(c))
	}
	return nil
}

func (f *Factor) check(at string) error {
	seen := map[string]bool{}
	for i := range f.Levels {
		l, at := &f.Levels[i], at+"/levels/"+itoa(i)
		switch {
		case !validKey(l.Key) || strings.ContainsAny(l.Key, "./"):
			return invalid(at+"/key", "%q is no key of a level: letters, digits, hyphens and underscores", l.Key)
		case seen[l.Key]:
			return invalid(at+"/key", "two levels have the key %q", l.Key)
		case l.Weight != nil && (*l.Weight < 0 || *l.Weight > 10):
			return invalid(at+"/weight", "give a weight of 0 to 10")
		}
		seen[l.Key] = true
	}
	return nil
}

// combination makes the n-th: the last factor changes fastest.
func (d *Definition) combination(n int) Variant {
	levels := d.Levels(n)
	keys, weight := make([]string, len(levels)), 1
	value := map[string]json.RawMessage{}
	for i, l := range levels {
		level := &d.Factors[i].Levels[l]
		keys[i] = level.Key
		if level.Weight != nil {
			weight *= *level.Weight
		}
		v := Variant{Key: level.Key, Value: level.Value}
		value[d.Factors[i].Key] = v.Answer()
	}
	text, _ := json.Marshal(value) //nolint:errchkjson // JSON in JSON
	return Variant{Key: strings.Join(keys, "."), Weight: &weight, Value: text}
}

// Levels gives the place of each factor's level in the n-th variant.
func (d *Definition) Levels(n int) []int {
	out := make([]int, len(d.Factors))
	for i := len(d.Factors) - 1; i >= 0; i-- {
		k := len(d.Factors[i].Levels)
		out[i], n = n%k, n/k
	}
	return out
}
