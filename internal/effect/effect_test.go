package effect_test

import (
	"testing"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/effect"
	"rapport/internal/id"
)

func plan(kind effect.Kind) effect.Plan {
	return effect.Plan{Position: 7, Anchor: id.KeyOf("a", "b"), Destination: "crm", Kind: kind, Segment: "vip", Time: 1_700_000_000_000_000}
}

func TestPlan_ComesBackFromItsRow(t *testing.T) {
	t.Parallel()
	for _, kind := range []effect.Kind{effect.Event, effect.Entered, effect.Left, effect.Check, effect.Member, effect.Profile} {
		want := plan(kind)
		want.Cause = effect.CauseOf(want.Anchor, "m")
		key, value := want.Row()
		if got, err := effect.ReadPlan(key, value); err != nil || got != want {
			t.Errorf("%+v %v", got, err)
		}
	}
}

// The id is made of cause and destination. Where an event is the cause, neither
// the anchor that keeps the plan nor the person counts: both may move.
func TestPlan_IDComesFromCauseAndDestination(t *testing.T) {
	t.Parallel()
	a := plan(effect.Entered)
	a.Cause = effect.CauseOf(a.Anchor, "m")
	b := a
	b.Anchor, b.Position, b.Time = id.KeyOf("c", "d"), 9, 5
	if a.ID("p") != b.ID("q") {
		t.Error("the id of an event's message depends on where it is kept")
	}
	for _, other := range []effect.Plan{{Destination: "ads"}, {Kind: effect.Left}, {Segment: "gold"}, {Cause: effect.CauseOf(a.Anchor, "n")}} {
		c := a
		if other.Destination != "" {
			c.Destination = other.Destination
		}
		if other.Kind != "" {
			c.Kind = other.Kind
		}
		if other.Segment != "" {
			c.Segment = other.Segment
		}
		if other.Cause != [16]byte{} {
			c.Cause = other.Cause
		}
		if c.ID("p") == a.ID("p") {
			t.Errorf("%+v has the id of another", c)
		}
	}
	timed := plan(effect.Left)
	if timed.ID("p") == timed.ID("q") {
		t.Error("what time causes is the same for two people")
	}
}

func TestBook_KnowsWhichVersionCountedWhen(t *testing.T) {
	t.Parallel()
	var b *effect.Book
	learn := func(version int, status definition.Status, at clock.Instant) {
		b = b.Learn(&definition.Fact{Kind: definition.Destination, Key: "crm", Version: version, Status: status, Time: at, Document: []byte(`{"type":"x","events":{}}`)})
	}
	learn(1, definition.Draft, 5)
	if b.Any() {
		t.Error("a draft counts")
	}
	learn(1, definition.Live, 10)
	learn(2, definition.Live, 20)
	learn(2, definition.Live, 20) // again, after a crash
	learn(2, definition.Archived, 30)
	for at, want := range map[clock.Instant]int{9: 0, 10: 1, 19: 1, 20: 2, 29: 2, 30: 0} {
		got := 0
		if e := b.At("crm", at); e != nil {
			got = e.Version
		}
		if got != want {
			t.Errorf("at %d version %d counts, want %d", at, got, want)
		}
	}
}

func FuzzReadPlan(f *testing.F) {
	p := plan(effect.Member)
	key, value := p.Row()
	f.Add(key, value)
	f.Add([]byte("p"), []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		p, err := effect.ReadPlan(key, value)
		if err != nil {
			return
		}
		k, v := p.Row()
		if string(k) != string(key) || string(v) != string(value) {
			t.Errorf("%x %x became %x %x", key, value, k, v)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"type":"webhook","events":{"filter":"event.x > 1"},"mapping":"{a: id}","freshness":"1h"}`))
	f.Add([]byte(`{"type":"webhook","segments":[{"key":"vip","on":["left"]}],"stop_at":-1}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		if d, err := effect.Read(document); err == nil && (d.StopAt < 1 || d.Freshness <= 0 || d.GiveUp <= 0) {
			t.Errorf("%s was taken: %+v", document, d)
		}
	})
}

func FuzzReadFact(f *testing.F) {
	f.Add([]byte(`{"op":"send","destination":"crm","id":"00112233445566778899aabbccddeeff","payload":{}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if x, err := effect.ReadFact(payload); err == nil {
			if len(x.SendKey()) < 26 || len(x.Bytes()) != 16 {
				t.Errorf("%+v", x)
			}
		}
	})
}
