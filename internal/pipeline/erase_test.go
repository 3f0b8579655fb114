package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// erase asks for the erasure of an identifier and does it.
func erase(t testing.TB, p *Pipeline, ref string) PrivacyRequest {
	t.Helper()
	ctx := context.Background()
	r, err := p.RequestPrivacy(ctx, PrivacyCommand{Type: ErasureRequest, Refs: []string{ref}, Author: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RunPrivacy(ctx, r.ID, ErasePlan{}, nil); err != nil {
		t.Fatal(err)
	}
	if r, err = p.Privacy(ctx, r.ID); err != nil {
		t.Fatal(err)
	}
	if r.State != requestDone || r.Proof == nil || r.Proof.Scan.LogHits+r.Proof.Scan.StateHits > 0 {
		t.Fatalf("the request ended as %+v, proof %+v", r, r.Proof)
	}
	return r
}

func later(c Config, d time.Duration) Config {
	c.Clock = worldStart.Add(d).Time
	n := byte(0)
	c.Random = func(b []byte) {
		n++
		for i := range b {
			b[i] = n
		}
	}
	return c
}

// TestErase_LeavesWhatARebuildFinds erases people from random worlds and
// compares what is there with what the log alone gives.
func TestErase_LeavesWhatARebuildFinds(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for seed := range uint64(soak.Worlds(15)) {
		w := newWorld(seed, 80)
		r := rand.New(rand.NewPCG(seed, 5))
		disk := memory.NewDisk()
		c := later(config(memory.Open(disk), 1+r.IntN(4), 1+r.IntN(9)), 240*time.Hour)
		p, err := Open(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		play(t, p, w.shuffled(r), 1+r.IntN(5))
		var gone []string
		for range 1 + r.IntN(2) {
			i := w.ids[r.IntN(len(w.ids))]
			if _, err := p.Profile(ctx, i.String(), ProfileOptions{}); fault.KindOf(err) == fault.NotFound {
				continue
			}
			erase(t, p, i.String())
			gone = append(gone, i.String())
		}
		before := rested(t, p, w)
		for _, ref := range gone {
			if _, err := p.Profile(ctx, ref, ProfileOptions{}); fault.KindOf(err) != fault.NotFound {
				t.Fatalf("seed %d: %s after its erasure: %v", seed, ref, err)
			}
		}
		// The same facts once more are refused, or copies.
		play(t, p, w.facts, 7)
		if again := rested(t, p, w); again != before {
			t.Fatalf("seed %d: late facts changed\n%s", seed, diff(again, before))
		}
		sums := accounting(t, p)
		if err := p.Close(ctx); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		if err := Rebuild(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		if p, err = Open(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
		if after := rested(t, p, w); after != before {
			t.Fatalf("seed %d: a rebuild gives\n%s", seed, diff(after, before))
		}
		if rebuilt := accounting(t, p); rebuilt != sums {
			t.Fatalf("seed %d: accounting %s, after a rebuild %s", seed, sums, rebuilt)
		}
		if err := p.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// Requests about a person wait for one another: the first must not take from
// those behind it whom they are about, which may be more than this person.
func TestErase_OfSomebodyWhoIsAskedForTwice(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(3, 60)
	p, err := Open(ctx, later(config(memory.Open(memory.NewDisk()), 2, 3), 240*time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(ctx) //nolint:errcheck // the test is over
	play(t, p, w.facts, 5)
	who, other := w.ids[0].String(), "user_id:somebody-else"
	ask := func(kind string, refs ...string) string {
		r, err := p.RequestPrivacy(ctx, PrivacyCommand{Type: kind, Refs: refs, Author: "test"})
		if err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	first, second := ask(ErasureRequest, other, "user_id:somebody-1"), ask(ErasureRequest, "user_id:somebody-1", who)
	third, access := ask(ErasureRequest, other), ask(AccessRequest, other)
	for _, request := range []string{first, second, third, access} {
		if err := p.RunPrivacy(ctx, request, ErasePlan{}, nil); err != nil {
			t.Fatal(err)
		}
		if r, err := p.Privacy(ctx, request); err != nil || r.State != requestDone || r.Proof != nil && r.Proof.Scan.LogHits > 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if _, err := p.Profile(ctx, who, ProfileOptions{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("who was named in the second request alone is still there: %v", err)
	}
	if err := p.ExportPrivacy(ctx, access, func(string, any) error { return nil }); fault.KindOf(err) != fault.Gone {
		t.Errorf("an export about nobody: %v", err)
	}
}

// rested is the dump once all that is due has happened.
func rested(t testing.TB, p *Pipeline, w *world) string {
	t.Helper()
	if err := p.settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := p.Tick(context.Background()); err != nil {
		t.Fatal(err)
	}
	return dump(t, p, w)
}

// accounting spells the sums, which must add up.
func accounting(t testing.TB, p *Pipeline) string {
	t.Helper()
	a, err := p.Accounting(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if a.Received != a.Pending+a.Stored+a.Deduplicated+a.DeadLettered+a.Rejected {
		t.Fatalf("the sums do not add up: %+v", a)
	}
	return fmt.Sprintf("%+v", a)
}

var errPower = errors.New("the power went")

// TestErase_GoesOnAfterACrash lets the power go whenever the request keeps its
// plan, and at every step, and goes on from there.
func TestErase_GoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for seed := range uint64(soak.Worlds(8)) {
		w := newWorld(seed, 60)
		who := w.ids[int(seed)%len(w.ids)].String()
		run := func(crashes bool) (string, string, string) {
			r := rand.New(rand.NewPCG(seed, 9))
			disk := memory.NewDisk()
			open := func() *Pipeline {
				p, err := Open(ctx, later(config(memory.Open(disk), 2, 3), 240*time.Hour), nil)
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			p := open()
			play(t, p, w.facts, 5)
			request, err := p.RequestPrivacy(ctx, PrivacyCommand{Type: ErasureRequest, Refs: []string{who}, Author: "test"})
			if err != nil {
				t.Fatal(err)
			}
			kept := ErasePlan{}
			for try := 0; ; try++ {
				left := 1 << 30
				if crashes && try < 12 {
					left = r.IntN(5)
				}
				err := p.RunPrivacy(ctx, request.ID, kept, func(_ context.Context, _ int, plan *ErasePlan) error {
					kept = copyPlan(t, plan)
					if left--; left < 0 {
						return errPower
					}
					return nil
				})
				if err == nil {
					break
				}
				if !errors.Is(err, errPower) {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if now, err := p.Privacy(ctx, request.ID); err != nil || now.State != requestQueued || now.Step != "" {
					t.Fatalf("seed %d: a run that ended early leaves %+v, %v", seed, now, err)
				}
				p.abandon()
				disk.Crash(r.IntN(disk.Pending() + 1))
				p = open()
			}
			defer p.Close(ctx) //nolint:errcheck // nothing is kept of it
			done, err := p.Privacy(ctx, request.ID)
			if err != nil {
				t.Fatal(err)
			}
			proof := fmt.Sprintf("%d steps, %d others, %d entities, %d answers", len(done.Proof.Steps), done.Proof.Others, done.Proof.Entities, done.Proof.Answers)
			return rested(t, p, w), accounting(t, p), proof
		}
		want, sums, proof := run(false)
		got, others, again := run(true)
		if proof != again {
			t.Errorf("seed %d, %s: the proof counts %s, after crashes %s", seed, who, proof, again)
		}
		if got != want {
			t.Fatalf("seed %d, %s: after crashes\n%s", seed, who, diff(got, want))
		}
		if sums != others {
			t.Fatalf("seed %d, %s: accounting %s, after crashes %s", seed, who, sums, others)
		}
	}
}

func copyPlan(t testing.TB, plan *ErasePlan) ErasePlan {
	t.Helper()
	b, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var out ErasePlan
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestErase_WhoComesBackIsSomebodyElse: a new person with another id, while the
// old id is gone for good.
func TestErase_WhoComesBackIsSomebodyElse(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	// The pipeline reads the time in goroutines of its own.
	var now atomic.Pointer[time.Time]
	set := func(since time.Duration) {
		at := worldStart.Add(since).Time()
		now.Store(&at)
	}
	set(48 * time.Hour)
	c := later(config(memory.New(), 2, 3), 0)
	c.Clock = func() time.Time { return *now.Load() }
	p, err := Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(ctx) //nolint:errcheck // nothing is kept of it
	say := func(n int, at time.Duration, plan string) {
		body := fmt.Sprintf(`{"type":"identify","messageId":"m%d","timestamp":%q,"userId":"ada-lovelace","anonymousId":"dev-of-ada","traits":{"plan":%q}}`,
			n, worldStart.Add(at).String(), plan)
		play(t, p, []fact{{received: worldStart.Add(at), body: body, kind: event.Identify}}, 1)
	}
	say(1, time.Hour, "old")
	ids := map[string]bool{}
	for round := range 3 {
		v, err := p.Profile(ctx, "user_id:ada-lovelace", ProfileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if ids[v.ID] {
			t.Fatalf("round %d: the id %s came again", round, v.ID)
		}
		ids[v.ID] = true
		set(48*time.Hour + time.Duration(round)*time.Hour)
		erase(t, p, "anonymous_id:dev-of-ada")
		for old := range ids {
			if _, err := p.Profile(ctx, old, ProfileOptions{}); fault.KindOf(err) != fault.Gone {
				t.Fatalf("round %d: the erased id answers %v", round, err)
			}
		}
		say(10+round, 2*time.Hour, "late") // happened before: refused
		if _, err := p.Profile(ctx, "user_id:ada-lovelace", ProfileOptions{}); fault.KindOf(err) != fault.NotFound {
			t.Fatalf("round %d: a late event brought the person back: %v", round, err)
		}
		say(20+round, 49*time.Hour+time.Duration(round)*time.Hour, "new")
		v, err = p.Profile(ctx, "user_id:ada-lovelace", ProfileOptions{})
		if err != nil || string(v.Traits["plan"]) != `"new"` || v.Computed.EventCount != 1 || len(v.Identifiers) != 2 {
			t.Fatalf("round %d: who came back is %+v, %v", round, v, err)
		}
		if other, err := p.Profile(ctx, v.ID, ProfileOptions{}); err != nil || other.ID != v.ID {
			t.Fatalf("round %d: the new id gives %v", round, err)
		}
	}
}

// TestErase_TakesTheValuesFromOtherPeople: what others' events say of the
// person goes, the rest of them stays.
func TestErase_TakesTheValuesFromOtherPeople(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disk := memory.NewDisk()
	c := later(config(memory.Open(disk), 2, 3), 48*time.Hour)
	p, err := Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := worldStart.Add(time.Hour)
	for i, body := range []string{
		`{"type":"identify","messageId":"a","timestamp":"%s","userId":"ada-lovelace","traits":{"email":"ada@example.com"}}`,
		`{"type":"identify","messageId":"b","timestamp":"%s","userId":"bob","traits":{"friend":"Ada@example.com","plan":"gold"}}`,
		`{"type":"track","event":"Invited","messageId":"c","timestamp":"%s","userId":"bob","properties":{"who":"ada-lovelace","n":1}}`,
	} {
		play(t, p, []fact{{received: at, body: fmt.Sprintf(body, at.Add(time.Duration(i)*time.Second))}}, 1)
	}
	r := erase(t, p, "email:ada@example.com")
	if r.Proof.Log.Redacted != 2 || r.Proof.Others != 1 || r.Proof.Identifiers != 2 {
		t.Errorf("proof is %+v", r.Proof)
	}
	v, err := p.Profile(ctx, "user_id:bob", ProfileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if string(v.Traits["friend"]) != `""` || string(v.Traits["plan"]) != `"gold"` || v.Computed.EventCount != 2 {
		t.Errorf("bob is %s, %d events", v.Traits, v.Computed.EventCount)
	}
	page, err := p.Timeline(ctx, "user_id:bob", TimelineQuery{Limit: 10})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("bob's timeline is %v, %v", page, err)
	}
	if text := string(page.Items[0].Properties); strings.Contains(text, "ada") || !strings.Contains(text, `"n":1`) {
		t.Errorf("bob's event says %s", text)
	}
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	err = memory.Open(disk).Log().Read(ctx, 0, func(r *store.Record) error {
		if strings.Contains(strings.ToLower(string(r.Payload)), "ada@") {
			t.Errorf("a record of kind %d says %s", r.Kind, r.Payload)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestErase_LeavesNothingWithWhoSharedADevice: homes are told of what their
// people shared with the erased, whatever event it was by, and forget it.
func TestErase_LeavesNothingWithWhoSharedADevice(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disk := memory.NewDisk()
	c := later(config(memory.Open(disk), 2, 3), 48*time.Hour)
	p, err := Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	say := func(n int, who string) {
		at := worldStart.Add(time.Duration(n) * time.Hour)
		play(t, p, []fact{{received: at, body: fmt.Sprintf(`{"type":"identify","messageId":"m%d","timestamp":%q,%s}`, n, at, who)}}, 1)
	}
	say(1, `"userId":"ada-lovelace","anonymousId":"dev-of-ada"`)
	say(2, `"userId":"bob","traits":{"email":"bob@example.com"}`)
	say(3, `"anonymousId":"dev-of-ada","traits":{"email":"bob@example.com"}`) // bob's home, where the user id is, had no event with it
	if err := p.settle(ctx); err != nil {
		t.Fatal(err)
	}
	_, shared, err := p.graphPerson(ctx, id.KeyOf(event.UserID, "bob"))
	if err != nil || len(shared) != 1 {
		t.Fatalf("bob shares %v, %v", shared, err)
	}
	r := erase(t, p, "user_id:ada-lovelace") // fails where a row or a record is left
	if r.Proof.Others != 2 {
		t.Errorf("the rows of %d others are written anew, want those of the address and of bob", r.Proof.Others)
	}
	v, err := p.Profile(ctx, "user_id:bob", ProfileOptions{})
	if err != nil || v.Computed.EventCount != 2 || len(v.Identifiers) != 2 {
		t.Errorf("bob is %+v, %v", v, err)
	}
	before := dumpOf(t, p, "user_id:bob")
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	c.Store = memory.Open(disk)
	if err := Rebuild(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	c.Store = memory.Open(disk)
	if p, err = Open(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	defer p.Close(ctx) //nolint:errcheck // nothing is kept of it
	if after := dumpOf(t, p, "user_id:bob"); after != before {
		t.Errorf("a rebuild gives\n%s\nnot\n%s", after, before)
	}
}

// dumpOf is somebody as they are when nothing is due: sessions end by ticks, which
// come when they come.
func dumpOf(t testing.TB, p *Pipeline, ref string) string {
	t.Helper()
	nothingDue(t, p)
	v, err := p.Profile(context.Background(), ref, ProfileOptions{Lineage: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
