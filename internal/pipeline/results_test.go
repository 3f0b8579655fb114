package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/definition"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/profile"
	"rapport/internal/profile/shown"
	"rapport/internal/soak"
	"rapport/internal/store/memory"
)

// offering adds decisions to a world, and what people did with them.
func offering(w *world, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 99))
	names := []string{shown.DecisionMade, shown.DecisionMade, "Offer Viewed", "Experience Viewed", "Experience Clicked", "Signed Up", "Order Completed"}
	at := worldStart
	for n := range 120 {
		at = at.Add(time.Duration(1+r.IntN(3600)) * time.Second)
		name := names[r.IntN(len(names))]
		p := map[string]any{"placement": "hero", "channel": "web"}
		if r.IntN(3) > 0 {
			p["experience"], p["experience_version"], p["variant"] = "welcome", 1, fmt.Sprint("v", r.IntN(2))
		} else {
			p["offer"] = fmt.Sprint("o", r.IntN(3))
		}
		f := fact{received: at}
		switch name {
		case shown.DecisionMade:
			f.own = shown.Source
			p["decision_id"], p["valid_until"] = fmt.Sprint("d", n), at.Add(time.Hour)
		case "Order Completed":
			p = map[string]any{"order_id": fmt.Sprint("x", n), "currency": "EUR", "total": float64(r.IntN(9000)) / 100}
		}
		who := w.ids[r.IntN(len(w.ids))]
		doc := map[string]any{"type": "track", "event": name, "messageId": fmt.Sprint("s", n), "timestamp": at.String(), "properties": p}
		switch who.Namespace {
		case event.UserID:
			doc["userId"] = who.Value
		case event.AnonymousID:
			doc["anonymousId"] = who.Value
		default:
			continue
		}
		body, err := json.Marshal(doc)
		if err != nil {
			panic(err)
		}
		f.body = string(body)
		w.facts = append(w.facts, f)
	}
}

const welcome = `{"type":"web","placement":"hero","variants":[{"key":"v0"},{"key":"v1"}],
	"goals":[{"key":"signup","event":"Signed Up","within":"2d"},{"key":"sale","orders":true,"within":"3d"}]}`

func defineExperience(t testing.TB, p *Pipeline) {
	t.Helper()
	if _, err := p.Define(t.Context(), definition.Command{
		Kind: definition.Experience, Key: "welcome", Status: definition.Live, Document: []byte(welcome), ContentType: "application/json", Author: "test",
	}); err != nil {
		t.Fatal(err)
	}
}

func resultsText(t testing.TB, p *Pipeline) string {
	t.Helper()
	var out strings.Builder
	for _, key := range []string{"welcome", ""} {
		list, err := p.Results(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			fmt.Fprintln(&out, x.Cell, creditText(&x.Sums))
		}
	}
	return out.String()
}

func creditText(x *experience.Sums) string {
	text := fmt.Sprint(x.People, x.N)
	for i := range x.Goals {
		if g := &x.Goals[i]; g.Count != 0 || g.Sum.Sign() != 0 {
			text += fmt.Sprint(" ", g.Goal, g.Currency, g.Count, " ", g.Sum.Text())
		}
	}
	return text
}

// plainResults adds up the credits of all people as they are read.
func plainResults(t testing.TB, p *Pipeline, w *world) string {
	t.Helper()
	seen := map[string]bool{}
	cells := map[experience.Cell]*experience.Sums{}
	for _, i := range w.ids {
		who, err := p.gatherKey(t.Context(), i.Key())
		if err != nil {
			t.Fatal(err)
		}
		if who == nil || seen[who.id] {
			continue
		}
		seen[who.id] = true
		whole := profile.New()
		for _, x := range who.partials() {
			whole.Merge(x)
		}
		for c, x := range experience.CreditsOf(whole, p.experiences.Load()) {
			if cells[c] == nil {
				cells[c] = &experience.Sums{}
			}
			cells[c].Add(x, 1)
		}
	}
	var out strings.Builder
	for _, key := range []string{"welcome", ""} {
		for _, k := range sortedCells(cells) {
			if k.Experience == key && !cells[k].Empty() {
				fmt.Fprintln(&out, k, creditText(cells[k]))
			}
		}
	}
	return out.String()
}

func sortedCells(cells map[experience.Cell]*experience.Sums) []experience.Cell {
	byKey := map[string]experience.Cell{}
	for c := range cells {
		byKey[string(c.AppendKey(nil))] = c
	}
	out := make([]experience.Cell, 0, len(cells))
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		out = append(out, byKey[k])
	}
	return out
}

func TestResults_AreThoseOfAllPeopleInAnyOrderAndRebuilt(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(60)) {
		w := newWorld(7000+seed, 60)
		offering(w, seed)
		r := rand.New(rand.NewPCG(seed, 5))
		disk := memory.NewDisk()
		p := open(t, memory.Open(disk), 1+r.IntN(4), 1+r.IntN(30))
		defineExperience(t, p)
		play(t, p, w.shuffled(r), 1+r.IntN(20))
		want, got := plainResults(t, p, w), resultsText(t, p)
		if got != want || want == "" {
			t.Fatalf("seed %d:\n%s", seed, diff(got, want))
		}
		closeNow(t, p)
		if err := Rebuild(t.Context(), config(memory.Open(disk), 1+r.IntN(4), 1+r.IntN(50)), nil); err != nil {
			t.Fatal(err)
		}
		p = open(t, memory.Open(disk), 2, 16)
		if again := resultsText(t, p); again != want {
			t.Fatalf("seed %d, rebuilt:\n%s", seed, diff(again, want))
		}
		closeNow(t, p)
	}
}

