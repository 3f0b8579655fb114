package catalog

import "rapport/internal/jsondoc"

// Canonical is a value in the form of jsondoc.AppendCanonical.
func Canonical(v jsondoc.Value) string {
	switch {
	case IsCanonical(v):
		return string(v.Raw())
	case !v.Exists():
		return "null"
	}
	return string(jsondoc.AppendCanonical(nil, v))
}

// IsCanonical tells a value whose bytes as received are canonical as they
// stand. Of those that are it knows only what is cheap to know: plain strings,
// whole numbers and constants.
func IsCanonical(v jsondoc.Value) bool {
	switch v.Kind() {
	case jsondoc.String:
		for _, c := range v.Raw() {
			if c < ' ' || c >= 0x7f || c == '\\' {
				return false
			}
		}
		return true
	case jsondoc.Number:
		const longest = 15
		raw := v.Raw()
		for _, c := range raw {
			if c < '0' || c > '9' {
				return false
			}
		}
		return len(raw) <= longest
	case jsondoc.True, jsondoc.False, jsondoc.Null:
		return true
	}
	return false
}
