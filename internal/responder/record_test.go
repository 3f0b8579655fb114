package responder

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"rapport/internal/event"
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
