package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
)

// spoken writes down what a feeder asks for.
type spoken struct {
	words []string
	parts store.Position // that came
}

func (s *spoken) came() Receipt {
	s.parts++
	return Receipt{Position: s.parts - 1}
}

func (s *spoken) Accept(context.Context, *Submission) (Receipt, error) {
	s.words = append(s.words, "accept")
	return s.came(), nil
}

func (s *spoken) WaitApplied(_ context.Context, r Receipt) error {
	s.words = append(s.words, fmt.Sprint("wait", r.Position))
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
		said.words = append(said.words, "give")
		return said.came(), nil
	}
	steps := []struct {
		do   func() error
		want string
	}{
		{func() error { return f.Await(ctx, of("a")) }, ""}, // nothing is under way
		{func() error { return f.Hand(ctx, &Submission{}, of("a", "b")) }, "accept"},
		{func() error { return f.Await(ctx, of("c", "d")) }, ""},
		{func() error { return f.Hand(ctx, &Submission{}, of("c", "d")) }, "accept"},
		{func() error { return f.Hand(ctx, &Submission{}, of("e")) }, "wait0 accept"},
		{func() error { return f.Await(ctx, of("a")) }, ""}, // that was applied before
		{func() error { return f.Await(ctx, of("x", "d")) }, "wait1"},
		{func() error { return f.Await(ctx, of("d")) }, ""},
		{func() error { return f.HandBy(ctx, of("f"), give) }, "give"},
		{func() error { return f.HandBy(ctx, of("g"), give) }, "give wait2"}, // decided meanwhile
		{func() error { return f.Await(ctx, of("e")) }, ""},
		{func() error { return f.Await(ctx, of("g")) }, "wait4"}, // with all before it
		{func() error { return f.Applied(ctx) }, ""},
		{func() error { return f.Hand(ctx, &Submission{}, of("h")) }, "accept"},
		{func() error { return f.Applied(ctx) }, "wait5"},
	}
	for i, step := range steps {
		said.words = nil
		if err := step.do(); err != nil || !slices.Equal(said.words, strings.Fields(step.want)) {
			t.Errorf("step %d: %v, %v; want %q", i, said.words, err, step.want)
		}
	}
}
