package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
)

func testErase(t *testing.T, open func(*testing.T) store.Store, disk func(*testing.T) Disk) {
	t.Helper()
	t.Run("what was sealed under the anchor cannot be read", func(t *testing.T) {
		t.Parallel()
		eraseTakes(t, open(t))
	})
	t.Run("erased stays erased", func(t *testing.T) {
		t.Parallel()
		eraseStays(t, disk(t))
	})
	t.Run("a frame sealed before and appended after is kept", func(t *testing.T) {
		t.Parallel()
		eraseBetween(t, open(t))
	})
	t.Run("beside sealing and appending nothing acknowledged later is lost", func(t *testing.T) {
		t.Parallel()
		eraseBeside(t, open(t))
	})
}

func eraseTakes(t *testing.T, s store.Store) {
	first := put(t, s, []store.Record{record("ada", "ada 1"), record("bob", "bob 1"), record("ada", "ada 2")})[0].Records
	noError(t, s.Log().Erase(ctx(t), id.KeyOf("user_id", "nobody")))
	for range 2 {
		noError(t, s.Log().Erase(ctx(t), first[0].Anchor))
	}
	later := put(t, s, []store.Record{record("ada", "ada 3")})[0].Records
	got := readAll(t, s.Log(), 0)
	want := []store.Record{first[0], first[1], first[2], later[0]}
	want[0].Payload, want[2].Payload = nil, nil
	for i := range got {
		sameRecord(t, &got[i], &want[i], true)
		_, err := s.Log().At(ctx(t), want[i].Position)
		if want[i].Payload == nil && !errors.Is(err, store.ErrErased) || want[i].Payload != nil && err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("read %d records, want %d", len(got), len(want))
	}
}

func eraseStays(t *testing.T, d Disk) {
	s, err := d.Open()
	noError(t, err)
	for i := range 5 {
		put(t, s, []store.Record{record("ada", fmt.Sprint(i)), record("bob", fmt.Sprint(i))})
		noError(t, s.Close())
		s, err = d.Open()
		noError(t, err)
	}
	noError(t, s.Log().Erase(ctx(t), id.KeyOf("user_id", "ada")))
	d.Crash(func(int) int { return 0 })
	s, err = d.Open()
	noError(t, err)
	got := readAll(t, s.Log(), 0)
	if len(got) != 10 {
		t.Fatalf("read %d records, want 10", len(got))
	}
	for i, r := range got {
		if erased := i%2 == 0; erased != (r.Payload == nil) {
			t.Fatalf("record %d has payload %q", i, r.Payload)
		}
	}
	noError(t, s.Close())
}

func eraseBetween(t *testing.T, s store.Store) {
	put(t, s, []store.Record{record("ada", "old")})
	f := &store.Frame{Records: []store.Record{record("ada", "new"), record("bob", "other")}}
	noError(t, s.Log().Seal(ctx(t), f))
	noError(t, s.Log().Erase(ctx(t), f.Records[0].Anchor))
	noError(t, s.Log().Append(ctx(t), []*store.Frame{f}))
	got := readAll(t, s.Log(), 0)
	if len(got) != 3 || got[0].Payload != nil || string(got[1].Payload) != "new" || string(got[2].Payload) != "other" {
		t.Fatalf("read %v", got)
	}
}

// eraseBeside erases an anchor again and again while it appends records of it.
// A record appended after the last erasure must be there; one that was there
// before an erasure must not.
func eraseBeside(t *testing.T, s store.Store) {
	anchor := id.KeyOf("user_id", "ada")
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 30 {
			if err := s.Log().Erase(ctx(t), anchor); err != nil {
				t.Error(err)
			}
		}
	})
	for range 150 {
		put(t, s, []store.Record{record("ada", "x"), record("bob", "y")})
	}
	wg.Wait()
	end := s.Log().End()
	noError(t, s.Log().Erase(ctx(t), anchor))
	put(t, s, []store.Record{record("ada", "last")})
	for _, r := range readAll(t, s.Log(), 0) {
		if gone := r.Anchor == anchor && r.Position <= end; gone != (r.Payload == nil) {
			t.Fatalf("record at %d (end before erasing %d): payload %q", r.Position, end, r.Payload)
		}
	}
}
