package intake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/event/plan"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/source/intake"
	"rapport/internal/store"
)

var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i*7 + len(b))
	}
	return len(b), nil
}

// open makes an intake over one source with rules.
func open(t testing.TB, rules access.Rules) *intake.Intake {
	t.Helper()
	at := func() time.Time { return now }
	r, _, err := access.Open(vfs.Default, t.TempDir(), at, zeros{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.PutSource("test", access.Source{Key: "shop", Name: "Shop", Kind: "web", Rules: rules}); err != nil {
		t.Fatal(err)
	}
	planned, err := plan.Parse([]byte(`{"unplanned":"warn","events":[{"name":"Order Completed","invalid":"block","schema":{"required":["total"]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return intake.New(intake.Config{Sources: r, Clock: at, Plan: func(string) *plan.Plan { return planned }})
}

func arrival(t testing.TB, source, name, properties, agent string, n int) pipeline.Arrival {
	t.Helper()
	doc, err := jsondoc.Parse([]byte(properties), jsondoc.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Arrival{
		Envelope: event.Envelope{Dialect: "segment", Source: source, UserAgent: agent},
		Event: &event.Event{
			Type: event.Track, Name: name, MessageID: fmt.Sprint("m-", n), Source: source, Properties: doc.Root(),
			Identifiers: []event.Identifier{{Namespace: event.UserID, Value: fmt.Sprint("u-", n)}},
		},
	}
}

const (
	browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
)

func take(t testing.TB, in *intake.Intake, s *pipeline.Submission) map[string]uint64 {
	t.Helper()
	if s.Received == 0 {
		s.Received = clock.From(now)
	}
	if err := in.Take(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	out := map[string]uint64{"taken": uint64(len(s.Events)), "dead": uint64(len(s.Dead))}
	for _, c := range s.Rejected {
		out[c.Reason] += c.N
	}
	return out
}

func TestTake_HoldsEventsAgainstTheRulesOfTheirSource(t *testing.T) {
	t.Parallel()
	none, half := 0, 500_000
	for name, c := range map[string]struct {
		rules access.Rules
		want  map[string]uint64
	}{
		"nothing said": {access.Rules{}, map[string]uint64{"taken": 102, "dead": 1, "bot": 1}},
		"paused":       {access.Rules{Paused: true}, map[string]uint64{"taken": 1, "dead": 0, "source_paused": 103}},
		"licence over": {
			access.Rules{ThirdParty: &access.ThirdParty{Provider: "A", Expires: "2026-03-10T12:00:00Z"}},
			map[string]uint64{"taken": 1, "dead": 0, "licence_expired": 103},
		},
		"licence good": {
			access.Rules{ThirdParty: &access.ThirdParty{Provider: "A", Expires: "2026-03-10T12:00:01Z"}},
			map[string]uint64{"taken": 102, "dead": 1, "bot": 1},
		},
		"robots marked":   {access.Rules{Robots: access.RobotsMark}, map[string]uint64{"taken": 103, "dead": 1}},
		"robots kept":     {access.Rules{Robots: access.RobotsKeep}, map[string]uint64{"taken": 103, "dead": 1}},
		"nobody sampled":  {access.Rules{Sample: &none}, map[string]uint64{"taken": 1, "dead": 1, "sampled": 102}},
		"held by a plan":  {access.Rules{TrackingPlan: "p"}, map[string]uint64{"taken": 101, "dead": 1, "bot": 1, "blocked_by_plan": 1}},
		"half is sampled": {access.Rules{Sample: &half, Robots: access.RobotsKeep}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := open(t, c.rules)
			s := &pipeline.Submission{Events: []pipeline.Arrival{
				arrival(t, "elsewhere", "X", "{}", crawler, 0), // of no source that there are rules for
				arrival(t, "shop", "Viewed", "{}", crawler, 1),
				arrival(t, "shop", "Order Completed", `{"order":1}`, browser, 2),
			}}
			for n := range 100 {
				s.Events = append(s.Events, arrival(t, "shop", "Viewed", `{"a":1}`, browser, 3+n))
			}
			s.Dead = []pipeline.DeadLetter{{Envelope: event.Envelope{Source: "shop"}, Reason: "invalid_json"}}
			got := take(t, in, s)
			if name == "half is sampled" {
				if n := got["taken"]; n < 35 || n > 70 || n+got["sampled"] != 103 {
					t.Errorf("%v", got)
				}
				return
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			var sum uint64
			for _, n := range got {
				sum += n
			}
			if sum != 104 {
				t.Errorf("%d of 104 are accounted for", sum)
			}
		})
	}
}

func TestTake_WritesBesideEventsWhatFollows(t *testing.T) {
	t.Parallel()
	in := open(t, access.Rules{Currency: "EUR", Robots: access.RobotsMark})
	s := &pipeline.Submission{Events: []pipeline.Arrival{arrival(t, "shop", "Viewed", "{}", browser, 1), arrival(t, "shop", "Viewed", "{}", crawler, 2)}}
	take(t, in, s)
	for i, want := range []string{
		`{"browser":{"name":"Firefox","version":"140.0"},"currency":"EUR","device":{"type":"desktop"},"os":{"name":"Linux"}}`,
		`{"bot":true,"browser":{"name":"Googlebot"},"currency":"EUR","device":{"type":"bot"}}`,
	} {
		a := &s.Events[i]
		if got := string(a.Event.Derived.Raw()); got != want || len(a.Envelope.Derived) == 0 {
			t.Errorf("%s, want %s", got, want)
		}
	}
	off := open(t, access.Rules{Enrichment: []string{"none"}})
	s = &pipeline.Submission{Events: []pipeline.Arrival{arrival(t, "shop", "Viewed", "{}", browser, 1)}}
	take(t, off, s)
	if len(s.Events[0].Envelope.Derived) > 0 || s.Events[0].Event.Derived.Exists() {
		t.Errorf("%s was found though nothing is to be looked for", s.Events[0].Event.Derived.Raw())
	}
}

func TestSeen_SumsUpAndOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "seen.json")
	in := open(t, access.Rules{TrackingPlan: "p"})
	s := &pipeline.Submission{Events: []pipeline.Arrival{
		arrival(t, "shop", "Order Completed", `{"total":1}`, browser, 1),
		arrival(t, "shop", "Order Completed", `{}`, browser, 2),
		arrival(t, "shop", "Unheard Of", `{}`, browser, 3),
		arrival(t, "shop", "Unheard Of", `{}`, browser, 4),
		arrival(t, "shop", "Unheard Of", `{}`, browser, 5),
		arrival(t, "shop", "Order Completed", `{"total":1}`, browser, 6),
		arrival(t, "shop", "Order Completed", `{"total":1}`, browser, 7),
	}, Rejected: []store.Count{{Reason: "invalid", N: 1}}}
	take(t, in, s)
	if err := in.Save(vfs.Default, path); err != nil {
		t.Fatal(err)
	}
	again := open(t, access.Rules{TrackingPlan: "p"})
	if err := again.Load(vfs.Default, path); err != nil {
		t.Fatal(err)
	}
	was, _ := json.Marshal(in.Seen("shop"))
	is, _ := json.Marshal(again.Seen("shop"))
	if string(was) != string(is) {
		t.Errorf("%s became %s", was, is)
	}
	o := again.Seen("shop")
	if o.Received != 7 || o.Rejected["blocked_by_plan"] != 1 || o.Events["track Order Completed"].Count != 3 || o.Violations["track Unheard Of"].Count != 3 ||
		o.Violations["track Order Completed"].Blocked != 1 || o.Violations["track Order Completed"].Rules["/: required"] != 1 {
		t.Errorf("%s", is)
	}
	take(t, in, &pipeline.Submission{Events: []pipeline.Arrival{arrival(t, "shop", "Rare", `{}`, browser, 9)}})
	in.ForgetRare()
	if o := in.Seen("shop"); o.Events["track Order Completed"] == nil || o.Events["track Rare"] != nil || o.Received != 8 {
		t.Errorf("after forgetting what few had: %v", o.Events)
	}
	again.Forget("shop")
	if again.Seen("shop") != nil {
		t.Error("what was seen is not forgotten")
	}
	if err := os.WriteFile(path, []byte(`{"version":9}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again.Load(vfs.Default, path); err == nil {
		t.Error("a file of another version was read")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"version":1,"sources":{"a":{"events":{"track x":{"type":"track","name":"x","fields":{"a":null}}},"violations":{"v":null}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "seen.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		in := open(t, access.Rules{})
		if in.Load(vfs.Default, path) == nil {
			for _, e := range in.Seen("a").View() {
				_ = e
			}
		}
	})
}

func BenchmarkTake(b *testing.B) {
	in := open(b, access.Rules{})
	all := make([]pipeline.Arrival, 100)
	for i := range all {
		all[i] = arrival(b, "shop", "Viewed", `{"a":1,"b":2,"c":"x","d":"y","e":1.5}`, browser, i)
	}
	events := make([]pipeline.Arrival, 100)
	b.ReportAllocs()
	for b.Loop() {
		copy(events, all)
		take(b, in, &pipeline.Submission{Events: events})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
}
