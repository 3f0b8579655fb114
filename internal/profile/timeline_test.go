package profile_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/profile"
)

func TestEntries_AreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	gen := rapid.Custom(func(t *rapid.T) profile.Entry {
		return profile.Entry{
			Short: rapid.Uint64().Draw(t, "short"), Position: rapid.Uint64().Draw(t, "position"),
			Time: clock.Instant(rapid.Int64().Draw(t, "time")), Received: clock.Instant(rapid.Int64().Draw(t, "received")),
			Type:  event.Type(rapid.IntRange(1, 6).Draw(t, "type")),
			Class: catalog.Class(rapid.IntRange(0, 3).Draw(t, "class")),
			Name:  rapid.Uint32().Draw(t, "name"), Action: rapid.Uint32Range(0, 2).Draw(t, "action"), Channel: rapid.Uint32Range(0, 2).Draw(t, "channel"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(gen, 0, 6).Draw(t, "entries")
		var b []byte
		for i := range want {
			var before *profile.Entry
			if i > 0 {
				before = &want[i-1]
			}
			b = profile.AppendEntry(b, before, &want[i])
		}
		i := 0
		err := profile.ReadEntries(b, func(e *profile.Entry) bool {
			if *e != want[i] {
				t.Fatalf("entry %d: got %+v, want %+v", i, *e, want[i])
			}
			i++
			return true
		})
		if err != nil || i != len(want) {
			t.Fatalf("read %d of %d: %v", i, len(want), err)
		}
	})
}

func TestAppendEntry_IsSmall(t *testing.T) {
	t.Parallel()
	at := clock.Instant(1_717_164_000_000_000)
	first := profile.Entry{Short: 1 << 60, Time: at, Received: at + 200_000, Position: 1 << 40, Type: event.Track, Name: 5, Channel: 9}
	second := first
	second.Time, second.Received, second.Position = at+5_000_000, at+5_200_000, first.Position+900
	if n := len(profile.AppendEntry(nil, &first, &second)); n > 24 {
		t.Fatalf("an entry after another takes %d bytes", n)
	}
}

func TestFilter_AgreesOnEntriesAndItems(t *testing.T) {
	t.Parallel()
	s := said{Type: "track", Name: "Product Added", MessageID: "m", Time: 5_000_000, Channel: "web", Properties: raw(`{"b":1, "a":[2.50]}`)}
	e := s.event(t)
	entry, item := profile.EntryOf(e, input(e), 7), profile.ItemOf(e, mapping)
	f := func(filter profile.Filter, want bool) {
		t.Helper()
		if filter.Match(&entry) != want || filter.MatchItem(&item) != want {
			t.Errorf("%+v: entry %v, item %v, want %v", filter, filter.Match(&entry), filter.MatchItem(&item), want)
		}
	}
	f(profile.Filter{}, true)
	f(profile.Filter{Types: []string{"page", "track"}, Names: []string{"Product Added"}, ItemActions: []string{"Add To Cart"}, Channels: []string{"web"}, From: 5_000_000, To: 5_000_001}, true)
	f(profile.Filter{Types: []string{"page"}}, false)
	f(profile.Filter{Names: []string{"Product"}}, false)
	f(profile.Filter{ItemActions: []string{"Purchase"}}, false)
	f(profile.Filter{Channels: []string{"mobile"}}, false)
	f(profile.Filter{From: 5_000_001}, false)
	f(profile.Filter{To: 5_000_000}, false)
	b, err := json.Marshal(item)
	want := `{"message_id":"m","type":"track","name":"Product Added","time":"1970-01-01T00:00:05.000Z","received_at":"1970-01-01T00:00:05.001Z",` +
		`"source":"web","channel":"web","item_action":"Add To Cart","class":"cart","properties":{"a":[2.5],"b":1}}`
	if err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}
