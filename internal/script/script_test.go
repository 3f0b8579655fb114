package script_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/script"
)

func run(t testing.TB, source string, args map[string]any) (any, script.Usage, error) {
	t.Helper()
	p, err := script.Compile("box", source, "guest")
	if err != nil {
		return nil, script.Usage{}, err
	}
	return p.Run(script.Input{Args: []any{args}, Now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, script.Limits{Steps: 200_000, Bytes: 4 << 20, Time: 10 * time.Minute})
}

func TestRun_GivesWhatTheBoxReturns(t *testing.T) {
	t.Parallel()
	guest := map[string]any{
		"name": "Zoë", "age": 41.0, "orders": []any{map[string]any{"total": 12.5}, map[string]any{"total": 30.0}}, "none": nil, "member": true,
	}
	for source, want := range map[string]string{
		`return guest.orders.reduce((a, o) => a + o.total, 0)`:                              `42.5`,
		`return {b: guest.name + "!", a: [1, "x", null, undefined, true], f() {}}`:          `{"a":[1,"x",null,null,true],"b":"Zoë!"}`,
		`let s = ""; for (const o of guest.orders) { s += o.total + ";" } return s // done`: `"12.5;30;"`,

		`return Object.keys(guest)`:                                                                 `["age","member","name","none","orders"]`,
		"return `${guest.name}: ${guest.age >= 18 ? 'adult' : 'child'}`":                            `"Zoë: adult"`,
		`function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } return fib(15)`:             `610`,
		`return new Date().getFullYear() + " " + new Date(2026, 0, 2).toISOString()`:                `"2026 2026-01-02T00:00:00.000Z"`,
		`return new Date("2026-01-02T10:00").toISOString() + new Date("2026-01-02").getHours()`:     `"2026-01-02T10:00:00.000Z0"`,
		`return {d: new Date(0)}`:                                                                   `{"d":"1970-01-01T00:00:00.000Z"}`,
		`const m = new Map([["a", 1]]); m.set("b", 2); return [...m.keys(), ...new Set([1, 1])]`:    `["a","b",1]`,
		`return "a-b-c".replace(/-/g, (x) => x + x).split("--")`:                                    `["a","b","c"]`,
		`return "a-b".replaceAll("-", "+").match(/(\w)\+/)[1].padStart(3, "·")`:                     `"··a"`,
		`return JSON.parse(JSON.stringify({x: [1, {y: new Date(0), f() {}}]}))`:                     `{"x":[1,{"y":"1970-01-01T00:00:00.000Z"}]}`,
		`return Array.from({length: 3}, (_, i) => i * i).concat(new Array(2).fill(7), Array(1, 2))`: `[0,1,4,7,7,1,2]`,
		`return [3, 1, 2].sort((a, b) => a - b).join("") + [[1, [2]], 3]`:                           `"1231,2,3"`,
		`return Math.max(...guest.orders.map((o) => o.total)) / 0`:                                  `null`,
		`class A { #x = 2; get x() { return this.#x } } return new A().x`:                           `2`,
		`const {age, ...rest} = guest; return Object.keys(rest).length + age`:                       `45`,
		`function* g() { yield 1; yield* [2, 3] } return [...g()]`:                                  `[1,2,3]`,
		`return [1, [2, [3, [4]]]].flat(Infinity).length + [1, 2].includes(2)`:                      `5`,
		`return typeof eval + typeof Function + typeof require + typeof fetch + typeof process`:     `"undefinedundefinedundefinedundefinedundefined"`,
		`try { null.x } catch (e) { return e instanceof TypeError }`:                                `true`,
		`return [] instanceof Array && Array.isArray([]) && [].constructor === Array`:               `true`,
		``: `null`,
	} {
		got, usage, err := run(t, source, guest)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		raw, err := json.Marshal(got)
		if err != nil || string(raw) != want {
			t.Errorf("%s: %s (%v), want %s", source, raw, err, want)
		}
		if usage.Steps < 1 {
			t.Errorf("%s: no steps", source)
		}
	}
}

func TestRun_EndsAtALimit(t *testing.T) {
	t.Parallel()
	for source, code := range map[string]string{
		`while (true) {}`: "script_steps",
		`for (;;) { try { null.x } catch (e) { continue } }`: "script_steps",
		`do ; while (1)`:           "script_steps",
		`const f = () => f(); f()`: "script_depth",
		`function f(n) { f(n + 1) } try { f(0) } catch (e) {} return 1`:                     "script_depth",
		`const g = (n) => n < 1 ? 1 : g(n - 1) + g(n - 1); return g(60)`:                    "script_steps",
		`let s = "x"; for (;;) s += s`:                                                      "script_bytes",
		"let s = 'x'; for (;;) s = `${s}${s}`":                                              "script_bytes",
		`let s = "x"; for (;;) s = s.concat(s)`:                                             "script_bytes",
		`return "x".repeat(1e9)`:                                                            "script_bytes",
		`return "x".padEnd(2 ** 30)`:                                                        "script_bytes",
		`let a = [1]; for (;;) a = [...a, ...a]`:                                            "script_bytes",
		`let a = [1]; for (;;) a = a.concat(a)`:                                             "script_bytes",
		`let a = [1]; for (;;) a.push(...a)`:                                                "script_bytes",
		`const a = []; a.length = 4e9; return a.join("x")`:                                  "script_bytes",
		`const a = []; a.length = 4e9; return [...a]`:                                       "script_bytes",
		`const a = []; a[4e9] = 1; a.sort()`:                                                "script_bytes",
		`return new Array(4e9).fill(0)`:                                                     "script_bytes",
		`return Array(4e9)`:                                                                 "script_bytes",
		`return Array.from({length: 1e9})`:                                                  "script_bytes",
		`const a = []; a.length = 4e9; return new Set(a).size`:                              "script_steps",
		`const a = []; a.length = 4e9; return Math.max.apply(null, a)`:                      "script_bytes",
		`return "a".repeat(1e6).replaceAll("a", "b".repeat(1e6))`:                           "script_bytes",
		`return "a".repeat(1e6).replace(/a/g, () => "b".repeat(1e6))`:                       "script_bytes",
		`return "a".repeat(1e5).replace(/a/g, "$'")`:                                        "script_bytes",
		`const x = "x".repeat(1e6); return Array(1000).fill(x).join()`:                      "script_bytes",
		`let o = {}; for (let i = 0; i < 1e5; i++) o = {o}; return JSON.stringify(o)`:       "script_depth",
		`let o = {}; for (let i = 0; i < 1e5; i++) o = {o}; return o`:                       "script_depth",
		`let o = 1; for (let i = 0; i < 50; i++) o = [o, o]; return JSON.stringify(o)`:      "script_bytes",
		`let o = 1; for (let i = 0; i < 50; i++) o = [o, o]; return o`:                      "script_steps",
		`let o = 1; for (let i = 0; i < 50; i++) o = [o, o]; return "" + o`:                 "script_steps",
		`let o = 1; for (let i = 0; i < 50; i++) o = [o, o]; return o.flat(Infinity)`:       "script_steps",
		`const a = []; a.push(a); return a.flat(Infinity)`:                                  "script_depth",
		`return JSON.parse("[".repeat(1e5))`:                                                "script_depth",
		`const o = {get a() { return {get a() { return o.a }} }}; return JSON.stringify(o)`: "script_depth",
		`return {get a() { for (;;) {} }}`:                                                  "script_steps",
		`throw {toString() { for (;;) {} }}`:                                                "script_steps",
		`const a = []; for (;;) a.push("y".repeat(1e5))`:                                    "script_bytes",
	} {
		_, usage, err := run(t, source, nil)
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Code != code {
			t.Errorf("%s: %v after %+v, want %s", source, err, usage, code)
		}
	}
}

func TestCompileAndRun_SayWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"let x = 1\nreturn x +":                                    "line 3",
		"return 1 }); (function() { ":                              "closes more brackets",
		"\nreturn 10n":                                             "line 2, column 8: whole numbers with n",
		"return /(?=a)b/.test('b')":                                "regular expression",
		`return /(a)\1/.test("aa")`:                                "regular expression",
		"const [a, ...b] = [1]":                                    "use slice",
		"return (async () => 1)()":                                 "async",
		"let x\n\nreturn guest.a.b":                                "failed in line 3: TypeError",
		"throw new Error('no offer')":                              "failed in line 1: Error: no offer",
		"return Math.random()":                                     "a seed must be handed in",
		"return 'a'.match('(a+)+$')":                               "write the pattern",
		"return new RegExp('a')":                                   "RegExp is not defined",
		"return /a/.constructor('b')":                              "failed",
		"return (() => 1).constructor('return 1')()":               "failed",
		"return (function*() {}).constructor('for(;;);')().next()": "failed",
		"return () => 1":                                           "a Function cannot be the result",
		"return Array.prototype.join.call({length: 1e9})":          "functions of lists",
		"return Symbol()":                                          "Symbol is not defined",
		strings.Repeat("(", 1000):                                  "more than 200 deep",
		strings.Repeat("x", 70_000):                                "limit is 65536",
		"with (guest) {}":                                          "line 1",
	} {
		out, _, err := run(t, source, map[string]any{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v (%v), want %q", source, err, out, want)
		}
	}
	if _, err := script.Compile("box", "return 1", "a b"); err == nil {
		t.Error("a parameter that is no name was taken")
	}
}

