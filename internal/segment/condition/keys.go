package condition

import (
	"slices"
	"strings"
)

// known refuses members that nothing reads, and says which was meant.
func (r *raw) known(allowed ...[]string) error {
	all := slices.Concat(allowed...)
	for _, k := range r.keys {
		if slices.Contains(all, k) {
			continue
		}
		return bad(r.at+"/"+pointer(k), "unknown_member", "%q is not known here%s", clip(k), meant(k, all))
	}
	return nil
}

// meant suggests the nearest name, or lists those there are.
func meant(name string, all []string) string {
	best, least := "", 1+min(max(2, len(name)/3), len(name)-1, 4)
	for _, a := range all {
		if d := distance(strings.ToLower(name), strings.ToLower(a), least); d < least {
			best, least = a, d
		}
	}
	if best != "" {
		return ": did you mean \"" + best + "\"?"
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(all)))
	const few = 40
	if len(sorted) > few {
		sorted = sorted[:few]
	}
	return ": there is " + strings.Join(sorted, ", ")
}

// distance is the Levenshtein distance, or limit where it is not below.
func distance(a, b string, limit int) int {
	if len(a) > 64 || len(b) > 64 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
