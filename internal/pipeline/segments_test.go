package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/store/memory"
)

// conditions are those that the tests of the pipeline evaluate: one of each
// kind of question, with small constants, so that people come and go.
var conditions = map[string]string{
	"plan-two":    `{"trait":"plan","op":"=","value":"2"}`,
	"adult":       `{"trait":"age","op":">=","value":18}`,
	"known":       `{"identifier":"email","op":"exists"}`,
	"buyer":       `{"event":"Order Completed","count":{"min":1},"within":"2h"}`,
	"thing-three": `{"event":"Thing 3","count":{"min":2}}`,
	"fresh":       `{"all":[{"event":"Thing 1","within":"1h"},{"not":{"event":"Thing 2","within":"30m"}}]}`,
	"early":       `{"any":[{"segment":"buyer"},{"trait":"plan","op":"=","value":"1"}]}`,
	"not-buyer":   `{"not":{"segment":"buyer"}}`,
}

func segmentDoc(condition string) []byte {
	return []byte(`{"name":"a segment","condition":` + condition + `}`)
}

func define(t testing.TB, p *Pipeline, key, condition string) {
	t.Helper()
	doc := segmentDoc(condition)
	if err := p.SegmentCheck(definition.Segment, key, doc); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	if _, err := p.Define(context.Background(), definition.Command{
		Kind: definition.Segment, Key: key, Status: definition.Live, Document: doc, ContentType: "application/json",
	}); err != nil {
		t.Fatal(err)
	}
}

