package pipeline

import (
	"testing"

	"rapport/internal/event"
	"rapport/internal/store"
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
