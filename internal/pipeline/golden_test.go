package pipeline

import (
	"testing"

	"rapport/internal/definition"
	"rapport/internal/profile"
	"rapport/internal/store/memory"
)

func rules(kind definition.Kind, document string) definition.Command {
	return definition.Command{Kind: kind, Key: definition.DefaultKey, Status: definition.Live, Document: []byte(document), ContentType: "application/json", Author: "key_1", Time: worldStart}
}

// The rules that are live hold at once, for everybody, and after a restart.
func TestProfileRules_TheLiveVersionHolds(t *testing.T) {
	t.Parallel()
	disk := memory.NewDisk()
	p := open(t, memory.Open(disk), 2, 7)
	ctx := t.Context()
	rule := func(want string) {
		t.Helper()
		r, err := p.ProfileRules(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Golden.Of("city").Rule; string(got) != want {
			t.Errorf("the rule is %s, want %s", got, want)
		}
		if again, err := p.ProfileRules(ctx); err != nil || again != r {
			t.Errorf("asked again, the rules are compiled again (%v)", err)
		}
	}
	rule("last_updated")
	for _, c := range []definition.Command{
		rules(definition.Reconciliation, `{"default":{"rule":"most_complete"}}`),
		rules(definition.TraitSchema, `{"traits":{"n":{"type":"number"}}}`),
	} {
		if _, err := p.Define(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	rule("most_complete")
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	p = open(t, memory.Open(disk), 2, 7)
	rule("most_complete")
	if r, err := p.ProfileRules(ctx); err != nil || r.Schema.Of("n") == nil {
		t.Errorf("the schema is gone: %v", err)
	}
}

// Every person of a world is visited once, however many identifiers it has.
func TestSamplePeople_VisitsEachOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(11, 120)
	p := open(t, memory.Open(memory.NewDisk()), 3, 10)
	play(t, p, w.facts, 5)
	want := map[string]bool{}
	for _, i := range w.ids {
		if v, err := p.Profile(t.Context(), i.String(), ProfileOptions{}); err == nil {
			want[v.ID] = true
		}
	}
	seen := map[string]int{}
	all, err := p.SamplePeople(t.Context(), 1_000, func(id string, partials []*profile.Partial) {
		seen[id] += len(partials)
	})
	if err != nil || !all || len(seen) != len(want) || len(want) < 3 {
		t.Fatalf("visited %d of %d people, all: %v, %v", len(seen), len(want), all, err)
	}
	visits := 0
	all, err = p.SamplePeople(t.Context(), 2, func(string, []*profile.Partial) { visits++ })
	if err != nil || all || visits != 2 {
		t.Errorf("of a sample of two %d were visited, all: %v, %v", visits, all, err)
	}
}
