package feel_test

import (
	"testing"

	"rapport/internal/feel"
)

// What is worked out once comes to the same as what is worked out each time, and
// is worked out anew after a reset.
func TestCompile_FixedInputsChangeNothingButTheWork(t *testing.T) {
	t.Parallel()
	scope := feel.NewScope(feel.Var{Name: "person"}, feel.Var{Name: "offer"})
	person := func(age int64) feel.Value {
		return feel.ContextOf(feel.Entry{Key: "age", Value: feel.Int(age)}, feel.Entry{Key: "tags", Value: feel.ListOf(feel.String("a"), feel.String("b"))})
	}
	ev := feel.NewEvaluator(feel.Options{})
	outer := feel.NewEvaluator(feel.Options{})
	for _, src := range []string{
		"offer * (1 + count(person.tags))", "if offer > person.age then person.age + 1 else offer", "person.age + person.age * offer",
		"offer > person.age - 3", "for i in 1..offer return i * (person.age + 1)", "some i in person.tags satisfies i = \"b\" and offer > 2",
		"(function(x) x + person.age * 2)(offer)", "person.tags[item = \"a\"]", "person.none.more + offer", "{a: person.age + 1, b: a + offer}.b",
		"offer between person.age - 1 and person.age + 1", "person.age",
	} {
		plain, err := feel.Compile(src, scope, feel.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		keeping, err := feel.Compile(src, scope, feel.CompileOptions{Fixed: []int{0}})
		if err != nil {
			t.Fatal(err)
		}
		for _, age := range []int64{4, 5} {
			ev.Reset(feel.Options{})
			for offer := range int64(8) {
				slots := []feel.Value{person(age), feel.Int(offer)}
				want, got := outer.Run(plain, slots), ev.Run(keeping, slots)
				if got.Literal() != want.Literal() || ev.Test(keeping, slots) != want.IsTrue() {
					t.Errorf("%s of %d and %d: %s, want %s", src, age, offer, got.Literal(), want.Literal())
				}
			}
		}
	}
}

// Two programs that run in turns, one of them within the other, keep their own.
func TestCompile_FixedInputsOfProgramsThatRunInOneAnother(t *testing.T) {
	t.Parallel()
	fixed := feel.CompileOptions{Fixed: []int{0}}
	inner, err := feel.Compile("x * 10 + y", feel.NewScope(feel.Var{Name: "x"}, feel.Var{Name: "y"}), fixed)
	if err != nil {
		t.Fatal(err)
	}
	call := feel.NewFunction("call", []feel.Param{{Name: "y"}}, nil, func(ev *feel.Evaluator, args []feel.Value) (feel.Value, error) {
		return ev.Run(inner, []feel.Value{feel.Int(7), args[0]}), nil
	})
	outer, err := feel.Compile("f(x * 2 + y) + (x * 3 + y) * 1000", feel.NewScope(feel.Var{Name: "x"}, feel.Var{Name: "y"}, feel.Var{Name: "f"}), fixed)
	if err != nil {
		t.Fatal(err)
	}
	ev := feel.NewEvaluator(feel.Options{})
	for y := range int64(3) {
		got := ev.Run(outer, []feel.Value{feel.Int(1), feel.Int(y), call})
		if want := feel.Int(72 + y + (3+y)*1000); got.Literal() != want.Literal() {
			t.Errorf("%d: %s, want %s", y, got.Literal(), want.Literal())
		}
	}
}