func TestTake_NeverGivesMoreThanThereAre(t *testing.T) {
	t.Parallel()
	disk := memory.NewDisk()
	p := open(t, memory.Open(disk), 3, 8)
	var wait sync.WaitGroup
	var mu sync.Mutex
	given := 0
	for range 16 {
		wait.Go(func() {
			for n := range 20 {
				r, err := p.Reserve(context.Background(), "o", 1, 100, fmt.Sprint(n))
				if err == nil && r != nil {
					_, err = p.KeepEffects(context.Background(), nil, r)
				}
				if err != nil {
					t.Error(err)
				}
				if r != nil {
					mu.Lock()
					given++
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	if given != 100 {
		t.Fatalf("%d were given of 100", given)
	}
	if err := p.WaitApplied(t.Context(), Receipt{p.store.Log().End()}); err != nil { // what is on its way cannot be given back
		t.Fatal(err)
	}
	if _, err := p.GiveBack(t.Context(), "o", 101, "too many"); err == nil {
		t.Error("more were given back than were taken")
	}
	if _, err := p.GiveBack(t.Context(), "o", 3, "returned"); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"crashed", "rebuilt"} {
		if how == "crashed" {
			p.abandon()
		} else {
			closeNow(t, p)
			if err := Rebuild(t.Context(), config(memory.Open(disk), 2, 3), nil); err != nil {
				t.Fatal(err)
			}
		}
		p = open(t, memory.Open(disk), 2, 8)
		if n, err := p.Taken(t.Context(), "o"); err != nil || n != 97 {
			t.Errorf("%s: %d are taken, %v", how, n, err)
		}
	}
	closeNow(t, p)
}

// A server that stops between reserving and writing down has taken nothing, one
// that stops after it has taken it, with what it was taken for.
func TestReserve_IsTakenWithWhatItIsForOrNotAtAll(t *testing.T) {
	t.Parallel()
	disk := memory.NewDisk()
	reserve := func(p *Pipeline) *Reservation {
		r, err := p.Reserve(t.Context(), "o", 1, 1, "d")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	takenIs := func(p *Pipeline, when string, want int64) {
		t.Helper()
		if n, err := p.Taken(t.Context(), "o"); err != nil || n != want {
			t.Errorf("%s: %d are taken, %d are right, %v", when, n, want, err)
		}
	}
	p := open(t, memory.Open(disk), 2, 8)
	first := reserve(p)
	if first == nil || reserve(p) != nil {
		t.Fatal("the only one is reserved once")
	}
	takenIs(p, "reserved", 1)
	p.Release(first)
	if reserve(p) == nil {
		t.Fatal("what was released is not there")
	}
	p.abandon()
	p = open(t, memory.Open(disk), 2, 8)
	takenIs(p, "killed before it was written down", 0)
	again := reserve(p)
	message := Effect{stockKey("somebody"), effect.Fact{Op: effect.OpSend, Destination: "d", ID: "m", As: effect.Triggered, Kind: effect.Triggered, Payload: []byte(`{}`)}}
	places, err := p.KeepEffects(t.Context(), []Effect{message}, again)
	if err != nil || len(places) != 1 {
		t.Fatal(places, err)
	}
	p.abandon()
	p = open(t, memory.Open(disk), 3, 8)
	takenIs(p, "killed after it was written down", 1)
	if kept, err := p.EffectAt(t.Context(), places[0]); err != nil || kept.ID != "m" {
		t.Errorf("its message is %v, %v", kept, err)
	}
	if reserve(p) != nil {
		t.Error("more were reserved than there are")
	}
	closeNow(t, p)
	if err := Rebuild(t.Context(), config(memory.Open(disk), 2, 3), nil); err != nil {
		t.Fatal(err)
	}
	p = open(t, memory.Open(disk), 2, 8)
	takenIs(p, "rebuilt", 1)
	if _, err := p.GiveBack(t.Context(), "o", 1, "for the next"); err != nil {
		t.Fatal(err)
	}

	// So it is of a decision on a page, which an event tells of.
	told := reserve(p)
	if _, err := p.Accept(t.Context(), &Submission{Taken: []*Reservation{told}}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("nothing tells of what is taken: %v", err)
	}
	with := submission(t, fact{body: fmt.Sprintf(`{"messageId":"d","type":"track","event":"Decision Made","anonymousId":"a","timestamp":%q}`, worldStart), received: worldStart})
	with.Taken = []*Reservation{told}
	if _, err := p.Accept(t.Context(), with); err != nil {
		t.Fatal(err)
	}
	p.abandon()
	p = open(t, memory.Open(disk), 2, 8)
	takenIs(p, "told by an event", 1)
	closeNow(t, p)
}
