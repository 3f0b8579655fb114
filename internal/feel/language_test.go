package feel_test

import (
	"errors"
	"testing"

	"rapport/internal/feel"
)

func TestLanguage_LogicHasThreeValues(t *testing.T) {
	t.Parallel()
	check(t,
		`true and null`, `null`, `false and null`, `false`, `null and 5`, `null`, `true or null`, `true`, `false or null`, `null`,
		`true and true and false and null`, `false`, `false or null or true`, `true`, `not(null)`, `null`, `not(true)`, `false`,
		`null = null`, `true`, `1 = null`, `false`, `1 != null`, `true`, `null > 1`, `null`, `null between 1 and 2`, `null`,
		`if null then 1 else 2`, `2`, `1 + null`, `null`, `some x in [null, true] satisfies x`, `true`,
		`every x in [null, true] satisfies x`, `null`, `all([true, null])`, `null`, `any([null, true])`, `true`, `any([])`, `false`,
	)
}

func TestLanguage_ListsFiltersAndPaths(t *testing.T) {
	t.Parallel()
	check(t,
		`[1,2,3][-1]`, `3`, `[1,2,3][item > 1]`, `[2, 3]`, `5[1]`, `5`, `"a"[true]`, `["a"]`, `[][1]`, `null`, `null[1]`, `null`,
		`[{a: 1}, {a: 2}][a > 1].a`, `[2]`, `[{item: 1}, {item: 3}][item > 2]`, `[{item: 3}]`, `[{x: 1}, {y: 2}].y`, `[null, 2]`,
		`{a: {b: {c: 1}}}.a.b.c`, `1`, `[[1,2],[3]][item[1] = 3]`, `[[3]]`, `{l: [1,2,3], n: 2, r: l[item > n]}.r`, `[3]`,
		`{x: 5, r: [{x: 1}, {y: 2}][x = 5]}.r`, `[{y: 2}]`, `[1,2,3][[1,2][2]]`, `2`,
		`flatten([1,[2,[3]]])`, `[1, 2, 3]`, `distinct values([1, 1.0, "a", null, null, [1], [1]])`, `[1, "a", null, [1]]`,
		`union([1,2],[2,3])`, `[1, 2, 3]`, `concatenate([1],[2,3])`, `[1, 2, 3]`, `append([1], 2, [3])`, `[1, 2, [3]]`,
		`insert before([1,3], -1, 2)`, `[1, 2, 3]`, `remove([1,2,3], 2)`, `[1, 3]`, `reverse([1,2])`, `[2, 1]`, `index of([1,2,1], 1)`, `[1, 3]`,
		`sublist([1,2,3], -2, 1)`, `[2]`, `list contains([1, null], null)`, `true`, `list replace([1,2], function(i, n) i = 2, 5)`, `[1, 5]`,
		`sort([3,1,2])`, `[1, 2, 3]`, `sort(["b","a"], function(x, y) x > y)`, `["b", "a"]`, `count([])`, `0`, `count(5)`, `1`,
	)
	checkNull(t, feel.CodeValue, `[1][2]`, `[1][0]`, `sublist([1], 2)`, `remove([1], 0)`, `[1,2][1.5]`)
	checkNull(t, feel.CodeType, `sort([1, "a"])`, `sort([1, 2], function(x, y) x)`)
}

func TestLanguage_LoopsAndQuantifiers(t *testing.T) {
	t.Parallel()
	check(t,
		`for i in 1..3 return i * i`, `[1, 4, 9]`, `for i in 3..1 return i`, `[3, 2, 1]`, `for i in [1..3] return i`, `[1, 2, 3]`,
		`for i in (1..3) return i`, `[2]`, `for i in [1,2], j in i..2 return [i,j]`, `[[1, 1], [1, 2], [2, 2]]`,
		`for i in 0..4 return if i = 0 then 1 else i * partial[-1]`, `[1, 1, 2, 6, 24]`, `for d in @"2020-02-28"..@"2020-03-01" return d.day`, `[28, 29, 1]`,
		`for x in 5 return x`, `[5]`, `for i in [] return i`, `[]`, `some x in [1,2], y in [2,3] satisfies x = y`, `true`,
		`every x in [] satisfies false`, `true`, `some x in 1..10 satisfies x > 9`, `true`, `for i in null return i`, `null`,
		`for a in [[1,2],[3]] return for b in a return b + count(partial)`, `[[1, 3], [3]]`,
	)
	checkNull(t, feel.CodeType, `for i in "a".."c" return i`, `for i in 1.5..3 return i`)
}