func cultivated(t testing.TB, p *Pipeline) {
	t.Helper()
	if err := p.Cultivate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func defineAll(t testing.TB, p *Pipeline) {
	t.Helper()
	keys := make([]string, 0, len(conditions))
	for k := range conditions {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	slices.SortStableFunc(keys, func(a, b string) int { // what others name comes first
		return strings.Count(conditions[a], `"segment"`) - strings.Count(conditions[b], `"segment"`)
	})
	for _, k := range keys {
		define(t, p, k, conditions[k])
	}
	cultivated(t, p)
}

func segmentsOf(t testing.TB, p *Pipeline, ref string) []string {
	t.Helper()
	v, err := p.Profile(context.Background(), ref, ProfileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return v.Segments
}

func trackAt(at clock.Instant, user, event, id string) fact {
	return fact{received: at, body: fmt.Sprintf(
		`{"type":"track","event":%q,"userId":%q,"messageId":%q,"timestamp":%q,"properties":{}}`, event, user, id, at)}
}

// A person comes in with the event and leaves when the window closes, to the
// microsecond, by a tick and not by another event.
func TestSegment_IsLeftWhenItsWindowCloses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := worldStart
	c := config(memory.Open(memory.NewDisk()), 2, 8)
	c.Clock = reading(&now)
	p, err := Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	define(t, p, "active", `{"event":"Visit","within":"1h"}`)
	cultivated(t, p)
	at := worldStart.Add(time.Minute)
	play(t, p, []fact{trackAt(at, "u", "Visit", "m1")}, 1)
	if got := segmentsOf(t, p, "user_id:u"); !slices.Equal(got, []string{"active"}) {
		t.Fatalf("after the event in %v", got)
	}
	for _, step := range []struct {
		now  clock.Instant
		want int
	}{{at.Add(time.Hour) - 1, 1}, {at.Add(time.Hour), 0}} {
		setClock(&now, step.now)
		if err := p.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		if got := segmentsOf(t, p, "user_id:u"); len(got) != step.want {
			t.Errorf("at %s in %v", step.now, got)
		}
	}
	s, err := p.PersonSegments(ctx, "user_id:u", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.History) != 2 || s.History[0].Change != "left" || s.History[0].At != at.Add(time.Hour) || s.History[0].Cause.Kind != "time" ||
		s.History[1].Change != "entered" || s.History[1].At != at || s.History[1].Cause.MessageID != "m1" {
		b, _ := json.Marshal(s.History)
		t.Errorf("the history is %s", b)
	}
	if in, out := s.History[1].Why, s.History[0].Why; in == nil || !in.Holds || in.Until == nil || *in.Until != at.Add(time.Hour) ||
		out == nil || out.Holds || out.Sentence != in.Sentence {
		t.Errorf("the reasons are %+v and %+v", in, out)
	}
	if len(s.Items) != 0 || len(s.Others) != 1 || s.Others[0].Why == nil {
		t.Errorf("the standing is %+v", s.Others)
	}
}

// A segment that is made over people who are there already finds them by their
// history; a changed one shows its old version until the new one is whole.
func TestSegment_IsBackfilledFromHistory(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(5, 300)
	p := open(t, memory.Open(memory.NewDisk()), 3, 16)
	defer closeNow(t, p)
	play(t, p, w.facts, 50)
	before := memberships1(t, p, w)
	defineAll(t, p)
	want := map[string]int{}
	for _, i := range w.ids {
		v, err := p.Profile(ctx, i.String(), ProfileOptions{})
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range v.Segments {
			want[s]++
		}
	}
	if before != "" && strings.Contains(before, "[\"") || len(want) < 5 {
		t.Errorf("before: %.100s, after %v", before, want)
	}
	live := open(t, memory.Open(memory.NewDisk()), 2, 16)
	defer closeNow(t, live)
	defineAll(t, live)
	play(t, live, w.facts, 50)
	if got, want := memberships1(t, p, w), memberships1(t, live, w); got != want {
		t.Errorf("backfilled and live differ:\n%s", diff(got, want))
	}
}

// memberships1 lists the segments of everybody, and the size of each segment.
func memberships1(t testing.TB, p *Pipeline, w *world) string {
	t.Helper()
	var out strings.Builder
	for _, i := range w.ids {
		v, err := p.Profile(context.Background(), i.String(), ProfileOptions{})
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(v.Segments)
		fmt.Fprintf(&out, "%s %s %s\n", i, v.ID, b)
	}
	b, _ := json.Marshal(p.SegmentSizes())
	out.Write(b)
	return out.String()
}

// The order of events, copies, batches, restarts and crashes change nothing of
// who is in which segment.
func TestSegments_AreAFunctionOfTheSet(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 31))
		w := newWorld(seed, 120)
		end := w.facts[len(w.facts)-1].received.Add(90 * time.Minute)
		now := func() time.Time { return end.Time() }
		c := config(memory.Open(memory.NewDisk()), 1, 1)
		c.Clock = now
		p, err := Open(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		defineAll(t, p)
		play(t, p, w.facts, 1)
		if err := p.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		want := memberships1(t, p, w)
		closeNow(t, p)

		disk := memory.NewDisk()
		reopen := func() *Pipeline {
			c := config(memory.Open(disk), 1+r.IntN(4), 1+r.IntN(20))
			c.Clock = now
			if r.IntN(2) == 0 {
				c.HotBytes, c.CommitEvery, c.CommitRows = 1, time.Nanosecond, 1
			}
			p, err := Open(ctx, c, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p = reopen()
		facts := w.shuffled(r)
		cut := r.IntN(len(facts))
		play(t, p, facts[:cut], 1+r.IntN(20))
		if r.IntN(2) == 0 {
			p.abandon()
			disk.Crash(r.IntN(disk.Pending() + 1))
			p = reopen()
		}
		defineAll(t, p)
		if r.IntN(2) == 0 {
			p.abandon()
			disk.Crash(r.IntN(disk.Pending() + 1))
			p = reopen()
		}
		play(t, p, facts[cut:], 1+r.IntN(20))
		if err := p.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		if got := memberships1(t, p, w); got != want {
			t.Fatalf("seed %d:\n%s", seed, diff(got, want))
		}
		closeNow(t, p)
		if err := Rebuild(ctx, config(memory.Open(disk), 2, 64), nil); err != nil {
			t.Fatal(err)
		}
		p = reopen()
		if err := p.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		if got := memberships1(t, p, w); got != want {
			t.Fatalf("seed %d, rebuilt:\n%s", seed, diff(got, want))
		}
		homesAgree(t, p, w)
		closeNow(t, p)
	}
}
