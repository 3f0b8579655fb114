package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/fault"
	"rapport/internal/schedule"
)

// keeper keeps jobs in memory, as the log would.
type keeper struct {
	mu   sync.Mutex
	rows map[string]schedule.Row
	kept int
	err  error
}

func (k *keeper) KeepJob(_ context.Context, row schedule.Row) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	if row.Spec == nil {
		row.Spec = k.rows[row.ID].Spec
	}
	k.rows[row.ID] = row
	k.kept++
	return nil
}

func (k *keeper) NoteJob(ctx context.Context, row schedule.Row) error { return k.KeepJob(ctx, row) }

func (k *keeper) Job(_ context.Context, id string) (schedule.Row, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rows[id], nil
}

func (k *keeper) Jobs(_ context.Context, after string, limit int) ([]schedule.Row, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var ids []string
	for id := range k.rows {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var out []schedule.Row
	for _, id := range ids[:min(len(ids), limit)] {
		out = append(out, k.rows[id])
	}
	return out, nil
}

func runner(k *keeper, kind string, w schedule.Worker) *schedule.Runner {
	n := byte(0)
	r := schedule.New(schedule.Deps{
		Keeper: k, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		Random: func(b []byte) { n++; b[0] = n },
	})
	r.Register(kind, w)
	return r
}

func start(t *testing.T, r *schedule.Runner) {
	t.Helper()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, r *schedule.Runner, id string) schedule.Job {
	t.Helper()
	j, err := r.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

type counting struct{ To int }

// count does one thing a second and says how far it is.
func count(ctx context.Context, t *schedule.Task) error {
	var p counting
	if err := t.Params(&p); err != nil {
		return err
	}
	at := 0
	if _, err := t.Cursor(&at); err != nil {
		return err
	}
	t.SetTotal(int64(p.To))
	for at < p.To {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
		at++
		if err := t.Advance(ctx, int64(at), at); err != nil {
			return err
		}
	}
	return t.SetResult(map[string]int{"counted": at})
}

func TestRunner_AJobGoesOnWhereItWasAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{rows: map[string]schedule.Row{}}
		first := runner(k, "count", count)
		start(t, first)
		j, err := first.Submit(t.Context(), schedule.Request{Kind: "count", Subject: "x", Author: "me", Params: counting{100}})
		if err != nil || j.State != schedule.Queued {
			t.Fatalf("%+v %v", j, err)
		}
		pass(30*time.Second + time.Millisecond) // of the bubble's clock, which moves by itself
		if j := get(t, first, j.ID); j.State != schedule.Running || j.Done != 30 || j.Total != 100 {
			t.Errorf("under way: %+v", j)
		}
		first.Close()
		if k.kept > 25 {
			t.Errorf("kept %d times in 30 steps", k.kept)
		}
		second := runner(k, "count", count)
		start(t, second)
		pass(71 * time.Second)
		got := get(t, second, j.ID)
		if got.State != schedule.Done || got.Done != 100 || string(got.Result) != `{"counted":100}` || got.Subject != "x" || got.Finished == 0 {
			t.Errorf("at the end: %+v", got)
		}
		second.Close()
	})
}

func TestRunner_WhatIsCancelledEndsAndStaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{rows: map[string]schedule.Row{}}
		r := runner(k, "count", count)
		start(t, r)
		ids := []string{}
		for range 3 {
			j, err := r.Submit(t.Context(), schedule.Request{Kind: "count", Params: counting{10}})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, j.ID)
		}
		pass(3500 * time.Millisecond)
		for _, id := range ids[:2] { // one runs, one waits
			if _, err := r.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Minute)
		for i, want := range []schedule.State{schedule.Cancelled, schedule.Cancelled, schedule.Done} {
			if j := get(t, r, ids[i]); j.State != want {
				t.Errorf("job %d: %+v", i, j)
			}
		}
		if _, err := r.Cancel(t.Context(), ids[2]); fault.KindOf(err) != fault.Conflict {
			t.Errorf("cancel what is done: %v", err)
		}
		if _, err := r.Cancel(t.Context(), "job_none"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("cancel what is not: %v", err)
		}
		page, next, err := r.List(t.Context(), schedule.Query{Limit: 2})
		if err != nil || len(page) != 2 || next == "" {
			t.Fatalf("%v %q %v", page, next, err)
		}
		rest, next, err := r.List(t.Context(), schedule.Query{Limit: 2, After: next})
		if err != nil || len(rest) != 1 || next != "" {
			t.Errorf("%v %q %v", rest, next, err)
		}
		some, _, err := r.List(t.Context(), schedule.Query{Limit: 9, State: schedule.Done})
		if err != nil || len(some) != 1 || some[0].ID != ids[2] || some[0].Params != nil {
			t.Errorf("%v %v", some, err)
		}
		r.Close()
	})
}

