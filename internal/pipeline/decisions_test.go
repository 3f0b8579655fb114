package pipeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/decision/kept"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/id"
	"rapport/internal/store/memory"
)

// keepSome keeps decisions made of a seed and gives them, newest first.
func keepSome(t *testing.T, p *Pipeline, seed uint64, n int) []kept.Head {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	var heads []kept.Head
	var list []Keepsake
	for i := range n {
		anchor := id.KeyOf("user_id", fmt.Sprint(r.IntN(12)))
		at := worldStart.Add(-1000) + clock.Instant(r.IntN(20))
		d := kept.Decision{Head: kept.Head{
			ID: kept.ID{Bucket: anchor.Bucket(), Time: at, Tail: uint64(i)}, Model: []string{"m", "mm", "other"}[r.IntN(3)],
			Version: 1 + r.IntN(2), Status: definition.Live, Time: at, Expires: worldStart.Add(1000),
		}, Values: []feel.Entry{{Key: "n", Value: feel.Int(int64(i))}}}
		if r.IntN(4) == 0 {
			d.Status, d.Differs = definition.Test, []string{"n"}
		}
		if r.IntN(4) == 0 {
			d.Job = "job_1"
		}
		if r.IntN(5) == 0 {
			d.Expires = worldStart
		}
		payload, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, d.Head)
		list = append(list, Keepsake{anchor, at, payload})
	}
	for len(list) > 0 {
		some := list[:min(len(list), 1+r.IntN(9))]
		list = list[len(some):]
		if _, err := p.Keep(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.WaitApplied(t.Context(), Receipt{p.store.Log().End()}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(heads, func(a, b kept.Head) int {
		x, y := decisionPlace{[16]byte(a.ID.SortKey()), a.ID.Bucket}, decisionPlace{[16]byte(b.ID.SortKey()), b.ID.Bucket}
		return x.compare(y)
	})
	return heads
}

// pages gives the ids of a list, gone through in pages of a size.
func pages(t *testing.T, p *Pipeline, q DecisionQuery, size int) string {
	t.Helper()
	var out strings.Builder
	for q.Limit = size; ; {
		page, err := p.Decisions(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range page.Items {
			fmt.Fprintln(&out, h.ID, h.Model, h.Version)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return out.String()
		}
	}
}

func TestDecisions_AreListedAsANaiveListWouldWhateverIsAskedAndAfterARebuild(t *testing.T) {
	t.Parallel()
	const seed = 11
	disk := memory.NewDisk()
	p := open(t, memory.Open(disk), 2, 7)
	heads := keepSome(t, p, seed, 150)
	check := func(p *Pipeline, when string) {
		t.Helper()
		for _, q := range []DecisionQuery{
			{},
			{Model: "m"},
			{Model: "m", Version: 2},
			{Job: "job_1"},
			{Model: "mm", Differs: true},
			{Status: definition.Test},
			{From: worldStart.Add(-1000) + 5, To: worldStart.Add(-1000) + 9},
			{Model: "none"},
		} {
			var want strings.Builder
			for _, h := range heads {
				if h.Expires <= worldStart || q.Model != "" && h.Model != q.Model || q.Job != "" && h.Job != q.Job || q.Version != 0 && h.Version != q.Version ||
					q.Differs && h.Differs == nil || q.Status != "" && h.Status != q.Status || h.Time < q.From || q.To != 0 && h.Time >= q.To {
					continue
				}
				fmt.Fprintln(&want, h.ID, h.Model, h.Version)
			}
			for _, size := range []int{3, 500} {
				if got := pages(t, p, q, size); got != want.String() {
					t.Errorf("seed %d, %s: %+v in pages of %d:\n%swant\n%s", seed, when, q, size, got, want.String())
				}
			}
		}
	}
	check(p, "at first")
	for _, h := range heads {
		d, err := p.Decision(t.Context(), h.ID.String())
		if gone := fault.KindOf(err) == fault.NotFound; gone != (h.Expires <= worldStart) {
			t.Errorf("%s: %+v %v", h.ID, d, err)
		} else if !gone && (d.Model != h.Model || len(d.Values) != 1) {
			t.Errorf("%s came back as %+v", h.ID, d)
		}
	}
	n, err := p.PurgeDecisions(t.Context())
	if err != nil || n == 0 {
		t.Fatalf("%d purged, %v", n, err)
	}
	if again, err := p.purgedAgain(t); err != nil || again != 0 {
		t.Errorf("%d purged twice, %v", again, err)
	}
	check(p, "purged")
	closeNow(t, p)
	if err := Rebuild(t.Context(), config(memory.Open(disk), 1, 1), nil); err != nil {
		t.Fatal(err)
	}
	p = open(t, memory.Open(disk), 3, 16)
	defer closeNow(t, p)
	check(p, "rebuilt")
}

func (p *Pipeline) purgedAgain(t *testing.T) (int, error) {
	t.Helper()
	if err := p.WaitApplied(t.Context(), Receipt{p.store.Log().End()}); err != nil {
		return 0, err
	}
	return p.PurgeDecisions(t.Context())
}

func TestDecisions_OfAnErasedPersonAreGone(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 16)
	defer closeNow(t, p)
	heads := keepSome(t, p, 5, 60)
	gone := heads[0].ID.Bucket
	for n := range 12 {
		if k := id.KeyOf("user_id", fmt.Sprint(n)); k.Bucket() == gone {
			if err := p.store.Log().Erase(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, h := range heads {
		_, err := p.Decision(t.Context(), h.ID.String())
		if erased := fault.KindOf(err) == fault.Gone; erased != (h.ID.Bucket == gone) {
			t.Errorf("%s: %v", h.ID, err)
		}
	}
	read := 0
	if err := p.EachDecision(t.Context(), DecisionQuery{Model: "m"}, func(d *kept.Decision) error {
		if read++; d.ID.Bucket == gone {
			t.Errorf("%s was visited", d.ID)
		}
		return nil
	}); err != nil || read == 0 {
		t.Errorf("%d read, %v", read, err)
	}
}

func TestKeep_RefusesRatherThanTakeTheRoomOfEvents(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 16)
	defer closeNow(t, p)
	p.waiting.Add(p.room.most)
	defer p.waiting.Add(-p.room.most)
	if _, err := p.Keep(t.Context(), []Keepsake{{Payload: []byte{0}}}); fault.KindOf(err) != fault.Limited {
		t.Errorf("got %v", err)
	}
}
