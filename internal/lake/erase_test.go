package lake_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/blob"
	"rapport/internal/catalog"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/lake"
	"rapport/internal/pipeline"
	"rapport/internal/store/memory"
)

// sticky is a target that does not let go of files, or takes no
// manifest once there are users, while it is told so.
type sticky struct {
	lake.Target
	stuck, shut, users atomic.Bool
}

func (s *sticky) Put(ctx context.Context, name string, content []byte) error {
	if s.shut.Load() && name == "manifest.json" && s.users.Load() {
		return fs.ErrPermission
	}
	if strings.HasPrefix(name, "users/") {
		s.users.Store(true)
	}
	return s.Target.Put(ctx, name, content)
}

func (s *sticky) Delete(ctx context.Context, name string) error {
	if s.stuck.Load() {
		return fs.ErrPermission
	}
	return s.Target.Delete(ctx, name)
}

var ada = event.Identifier{Namespace: event.UserID, Value: "ada-lovelace"}

func (h *house) gone() pipeline.Gone {
	return pipeline.Gone{IDs: map[string]bool{h.spine.OwnID(ada.Key()): true}, Mentions: consent.NewMentions([]event.Identifier{ada})}
}

// unnamed are the files of rows that the manifest does not name.
func (h *house) unnamed() (out []string) {
	h.t.Helper()
	b, err := h.target.Get(context.Background(), "manifest.json")
	if err != nil {
		h.t.Fatal(err)
	}
	m, err := lake.ReadManifest(b)
	if err != nil {
		h.t.Fatal(err)
	}
	named := map[string]bool{"manifest.json": true, m.Pending.Path: true}
	for i := range m.Files {
		named[m.Files[i].Path] = true
	}
	names, err := h.target.List(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, n := range names {
		if !named[n] {
			out = append(out, n)
		}
	}
	return out
}

func withAda(t *testing.T, target lake.Target) *house {
	t.Helper()
	h := open(t, memory.New(), target, nil)
	h.send(`{"type":"track","messageId":"1","userId":"ada-lovelace","event":"x"}`, `{"type":"track","messageId":"2","userId":"bob-the-other","event":"x"}`)
	h.step()
	h.step()
	if n := len(h.rows("base_events")); n != 2 {
		t.Fatalf("%d rows", n)
	}
	return h
}

// As long as a file with the person in it cannot be removed, the erasure fails,
// however often it is tried.
func TestErase_FailsUntilTheReplacedFilesAreGone(t *testing.T) {
	t.Parallel()
	target := &sticky{Target: blob.NewFolder(vfs.NewMem(), "lake", 0o755)}
	h := withAda(t, target)
	target.stuck.Store(true)
	for try := range 3 {
		if _, err := h.lake.Erase(t.Context(), h.gone()); err == nil {
			t.Fatalf("try %d: it is said to be done, and there are %v", try, h.unnamed())
		}
	}
	target.stuck.Store(false)
	if _, err := h.lake.Erase(t.Context(), h.gone()); err != nil {
		t.Fatal(err)
	}
	if left := h.unnamed(); len(left) != 0 {
		t.Errorf("there are still %v", left)
	}
	if n := len(h.rows("base_events")); n != 1 {
		t.Errorf("%d rows", n)
	}
	h.close()
}

// A file that was put and never came into the manifest has people in it too.
func TestErase_RemovesFilesThatNeverCounted(t *testing.T) {
	t.Parallel()
	h := withAda(t, blob.NewFolder(vfs.NewMem(), "lake", 0o755))
	stray := "base_events/day=2026-03-01/000000009999-0.parquet"
	if err := h.target.Put(t.Context(), stray, []byte("ada-lovelace")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.lake.Erase(t.Context(), h.gone()); err != nil {
		t.Fatal(err)
	}
	if left := h.unnamed(); len(left) != 0 {
		t.Errorf("there are still %v", left)
	}
	h.close()
}

// The ledger of erasures has people erased before a lake is attached.
func TestErase_WorksBeforeThePipelineDoes(t *testing.T) {
	t.Parallel()
	target := blob.NewFolder(vfs.NewMem(), "lake", 0o755)
	h := withAda(t, target)
	gone := h.gone()
	h.close()
	early := lake.New(lake.Options{
		Target: target, Mapping: func(string) *catalog.Mapping { return mapping }, Now: h.clock, Log: slog.New(slog.DiscardHandler), Flush: time.Second, Idle: idle,
	})
	done, err := early.Erase(t.Context(), gone)
	if err != nil || done.Rows != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, r := range h.rows("base_events") {
		if strings.Contains(r["customerId"], "ada") {
			t.Errorf("row %v", r)
		}
	}
	if left := h.unnamed(); len(left) != 0 {
		t.Errorf("there are still %v", left)
	}
}

// What cannot be removed at first is removed later, and holds nothing else up.
func TestJoin_RemovesLaterWhatCannotBeRemovedNow(t *testing.T) {
	t.Parallel()
	target := &sticky{Target: blob.NewFolder(vfs.NewMem(), "lake", 0o755)}
	h := withAda(t, target)
	for _, id := range []string{"3", "4"} {
		h.send(`{"type":"track","messageId":"` + id + `","userId":"ada-lovelace","event":"x"}`)
		h.step()
	}
	if err := h.lake.JoinOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(h.unnamed()) < 3 {
		t.Fatalf("only %v were replaced", h.unnamed())
	}
	h.pass(2 * time.Minute)
	target.stuck.Store(true)
	for range 2 {
		if err := h.lake.JoinOnce(t.Context()); err == nil {
			t.Error("it is said to be done")
		}
		h.step() // that it can write does not hide that it cannot join
		if h.lake.State().Error == "" {
			t.Error("nobody is told")
		}
	}
	target.stuck.Store(false)
	if err := h.lake.JoinOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if bad := h.lake.State().Error; bad != "" {
		t.Errorf("still %q", bad)
	}
	if left := h.unnamed(); len(left) != 0 {
		t.Errorf("there are still %v", left)
	}
	h.close()
}

// As long as the manifest names a file, it stays.
func TestStep_KeepsTheColumnsOfUsersWhoseRowsCouldNotBeWritten(t *testing.T) {
	t.Parallel()
	target := &sticky{Target: blob.NewFolder(vfs.NewMem(), "lake", 0o755)}
	h := withAda(t, target)
	h.send(`{"type":"identify","messageId":"3","userId":"ada-lovelace","traits":{"plan":"gold"}}`)
	h.step()
	h.pass(idle + time.Minute)
	target.users.Store(false)
	target.shut.Store(true)
	if err := h.lake.Step(t.Context()); err == nil {
		t.Fatal("it is said to be done")
	}
	h.pass(2 * time.Minute)
	if err := h.lake.JoinOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.rows("users") // all that are named can be read
	target.shut.Store(false)
	h.step()
	if rows := h.rows("users"); len(rows) != 2 {
		t.Errorf("users %v", rows)
	}
	h.close()
}

// Rows of lanes that are ahead of another do not pile up while they wait for it.
func TestStep_HoldsNoMoreThanItMayWhileALaneIsBehind(t *testing.T) {
	t.Parallel()
	h := withAda(t, blob.NewFolder(vfs.NewMem(), "lake", 0o755))
	const behind = 99
	h.lake.Follower().Reached(behind, 1)
	long, told := strings.Repeat("x", 100<<10), false
	for i := range 25 {
		h.send(fmt.Sprintf(`{"type":"track","messageId":"long-%d","userId":"u%d","event":"x","properties":{"x":"%s"}}`, i, i, long))
		h.step()
		if n := h.lake.Carried(); n > most {
			t.Fatalf("%d bytes wait", n)
		}
		h.pass(time.Second)
		s := h.lake.State()
		if waits := h.lake.Carried(); s.Waiting != waits || (s.Lag >= 1) != (waits > 0) {
			t.Fatalf("it is said that %d bytes wait, for %v s: %d do", s.Waiting, s.Lag, waits)
		}
		told = told || s.Waiting > 0
	}
	if !told {
		t.Error("nothing waited")
	}
	h.lake.Follower().Reached(behind, h.spine.LogEnd())
	h.step()
	if s := h.lake.State(); s.Lag != 0 || s.Waiting != 0 || s.CatchUp {
		t.Errorf("it is said that %d bytes wait, for %v s", s.Waiting, s.Lag)
	}
	if n := len(h.rows("base_events")); n != 27 {
		t.Errorf("%d rows", n)
	}
	h.close()
}