func TestRun_IsTheSameForTheSameInput(t *testing.T) {
	t.Parallel()
	p, err := script.Compile("box", `globalThis.count = (globalThis.count || 0) + 1; Array.prototype.x = 1; return [Math.random(), count, Date.now()]`)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(7)
	in := script.Input{Now: time.Unix(1, 0), Seed: &seed}
	first, used, err := p.Run(in, script.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	again, usedAgain, err := p.Run(in, script.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(first)
	b, _ := json.Marshal(again)
	if string(a) != string(b) || used != usedAgain {
		t.Errorf("%s with %+v, then %s with %+v", a, used, b, usedAgain)
	}
}

func FuzzRun(f *testing.F) {
	for _, s := range []string{
		`return guest.a + 1`, `for (const k in guest) { return [k, ...k] }`, "return `${guest}`.replace(/a/g, 'b')",
		`let [a, {b = 1}] = [1, {}]; label: for (;;) { break label }`, `return JSON.stringify([1].map((x) => x + 1))`,
		`class A extends Array { static { } } return new A(3).length`, `return "a".split("").join("b")`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		p, err := script.Compile("box", source, "guest")
		if err != nil {
			return
		}
		limits := script.Limits{Steps: 20_000, Bytes: 1 << 20, Depth: 60, Time: 5 * time.Second}
		_, _, err = p.Run(script.Input{Args: []any{map[string]any{"a": 1.0}}}, limits)
		if f, ok := errors.AsType[*fault.Fault](err); ok && (f.Code == "script_time" || strings.Contains(f.Message, "engine gave up")) {
			t.Errorf("%q: %v", source, err)
		}
	})
}

func BenchmarkRun(b *testing.B) {
	p, err := script.Compile("box", `let sum = 0; for (const o of guest.orders) { sum += o.total } return {sum, vip: sum > 100}`, "guest")
	if err != nil {
		b.Fatal(err)
	}
	in := script.Input{Args: []any{map[string]any{"orders": []any{map[string]any{"total": 12.5}, map[string]any{"total": 30.0}}}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := p.Run(in, script.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
