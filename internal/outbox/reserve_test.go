package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/pipeline"
	"rapport/internal/responder"
	"rapport/internal/store"
)

// ledger is a log that notes what is written down and released of what was
// reserved, and fails as often as it is told to.
type ledger struct {
	*spine
	fails          int
	kept, released []*pipeline.Reservation
}

var errLog = errors.New("the log is full")

func (l *ledger) KeepEffects(ctx context.Context, list []pipeline.Effect, reserved ...*pipeline.Reservation) ([]store.Position, error) {
	if l.fails--; l.fails >= 0 {
		return nil, errLog
	}
	l.kept = append(l.kept, reserved...)
	return l.spine.KeepEffects(ctx, list)
}

func (l *ledger) Release(r *pipeline.Reservation) { l.released = append(l.released, r) }

// What is set aside for a message goes into the log with the message, once,
// however often the log refuses it; what is not sent after all is let go.
func TestSettle_KeepsWhatWasReservedWithItsMessageOrReleasesIt(t *testing.T) {
	t.Parallel()
	taken := &sink{answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered})
	}}
	r := newRig(t, map[string]*sink{"a": taken, "b": taken})
	l := &ledger{spine: r.spine, fails: 1}
	r.Spine = l
	asked := map[string]*pipeline.Reservation{}
	r.Give = func(_ context.Context, due *responder.Due) (*responder.Given, error) {
		if asked[due.Experience] != nil {
			t.Errorf("%s is made twice", due.Experience)
		}
		asked[due.Experience] = &pipeline.Reservation{}
		return &responder.Given{Content: json.RawMessage(`{}`), Reserved: []*pipeline.Reservation{asked[due.Experience]}}, nil
	}
	var plans []effect.Plan
	for _, key := range []string{"a", "b"} {
		r.define(t, key, `, "experiences": true`)
		now := clock.From(time.Now())
		plans = append(plans, effect.Plan{Destination: key, Kind: effect.Triggered, Segment: "x" + key, Time: now, Set: now})
	}
	if err := r.settleOnce(t.Context(), plans); !errors.Is(err, errLog) {
		t.Fatal(err)
	}
	if len(asked) != 2 || len(l.released) != 0 {
		t.Fatalf("%d are made, %d released: they are needed still", len(asked), len(l.released))
	}
	if _, err := r.Define(t.Context(), definition.Command{Kind: definition.Destination, Key: "b", Status: definition.Archived, Version: 1}); err != nil {
		t.Fatal(err)
	}
	r.look()
	if err := r.settleOnce(t.Context(), plans); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.kept, []*pipeline.Reservation{asked["xa"]}) {
		t.Errorf("kept %v of %v", l.kept, asked)
	}
	if !slices.Equal(l.released, []*pipeline.Reservation{asked["xb"]}) {
		t.Errorf("released %v of %v", l.released, asked)
	}
	if len(r.made) != 0 {
		t.Errorf("%d are still remembered", len(r.made))
	}
}
