package pipeline

import (
	"testing"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Counting what there is of a source holds on to nothing, however much there is.
func TestSourceSearch_CollectsOnlyWhatItTakesOut(t *testing.T) {
	t.Parallel()
	letter := DeadLetter{Reason: "r", Envelope: event.Envelope{Dialect: "test", Source: "demo"}, Body: []byte("{")}
	for _, take := range []bool{false, true} {
		s := &sourceSearch{source: "demo", take: take, anchors: map[id.Key]bool{}, entities: map[id.Key]bool{}}
		s.look(&store.Record{Position: 1, Kind: store.KindDeadLetter, Payload: letter.append(nil)})
		s.remove(&store.Record{Position: 2}, nil)
		if want := map[bool]int{true: 1}[take]; s.found.DeadLetters != 1 || len(s.changes) != 2*want || len(s.letters) != want {
			t.Errorf("take %t: counted %d, collected %d and %d", take, s.found.DeadLetters, len(s.changes), len(s.letters))
		}
	}
}
