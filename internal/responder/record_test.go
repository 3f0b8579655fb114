package responder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/decider"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/profile/shown"
	"rapport/internal/store"
)

func still() time.Time { return time.Unix(1_800_000_000, 0) }

// TestRecorder_EndsWhileDecisionsAreMade closes while others still decide: they
// go on, and whoever waits is told so.
func TestRecorder_EndsWhileDecisionsAreMade(t *testing.T) {
	t.Parallel()
	for range 20 {
		var told int
		r := New(Deps{Clock: still, Log: slog.New(slog.DiscardHandler), Tell: func(_ context.Context, bodies [][]byte) (pipeline.Receipt, error) {
			told += len(bodies)
			return pipeline.Receipt{Position: store.Position(told)}, nil
		}})
		r.Start()
		r.keep(&guest{writes: event.Identifier{Namespace: event.AnonymousID, Value: "first"}}, &shown.Held{ID: "0", Place: "p"}, "web", "p")
		if at, err := r.record.flush(t.Context()); err != nil || at.Position == 0 {
			t.Errorf("flush: %v %v", at, err)
		}
		var all sync.WaitGroup
		for who := range 8 {
			g := &guest{writes: event.Identifier{Namespace: event.AnonymousID, Value: fmt.Sprint(who)}}
			all.Go(func() {
				for n := range 200 {
					r.keep(g, &shown.Held{ID: fmt.Sprintf("%d-%d", who, n), Place: "p"}, "web", "p")
					if n == 100 && who == 0 {
						if _, err := r.record.flush(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
			})
			if who == 4 {
				all.Go(r.Close)
			}
		}
		all.Wait()
		r.Close()
		if told == 0 {
			t.Error("nothing was written down")
		}
	}
}

// TestTold_IsTheEventOfADecision whatever stands in the identifier.
func TestTold_IsTheEventOfADecision(t *testing.T) {
	t.Parallel()
	h := &shown.Held{ID: "id-1", Time: 1_800_000_000_000_000, Until: 1_800_000_900_000_000, Basis: 255, Experience: "e", Version: 3, Variant: "a", Items: []shown.HeldItem{{Offer: "o1", Version: 2}, {Offer: "o2", Version: 1}}}
	odd := "a\"b\\c\n\u00e9"
	for ident, want := range map[event.Identifier]string{
		{Namespace: event.UserID, Value: odd}:      `"userId":"a\"b\\c\né"`,
		{Namespace: event.AnonymousID, Value: odd}: `"anonymousId":"a\"b\\c\né"`,
		{Namespace: "loyalty", Value: odd}:         `"context":{"externalIds":[{"collection":"users","id":"a\"b\\c\né","type":"loyalty"}]}`,
	} {
		var got any
		if err := json.Unmarshal(told(&guest{writes: ident}, h, "web", "hero"), &got); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{want, `"event":"Decision Made"`, `"messageId":"id-1"`, `"properties":{"basis":"ff","channel":"web","decision_id":"id-1",` +
			`"experience":"e","experience_version":3,"items":[{"offer":"o1","offer_version":2},{"offer":"o2","offer_version":1}],"placement":"hero",` +
			`"valid_until":"2027-01-15T08:15:00.000Z","variant":"a"}`} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s is not in %s", part, text)
			}
		}
	}
}

// TestRecorder_LetsThoseWaitWhoFlush gives the place that something else reached.
func TestRecorder_LetsThoseWaitWhoFlush(t *testing.T) {
	t.Parallel()
	r := New(Deps{Clock: still, Log: slog.New(slog.DiscardHandler)})
	r.Start()
	defer r.Close()
	r.record.await(pipeline.Receipt{Position: 7})
	r.record.await(pipeline.Receipt{Position: 3})
	if at, err := r.record.flush(t.Context()); err != nil || at.Position != 7 {
		t.Errorf("flush: %v %v", at, err)
	}
}

// counter is a spine of one offer of which there are so many, in one place.
type counter struct {
	Spine
	index *definition.Index
	taken int64
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{index: &definition.Index{}}
	for _, kind := range []definition.Kind{definition.Offer, definition.Placement} {
		series, _, err := (&definition.Series{Kind: kind, Key: "seat"}).Apply(&definition.Fact{Kind: kind, Key: "seat", Version: 1, Status: definition.Live})
		if err != nil {
			t.Fatal(err)
		}
		c.index = c.index.With(series)
	}
	return c
}

func (c *counter) Definitions() *definition.Index { return c.index }

func (c *counter) Rules() *identity.Rules {
	rules := identity.DefaultRules()
	return &rules
}

func (c *counter) Definition(_ context.Context, kind definition.Kind, _ string, _ int) (definition.Definition, error) {
	document := `{"public": true}`
	if kind == definition.Offer {
		document = `{"content": {"*": {"*": {"title": "Seat"}}}, "inventory": {"total": 1}}`
	}
	return definition.Definition{Document: []byte(document)}, nil
}

func (c *counter) Visitor(context.Context, event.Identifier, bool) (*pipeline.Visitor, error) {
	return &pipeline.Visitor{Alone: true}, nil
}

func (c *counter) Reserve(_ context.Context, offer string, n, total int64, decision string) (*pipeline.Reservation, error) {
	if c.taken+n > total {
		return nil, nil
	}
	c.taken += n
	return pipeline.NewReservation(offer, n, decision), nil
}

func (c *counter) Release(r *pipeline.Reservation) { c.taken -= r.N }

// TestDecide_TakesNothingThatIsNotWrittenDown cuts off decisions about the last
// one of an offer: nobody is given it and it is there again. What is written down
// is given to the same visitor again and takes no other.
func TestDecide_TakesNothingThatIsNotWrittenDown(t *testing.T) {
	t.Parallel()
	c, full := newCounter(t), errors.New("the log is full")
	var told error
	r := New(Deps{Spine: c, Model: &decider.Decider{}, Clock: still, Random: func([]byte) {}, Log: slog.New(slog.DiscardHandler), TellTaken: func(_ context.Context, body []byte, taken []*pipeline.Reservation) (pipeline.Receipt, error) {
		if len(taken) != 1 || taken[0].Offer != "seat" || len(body) == 0 {
			t.Errorf("%d are taken with %q", len(taken), body)
		}
		return pipeline.Receipt{}, told
	}})
	decide := func(who string) ShownDecision {
		out, err := r.Decide(t.Context(), &Request{Identifiers: []event.Identifier{{Namespace: event.AnonymousID, Value: who}}, Placements: []string{"seat"}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Decisions[0]
	}
	told = full
	if d := decide("a"); !d.Fallback || d.Reason != Failed || len(d.Items) != 0 || c.taken != 0 {
		t.Errorf("%+v, %d are taken", d, c.taken)
	}
	told = nil
	first := decide("a")
	if len(first.Items) != 1 || c.taken != 1 {
		t.Fatalf("%+v, %d are taken", first, c.taken)
	}
	if again := decide("a"); again.ID != first.ID || len(again.Items) != 1 || c.taken != 1 {
		t.Errorf("%+v after %+v, %d are taken", again, first, c.taken)
	}
	if d := decide("b"); !d.Fallback || d.Reason != NothingEligible {
		t.Errorf("the last one is given twice: %+v", d)
	}
}
