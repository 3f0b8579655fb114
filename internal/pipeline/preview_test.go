package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/segment/condition"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// indexed opens a pipeline that keeps columns, with a clock that the test moves.
func indexed(t testing.TB, st store.Store, files vfs.FS, now *atomic.Int64) *Pipeline {
	t.Helper()
	return indexedEvery(t, st, files, now, time.Nanosecond)
}

// indexedEvery is indexed with commits so often.
func indexedEvery(t testing.TB, st store.Store, files vfs.FS, now *atomic.Int64, commit time.Duration) *Pipeline {
	t.Helper()
	c := config(st, 2, 16)
	c.Clock = func() time.Time { return clock.Instant(now.Load()).Time() }
	c.CommitEvery = commit
	folder, err := columns.OpenFolder(files, "columns")
	if err != nil {
		t.Fatal(err)
	}
	c.Columns = IndexOptions{Index: columns.New(0), Files: folder}
	p, err := Open(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// previews counts conditions by the index, looking at nobody whom it decides.
func previews(t testing.TB, p *Pipeline) map[string]int {
	t.Helper()
	if err := p.tendIndex(context.Background(), func(time.Duration) {}); err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for key, text := range conditions {
		n, err := condition.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.Preview(context.Background(), n, PreviewOptions{Patience: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if !v.Exact || v.Coverage != 1 || len(v.Samples) != min(v.Total, previewSamples) {
			t.Errorf("%s: %+v", key, v)
		}
		out[key] = v.Total
		out["people"] = v.People
	}
	return out
}

// The preview of a condition says what the segment of that condition has: after
// events, restarts, with images that are old, damaged or gone.
func TestPreview_AgreesWithSegments(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("seed %d", seed)
			ctx, r := context.Background(), rand.New(rand.NewPCG(seed, 3))
			w := newWorld(seed, 250)
			disk, files := memory.NewDisk(), vfs.NewMem()
			var now atomic.Int64
			now.Store(int64(worldStart))
			p := indexed(t, memory.Open(disk), files, &now)
			defineAll(t, p)
			parts := slices.Collect(slices.Chunk(w.facts, len(w.facts)/5))
			for i, part := range parts {
				play(t, p, part, 1+r.IntN(40))
				now.Store(max(now.Load(), int64(part[len(part)-1].received)) + 1)
				if err := p.Tick(ctx); err != nil {
					t.Fatal(err)
				}
				if err := p.WaitApplied(ctx, Receipt{Position: p.store.Log().End()}); err != nil {
					t.Fatal(err)
				}
				got := previews(t, p)
				people, err := p.People(ctx, "", 1000)
				if err != nil {
					t.Fatal(err)
				}
				if got["people"] != len(people.Items) {
					t.Errorf("part %d: %d people in columns, %d there are", i, got["people"], len(people.Items))
				}
				for key, size := range p.SegmentSizes() {
					if got[key] != int(size) {
						t.Errorf("part %d: preview of %s gives %d, the segment has %d", i, key, got[key], size)
					}
					n, err := condition.Read([]byte(conditions[key]))
					if err != nil {
						t.Fatal(err)
					}
					v, err := p.Preview(ctx, n, PreviewOptions{Exact: true, Overlap: []string{key}})
					if want := (PreviewOverlap{Segment: key, Total: int(size), Exact: true, Size: int(size)}); err != nil || len(v.Overlap) != 1 || v.Overlap[0] != want {
						t.Errorf("part %d: %s overlaps with itself as %+v, %v", i, key, v, err)
					}
					if _, err := p.Preview(ctx, n, PreviewOptions{Overlap: []string{key, "nobody"}}); fault.KindOf(err) != fault.Invalid {
						t.Errorf("part %d: a segment that is not there: %v", i, err)
					}
				}
				closeNow(t, p)
				switch i {
				case 1:
					files = vfs.NewMem() // the images are lost
				case 2:
					spoil(t, files)
				}
				p = indexed(t, memory.Open(disk), files, &now)
				if again := previews(t, p); fmt.Sprint(again) != fmt.Sprint(got) {
					t.Errorf("part %d, after a restart: %v, before %v", i, again, got)
				}
			}
			closeNow(t, p)
		})
	}
}

// spoil damages one image.
func spoil(t testing.TB, files vfs.FS) {
	t.Helper()
	f, err := files.OpenReadWrite("columns/part-03.columns", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xff}, 20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A start that finds old images looks again at those whom later commits changed.
func TestPreview_CatchesUpWithOldImages(t *testing.T) {
	t.Parallel()
	w := newWorld(9, 200)
	disk, old := memory.NewDisk(), vfs.NewMem()
	var now atomic.Int64
	now.Store(int64(w.facts[len(w.facts)-1].received))
	p := indexed(t, memory.Open(disk), old, &now)
	defineAll(t, p)
	play(t, p, w.facts[:100], 20)
	if err := p.saveIndex(); err != nil {
		t.Fatal(err)
	}
	p.upkeep.mu.Lock()
	p.upkeep.files = nil // from here on nothing is written
	p.upkeep.mu.Unlock()
	play(t, p, w.facts[100:], 20)
	want := previews(t, p)
	closeNow(t, p)
	p = indexed(t, memory.Open(disk), old, &now)
	p.upkeep.mu.Lock()
	if len(p.upkeep.missing) != 0 {
		t.Errorf("%d parts are built again", len(p.upkeep.missing))
	}
	p.upkeep.mu.Unlock()
	if got := previews(t, p); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after the start %v, before %v", got, want)
	}
	closeNow(t, p)
}

func TestInterval_IsWilsons(t *testing.T) {
	t.Parallel()
	low, high := wilsonInterval(0.5, 100)
	if fmt.Sprintf("%.4f %.4f", low, high) != "0.4038 0.5962" {
		t.Errorf("%.4f %.4f", low, high)
	}
	if low, high := wilsonInterval(0, 10); low != 0 || fmt.Sprintf("%.4f", high) != "0.2775" {
		t.Errorf("%.4f %.4f", low, high)
	}
}

// An erasure drops the images; the columns are made anew without the values
// that nobody has any more, and imaged again.
func TestPreview_ImagesAgainAfterAnErasure(t *testing.T) {
	t.Parallel()
	disk, files := memory.NewDisk(), vfs.NewMem()
	var now atomic.Int64
	now.Store(int64(worldStart.Add(48 * time.Hour)))
	p := indexed(t, memory.Open(disk), files, &now)
	defineAll(t, p)
	for n, who := range []string{"ada-lovelace", "charles-babbage"} {
		body := fmt.Sprintf(`{"type":"identify","messageId":"m%d","timestamp":%q,"userId":%q,"traits":{"plan":"plan-of-%s"}}`,
			n, worldStart.Add(time.Hour).String(), who, who)
		play(t, p, []fact{{received: worldStart.Add(time.Hour), body: body, kind: event.Identify}}, 1)
	}
	previews(t, p)
	if err := p.saveIndex(); err != nil {
		t.Fatal(err)
	}
	if !imaged(t, files, "plan-of-ada-lovelace") {
		t.Fatal("the images do not have the value in clear text: this test finds nothing")
	}
	erase(t, p, "user_id:ada-lovelace")
	want := previews(t, p)
	if want["people"] != 1 {
		t.Errorf("%d people are left", want["people"])
	}
	if err := p.saveIndex(); err != nil {
		t.Fatal(err)
	}
	if imaged(t, files, "plan-of-ada-lovelace") || !imaged(t, files, "plan-of-charles-babbage") {
		t.Error("the new images have what was erased, or lack what was not")
	}
	closeNow(t, p)
	p = indexed(t, memory.Open(disk), files, &now)
	p.upkeep.mu.Lock()
	if n := len(p.upkeep.missing); n != 0 {
		t.Errorf("%d parts are built again by the start", n)
	}
	p.upkeep.mu.Unlock()
	if got := previews(t, p); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after the start %v, before %v", got, want)
	}
	closeNow(t, p)
}

