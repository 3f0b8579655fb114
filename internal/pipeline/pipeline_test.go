package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

func open(t testing.TB, st store.Store, lanes, batch int) *Pipeline {
	t.Helper()
	p, err := Open(context.Background(), config(st, lanes, batch), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closeNow(t testing.TB, p *Pipeline) {
	t.Helper()
	if err := p.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestState_IsTheSameInAnyOrderAndBatchSize(t *testing.T) {
	t.Parallel()
	many := uint64(soak.Worlds(350))
	for seed := range many {
		w := newWorld(1000+seed, 40+int(seed%3)*40)
		want := naive(t, w)
		batches := []int{1, 7, 1000}
		if seed >= 20 {
			batches = batches[seed%3:][:1]
		}
		for _, batch := range batches {
			r := rand.New(rand.NewPCG(seed, uint64(batch)))
			p := open(t, memory.New(), 1+r.IntN(6), batch)
			play(t, p, w.shuffled(r), 1+r.IntN(40))
			got := dump(t, p, w)
			closeNow(t, p)
			if got != want {
				t.Fatalf("seed %d, batches of %d:\n%s", seed, batch, diff(got, want))
			}
		}
	}
	t.Logf("worlds 0 to %d", many-1)
}

func TestRebuild_GivesTheSameState(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		w := newWorld(2000+seed, 200)
		disk := memory.NewDisk()
		p := open(t, memory.Open(disk), 3, 16)
		play(t, p, w.facts, 9)
		want := dump(t, p, w)
		sums, err := p.Accounting(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		closeNow(t, p)
		for _, batch := range []int{1, 7, 1000} {
			if err := Rebuild(context.Background(), config(memory.Open(disk), 1+batch%5, batch), nil); err != nil {
				t.Fatal(err)
			}
			p = open(t, memory.Open(disk), 2, batch)
			if got := dump(t, p, w); got != want {
				t.Fatalf("seed %d rebuilt at %d:\n%s", seed, batch, diff(got, want))
			}
			after, err := p.Accounting(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(after) != fmt.Sprint(sums) {
				t.Errorf("seed %d: the sums became %+v, were %+v", seed, after, sums)
			}
			closeNow(t, p)
		}
	}
}

func TestAnchor_WithThousandsOfEventsKnowsEveryCopy(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 1, 64)
	defer closeNow(t, p)
	var facts []fact
	for n := range 1000 {
		facts = append(facts, fact{received: worldStart.Add(time.Duration(n) * time.Second), body: fmt.Sprintf(
			`{"type":"track","event":"E","userId":"u","messageId":"m%d","timestamp":%q}`, n, worldStart.Add(time.Duration(n)*time.Second))})
	}
	play(t, p, facts, 50)
	for i := range facts { // the same messages, days later
		facts[i].received = facts[i].received.Add(72 * time.Hour)
	}
	play(t, p, facts, 333)
	a, err := p.Accounting(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if a.Stored != 1000 || a.Deduplicated != 1000 {
		t.Errorf("stored %d and deduplicated %d, want 1000 each", a.Stored, a.Deduplicated)
	}
	seen, cursor := 0, ""
	for {
		page, err := p.Timeline(context.Background(), "user_id:u", TimelineQuery{Limit: 70, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(page.Items); i++ {
			if page.Items[i].Time > page.Items[i-1].Time {
				t.Fatal("the timeline is not newest first")
			}
		}
		seen += len(page.Items)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if seen != 1000 {
		t.Errorf("the timeline pages give %d items, want 1000", seen)
	}
}

// The copy that the door took first counts, whichever is applied first.
func TestFold_OfCopiesTheOneReceivedFirstCounts(t *testing.T) {
	t.Parallel()
	body := func(plan string) string {
		return fmt.Sprintf(`{"type":"identify","userId":"u","messageId":"m","timestamp":%q,"traits":{"plan":%q}}`, worldStart, plan)
	}
	first := fact{received: worldStart.Add(time.Second), body: body("first")}
	second := fact{received: worldStart.Add(time.Minute), body: body("second")}
	other := fact{received: worldStart, body: fmt.Sprintf(`{"type":"track","event":"E","userId":"u","messageId":"x","timestamp":%q}`, worldStart)}
	for _, order := range [][]fact{{first, second, other}, {second, other, first}, {other, second, first, second}} {
		p := open(t, memory.New(), 1, 1)
		play(t, p, order, 1)
		v, err := p.Profile(context.Background(), "user_id:u", ProfileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), `"first"`) || !strings.Contains(string(b), `"event_count":2`) {
			t.Errorf("got %s, want the plan of the first copy and 2 events", b)
		}
		closeNow(t, p)
	}
}

func TestTick_EndsASessionWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := worldStart.Time()
	c := config(memory.New(), 2, 16)
	c.Clock = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	p, err := Open(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	play(t, p, []fact{{received: worldStart, body: fmt.Sprintf(`{"type":"track","event":"E","userId":"u","messageId":"m","timestamp":%q}`, worldStart)}}, 1)
	active := func() bool {
		v, err := p.Profile(context.Background(), "user_id:u", ProfileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(b), `"active_session":true`)
	}
	if !active() {
		t.Error("the session is not active after its event")
	}
	mu.Lock()
	now = now.Add(29 * time.Minute)
	mu.Unlock()
	if err := p.Tick(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !active() {
		t.Error("the session ended before its time")
	}
	mu.Lock()
	now = now.Add(2 * time.Minute)
	mu.Unlock()
	if err := p.Tick(context.Background()); err != nil {
		t.Fatal(err)
	}
	if active() {
		t.Error("the session goes on after half an hour of silence")
	}
}

func TestChange_DecidesConditionsAndRepeats(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 4, 16)
	defer closeNow(t, p)
	ctx := context.Background()
	order := Command{
		Kind: catalog.Order, ID: "o1", Op: catalog.Put, IdempotencyKey: "k1", Source: "api", Received: clock.From(time.Now()),
		Body: []byte(`{"customer":{"namespace":"user_id","value":"ann"},"currency":"EUR","total":31.50,"status":"completed"}`),
	}
	made, err := p.Change(ctx, order)
	if err != nil {
		t.Fatal(err)
	}
	if !made.Created || made.ETag == "" {
		t.Errorf("created %t with tag %q", made.Created, made.ETag)
	}
	again, err := p.Change(ctx, order)
	if err != nil || !again.Created || again.ETag != made.ETag {
		t.Errorf("the same command again gives %+v, %v", again, err)
	}
	wrong := order
	wrong.Body = []byte(`{"total":1}`)
	if _, err := p.Change(ctx, wrong); fault.KindOf(err) != fault.Conflict {
		t.Errorf("another body under the key gives %v, want a conflict", err)
	}
	stale := Command{Kind: catalog.Order, ID: "o1", Op: catalog.Merge, Body: []byte(`{"status":"shipped"}`), IfMatch: `"other"`, Source: "api"}
	if _, err := p.Change(ctx, stale); fault.KindOf(err) != fault.Precondition {
		t.Errorf("a stale tag gives %v, want a failed precondition", err)
	}
	stale.IfMatch = made.ETag
	next, err := p.Change(ctx, stale)
	if err != nil || next.ETag == made.ETag {
		t.Errorf("the right tag gives %+v, %v", next, err)
	}
	v, err := p.Profile(ctx, "user_id:ann", ProfileOptions{})
	if err != nil {
		t.Fatalf("the customer of an order is unknown: %v", err)
	}
	if b, _ := json.Marshal(v); !strings.Contains(string(b), `31.5`) {
		t.Errorf("the customer's profile %s lacks the order", b)
	}
	// Of many who change what they have seen, one wins each round.
	var wins sync.Map
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			c := stale
			c.IfMatch, c.Body = next.ETag, fmt.Appendf(nil, `{"status":"s%d"}`, n)
			if _, err := p.Change(ctx, c); err == nil {
				wins.Store(n, true)
			} else if fault.KindOf(err) != fault.Precondition {
				t.Errorf("racing change: %v", err)
			}
		})
	}
	all.Wait()
	n := 0
	wins.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d racing changes won, want 1", n)
	}
}

func TestDeadLetter_MovesItsColumnWhenItIsReplayed(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 16)
	defer closeNow(t, p)
	ctx := context.Background()
	dead := func(body string) DeadLetter {
		return DeadLetter{Envelope: event.Envelope{Dialect: "test", Source: "shop", Received: worldStart}, Body: []byte(body), Reason: "invalid", Message: "why"}
	}
	good := fmt.Sprintf(`{"type":"track","event":"E","userId":"u","messageId":"m","timestamp":%q}`, worldStart)
	r, err := p.Accept(ctx, &Submission{Received: worldStart, Dead: []DeadLetter{dead(good), dead(`{"type":"track"}`), dead(`{"x":1}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitApplied(ctx, r); err != nil {
		t.Fatal(err)
	}
	page, err := p.DeadLetters(ctx, DeadLetterQuery{Limit: 2})
	if err != nil || len(page.Items) != 2 || page.Next == "" {
		t.Fatalf("first page: %+v, %v", page, err)
	}
	rest, err := p.DeadLetters(ctx, DeadLetterQuery{Limit: 2, Cursor: page.Next})
	if err != nil || len(rest.Items) != 1 || rest.Next != "" {
		t.Fatalf("second page: %+v, %v", rest, err)
	}
	one, err := p.DeadLetter(ctx, page.Items[0].ID)
	if err != nil || one.Body != good {
		t.Errorf("one letter: %+v, %v", one, err)
	}
	if _, err := p.ReplayDeadLetter(ctx, page.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ReplayDeadLetter(ctx, page.Items[0].ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("replaying again gives %v, want not found", err)
	}
	if _, err := p.ReplayDeadLetter(ctx, page.Items[1].ID); fault.KindOf(err) != fault.Conflict {
		t.Errorf("replaying what is still wrong gives %v, want a conflict", err)
	}
	if _, err := p.DiscardDeadLetter(ctx, rest.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	a, err := p.Accounting(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if a.Received != 3 || a.Stored != 1 || a.DeadLettered != 1 || a.Rejected != 1 || a.Pending != 0 {
		t.Errorf("the sums are %+v", a)
	}
	if _, err := p.Profile(ctx, "user_id:u", ProfileOptions{}); err != nil {
		t.Errorf("the replayed event made nobody: %v", err)
	}
}

func TestAccept_RefusesWhatDoesNotFitAndKeepsNothingOfIt(t *testing.T) {
	t.Parallel()
	c := config(memory.New(), 1, 16)
	c.QueueBytes = 1
	p, err := Open(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	w := newWorld(1, 3)
	if _, err := p.Accept(context.Background(), submission(t, w.facts...)); fault.KindOf(err) != fault.Limited {
		t.Errorf("got %v, want limited", err)
	}
	if a, _ := p.Accounting(context.Background()); a.Received != 0 {
		t.Errorf("%d events of a refused request are counted", a.Received)
	}
}

func TestProfile_EveryFormerIDLeadsToThePerson(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 3, 16)
	defer closeNow(t, p)
	ctx := context.Background()
	at := func(n int) clock.Instant { return worldStart.Add(time.Duration(n) * time.Minute) }
	line := func(n int, who string) fact {
		return fact{received: at(n), body: fmt.Sprintf(`{"type":"track","event":"E",%s,"messageId":"m%d","timestamp":%q}`, who, n, at(n))}
	}
	play(t, p, []fact{line(1, `"anonymousId":"a"`)}, 1)
	before, err := p.Identity(ctx, "anonymous_id:a")
	if err != nil {
		t.Fatal(err)
	}
	play(t, p, []fact{line(2, `"userId":"u"`)}, 1)
	alone, err := p.Identity(ctx, "user_id:u")
	if err != nil {
		t.Fatal(err)
	}
	play(t, p, []fact{line(3, `"userId":"u","anonymousId":"a"`)}, 1)
	after, err := p.Identity(ctx, "user_id:u")
	if err != nil {
		t.Fatal(err)
	}
	if after.ID != before.ID {
		t.Errorf("the id became %s when the visitor logged in, was %s", after.ID, before.ID)
	}
	for _, former := range []string{before.ID, alone.ID} {
		v, err := p.Identity(ctx, former)
		if err != nil || v.ID != after.ID {
			t.Errorf("former id %s gives %+v, %v", former, v, err)
		}
	}
}