func TestLanguage_ContextsAndFunctions(t *testing.T) {
	t.Parallel()
	check(t,
		`{a: 1, b: a + 1}`, `{a: 1, b: 2}`, `{"a b": 1, c: a b + 1}.c`, `2`, `{foo+bar: "x"}.foo+bar`, `"x"`, `{a: 1} = {"a": 1.0}`, `true`,
		`{a: 1, b: 2} = {b: 2, a: 1}`, `true`, `get value({a: {b: 1}}, ["a", "b"])`, `1`, `get entries({a: 1})`, `[{key: "a", value: 1}]`,
		`context([{key: "a", value: 1}])`, `{a: 1}`, `context put({a: {b: 1}}, ["a", "c"], 2)`, `{a: {b: 1, c: 2}}`,
		`context merge([{a: 1}, {a: 2, b: 3}])`, `{a: 2, b: 3}`, `(function(x, y) x - y)(y: 1, x: 3)`, `2`,
		`{f: function(x: number) x + 1, r: f("a")}.r`, `null`, `{f: function(x: number) x + 1, r: f([4])}.r`, `5`,
		`{n: 10, f: function(x) x + n, g: function(h) h(1), r: g(f)}.r`, `11`, `{a: abs, r: a(-2)}.r`, `2`,
		`{make: function(n) function(x) x + n, add: make(5), r: add(1) + make(1)(1)}.r`, `8`, `[function(x) x * 2][1](4)`, `8`,
		`for f in [floor, ceiling] return f(1.5)`, `[1, 2]`, `{d: duration, r: d(from: "P1D")}.r`, `@"P1D"`,
	)
	checkNull(t, feel.CodeDuplicate, `{a: 1, a: 2}`, `context([{key: "a", value: 1}, {key: "a", value: 2}])`)
	checkNull(t, feel.CodeArguments, `(function(x) x)()`, `(function(x) x)(1, 2)`, `(function(x) x)(y: 1)`, `abs()`)
	checkNull(t, feel.CodeType, `"a"(1)`, `null(1)`)
	checkNull(t, feel.CodeExternal, `(function(x) external {java: {class: "a"}})(1)`)
	checkNull(t, feel.CodeUnknown, `nothing`, `nothing(1)`, `{a: 1}.b`)
}

func TestLanguage_Strings(t *testing.T) {
	t.Parallel()
	check(t,
		`"a" + "b"`, `"ab"`, `"\u00e9\U01F40E\ud83d\udca9\n"`, `"é🐎💩\n"`, `string length("🐎a")`, `2`, `substring("🐎ab", 2, 1)`, `"a"`,
		`substring("foobar", -2)`, `"ar"`, `substring("foobar", 3, 3.8)`, `"oba"`, `upper case("straße")`, `"STRASSE"`, `lower case("ABÇ")`, `"abç"`,
		`substring before("foobar", "bar")`, `"foo"`, `substring after("foobar", "o")`, `"obar"`, `contains("abc", "")`, `true`,
		`starts with("abc", "ab")`, `true`, `ends with("abc", "bc")`, `true`, `string join(["a", null, "c"], "-")`, `"a-c"`, `string join([])`, `""`,
		`string([1, "a", {b: @"P1D"}, null])`, `"[1, \"a\", {b: P1D}, null]"`, `string("x")`, `"x"`, `string(null)`, `null`, `string(1.50)`, `"1.5"`,
		`string(function(a, b) a)`, `"function(a, b)"`, `string([1..3))`, `"[1..3)"`, `string((> 5))`, `"(> 5)"`, `"\s"`, `"\\s"`,
	)
	checkNull(t, feel.CodeValue, `substring("a", 0)`, `substring("a", -2)`, `substring("abc", 1, 0)`)
}

func TestLanguage_Patterns(t *testing.T) {
	t.Parallel()
	check(t,
		`matches("foobar", "^fo*b")`, `true`, `matches("x", "[A-Z-[OI]]", "i")`, `true`, `matches("O", "[A-Z-[OI]]", "i")`, `false`,
		`matches("q", "[^Q]", "i")`, `false`, `matches("\u212A", "k", "i")`, `true`, `matches("abab", "(ab)\1")`, `true`,
		`matches("aA", "(a)\1", "i")`, `true`, `matches("abac", "(a)b\1c")`, `true`, `matches("abcd", "(a)(b)?\2c")`, `false`,
		`matches("a\nb", "a.b")`, `false`, `matches("a\nb", "a.b", "s")`, `true`, `matches("x\na", "^a$", "m")`, `true`,
		`matches("hello world", "hello\ sworld", "x")`, `true`, `matches("a.b", "a.b", "q")`, `true`, `matches("axb", "a.b", "q")`, `false`,
		`matches("é", "\p{L}")`, `true`, `matches("é", "\p{IsBasicLatin}")`, `false`, `matches("_", "\i\c*")`, `true`, `matches("-", "\w")`, `false`,
		`replace("abracadabra", "a(.)", "a$1$1")`, `"abbraccaddabbra"`, `replace("abc", "[a-z]", "\$")`, `"$$$"`,
		`replace("abcabc", "(a)(b)\1?", "[$2$3]")`, `"[b]c[b]c"`, `replace("a.b", ".", "-", "q")`, `"a-b"`,
		`replace("aabb", "(.)\1", "$1")`, `"ab"`, `split("a;b;;", ";")`, `["a", "b", "", ""]`, `split("John Doe", "\s")`, `["John", "Doe"]`,
		`split("a1b22c", "\d+")`, `["a", "b", "c"]`, `for p in ["a+", "b"] return matches("aab", p)`, `[true, true]`,
	)
	checkNull(t, feel.CodeValue, `matches("a", "[")`, `matches("a", "(a")`, `matches("a", "\1")`, `matches("a", "(a)[\1]")`,
		`matches("a", "a", "z")`, `matches("a", "\b")`, `matches("a", "a**")`, `matches("a", "a{3,2}")`, `matches("a", "\p{Foo}")`,
		`replace("a", "a*", "b")`, `replace("a", "a", "$")`, `replace("a", "a", "\b")`, `matches("a", "[z-a]")`, `matches("a", "a{99999}")`)
}

