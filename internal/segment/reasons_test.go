package segment_test

import (
	"encoding/json"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/segmenttest"
	"rapport/internal/wording"
)

const vipAsks = `{"all":[{"segment":"buyers"},{"not":{"trait":"plan","value":"free"}},{"event":"B","where":{"price":{"op":">","value":3}},"within":"5d"}]}`

// reasonsOf gives the reasons of somebody as they are kept, and what finds the
// conditions that they are of.
func reasonsOf(t testing.TB) (reasons []byte, root *condition.Node, find func(key string, id uint64) *condition.Node) {
	conditions := map[uint64]*condition.Node{7: read(t, `{"event":"A","count":{"min":2},"within":"5d"}`), 8: read(t, vipAsks)}
	set := compile(t, segment.Definition{ID: 7, Key: "buyers", Condition: conditions[7]}, segment.Definition{ID: 8, Key: "vip", Condition: conditions[8]})
	h := newHuman(t, set, 1)
	now := clock.From(segmenttest.Spring)
	h.fold(h.plain("1", "A", now.Add(-time.Hour), "{}", ""))
	h.fold(h.plain("2", "B", now.Add(-time.Hour), `{"price":4}`, `{"plan":"gold"}`))
	vip, _ := set.Find("vip")
	h.ev.EvaluateSegments(nil, h.person(), h.states(), []int{vip}, now)
	return h.ev.AppendReasons(nil, vip), conditions[8], func(_ string, id uint64) *condition.Node { return conditions[id] }
}

// What was kept says the same as the evaluator does, once it has its words.
func TestRender_GivesReasonsTheirWords(t *testing.T) {
	t.Parallel()
	reasons, root, find := reasonsOf(t)
	x, err := segment.Render(reasons, root, find)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"sentence":"all of these","holds":false,"parts":[` +
		`{"sentence":"is in the segment \"buyers\"","holds":false,"segment":"buyers","parts":[` +
		`{"sentence":"the number of events \"A\" in the last 5 days is at least 2","holds":false,"value":"1"}]},` +
		`{"sentence":"not this","holds":true,"parts":[{"sentence":"the trait plan is \"free\"","holds":false,"value":"gold"}]},` +
		`{"sentence":"the number of events \"B\" where price is more than 3 in the last 5 days is at least 1","holds":true,"value":"1 or more","until":"2026-03-14T23:00:00.000Z"}]}`
	if string(got) != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	german, err := segment.RenderIn(wording.German, reasons, root, find)
	if err != nil || german.Parts[2].Value != "1 oder mehr" || german.Parts[1].Parts[0].Value != "gold" {
		t.Errorf("in German it says %+v, %v", german, err)
	}
	const most = 64
	if len(reasons) > most {
		t.Errorf("the reasons take %d bytes, want at most %d", len(reasons), most)
	}
	if _, err := segment.Render(reasons, root, func(string, uint64) *condition.Node { return nil }); err == nil {
		t.Error("reasons of an unknown segment were told")
	}
}

func FuzzRender(f *testing.F) {
	reasons, root, find := reasonsOf(f)
	f.Add(reasons)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := segment.Render(b, root, find)
		if err == nil && len(x.Parts) != 3 {
			t.Errorf("%x became %+v", b, x)
		}
	})
}
