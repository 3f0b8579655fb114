package pipeline

import (
	"context"
	"slices"
	"strings"
	"testing"

	"rapport/internal/id"
)

// spoken writes down what a feeder asks for.
type spoken []string

func (s *spoken) Accept(context.Context, *Submission) (Receipt, error) {
	*s = append(*s, "accept")
	return Receipt{}, nil
}

func (s *spoken) WaitApplied(context.Context, Receipt) error {
	*s = append(*s, "wait")
	return nil
}

func TestFeeder_WaitsOnlyWhereSomethingDependsOnIt(t *testing.T) {
	t.Parallel()
	ctx, said := context.Background(), &spoken{}
	f := Feeder{To: said}
	of := func(values ...string) map[id.Key]bool {
		out := map[id.Key]bool{}
		for _, v := range values {
			out[id.KeyOf("user_id", v)] = true
		}
		return out
	}
	give := func() (Receipt, error) {
		*said = append(*said, "give")
		return Receipt{}, nil
	}
	steps := []struct {
		do   func() error
		want string
	}{
		{func() error { return f.Await(ctx, of("a")) }, ""}, // nothing is under way
		{func() error { return f.Hand(ctx, &Submission{}, of("a", "b")) }, "accept"},
		{func() error { return f.Await(ctx, of("c", "d")) }, ""},
		{func() error { return f.Hand(ctx, &Submission{}, of("c", "d")) }, "wait accept"},
		{func() error { return f.Await(ctx, of("a")) }, ""}, // that was applied before
		{func() error { return f.Await(ctx, of("x", "d")) }, "wait"},
		{func() error { return f.Applied(ctx) }, ""},
		{func() error { return f.Hand(ctx, &Submission{}, of("e")) }, "accept"},
		{func() error { return f.HandBy(ctx, of("f"), give) }, "give wait"}, // decided meanwhile
		{func() error { return f.Await(ctx, of("e")) }, ""},
		{func() error { return f.Applied(ctx) }, "wait"},
	}
	for i, step := range steps {
		*said = nil
		if err := step.do(); err != nil || !slices.Equal(*said, strings.Fields(step.want)) {
			t.Errorf("step %d: %v, %v; want %q", i, *said, err, step.want)
		}
	}
}
