package pipeline

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/consent"
	"rapport/internal/definition"
	"rapport/internal/profile"
	"rapport/internal/segment/condition"
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

// A segment on a trait, its preview and the profile see the same winner, from
// the fact on that brings other rules into force; so does a replay.
func TestRules_SegmentsSeeTheWinnerThatProfilesShow(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	disk, files := memory.NewDisk(), vfs.NewMem()
	var now atomic.Int64
	now.Store(int64(worldStart))
	p := indexed(t, memory.Open(disk), files, &now)
	for i, plan := range []string{"2", "2", "3"} {
		at := worldStart.Add(time.Duration(i) * time.Minute)
		play(t, p, []fact{{received: at, body: fmt.Sprintf(
			`{"type":"identify","userId":"ann","messageId":"m%d","timestamp":%q,"traits":{"plan":%q}}`, i, at, plan)}}, 1)
	}
	now.Store(int64(worldStart.Add(time.Hour)))
	define(t, p, "two", `{"trait":"plan","op":"=","value":"2"}`)
	define(t, p, "nobody", `{"trait":"plan","op":"missing"}`)
	cultivated(t, p)
	check := func(when, plan, segments string) {
		t.Helper()
		v, err := p.Profile(ctx, "user_id:ann", ProfileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(v.Segments, " "); got != segments || string(v.Traits["plan"]) != plan {
			t.Errorf("%s: ann has the plan %s and is in %q, want %s and %q", when, v.Traits["plan"], got, plan, segments)
		}
		if err := p.tendIndex(ctx, func(time.Duration) {}); err != nil {
			t.Fatal(err)
		}
		n, err := condition.Read([]byte(`{"trait":"plan","op":"=","value":"2"}`))
		if err != nil {
			t.Fatal(err)
		}
		count, err := p.Preview(ctx, n, PreviewOptions{})
		if err != nil || !count.Exact || count.Coverage != 1 || count.Total != len(v.Segments) {
			t.Errorf("%s: the preview counts %+v, %v", when, count, err)
		}
	}
	check("by the latest", `"3"`, "")
	for _, c := range []definition.Command{rules(definition.Reconciliation, `{"default":{"rule":"most_frequent"}}`)} {
		if _, err := p.Define(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	cultivated(t, p)
	check("by the most frequent", `"2"`, "two")
	want := memberHistory(t, p, "ann")
	closeNow(t, p)
	p = indexed(t, memory.Open(disk), files, &now)
	check("after a restart", `"2"`, "two")
	closeNow(t, p)
	disk.Crash(0) // the state is gone, the log is not
	p = indexed(t, memory.Open(disk), vfs.NewMem(), &now)
	if err := p.settleAll(ctx); err != nil {
		t.Fatal(err)
	}
	check("after a replay", `"2"`, "two")
	if got := memberHistory(t, p, "ann"); got != want || !strings.Contains(got, `"kind":"definition"`) {
		t.Errorf("the history is\n%s", diff(got, want))
	}
	if _, err := p.Define(ctx, definition.Command{
		Kind: definition.Reconciliation, Key: definition.DefaultKey, Status: definition.Archived, Version: 1, Author: "key_1", Time: worldStart,
	}); err != nil {
		t.Fatal(err)
	}
	cultivated(t, p)
	check("without rules", `"3"`, "")
	closeNow(t, p)
}

// What people agreed to is counted as segments see it.
func TestPreview_CountsConsent(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var now atomic.Int64
	now.Store(int64(worldStart))
	p := indexed(t, memory.New(), vfs.NewMem(), &now)
	defer closeNow(t, p)
	define(t, p, "granted", `{"consent":"marketing"}`)
	define(t, p, "denied", `{"consent":"marketing","value":"denied"}`)
	cultivated(t, p)
	for n := range 6 {
		ref := fmt.Sprint("u", n)
		play(t, p, []fact{trackAt(worldStart, ref, "Visit", ref)}, 1)
		status := []consent.Status{consent.Granted, consent.Denied, consent.Withdrawn}[n%3]
		if n == 5 {
			continue
		}
		r, err := p.SetConsent(ctx, ConsentCommand{Ref: "user_id:" + ref, Purposes: []ConsentWord{{Purpose: "marketing", Status: status}}, Source: "api"})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.WaitApplied(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	sizes := p.SegmentSizes()
	if err := p.tendIndex(ctx, func(time.Duration) {}); err != nil {
		t.Fatal(err)
	}
	for key, text := range map[string]string{"granted": `{"consent":"marketing"}`, "denied": `{"consent":"marketing","value":"denied"}`} {
		n, err := condition.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.Preview(ctx, n, PreviewOptions{})
		if err != nil || !v.Exact || v.Total != int(sizes[key]) || v.Total < 2 {
			t.Errorf("%s: %+v, %v, the segment has %d", key, v, err, sizes[key])
		}
	}
}
