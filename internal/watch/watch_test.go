package watch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/pipeline"
	"rapport/internal/store"
	"rapport/internal/watch"
)

// spine takes all but what is named "refused", and fails where it is told to.
type spine struct {
	position store.Position
	err      error
}

func (s *spine) Accept(ctx context.Context, sub *pipeline.Submission) (pipeline.Receipt, error) {
	if s.err != nil {
		return pipeline.Receipt{}, s.err
	}
	kept := sub.Events[:0]
	for _, a := range sub.Events {
		if a.Event.Name == "refused" {
			watch.Refusal(ctx, a.Event, "bot")
			continue
		}
		kept = append(kept, a)
	}
	sub.Events = kept
	s.position++
	return pipeline.Receipt{Position: s.position}, nil
}

func (s *spine) WaitApplied(context.Context, pipeline.Receipt) error { return nil }

func submission(names ...string) *pipeline.Submission {
	s := &pipeline.Submission{Received: 1}
	for _, name := range names {
		s.Events = append(s.Events, pipeline.Arrival{
			Envelope: event.Envelope{Source: "shop", Dialect: "segment"},
			Event:    &event.Event{Type: event.Track, Name: name, Identifiers: []event.Identifier{{Namespace: "user_id", Value: "1"}}},
		})
	}
	return s
}

func accept(t *testing.T, d *watch.Door, s *pipeline.Submission) {
	t.Helper()
	if _, err := d.Accept(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func look(t *testing.T, d *watch.Door, after uint64, limit int) watch.LivePage {
	t.Helper()
	return d.Look(t.Context(), watch.Query{After: after, Limit: limit})
}

func TestDoor_ShowsWhatBecameOfEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := watch.New(&spine{}, clock.Clock(time.Now))
		defer d.Close()
		look(t, d, 0, 10)
		s := submission("kept", "refused")
		s.Dead = []pipeline.DeadLetter{{Envelope: event.Envelope{Source: "shop"}, Reason: "invalid_json", Message: "no"}}
		accept(t, d, s)
		page := look(t, d, 0, 10)
		got := ""
		for _, e := range page.Items {
			got += fmt.Sprintf("%d %s %s %s %t %t;", e.Number, e.Name, e.Outcome, e.Reason, e.Logged != nil, e.Applied != nil)
		}
		want := "1 kept stored  true true;2 refused refused bot false false;3  dead_letter invalid_json true false;"
		if got != want || page.Next != 3 || page.Missed != 0 {
			t.Errorf("got %s next %d missed %d, want %s", got, page.Next, page.Missed, want)
		}
	})
}

func TestDoor_HoldsNothingWhereNobodyLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := watch.New(&spine{}, clock.Clock(time.Now))
		defer d.Close()
		accept(t, d, submission("early"))
		if page := look(t, d, 0, 10); len(page.Items) != 0 {
			t.Errorf("what came before anybody looked is shown: %v", page.Items)
		}
		accept(t, d, submission("seen"))
		if page := look(t, d, 0, 10); len(page.Items) != 1 {
			t.Fatalf("got %d events, want the one that came meanwhile", len(page.Items))
		}
		<-time.After(time.Minute)
		accept(t, d, submission("unseen"))
		if page := look(t, d, 0, 10); len(page.Items) != 0 {
			t.Errorf("what an earlier visitor left is shown: %v", page.Items)
		}
	})
}

func TestDoor_SaysWhatItCouldNotShow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := watch.New(&spine{}, clock.Clock(time.Now))
		defer d.Close()
		look(t, d, 0, 10)
		accept(t, d, submission("first"))
		next := look(t, d, 0, 10).Next
		for range 9 {
			accept(t, d, submission("a", "b"))
		}
		page := look(t, d, next, 5)
		if len(page.Items) != 5 || page.Missed != 13 || page.Next != next+18 {
			t.Errorf("got %d events, missed %d, next %d", len(page.Items), page.Missed, page.Next)
		}
		if again := look(t, d, page.Next, 5); len(again.Items) != 0 || again.Missed != 0 {
			t.Errorf("a second look gives %d events and %d missed", len(again.Items), again.Missed)
		}
	})
}

func TestDoor_WaitsUntilSomethingComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := watch.New(&spine{}, clock.Clock(time.Now))
		defer d.Close()
		look(t, d, 0, 10)
		seen := make(chan watch.LivePage)
		go func() { seen <- d.Look(context.Background(), watch.Query{Limit: 10, Wait: time.Minute}) }()
		synctest.Wait()
		accept(t, d, submission("late"))
		if page := <-seen; len(page.Items) != 1 || page.Items[0].Name != "late" {
			t.Errorf("got %v", page.Items)
		}
	})
}

func TestDoor_WhatWasNotReceivedIsNotShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := watch.New(&spine{err: errors.New("full")}, clock.Clock(time.Now))
		defer d.Close()
		look(t, d, 0, 10)
		if _, err := d.Accept(t.Context(), submission("a")); err == nil {
			t.Fatal("no error")
		}
		synctest.Wait()
		if page := look(t, d, 0, 10); len(page.Items) != 0 {
			t.Errorf("shown: %v", page.Items)
		}
	})
}
