package retention_test

import (
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/retention"
)

func TestParse_RefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		``, `[]`, `{}`, `{"keep_days":0}`, `{"keep_days":-1}`, `{"keep_days":36501}`, `{"keep_days":1.5}`, `{"keep_days":9,"types":["click"]}`,
		`{"keep_days":9,"names":[""]}`, `{"keep_days":9,"days":1}`, `{"keep_days":9} {}`,
	} {
		if _, err := retention.Parse([]byte(document)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", document, err)
		}
	}
	p, err := retention.Parse([]byte(`{"keep_days":30,"types":["page"],"sources":["web"]}`))
	if err != nil || p.KeepDays != 30 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestFloor_IsAboutWhatItsPolicySays(t *testing.T) {
	t.Parallel()
	p := retention.Document{KeepDays: 10, Types: []string{"page"}, Sources: []string{"web"}}
	now := time.Date(2026, 5, 20, 17, 30, 0, 0, time.FixedZone("", 7200))
	f := p.Floor("k", now)
	if got := f.Before.String(); got != "2026-05-10T00:00:00.000Z" {
		t.Fatalf("the floor is at %s", got)
	}
	e := event.Event{Type: event.TypeOf("page"), Source: "web", Time: f.Before - 1}
	other := e
	other.Source = "app"
	later := e
	later.Time = f.Before
	old := e
	old.Time = f.Before.Add(-retention.Slack) - 1
	if !f.Below(&e) || f.Drops(&e) || !f.Drops(&old) || f.Below(&other) || f.Below(&later) {
		t.Error("the floor is about other events")
	}
	if !f.MayBeAbout("", "") || !f.MayBeAbout("page", "x") || f.MayBeAbout("track", "") {
		t.Error("the floor may be about other events")
	}
}

func TestRaise_NeverLowers(t *testing.T) {
	t.Parallel()
	floor := func(at int, names ...string) retention.Floor {
		return retention.Floor{Policy: "p", Names: names, Before: clock.Instant(at)}
	}
	list, changed := retention.Raise(nil, []retention.Floor{floor(10), floor(20, "a")})
	if !changed || len(list) != 2 {
		t.Fatalf("%+v, %t", list, changed)
	}
	if list, changed = retention.Raise(list, []retention.Floor{floor(5), floor(20, "a")}); changed {
		t.Errorf("lowered to %+v", list)
	}
	if list, changed = retention.Raise(list, []retention.Floor{floor(11), floor(1, "b")}); !changed || list[0].Before != 11 || len(list) != 3 {
		t.Errorf("%+v, %t", list, changed)
	}
}
