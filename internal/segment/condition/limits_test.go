package condition_test

import (
	"errors"
	"strings"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/segment/condition"
)

func checkFault(t *testing.T, doc string, err error, want [3]string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Fault](err)
	if len(doc) > 80 {
		doc = doc[:80] + "…"
	}
	if !ok || f.Kind != fault.Invalid || f.Code != want[0] || f.Field != want[1] || !strings.Contains(f.Message, want[2]) {
		t.Errorf("%s: %v (%+v), want %q", doc, err, f, want)
	}
}

func TestRead_RefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	leaves := func(n int) string {
		return `{"all":[` + strings.TrimSuffix(strings.Repeat(`{"trait":"x"},`, n), ",") + `]}`
	}
	if _, err := condition.Read([]byte(leaves(condition.MaxNodes - 1))); err != nil {
		t.Errorf("a tree of the greatest size: %v", err)
	}
	_, err := condition.Read([]byte(leaves(condition.MaxNodes)))
	checkFault(t, "many", err, [3]string{"condition_too_large", "/all/9999", "segments of their own"})
	deep := func(n int) string {
		return strings.Repeat(`{"not":`, n) + `{"trait":"x"}` + strings.Repeat(`}`, n)
	}
	if _, err := condition.Read([]byte(deep(condition.MaxDepth - 1))); err != nil {
		t.Errorf("a tree of the greatest depth: %v", err)
	}
	_, err = condition.Read([]byte(deep(condition.MaxDepth)))
	checkFault(t, "deep", err, [3]string{"condition_too_large", strings.Repeat("/not", condition.MaxDepth), "join nested groups"})
	_, err = condition.Read([]byte(strings.Repeat(" ", condition.MaxBytes+1)))
	checkFault(t, "long", err, [3]string{"condition_too_large", "", "split"})
}

func FuzzRead(f *testing.F) {
	for _, g := range guesses {
		f.Add([]byte(g.doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		n, err := condition.Read(doc)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%q: %v is no fault of the document", doc, err)
			}
			return
		}
		canonical := n.Canonical()
		again, err := condition.Read([]byte(canonical))
		if err != nil || again.Canonical() != canonical {
			t.Fatalf("%q is %s, which is not itself: %v", doc, canonical, err)
		}
		if n.Sentence() == "" {
			t.Fatalf("%s has no sentence", canonical)
		}
	})
}
