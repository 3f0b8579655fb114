package columns_test

import (
	"testing"

	"rapport/internal/columns"
	"rapport/internal/id"
)

func TestIndex_CoverageIsThePartThatIsUpToDate(t *testing.T) {
	t.Parallel()
	x := columns.New(1 << 20)
	is := func(when string, share float64, behind int) {
		t.Helper()
		if s, n := x.Coverage(); s != share || n != behind {
			t.Errorf("%s: %v with %d behind, want %v with %d", when, s, n, share, behind)
		}
	}
	is("of nobody", 1, 0)
	key := func(i int) id.Key { return id.Key{byte(i * 37), byte(i)} }
	for i := range 8 {
		x.Update(&columns.Row{Key: key(i)})
	}
	is("of eight", 1, 0)
	x.Suspect([]id.Key{key(0), key(1), {255, 9, 9}, {254, 9, 9}})
	is("of eight, two of them behind, and two who come", 0.6, 4)
	x.Update(&columns.Row{Key: key(0)})
	is("one is up to date again", 0.7, 3)
	for part := range columns.Parts {
		x.Unknown(part)
	}
	is("nothing is known", 0, 3)
}