// imaged tells whether an image has a text.
func imaged(t testing.TB, files vfs.FS, text string) bool {
	t.Helper()
	names, err := files.List("columns")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := files.Open("columns/" + name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

// A preview of a condition that asks for a segment nobody made says so in
// plain words.
func TestPreview_SaysWhatItCannotCount(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(int64(worldStart))
	p := indexed(t, memory.New(), vfs.NewMem(), &now)
	n, err := condition.Read([]byte(`{"segment":"nobody"}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Preview(context.Background(), n, PreviewOptions{})
	if err == nil || strings.Contains(err.Error(), `segment " "`) || strings.Contains(err.Error(), "/:") || !strings.Contains(err.Error(), `no segment "nobody"`) {
		t.Errorf("the error is %v", err)
	}
	closeNow(t, p)
}

// Computed traits are decided by the columns alone: as they are, after a window
// has closed without an event, and by another definition.
func TestPreview_DecidesComputedTraitsByColumns(t *testing.T) {
	t.Parallel()
	disk, files := memory.NewDisk(), vfs.NewMem()
	var now atomic.Int64
	now.Store(int64(worldStart.Add(time.Hour)))
	p := indexed(t, memory.Open(disk), files, &now)
	count := func(want int, text string) {
		t.Helper()
		if err := p.tendIndex(t.Context(), func(time.Duration) {}); err != nil {
			t.Fatal(err)
		}
		n, err := condition.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var a columns.Answer
		for range 1000 {
			x, _ := p.Columns()
			a, err = x.Count(t.Context(), columns.Query{Node: p.columnPlan(n, clock.Instant(now.Load()))})
			if err != nil || a.Suspect == 0 {
				break
			}
			// Sessions end meanwhile: who changed is behind for a moment.
			if err := p.tendIndex(t.Context(), func(time.Duration) {}); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil || a.Unknown != 0 || a.Yes != want {
			t.Errorf("%s: %d people and %d in doubt, want %d and none (%v)", text, a.Yes, a.Unknown, want, err)
		}
	}
	defineKind(t, p, definition.ComputedTrait, "visits", `{"value":{"event":"Visit","count":{},"within":"30m"}}`)
	defineKind(t, p, definition.ComputedTrait, "latest", `{"value":{"event":"Visit","last":{}}}`)
	cultivated(t, p)
	at := worldStart.Add(50 * time.Minute)
	play(t, p, []fact{trackAt(at, "ann", "Visit", "1"), trackAt(at, "ann", "Visit", "2"), trackAt(at, "bob", "Look", "3")}, 1)
	count(1, `{"computed":"visits","min":2}`)
	count(1, `{"computed":"visits","value":0}`)
	count(1, `{"computed":"latest","op":"missing"}`)
	count(1, `{"computed":"latest","within":"1h"}`)
	now.Add(int64(40 * time.Minute / time.Microsecond))
	count(0, `{"computed":"visits","min":2}`)
	count(2, `{"computed":"visits","op":"<","value":1}`)
	defineKind(t, p, definition.ComputedTrait, "visits", `{"value":{"event":"Visit","count":{},"within":"2h"}}`)
	cultivated(t, p)
	count(1, `{"computed":"visits","min":2}`)
	closeNow(t, p)
	p = indexed(t, memory.Open(disk), files, &now)
	count(1, `{"computed":"visits","min":2}`)
	count(2, `{"not":{"computed":"latest","before":"2026-01-01"}}`)
	closeNow(t, p)
}

// A count in the background looks again at those who changed while it looked at
// others, and at those whom time changed.
func TestPreviewCount_LooksAgainAtWhoChanged(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(int64(worldStart.Add(time.Hour)))
	p := indexed(t, memory.New(), vfs.NewMem(), &now)
	defer closeNow(t, p)
	var facts []fact
	for i := range 50 {
		facts = append(facts, trackAt(worldStart.Add(time.Duration(30+i)*time.Minute/2), fmt.Sprint("u", i), "Visit", fmt.Sprint("m", i)))
	}
	play(t, p, facts, 10)
	n, err := condition.Read([]byte(`{"event":"Visit","where":[{"property":"n","op":"missing"}],"count":{"max":1},"within":"1h"}`))
	if err != nil {
		t.Fatal(err)
	}
	j, err := p.newJudge(n)
	if err != nil {
		t.Fatal(err)
	}
	c := &tallying{previewCount: &previewCount{node: n}, p: p, judge: j, known: map[uint64]bool{}, due: map[uint64]clock.Instant{}}
	round := func(yes, looked int, changed ...string) {
		t.Helper()
		if err := p.tendIndex(t.Context(), func(time.Duration) {}); err != nil {
			t.Fatal(err)
		}
		who := map[uint64]bool{}
		for _, u := range changed {
			who[shortOf(event.Identifier{Namespace: event.UserID, Value: u}.Key())] = true
		}
		x, _ := p.Columns()
		if err := c.round(t.Context(), x, who); err != nil || c.yes != yes || c.looked != looked {
			t.Errorf("%d people and %d looked at (%v), want %d and %d", c.yes, c.looked, err, yes, looked)
		}
	}
	round(50, 50)
	play(t, p, []fact{trackAt(worldStart.Add(50*time.Minute), "u3", "Visit", "n1")}, 1)
	round(50, 0)
	round(49, 1, "u3")
	// The window closes over the first of two visits. With others one visit less
	// changes nothing.
	now.Store(int64(worldStart.Add(time.Hour + 20*time.Minute)))
	round(50, 1)
}
