package feel

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

func stringFunctions() []*builtin {
	mapping := func(f func(string) string) runFunc {
		return func(ev *Evaluator, w *where, a []Value) Value { return ev.newString(w, f(a[0].str())) }
	}
	testing := func(f func(s, t string) bool) runFunc {
		return func(_ *Evaluator, _ *where, a []Value) Value { return Bool(f(a[0].str(), a[1].str())) }
	}
	return []*builtin{
		def("string length", sig(NumberType, func(_ *Evaluator, _ *where, a []Value) Value {
			return Int(int64(utf8.RuneCountInString(a[0].str())))
		}, str("string"))),
		def("upper case", sig(StringType, mapping(upper), str("string"))),
		def("lower case", sig(StringType, mapping(lower), str("string"))),
		def("substring", sig(StringType, substring, str("string"), num("start position")),
			sig(StringType, substring, str("string"), num("start position"), num("length"))),
		def("substring before", sig(StringType, mapping2(before), str("string"), str("match"))),
		def("substring after", sig(StringType, mapping2(after), str("string"), str("match"))),
		def("contains", sig(BooleanType, testing(strings.Contains), str("string"), str("match"))),
		def("starts with", sig(BooleanType, testing(strings.HasPrefix), str("string"), str("match"))),
		def("ends with", sig(BooleanType, testing(strings.HasSuffix), str("string"), str("match"))),
		def("string join", sig(StringType, stringJoin, list("list")),
			sig(StringType, stringJoin, list("list"), optional(str("delimiter"))),
			sig(StringType, stringJoin, list("list"), optional(str("delimiter")), str("prefix"), str("suffix"))),
	}
}

func mapping2(f func(s, t string) string) runFunc {
	return func(ev *Evaluator, w *where, a []Value) Value { return ev.newString(w, f(a[0].str(), a[1].str())) }
}

// upper and lower map by the rules of Unicode, one letter to several where
// needed (ß to SS).
func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func before(s, match string) string {
	if i := strings.Index(s, match); i > 0 {
		return s[:i]
	}
	return ""
}

func after(s, match string) string {
	if _, after, ok := strings.Cut(s, match); ok {
		return after
	}
	return ""
}

// substring counts code points from 1, from the end when negative.
func substring(ev *Evaluator, w *where, a []Value) Value {
	s := a[0].str()
	start, ok := a[1].truncInt()
	if !ok || start == 0 {
		return ev.fault(w, CodeValue, "substring: the start position is 0 or no whole number")
	}
	n := int64(utf8.RuneCountInString(s))
	if start < 0 {
		if start += n + 1; start < 1 {
			return ev.fault(w, CodeValue, "substring: the start position is before the string")
		}
	}
	if start > n {
		return String("")
	}
	length := n
	if len(a) == 3 {
		if length, ok = a[2].truncInt(); !ok || length < 1 {
			return ev.fault(w, CodeValue, "substring: the length is less than 1")
		}
	}
	from := runeOffset(s, start-1)
	to := len(s)
	if length < n-start+1 {
		to = from + runeOffset(s[from:], length)
	}
	return String(s[from:to])
}

// runeOffset is the byte offset of the n-th code point.
func runeOffset(s string, n int64) int {
	if n <= 0 {
		return 0
	}
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func stringJoin(ev *Evaluator, w *where, a []Value) Value {
	var parts []string
	size := 0
	for _, it := range a[0].items() {
		switch it.kind {
		case KindNull:
		case KindString:
			parts = append(parts, it.str())
			size += len(it.str())
		default:
			return ev.fault(w, CodeType, "string join: an item is "+it.kind.String())
		}
	}
	sep := ""
	if len(a) > 1 && a[1].kind == KindString {
		sep = a[1].str()
	}
	if size+len(sep)*len(parts) > ev.opts.Limits.StringLen {
		ev.stop(position(w.src, int(w.pos)), "a string is longer than the limit")
		return Null
	}
	s := strings.Join(parts, sep)
	if len(a) == 4 {
		s = a[2].str() + s + a[3].str()
	}
	return ev.newString(w, s)
}
