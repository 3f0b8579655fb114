package definition_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/fault"
)

var statuses = []definition.Status{definition.Draft, definition.Test, definition.Live, definition.Archived}

func command(t *rapid.T, s *definition.Series) definition.Command {
	c := definition.Command{
		Kind: definition.DecisionModel, Key: "m", Author: "key_1", Time: clock.Instant(rapid.Int64Range(1, 1000).Draw(t, "time")),
		Status: rapid.SampledFrom(statuses).Draw(t, "status"),
	}
	n := 1
	if v := s.Newest(); v != nil {
		n = v.Version
		c.IfMatch = rapid.SampledFrom([]string{"", "*", v.ETag(), `"v0.0"`}).Draw(t, "if-match")
	}
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		c.Document = []byte(rapid.StringMatching("[a-z]{1,5}").Draw(t, "document"))
	case 1:
		c.RollbackTo = rapid.IntRange(1, n+1).Draw(t, "to")
	case 2:
		c.Version = rapid.IntRange(0, n+1).Draw(t, "version")
	}
	return c
}

func TestSeries_WhateverIsAskedOneVersionIsLiveAndHistoryOnlyGrows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s, again *definition.Series
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			c := command(t, s)
			f, err := s.Decide(c)
			if err != nil {
				if fault.KindOf(err) == fault.Internal {
					t.Fatalf("no fault: %v", err)
				}
				continue
			}
			next, steps, err := s.Apply(&f)
			if err != nil || len(steps) == 0 {
				t.Fatalf("decided, but not applied: %v", err)
			}
			check(t, s, next, &f)
			if same, steps, err := next.Apply(&f); err != nil || len(steps) != 0 || same != next {
				t.Fatalf("applied twice: %v %v", steps, err)
			}
			if again, _, err = again.Apply(&f); err != nil {
				t.Fatal(err)
			}
			s = next
		}
		if s != nil && !slices.EqualFunc(s.Versions, again.Versions, func(a, b definition.Version) bool { return a.ETag() == b.ETag() && slices.Equal(a.Changes, b.Changes) }) {
			t.Fatalf("the facts give %+v, then %+v", s, again)
		}
	})
}

func check(t *rapid.T, before, after *definition.Series, f *definition.Fact) {
	live := 0
	for i, v := range after.Versions {
		if v.Version != i+1 {
			t.Fatalf("version %d in place %d", v.Version, i)
		}
		if v.Status() == definition.Live {
			live++
		}
		for n := 1; n < len(v.Changes); n++ {
			if !definition.May(v.Changes[n-1].Status, v.Changes[n].Status) {
				t.Fatalf("version %d went from %s to %s", v.Version, v.Changes[n-1].Status, v.Changes[n].Status)
			}
		}
		if old := before.At(v.Version); old != nil && !slices.Equal(old.Changes, v.Changes[:len(old.Changes)]) {
			t.Fatalf("the history of version %d was rewritten", v.Version)
		}
	}
	if live > 1 {
		t.Fatalf("%d versions are live", live)
	}
	if f.Status == definition.Live && after.Live().Version != f.Version {
		t.Fatalf("version %d went live, %d is", f.Version, after.Live().Version)
	}
	if got := after.At(f.Version).Last(); got.Status != f.Status || got.Author != f.Author || got.Time != f.Time {
		t.Fatalf("fact %+v left %+v", f, got)
	}
}

func TestDecide_RefusalsSayWhatToDo(t *testing.T) {
	t.Parallel()
	var s *definition.Series
	put := definition.Command{Kind: definition.DecisionModel, Key: "m", Status: definition.Live, Document: []byte("x")}
	f, err := s.Decide(put)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, err = s.Apply(&f); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]definition.Command{
		"invalid_key":         {Key: "a b", Status: definition.Live, Document: []byte("x")},
		"document_too_large":  {Key: "m", Status: definition.Live, Document: make([]byte, definition.MaxDocument+1)},
		"unknown_status":      {Key: "m", Status: "alive"},
		"already_exists":      {Key: "m", Status: definition.Live, Document: []byte("x"), IfNoneMatch: "*"},
		"changed_meanwhile":   {Key: "m", Status: definition.Live, Document: []byte("x"), IfMatch: `"v9.1"`},
		"status_not_possible": {Key: "m", Status: definition.Test},
		"version_not_found":   {Key: "m", Status: definition.Test, Version: 7},
		"note_too_long":       {Key: "m", Status: definition.Test, Note: strings.Repeat("x", 2001)},
	} {
		_, err := s.Decide(c)
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Code != name || !strings.Contains(f.Message, ":") && !strings.Contains(f.Message, ";") && name != "note_too_long" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var none *definition.Series
	if _, err := none.Decide(definition.Command{Key: "m", Status: definition.Live}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no series: %v", err)
	}
}

func TestDiff_TurnsOneDocumentIntoTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", ""}), 0, 30), func(l []string) string { return strings.Join(l, "\n") })
		from, to := doc.Draw(t, "from"), doc.Draw(t, "to")
		a, b := split(from), split(to)
		diff := definition.Diff([]byte(from), []byte(to))
		removed, added := map[int]bool{}, map[int]string{}
		for _, l := range diff {
			if l.Op == "removed" {
				removed[l.Line] = true
				if a[l.Line-1] != l.Text {
					t.Fatalf("line %d of %q is not %q", l.Line, from, l.Text)
				}
			} else {
				added[l.Line] = l.Text
			}
		}
		var got []string
		next := 0
		for len(got) < len(b) {
			if text, ok := added[len(got)+1]; ok {
				got = append(got, text)
				continue
			}
			for removed[next+1] {
				next++
			}
			if next >= len(a) {
				t.Fatalf("too little is left of %q for %q: %v", from, to, diff)
			}
			got = append(got, a[next])
			next++
		}
		if !slices.Equal(got, b) || len(a)-len(removed) != len(b)-len(added) {
			t.Fatalf("%q to %q: %v", from, to, diff)
		}
		if from == to && len(diff) > 0 {
			t.Fatalf("equal documents differ: %v", diff)
		}
	})
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

func TestDiff_IsShortestAndBounded(t *testing.T) {
	t.Parallel()
	if got := definition.Diff([]byte("a\nb\nc\nd"), []byte("a\nx\nc\r\nd\ne")); len(got) != 3 {
		t.Errorf("diff %v", got)
	}
	large := strings.Repeat("x\n", 5000)
	other := strings.Repeat("y\n", 5000)
	if got := definition.Diff([]byte(large), []byte(other)); len(got) != 10000 {
		t.Errorf("%d lines differ", len(got))
	}
}
