package feel_test

import (
	"math"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"

	"rapport/internal/feel"
)

func TestNumbers_ArithmeticIsDecimal(t *testing.T) {
	t.Parallel()
	check(t,
		`0.1 + 0.2`, `0.3`,
		`1/3`, `0.3333333333333333333333333333333333`,
		`2/3`, `0.6666666666666666666666666666666667`,
		`1 - 0.90`, `0.1`,
		`10 / 4`, `2.5`,
		`7 / -2`, `-3.5`,
		`-5 ** 2`, `25`,
		`2 ** 3 ** 2`, `64`,
		`2 ** -1`, `0.5`,
		`2 ** 0.5`, `1.414213562373095048801688724209698`,
		`9223372036854775807 + 1`, `9223372036854775808`,
		`9223372036854775807 * 9223372036854775807`, `85070591730234615847396907784232500000`,
		`-9223372036854775808 - 1`, `-9223372036854775809`,
		`9999999999999999999999999999999999 + 1`, `10000000000000000000000000000000000`,
		`0.0000000000000000001 * 10`, `0.000000000000000001`,
		`1e3 + .5`, `1000.5`,
		`--3`, `3`,
		`12300 = 1.23e4`, `true`,
		`1.0 = 1.000`, `true`,
		`1e6000 * 10 > 1e6000`, `true`,
		`1e6000 + 1 = 1e6000`, `true`,
		`-1e6000 < 1e-6000`, `true`,
	)
	checkNull(t, feel.CodeValue, `1/0`, `1e6000 * 1e6000`, `(-8) ** 0.5`, `0 ** -1`)
}

func TestNumbers_Functions(t *testing.T) {
	t.Parallel()
	check(t,
		`decimal(2.5, 0)`, `2`, `decimal(3.5, 0)`, `4`, `decimal(1/3, 2)`, `0.33`, `decimal(1250, -2)`, `1200`,
		`floor(-1.5)`, `-2`, `ceiling(-1.5)`, `-1`, `floor(1.56, 1)`, `1.5`,
		`round up(5.51, 1)`, `5.6`, `round down(-5.59, 1)`, `-5.5`, `round half up(-2.5, 0)`, `-3`,
		`round half down(-2.5, 0)`, `-2`, `abs(-1.5)`, `1.5`, `abs(@"-P1D")`, `@"P1D"`, `abs([-1])`, `1`,
		`modulo(10, -4)`, `-2`, `modulo(-10.1, 4.5)`, `3.4`, `sqrt(16)`, `4`, `exp(0)`, `1`,
		`exp(1)`, `2.718281828459045235360287471352662`, `exp(5000) > 1e2171`, `true`, `exp(-20000)`, `0`,
		`log(exp(2)) - 2 < 1e-30`, `true`, `odd(5)`, `true`, `odd(5.5)`, `false`, `even(-2)`, `true`, `even(0)`, `true`,
		`sum([1, 2.5])`, `3.5`, `sum(1, 2)`, `3`, `mean([1, 2])`, `1.5`, `median(8, 2, 5, 3, 4)`, `4`,
		`median([6, 1, 2, 3])`, `2.5`, `stddev(2, 4, 7, 5)`, `2.081665999466132735282297706979931`,
		`mode([6, 1, 9, 6, 1])`, `[1, 6]`, `mode([])`, `[]`, `product([2, 3, 4])`, `24`,
		`min("a", "b")`, `"a"`, `max([1, 3, 2])`, `3`, `max([])`, `null`,
		`number("1 000,5", " ", ",")`, `1000.5`, `number("-1.5e2")`, `-150`,
	)
	checkNull(t, feel.CodeValue, `sqrt(-1)`, `log(0)`, `modulo(1, 0)`, `sum([])`, `stddev([1])`, `number("1,5")`,
		`number("NaN")`, `number("Infinity")`, `decimal(1, 7000)`, `exp(20000)`, `number("1", ",", ",")`)
	checkNull(t, feel.CodeType, `sum([1, "a"])`, `min(1, "a")`, `"a" - 1`, `-"a"`, `abs("a")`)
	checkNull(t, feel.CodeArguments, `floor("1")`, `floor(null)`, `floor()`, `floor(1, 2, 3)`, `floor(x: 1)`, `number("1,000", ",")`)
}

func TestNumbers_FastAndSlowLaneAgree(t *testing.T) {
	t.Parallel()
	ctx := apd.BaseContext.WithPrecision(34)
	ctx.Rounding = apd.RoundHalfEven
	ctx.Traps = 0
	scope := feel.NewScope(feel.Var{Name: "a"}, feel.Var{Name: "b"})
	programs := map[string]*feel.Program{}
	for _, op := range []string{"+", "-", "*", "/"} {
		programs[op], _ = feel.Compile("a "+op+" b", scope, feel.CompileOptions{})
	}
	number := rapid.Custom(func(t *rapid.T) *apd.Decimal {
		return apd.New(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 1000)).Draw(t, "coefficient"),
			int32(-rapid.IntRange(0, 18).Draw(t, "scale")))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		want := map[string]*apd.Decimal{"+": new(apd.Decimal), "-": new(apd.Decimal), "*": new(apd.Decimal), "/": new(apd.Decimal)}
		_, _ = ctx.Add(want["+"], a, b)
		_, _ = ctx.Sub(want["-"], a, b)
		_, _ = ctx.Mul(want["*"], a, b)
		_, _ = ctx.Quo(want["/"], a, b)
		for op, p := range programs {
			got, _ := p.Eval(feel.Options{}, feel.Number(a), feel.Number(b))
			d, ok := got.AsDecimal()
			if !ok {
				if want[op].Form == apd.Finite {
					t.Fatalf("%s %s %s = %s, want %s", a, op, b, got, want[op])
				}
				continue
			}
			if d.Cmp(want[op]) != 0 {
				t.Fatalf("%s %s %s = %s, want %s", a, op, b, d, want[op])
			}
		}
		c, _ := feel.Compare(feel.Number(a), feel.Number(b))
		if c != a.Cmp(b) {
			t.Fatalf("compare %s with %s: %d", a, b, c)
		}
		if feel.Equal(feel.Number(a), feel.Number(b)).IsTrue() != (a.Cmp(b) == 0) {
			t.Fatalf("%s = %s", a, b)
		}
	})
}

func TestNumbers_TextRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := feel.Decimal(rapid.Int64().Draw(t, "c"), rapid.IntRange(-50, 50).Draw(t, "s"))
		back, ok := feel.ParseNumber(v.String())
		if !ok || !feel.Equal(v, back).IsTrue() || back.String() != v.String() {
			t.Fatalf("%s became %s", v, back)
		}
	})
}

func TestNumbers_FromGo(t *testing.T) {
	t.Parallel()
	for _, x := range []any{int64(math.MinInt64), uint64(math.MaxUint64), 0.1, float32(0.5), int8(-3), 1e300} {
		v, err := feel.FromGo(x)
		if err != nil || v.Kind() != feel.KindNumber {
			t.Errorf("%v: %s, %v", x, v, err)
		}
	}
	if v := feel.Float(math.NaN()); !v.IsNull() {
		t.Errorf("NaN is %s", v)
	}
	if v := feel.Float(0.1); v.String() != "0.1" {
		t.Errorf("0.1 is %s", v)
	}
	if f, ok := feel.Decimal(15, 1).AsFloat(); !ok || f != 1.5 {
		t.Errorf("1.5 is %v", f)
	}
	if i, ok := feel.Decimal(15, 1).AsInt(); ok {
		t.Errorf("1.5 is the integer %d", i)
	}
}