func TestRunner_FailuresAreTriedAgainOnlyWhereThatMayHelp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{rows: map[string]schedule.Row{}}
		tries := map[string]int{}
		r := runner(k, "fail", func(_ context.Context, t *schedule.Task) error {
			tries[t.Subject()]++
			switch t.Subject() {
			case "later":
				if tries["later"] < 4 {
					return fault.Errorf(fault.Unavailable, "busy", "not now")
				}
				return nil
			case "never":
				return fault.Errorf(fault.Invalid, "wrong", "it is wrong")
			case "panic":
				panic("oh")
			}
			return errors.New("secret cause")
		})
		start(t, r)
		ids := map[string]string{}
		for _, subject := range []string{"later", "never", "panic", "error"} {
			j, err := r.Submit(t.Context(), schedule.Request{Kind: "fail", Subject: subject})
			if err != nil {
				t.Fatal(err)
			}
			ids[subject] = j.ID
		}
		pass(500 * time.Millisecond)
		if j := get(t, r, ids["later"]); j.State != schedule.Waiting || j.Error != "not now" || j.RetryAt == 0 {
			t.Errorf("%+v", j)
		}
		pass(time.Minute)
		for subject, want := range map[string]string{"later": "done ", "never": "failed it is wrong", "panic": "failed an error of", "error": "failed an error of"} {
			j := get(t, r, ids[subject])
			if got := string(j.State) + " " + j.Error; !strings.HasPrefix(got, want) || strings.Contains(got, "secret") {
				t.Errorf("%s: %s", subject, got)
			}
		}
		if tries["later"] != 4 || tries["never"] != 1 {
			t.Errorf("tries %v", tries)
		}
		if _, err := r.Submit(t.Context(), schedule.Request{Kind: "nothing"}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("unknown kind: %v", err)
		}
		r.Close()
	})
}

// However long a disk has no room, a job waits for it, and goes on soon after.
func TestRunner_AFullDiskFailsNoJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{rows: map[string]schedule.Row{}}
		var full atomic.Bool
		full.Store(true)
		r := runner(k, "write", func(context.Context, *schedule.Task) error {
			if full.Load() {
				return fmt.Errorf("write a piece: %w", syscall.ENOSPC)
			}
			return nil
		})
		start(t, r)
		j, err := r.Submit(t.Context(), schedule.Request{Kind: "write"})
		if err != nil {
			t.Fatal(err)
		}
		pass(24 * time.Hour)
		if got := get(t, r, j.ID); got.State != schedule.Waiting || !strings.Contains(got.Error, "the disk is full") || got.Attempts != 0 {
			t.Errorf("on a full disk: %+v", got)
		}
		full.Store(false)
		pass(5 * time.Second)
		if got := get(t, r, j.ID); got.State != schedule.Done {
			t.Errorf("there is room: %+v", got)
		}
		r.Close()
	})
}

func TestRunner_ACalendarBeginsEachJobOnceADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{rows: map[string]schedule.Row{}}
		runs := 0
		nightly := func(_ context.Context, now time.Time) []schedule.Request {
			if now.UTC().Hour() < 2 {
				return nil
			}
			return []schedule.Request{{Kind: "night", Key: "model/" + now.UTC().Format("2006-01-02"), Author: "schedule"}}
		}
		work := func(context.Context, *schedule.Task) error { runs++; return nil }
		for range 2 {
			r := runner(k, "night", work)
			r.Schedule(nightly)
			start(t, r)
			pass(36 * time.Hour) // the bubble begins at midnight
			r.Close()
		}
		if runs != 3 {
			t.Errorf("%d runs in three nights", runs)
		}
	})
}

func TestRunner_AKeeperThatFailsFailsTheSubmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{rows: map[string]schedule.Row{}, err: fault.Errorf(fault.Unavailable, "disk_full", "full")}
		r := runner(k, "count", count)
		start(t, r)
		if _, err := r.Submit(t.Context(), schedule.Request{Kind: "count", Params: counting{1}}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
		if list, _, err := r.List(t.Context(), schedule.Query{Limit: 5}); err != nil || len(list) != 0 {
			t.Errorf("%v %v", list, err)
		}
		r.Close()
	})
}

// pass lets the time of the bubble go on: it waits for nothing real.
func pass(d time.Duration) { <-time.After(d) }
