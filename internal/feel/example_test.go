package feel_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"rapport/internal/feel"
)

func ExampleCompile() {
	scope := feel.NewScope(
		feel.Var{Name: "Guest Count", Type: feel.NumberType},
		feel.Var{Name: "season"},
	)
	prog, err := feel.Compile(`Guest Count > 8 and season in ["Fall", "Winter"]`, scope, feel.CompileOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ev := feel.NewEvaluator(feel.Options{Now: feel.FromTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))})
	fmt.Println(ev.Run(prog, []feel.Value{feel.Int(10), feel.String("Fall")}))
	fmt.Println(ev.Run(prog, []feel.Value{feel.String("ten"), feel.String("Fall")}))
	fmt.Println(ev.Diagnostics())
	// Output:
	// true
	// null
	// [1:13: type: cannot compare string > number]
}

func ExampleCompileUnaryTests() {
	scope := feel.NewScope(feel.Var{Name: "limit"}, feel.Var{Name: "?"})
	prog, _ := feel.CompileUnaryTests(`[18..30), > limit`, scope, feel.CompileOptions{})
	ev := feel.NewEvaluator(feel.Options{})
	fmt.Println(ev.Test(prog, []feel.Value{feel.Int(60), feel.Int(20)}), ev.Test(prog, []feel.Value{feel.Int(60), feel.Int(40)}))
	// Output: true false
}

func TestProgram_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	src := `{f: function(n) if n < 2 then n else n + x, m: matches(string(n: 5), "5|" + string(x)), ` +
		`b: matches("aa", "(a)\1"), r: [for i in 1..20 return f(i)][1], z: @"2020-07-01T10:00:00@Europe/Paris" + @"P1D", s: sum(r)}.s`
	prog, err := feel.Compile(`if x > 0 then `+src+` else 0`, feel.NewScope(feel.Var{Name: "x"}), feel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for x := range int64(8) {
		wg.Go(func() {
			ev := feel.NewEvaluator(feel.Options{})
			for range 50 {
				ev.Reset(feel.Options{})
				want := feel.Int(0)
				if x > 0 {
					want = feel.Int(210 + 19*x)
				}
				if got := ev.Run(prog, []feel.Value{feel.Int(x)}); !feel.Same(got, want) {
					t.Errorf("x = %d: got %s, want %s", x, got, want)
				}
			}
		})
	}
	wg.Wait()
}
