package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// A message that is made of what the state said while somebody was erased gets
// into the log behind everything that was scanned, sealed under a new key: it
// goes all the same, with what destinations know since and what came of it.
func TestErase_TakesWhatIsMadeMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var p *Pipeline
	var places []store.Position
	who := id.KeyOf(event.UserID, "ada-lovelace")
	c := later(config(memory.New(), 2, 3), 48*time.Hour)
	keep := func(k id.Key, f effect.Fact) {
		at, err := p.KeepEffects(ctx, []Effect{{Anchor: k, Fact: f}})
		if err != nil {
			t.Error(err)
		}
		places = append(places, at...)
	}
	bob := effect.Fact{Op: effect.OpSend, Destination: "crm", Position: 8, ID: fmt.Sprintf("%032x", 8), As: effect.Event, Person: "bob", Payload: json.RawMessage(`{"user":"bob"}`)}
	told := effect.Fact{Op: effect.OpTold, Destination: "crm", Segment: "vip", Known: "in"}
	turn := 0
	c.Silence = func(context.Context) error {
		person := p.cipher.idOf(who, 0)
		f := effect.Fact{Destination: "crm", Position: 7, ID: fmt.Sprintf("%032x", 7), As: effect.Event, Person: person, When: 1}
		if turn++; turn == 1 {
			f.Op, f.Payload = effect.OpSend, json.RawMessage(`{"user":"ada-lovelace"}`)
			keep(who, f)
			told.Person = person
			keep(ToldAnchor(&told), told)
			return nil
		}
		f.Op, f.Outcome, f.Request = effect.OpResult, effect.Delivered, "PUT /people/ada-lovelace"
		keep(who, f)
		keep(id.KeyOf(event.UserID, "bob"), bob)
		return nil
	}
	var err error
	if p, err = Open(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	body := fmt.Sprintf(`{"type":"identify","messageId":"m1","timestamp":%q,"userId":"ada-lovelace"}`, worldStart.Add(time.Hour))
	play(t, p, []fact{{received: worldStart.Add(time.Hour), body: body, kind: event.Identify}}, 1)
	erase(t, p, "user_id:ada-lovelace")
	if turn != 2 || len(places) != 4 {
		t.Fatalf("%d turns, %d records", turn, len(places))
	}
	for i, at := range places[:3] {
		if e, err := p.EffectAt(ctx, at); !errors.Is(err, store.ErrErased) {
			t.Errorf("record %d is still there: %+v, %v", i, e.Fact, err)
		}
	}
	if known, err := p.ToldNow(ctx, []effect.Fact{told}); err != nil || known[0] != "" {
		t.Errorf("a destination knows %q of the erased, %v", known, err)
	}
	if e, err := p.EffectAt(ctx, places[3]); err != nil || string(e.Payload) != string(bob.Payload) {
		t.Errorf("another person's message became %s, %v", e.Payload, err)
	}
}
