package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// Counting what there is of a source holds on to nothing, however much there is.
func TestSourceSearch_GivesAwayOnlyWhatIsTakenOut(t *testing.T) {
	t.Parallel()
	letter := DeadLetter{Reason: "r", Envelope: event.Envelope{Dialect: "test", Source: "demo"}, Body: []byte("{")}
	for _, take := range []bool{false, true} {
		s, n := newSourceSearch("demo"), 0
		if take {
			s.take = func(*store.Record, []byte) { n++ }
		}
		s.look(&store.Record{Position: 1, Kind: store.KindDeadLetter, Payload: letter.append(nil)})
		if want := map[bool]int{true: 1}[take]; s.found.DeadLetters != 1 || n != want {
			t.Errorf("take %t: counted %d, gave away %d", take, s.found.DeadLetters, n)
		}
	}
}

// What a home was told of its people names who came from the source alone, also
// where the home never did.
func TestRemoveSource_TakesOutWhatOtherHomesWereTold(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 8)
	defer closeNow(t, p)
	mail := event.Identifier{Namespace: event.Email, Value: "ann@example.org"}
	facts := []fact{
		{received: worldStart, kind: event.Track, body: fmt.Sprintf(
			`{"type":"track","event":"Seen","userId":"ann","anonymousId":"phone","messageId":"m1","timestamp":%q}`, worldStart)},
		{received: worldStart, kind: event.Identify, source: "demo", body: fmt.Sprintf(
			`{"type":"identify","anonymousId":"phone","traits":{"email":%q},"messageId":"m2","timestamp":%q}`, mail.Value, worldStart)},
	}
	play(t, p, facts, 1)
	named := func() (n int) {
		t.Helper()
		err := p.store.Log().Read(t.Context(), 0, func(r *store.Record) error {
			if r.Kind == store.KindPerson && r.Payload != nil {
				person, err := graph.ReadPerson(r.Payload)
				if err != nil {
					return err
				}
				if person.Home.Value == "ann" && slices.Contains(person.Members, mail) {
					n++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if named() == 0 {
		t.Fatal("ann's home was not told of the address")
	}
	if err := p.RemoveSource(t.Context(), "demo", Removed{}, func(Removed, store.Position) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if n := named(); n > 0 {
		t.Errorf("%d records name the address yet", n)
	}
}