func TestLanguage_RangesAndMembership(t *testing.T) {
	t.Parallel()
	check(t,
		`5 in [1..5]`, `true`, `5 in [1..5)`, `false`, `1 in ]1..5]`, `false`, `5 in (<3, >4)`, `true`, `5 in [[1..2], [4..6]]`, `true`,
		`"a" in ["a", "b"]`, `true`, `1 in 1`, `true`, `[1] in [[1], [2]]`, `true`, `null in [1, null]`, `true`, `5 in (= 5)`, `true`,
		`null in [1..2]`, `null`, `1 in [2] or 3 in [3]`, `true`, `1 in <2 and 3 in >2`, `true`, `1 in (2) or true`, `true`, `1 in 0 + 1`, `true`, `(= 10) = [10..10]`, `false`, `(< 5) = (< 5)`, `true`, `[1..2] = [1..2]`, `true`, `range("[1..3)")`, `[1..3)`,
		`before([1..5), 5)`, `true`, `after(6, [1..5])`, `true`, `meets([1..5], [5..9])`, `true`, `met by([5..9], [1..5])`, `true`,
		`overlaps([1..5], [5..9])`, `true`, `overlaps([1..5), [5..9])`, `false`, `overlaps before([1..5], [3..9])`, `true`,
		`overlaps after([3..9], [1..5])`, `true`, `finishes(5, [1..5])`, `true`, `finished by([1..5], [3..5])`, `true`,
		`includes([1..5], 5)`, `true`, `during([2..3], [1..5])`, `true`, `starts(1, [1..5])`, `true`, `started by([1..5], [1..3])`, `true`,
		`coincides([1..5], [1..5])`, `true`, `coincides(1, 1)`, `true`, `before(range1: [1..2], range2: [3..4])`, `true`, `before((< 5), 6)`, `true`,
	)
	checkNull(t, feel.CodeType, `[1.."a"]`, `meets(1, 2)`, `before(1, "a")`, `before(1, null)`)
	checkNull(t, feel.CodeValue, `[5..1]`, `range("[1..]")`, `range("[3..1]")`, `range("[a..b]")`)
}

func TestCompile_ErrorsSayWhereAndWhat(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"1 +":             `feel: 1:4: syntax: found the end of the expression, expected an expression`,
		"if a\nthen b":    `feel: 2:7: syntax: found the end of the expression, expected "else"`,
		"[1, 2":           `feel: 1:6: syntax: found the end of the expression, expected "]"`,
		`"abc`:            `feel: 1:1: syntax: found a string without end, expected an expression`,
		"1 2":             `feel: 1:3: syntax: found "2", expected an operator or the end of the expression`,
		"{a 1}":           `feel: 1:5: syntax: found "}", expected ":"`,
		"1 between 2":     `feel: 1:12: syntax: found the end of the expression, expected "and"`,
		"f(a: 1, 2)":      `feel: 1:9: syntax: found "2", expected a named argument`,
		"é # 1":           `feel: 1:3: syntax: found the character "#", expected an operator or the end of the expression`,
		"1 instance of 2": `feel: 1:15: syntax: found "2", expected a type`,
	} {
		_, err := feel.Compile(src, nil, feel.CompileOptions{})
		var ce *feel.CompileError
		if !errors.As(err, &ce) || ce.Error() != want {
			t.Errorf("%s\n\tgot  %v\n\twant %s", src, err, want)
		}
	}
}

func TestLanguage_DiagnosticsHaveAPlace(t *testing.T) {
	t.Parallel()
	_, why := run(t, "{\n  a: 1,\n  b: a + \"x\" * 2\n}")
	if len(why) != 1 || why[0].Pos.Line != 3 || why[0].Pos.Column != 14 {
		t.Errorf("got %v", why)
	}
	_, why = run(t, "/* é */ date(\"x\")")
	if len(why) != 1 || why[0].Pos.Column != 9 {
		t.Errorf("got %v", why)
	}
}
