package outbox

import (
	"context"
	"testing"
	"time"

	"rapport/internal/broadcast"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// uncounted is a spine that never comes to know who is in a segment.
type uncounted struct{ *spine }

func (uncounted) SegmentState(definition.Kind, string) pipeline.SegmentState {
	return pipeline.SegmentState{}
}

func (r *rig) put(t *testing.T, kind definition.Kind, key, document string) {
	t.Helper()
	if _, err := r.Define(t.Context(), definition.Command{Kind: kind, Key: key, Status: definition.Live, Document: []byte(document)}); err != nil {
		t.Fatal(err)
	}
}

// All broadcasts are walked by one worker: what never comes about for one must
// not be waited for.
func TestCounted_GivesUpWhatNeverComesAbout(t *testing.T) {
	t.Parallel()
	counted := func(r *rig) (bool, error) {
		r.Outbox.Spine = uncounted{r.spine}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		return r.counted(ctx, &campaign{
			key: "b", document: &broadcast.Broadcast{Segment: "s"}, progress: broadcast.Progress{State: broadcast.Scheduled, Version: 1},
		})
	}
	archived := newRig(t, nil)
	if _, err := counted(archived); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without the segment: %v", err)
	}
	for _, progress := range []string{`{"state":"paused","version":1}`, `{"state":"draft"}`, `{"state":"scheduled","version":2}`} {
		r := newRig(t, nil)
		r.put(t, definition.Segment, "s", `{}`)
		r.put(t, definition.BroadcastProgress, "b", progress)
		if due, err := counted(r); due || err != nil {
			t.Errorf("%s: due %t, %v", progress, due, err)
		}
	}
}

func TestLook_ObeysThoughABroadcastCannotBeRead(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]*sink{"a": {}})
	r.define(t, "a", "")
	r.put(t, definition.BroadcastProgress, "broken", `[]`)
	if err := r.Command(t.Context(), "a", "pause", "somebody", 0); err != nil {
		t.Fatal(err)
	}
	l := r.line("a")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.control.State != Paused {
		t.Errorf("the destination is %q", l.control.State)
	}
	if r.Outbox.index == r.Definitions() {
		t.Error("what could not be read is not looked at again")
	}
}
