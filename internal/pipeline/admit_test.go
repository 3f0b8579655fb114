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

	"rapport/internal/consent"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/policy"
	"rapport/internal/profile"
	"rapport/internal/soak"
	"rapport/internal/store/memory"
)

// asking are the sources of these tests, by what they do without consent.
const asking = `{"purposes":[{"key":"analytics"},{"key":"advertising"},{"key":"service","basis":"opt_out"}],
	"sources":[{"source":"strict","purpose":"analytics","mode":"refuse"},{"source":"quiet","purpose":"analytics","mode":"anonymous"},
		{"source":"lenient","purpose":"service","mode":"refuse"}],
	"signals":{"gpc":["analytics","advertising"],"dnt":[]}}`

func withConsent(c Config) Config {
	c = later(c, 48*time.Hour)
	c.Mappers = map[string]event.Mapper{"test": mapper(), consent.Dialect: consent.NewMapper(identity.DefaultRules()), policy.Dialect: policy.NewMapper()}
	return c
}

func setPolicy(t testing.TB, p *Pipeline, document string) {
	t.Helper()
	_, err := p.Define(context.Background(), definition.Command{
		Kind: definition.ConsentPolicy, Key: definition.DefaultKey, Status: definition.Live, Document: []byte(document), Author: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
}

// send hands events of a source over, each with its minute.
func send(t testing.TB, p *Pipeline, source string, events ...string) {
	t.Helper()
	s := &Submission{Received: p.clock.Now()}
	for _, body := range events {
		part := submission(t, fact{received: s.Received, body: body})
		part.Events[0].Envelope.Source, part.Events[0].Event.Source = source, source
		s.Events = append(s.Events, part.Events...)
	}
	r, err := p.Accept(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitApplied(context.Background(), r); err != nil {
		t.Fatal(err)
	}
}

// did is an event of a minute; about is its context.
func did(minute int, who, message, about string) string {
	id, value, _ := strings.Cut(who, ":")
	return fmt.Sprintf(`{"type":"track","event":"Seen","messageId":%q,"timestamp":%q,%q:%q,"context":%s,"properties":{"product_id":"4006381333931","email":"ada@example.org","order_id":"o1","note":"call ada-lovelace on 0170 1234567","price":9.5}}`,
		message, worldStart.Add(time.Duration(minute)*time.Minute), map[string]string{"u": "userId", "d": "anonymousId"}[id], value, about)
}

func words(purposes string) string { return `{"consent":{"categoryPreferences":{` + purposes + `}}}` }

func sums(t testing.TB, p *Pipeline) (stored, refused uint64) {
	t.Helper()
	accounting(t, p)
	a, err := p.Accounting(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return a.Stored, a.Reasons[policy.ReasonNoConsent]
}

func openConsent(t testing.TB) (*Pipeline, Config, *memory.Disk) {
	t.Helper()
	disk := memory.NewDisk()
	c := withConsent(config(memory.Open(disk), 2, 3))
	p, err := Open(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	setPolicy(t, p, asking)
	return p, c, disk
}

func TestAdmit_RefusesWhatNobodyAgreedTo(t *testing.T) {
	t.Parallel()
	p, _, _ := openConsent(t)
	for i, x := range []struct {
		source, event   string
		stored, refused uint64
	}{
		{"open", did(1, "u:ada", "1", `{}`), 1, 0},                         // a source that asks nothing
		{"strict", did(2, "u:ada", "2", `{}`), 1, 1},                       // nothing is known
		{"strict", did(3, "u:ada", "3", words(`"analytics":true`)), 2, 1},  // says yes itself
		{"strict", did(4, "u:ada", "4", `{}`), 3, 1},                       // said yes before
		{"strict", did(2, "u:ada", "5", `{}`), 3, 2},                       // a yes does not reach back
		{"strict", did(5, "u:ada", "6", words(`"analytics":false`)), 4, 3}, // refused, but the word is kept
		{"strict", did(6, "u:ada", "7", words(`"analytics":false`)), 4, 4}, // says nothing new
		{"strict", did(4, "u:ada", "8", `{}`), 4, 5},                       // a no counts for what comes late
		{"strict", did(4, "u:ada", "9", words(`"analytics":true`)), 5, 5},  // but the event said yes itself, then
		{"strict", did(7, "u:bob", "10", `{"gpc":true}`), 5, 6},            // by the policy a no to analytics
		{"strict", did(8, "u:bob", "11", `{"dnt":true,"consent":{"categoryPreferences":{"analytics":true}}}`), 6, 6},
		{"lenient", did(9, "u:bob", "12", `{}`), 7, 6}, // allowed until somebody says no
		{"lenient", did(10, "u:bob", "13", words(`"service":false`)), 8, 7},
		{"lenient", did(11, "u:bob", "14", `{}`), 8, 8},
		{"lenient", did(9, "u:bob", "15", `{}`), 8, 9},
	} {
		send(t, p, x.source, x.event)
		if stored, refused := sums(t, p); stored != x.stored || refused != x.refused {
			t.Fatalf("%d: stored %d, refused %d, want %d and %d", i, stored, refused, x.stored, x.refused)
		}
	}
}

func TestAdmit_BelievesAWordOfTheSameRequest(t *testing.T) {
	t.Parallel()
	p, _, _ := openConsent(t)
	send(t, p, "strict", did(1, "d:phone", "1", `{}`), did(2, "d:phone", "2", words(`"analytics":true`)), did(3, "d:phone", "3", `{}`))
	if stored, refused := sums(t, p); stored != 2 || refused != 1 {
		t.Errorf("stored %d, refused %d, want 2 and 1", stored, refused)
	}
	// What was said on the device counts for who logs in on it, and has said
	// nothing.
	send(t, p, "strict", strings.Replace(did(4, "d:phone", "4", `{}`), `"context"`, `"userId":"cay","context"`, 1))
	if stored, _ := sums(t, p); stored != 3 {
		t.Errorf("stored %d, want 3", stored)
	}
}

func TestAdmit_KeepsAnonymousEventsApartForEver(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p, _, _ := openConsent(t)
	about := `{"ip":"203.0.113.9","userAgent":"Browser","traits":{"plan":"gold"},"page":{"url":"https://shop.example/a?mail=ada@example.org","path":"/a"},"locale":"de"}`
	with := func(minute int, message, about string) string {
		return strings.Replace(did(minute, "d:device-of-ada", message, about), `"context"`, `"userId":"ada-lovelace","context"`, 1)
	}
	send(t, p, "quiet", with(1, "message-of-ada", about), with(2, "2", about), `{"type":"identify","messageId":"3","timestamp":"2026-03-01T09:00:00Z","userId":"ada-lovelace","traits":{"plan":"gold"}}`)
	if stored, refused := sums(t, p); stored != 2 || refused != 1 {
		t.Fatalf("stored %d, refused %d, want 2 and 1", stored, refused)
	}
	send(t, p, "quiet", with(1, "message-of-ada", about)) // sent again
	if a, _ := p.Accounting(ctx); a.Deduplicated != 1 {
		t.Errorf("a copy was not known: %+v", a)
	}
	unknown := func() {
		t.Helper()
		for _, ref := range []string{"user_id:ada-lovelace", "anonymous_id:device-of-ada", "email:ada@example.org"} {
			if _, err := p.Profile(ctx, ref, ProfileOptions{}); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", ref, err)
			}
		}
	}
	unknown()
	name := p.pseudonyms.Of(event.Identifier{Namespace: event.AnonymousID, Value: "device-of-ada"})
	page, err := p.Timeline(ctx, name.String(), TimelineQuery{Limit: 9})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%v, %v", page, err)
	}
	text, err := json.Marshal(page.Items)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"ada", "lovelace", "203.0.113.9", "Browser", "gold", "1234567", "message-of", "order_id"} {
		if strings.Contains(string(text), gone) {
			t.Errorf("%q stands in %s", gone, text)
		}
	}
	if !strings.Contains(string(text), "4006381333931") || !strings.Contains(string(text), "9.5") {
		t.Errorf("nothing is left: %s", text)
	}
	// Consent that comes later begins a history; it does not take this one in.
	send(t, p, "quiet", with(10, "10", words(`"analytics":true`)))
	if page, err = p.Timeline(ctx, "user_id:ada-lovelace", TimelineQuery{Limit: 9}); err != nil || len(page.Items) != 1 {
		t.Errorf("%v, %v", page, err)
	}
	if v, err := p.Profile(ctx, name.String(), ProfileOptions{}); err != nil || len(v.Identifiers) != 1 {
		t.Errorf("the pseudonym belongs to %v, %v", v, err)
	}
	// Who is erased is so under the pseudonym, too.
	erase(t, p, "user_id:ada-lovelace")
	if _, err := p.Profile(ctx, name.String(), ProfileOptions{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the pseudonym after the erasure: %v", err)
	}
}

func TestAdmit_ReplaysALetterAsItsPolicyWants(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p, _, _ := openConsent(t)
	for i, source := range []string{"strict", "quiet"} {
		body := did(i+1, "u:ada-lovelace", source, `{}`)
		_, err := p.Accept(ctx, &Submission{Received: p.clock.Now(), Dead: []DeadLetter{{
			Envelope: event.Envelope{Dialect: "test", Source: source, Received: p.clock.Now()}, Body: []byte(body), Reason: "broken",
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.settle(ctx); err != nil {
		t.Fatal(err)
	}
	page, err := p.DeadLetters(ctx, DeadLetterQuery{Limit: 9})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%v, %v", page, err)
	}
	for _, letter := range page.Items {
		_, err := p.ReplayDeadLetter(ctx, letter.ID)
		if refused := fault.KindOf(err) == fault.Conflict; refused != (letter.Source == "strict") {
			t.Errorf("%s: %v", letter.Source, err)
		}
	}
	if _, err := p.Profile(ctx, "user_id:ada-lovelace", ProfileOptions{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a replay told who it was: %v", err)
	}
	if stored, _ := sums(t, p); stored != 1 {
		t.Errorf("stored %d, want 1", stored)
	}
}

// TestAdmit_ARebuildFindsTheSame sends random events with random words in a
// random order, under policies that change, and rebuilds. It also checks each
// event against what had been said when it came: what is kept whole the person
// had agreed to.
func TestAdmit_ARebuildFindsTheSame(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	kept, refused := uint64(0), uint64(0)
	for seed := range uint64(soak.Worlds(20)) {
		r := rand.New(rand.NewPCG(seed, 3))
		p, c, disk := openConsent(t)
		w := &world{}
		for n := range 4 {
			w.ids = append(w.ids, event.Identifier{Namespace: event.UserID, Value: fmt.Sprintf("person-%d", n)})
			w.ids = append(w.ids, p.pseudonyms.Of(w.ids[2*n]))
		}
		type said struct {
			at  int
			yes bool
		}
		known := map[int][]said{}
		for n := range 60 {
			who, minute, source := r.IntN(4), r.IntN(600), []string{"strict", "quiet"}[r.IntN(2)]
			about, own := `{}`, r.IntN(3)
			if own < 2 {
				about = words(fmt.Sprintf(`"analytics":%t`, own == 1))
			}
			timeline := func() int {
				page, err := p.Timeline(ctx, fmt.Sprintf("user_id:person-%d", who), TimelineQuery{Limit: 1000})
				if fault.KindOf(err) == fault.NotFound {
					return 0
				}
				return len(slices.DeleteFunc(page.Items, func(i profile.Item) bool { return i.Name != "Seen" }))
			}
			had := timeline()
			send(t, p, source, did(minute, fmt.Sprintf("u:person-%d", who), fmt.Sprint(n), about))
			last, want := said{at: -1}, own == 1
			for _, s := range known[who] {
				if s.at > last.at || s.at == last.at && !s.yes {
					last = s
				}
			}
			if own == 2 {
				want = last.yes && last.at <= minute
			}
			if got := timeline() > had; got != want {
				t.Fatalf("seed %d, event %d of minute %d (word %d): kept whole %t, want %t after %v", seed, n, minute, own, got, want, known[who])
			}
			// A stranger's no leaves no trace, and a no that is said again none either.
			if own == 1 || own == 0 && last.yes && last.at <= minute {
				known[who] = append(known[who], said{minute, own == 1})
			}
			if n == 30 {
				setPolicy(t, p, strings.Replace(asking, `"dnt":[]`, `"dnt":["service"]`, 1))
			}
		}
		s, f := sums(t, p)
		kept, refused = kept+s, refused+f
		before, told := rested(t, p, w), accounting(t, p)
		if err := p.Close(ctx); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		if err := Rebuild(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		p, err := Open(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if after := rested(t, p, w); after != before {
			t.Fatalf("seed %d: a rebuild gives\n%s", seed, diff(after, before))
		}
		if again := accounting(t, p); again != told {
			t.Fatalf("seed %d: accounting %s, after a rebuild %s", seed, told, again)
		}
		if err := p.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("stored %d, refused %d", kept, refused)
	if kept == 0 || refused == 0 {
		t.Error("the worlds do not try what they should")
	}
}
