package dmn_test

import (
	"fmt"
	"syscall"
	"testing"

	"rapport/internal/dmn"
	"rapport/internal/feel"
)

// tenRules is a table of the size people draw by hand: two text inputs.
func tenRules() string {
	rows := make([][]string, 10)
	for i := range rows {
		rows[i] = []string{fmt.Sprintf("%q, %q", fmt.Sprint("s", i), fmt.Sprint("z", i)), fmt.Sprintf("%q", fmt.Sprint("c", i%3)), fmt.Sprintf("%q", fmt.Sprint("dish ", i))}
	}
	return model(input("season", "string") + input("course", "string") +
		decision("Dish", "string", table("UNIQUE", []string{"season", "course", "=dish"}, rows...), "in:season", "in:course"))
}

// thousandRules has an equality, a range and a list column.
func thousandRules() string {
	rows := make([][]string, 1000)
	for i := range rows {
		rows[i] = []string{
			fmt.Sprintf("%q", fmt.Sprint("city ", i/10)),
			fmt.Sprintf("[%d..%d)", i%10*10, i%10*10+10),
			fmt.Sprintf("%q, %q", fmt.Sprint("a", i%7), fmt.Sprint("b", i%7)),
			fmt.Sprint(i),
		}
	}
	return model(input("city", "string") + input("age", "number") + input("tag", "string") +
		decision("Rate", "number", table("UNIQUE", []string{"city", "age", "tag", "=rate"}, rows...), "in:city", "in:age", "in:tag"))
}

// tenDeep is a chain of ten decisions.
func tenDeep() string {
	src := input("x", "number")
	before := "in:x"
	for i := range 10 {
		name := fmt.Sprint("d", i)
		text := "x + 1"
		if i > 0 {
			text = fmt.Sprintf("if d%d > 100 then 0 else d%d + %d", i-1, i-1, i)
		}
		src += decision(name, "number", literal(text), before)
		before = name
	}
	return model(src)
}

type benchmark struct {
	name, src, goal string
	inputs          map[string]feel.Value
	want            string
}

func benchmarks() []benchmark {
	return []benchmark{
		{"TenRules", tenRules(), "Dish", map[string]feel.Value{"season": feel.String("z7"), "course": feel.String("c1")}, `"dish 7"`},
		{"ThousandRules", thousandRules(), "Rate", map[string]feel.Value{"city": feel.String("city 77"), "age": feel.Int(45), "tag": feel.String("b4")}, "774"},
		{"TenDeepGraph", tenDeep(), "d9", map[string]feel.Value{"x": feel.Int(3)}, "49"},
	}
}

// processorTime is the time the process has used so far, in nanoseconds: on a
// shared machine it says more than the time that went by.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkDecide(b *testing.B) {
	for _, c := range benchmarks() {
		for _, traced := range []bool{false, true} {
			name := c.name
			if traced {
				name += "/traced"
			}
			b.Run(name, func(b *testing.B) {
				m := compile(b, c.src)
				goal, _ := m.Find("", c.goal)
				type given struct {
					index int
					v     feel.Value
				}
				var inputs []given
				for n, v := range c.inputs {
					in, _ := m.Find("", n)
					inputs = append(inputs, given{in.Index, v})
				}
				o := dmn.SessionOptions{Trace: traced}
				run := m.NewSession(o)
				b.ReportAllocs()
				start := processorTime(b)
				for b.Loop() {
					run.Reset(o)
					for _, in := range inputs {
						run.SetIndex(in.index, in.v)
					}
					run.DecideIndex(goal.Index)
				}
				b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

func TestBenchmarks_DecideWhatTheyShould(t *testing.T) {
	t.Parallel()
	for _, c := range benchmarks() {
		m := compile(t, c.src)
		if len(m.Problems()) > 0 {
			t.Errorf("%s: %v", c.name, m.Problems())
		}
		inputs := map[string]string{}
		for n, v := range c.inputs {
			inputs[n] = v.Literal()
		}
		wants(t, m, c.goal, c.want, inputs)
	}
	m := compile(t, thousandRules())
	for i := range 1000 {
		wants(t, m, "Rate", fmt.Sprint(i), map[string]string{
			"city": fmt.Sprintf(`"city %d"`, i/10), "age": fmt.Sprint(i%10*10 + 5), "tag": fmt.Sprintf(`"b%d"`, i%7),
		})
	}
}
