package assigner

import (
	"encoding/json"
	"math"
)

// features reads numbers and booleans of the context, else of the traits where
// the caller may be treated by them, in thousandths.
func (s *subject) features(names []string) []int64 {
	said := map[string]json.RawMessage{}
	if len(s.context) > 0 && json.Unmarshal(s.context, &said) != nil {
		clear(said)
	}
	out := make([]int64, len(names))
	for i, name := range names {
		text, ok := said[name]
		if !ok && s.trusted {
			if v := s.look(); v != nil {
				text = v.Traits[name]
			}
		}
		out[i] = thousandths(text)
	}
	return out
}

// thousandths bounds a feature: what is far out must not decide alone.
func thousandths(text json.RawMessage) int64 {
	const most = 1e6
	switch string(text) {
	case "true":
		return 1000
	case "", "false", "null":
		return 0
	}
	var f float64
	if json.Unmarshal(text, &f) != nil || math.IsNaN(f) {
		return 0
	}
	return int64(math.Round(math.Max(-most, math.Min(most, f)) * 1000))
}
