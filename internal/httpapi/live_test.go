package httpapi

import (
	"context"
	"strings"
	"testing"

	"rapport/internal/watch"
)

// fakeLive shows one event, and says what it was asked for.
type fakeLive struct{}

func (fakeLive) Look(_ context.Context, q watch.Query) watch.LivePage {
	return watch.LivePage{Items: []watch.LiveEvent{{Number: q.After + 1, Name: "Hello", Outcome: watch.Stored}}, Next: q.After + 1, Missed: uint64(q.Limit)}
}

func TestWatchEvents_GivesWhatCameSinceTheLookBefore(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for path, want := range map[string]string{
		"/api/v1/events/live?after=7&limit=5":    `"next":8,"missed":5`,
		"/api/v1/events/live?after=7&seconds=99": `"code":"invalid_request"`,
		"/api/v1/events/live?after=-1":           `"code":"invalid_request"`,
	} {
		if _, text := d.ask(t, "GET", path, ""); !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s in it", path, text, want)
		}
	}
}
