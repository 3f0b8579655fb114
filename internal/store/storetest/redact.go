package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
)

func testRedact(t *testing.T, open func(*testing.T) store.Store, disk func(*testing.T) Disk) {
	t.Helper()
	t.Run("changes payloads where they are", func(t *testing.T) {
		t.Parallel()
		redactChanges(t, open(t))
	})
	t.Run("refuses what is not there and changes nothing", func(t *testing.T) {
		t.Parallel()
		redactRefuses(t, open(t))
	})
	t.Run("stays", func(t *testing.T) {
		t.Parallel()
		redactStays(t, disk(t))
	})
	t.Run("beside readers and appends", func(t *testing.T) {
		t.Parallel()
		redactBeside(t, open(t))
	})
}

// long is a payload with room for a shorter one.
func long(name string) string {
	return name + ` {"email":"somebody.with.a.long.name@example.com","n":"` + noise(40)
}

func redactChanges(t *testing.T, s store.Store) {
	var list []store.Record
	for i := range 40 {
		list = append(list, record(fmt.Sprint("p", i%5), long(fmt.Sprint(i))))
	}
	want := put(t, s, list[:7], list[7:20], list[20:])
	var all []store.Record
	for _, f := range want {
		all = append(all, f.Records...)
	}
	changes := []store.Redaction{
		{At: all[39].Position},
		{At: all[3].Position, Payload: []byte("short")},
		{At: all[0].Position},
		{At: all[21].Position, Payload: []byte{}},
		{At: all[22].Position, Payload: []byte(strings.Repeat("a", 80))},
	}
	for _, changes := range [][]store.Redaction{changes, {changes[1], changes[3], changes[4]}} { // the second changes nothing more
		n, err := s.Log().Redact(ctx(t), changes)
		noError(t, err)
		if n != 0 {
			t.Fatalf("%d payloads that are shorter had no room", n)
		}
	}
	for _, i := range []int{39, 0} {
		all[i].Payload, all[i].Anchor, all[i].Received = nil, id.Key{}, 0
	}
	all[3].Payload, all[21].Payload, all[22].Payload = []byte("short"), []byte{}, []byte(strings.Repeat("a", 80))
	expectLog(t, s, all)
	// What took the place of another payload can be erased like that.
	noError(t, s.Log().Erase(ctx(t), all[3].Anchor))
	if _, err := s.Log().At(ctx(t), all[3].Position); !errors.Is(err, store.ErrErased) {
		t.Fatalf("a redacted record after its anchor was erased: %v", err)
	}
}

func expectLog(t *testing.T, s store.Store, want []store.Record) {
	t.Helper()
	got := readAll(t, s.Log(), 0)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		w := want[i]
		w.Attached = nil
		sameRecord(t, &got[i], &w, true)
		one, err := s.Log().At(ctx(t), w.Position)
		if w.Payload == nil {
			if !errors.Is(err, store.ErrErased) {
				t.Fatalf("record %d: %v, want erased", i, err)
			}
			continue
		}
		noError(t, err)
		sameRecord(t, &one, &w, true)
	}
}

func redactRefuses(t *testing.T, s store.Store) {
	all := put(t, s, []store.Record{record("ada", long("1")), record("bob", long("2"))})[0].Records
	bad := []store.Redaction{{At: all[0].Position}, {At: all[1].Position + 1}}
	if _, err := s.Log().Redact(ctx(t), bad); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a position between records: %v", err)
	}
	if _, err := s.Log().Redact(ctx(t), []store.Redaction{{At: all[1].Position + 1<<40}}); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a position behind the end: %v", err)
	}
	expectLog(t, s, all)
	noError(t, s.Log().Erase(ctx(t), all[0].Anchor))
	if _, err := s.Log().Redact(ctx(t), []store.Redaction{{At: all[0].Position, Payload: []byte("x")}}); !errors.Is(err, store.ErrErased) {
		t.Fatalf("a payload for an erased record: %v", err)
	}
	_, err := s.Log().Redact(ctx(t), []store.Redaction{{At: all[0].Position}})
	noError(t, err)
}

func redactStays(t *testing.T, d Disk) {
	s, err := d.Open()
	noError(t, err)
	var all []store.Record
	for i := range 30 {
		all = append(all, put(t, s, []store.Record{record("ada", long(fmt.Sprint(i))), record("bob", long(fmt.Sprint(i)))})[0].Records...)
		_, err := s.Log().Redact(ctx(t), []store.Redaction{
			{At: all[i].Position}, {At: all[2*i+1].Position, Payload: []byte("r")},
		})
		if i >= 1 && errors.Is(err, store.ErrErased) {
			t.Fatal(err)
		}
		noError(t, err)
		all[2*i+1].Payload = []byte("r")
		all[i].Payload, all[i].Anchor, all[i].Received = nil, id.Key{}, 0
		if i%7 == 6 {
			d.Crash(func(int) int { return 0 })
			s, err = d.Open()
			noError(t, err)
		}
	}
	expectLog(t, s, all)
	noError(t, s.Close())
}

// redactBeside reads while records change: a reader sees the old or the new.
func redactBeside(t *testing.T, s store.Store) {
	old := long("x")
	var all []store.Record
	for range 60 {
		all = append(all, put(t, s, []store.Record{record("ada", old), record("bob", old)})[0].Records...)
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				err := s.Log().Read(ctx(t), 0, func(r *store.Record) error {
					if p := string(r.Payload); p != old && p != "new" && p != "more" && r.Payload != nil {
						return fmt.Errorf("payload %.20q", p)
					}
					return nil
				})
				for i := range all {
					if _, one := s.Log().At(ctx(t), all[i].Position); one != nil && !errors.Is(one, store.ErrErased) {
						err = errors.Join(err, one)
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range all {
		change := store.Redaction{At: all[i].Position}
		if i%2 == 0 {
			change.Payload = []byte("new")
		}
		if _, err := s.Log().Redact(ctx(t), []store.Redaction{change}); err != nil {
			t.Error(err)
		}
		put(t, s, []store.Record{record("cyd", "more")})
	}
	close(stop)
	wg.Wait()
	for i, r := range readAll(t, s.Log(), 0)[:len(all)] {
		if i%2 == 0 && !bytes.Equal(r.Payload, []byte("new")) || i%2 == 1 && r.Payload != nil {
			t.Fatalf("record %d holds %.20q", i, r.Payload)
		}
	}
}
