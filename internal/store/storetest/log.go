package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/store"
)

func testLog(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, store.Store){
		"what was appended is read back in order":    logReadsBack,
		"payloads of every shape":                    logShapes,
		"records of every kind, bucket and time":     logFields,
		"a position where no record begins":          logNotFound,
		"reading ends where the log ended":           logReadEnds,
		"a visitor's error comes back":               logVisitorError,
		"counts are summed by reason":                logCounts,
		"an unsealed frame is misuse":                logUnsealed,
		"buffers belong to their owners":             logOwnership,
		"frames keep their order, sealed in any":     logConcurrentSeal,
		"a cancelled call keeps nothing":             logCancelled,
		"many frames, read from every position":      logMany,
		"readers run beside the writer":              logReadersBesideWriter,
		"a frame sealed and never appended is gone":  logNeverAppended,
		"nothing to append is no error":              logNothing,
		"the same anchor many times in one frame":    logSameAnchor,
		"size grows with what is kept":               logSize,
		"a context that ends while reading is heard": logCancelledReading,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func logReadsBack(t *testing.T, s store.Store) {
	if s.Log().End() != 0 || len(readAll(t, s.Log(), 0)) != 0 {
		t.Fatal("a new log is not empty")
	}
	frames := put(t, s, []store.Record{record("ada", "one"), record("bob", "two")}, []store.Record{record("ada", "three")})
	more := put(t, s, []store.Record{record("cy", "four")})
	want := append(append(append([]store.Record{}, frames[0].Records...), frames[1].Records...), more[0].Records...)
	got := readAll(t, s.Log(), 0)
	if len(got) != len(want) {
		t.Fatalf("read %d records, want %d", len(got), len(want))
	}
	last := store.Position(0)
	for i := range got {
		sameRecord(t, &got[i], &want[i], true)
		if got[i].Position <= last {
			t.Fatalf("position %d follows %d", got[i].Position, last)
		}
		last = got[i].Position
		one, err := s.Log().At(ctx(t), last)
		noError(t, err)
		sameRecord(t, &one, &want[i], true)
		if rest := readAll(t, s.Log(), last); len(rest) != len(want)-1-i {
			t.Fatalf("after record %d there are %d, want %d", i, len(rest), len(want)-1-i)
		}
	}
	if s.Log().End() != last {
		t.Fatalf("end is %d, want %d", s.Log().End(), last)
	}
}

func logShapes(t *testing.T, s store.Store) {
	var list []store.Record
	for i, p := range shapes() {
		list = append(list, record(fmt.Sprint(i%3), p))
	}
	frame := put(t, s, list)[0]
	got := readAll(t, s.Log(), 0)
	for i := range got {
		sameRecord(t, &got[i], &frame.Records[i], true)
		one, err := s.Log().At(ctx(t), got[i].Position)
		noError(t, err)
		sameRecord(t, &one, &frame.Records[i], true)
	}
	none := record("nil", "")
	none.Payload = nil
	frame = put(t, s, []store.Record{none})[0]
	one, err := s.Log().At(ctx(t), frame.Records[0].Position)
	noError(t, err)
	if one.Payload == nil || len(one.Payload) != 0 {
		t.Fatalf("no payload came back as %#v, want an empty one: nil is for erased records", one.Payload)
	}
}

func logFields(t *testing.T, s store.Store) {
	var list []store.Record
	for kind := store.KindEvent; kind <= store.KindDecision; kind++ {
		for _, bucket := range []id.Bucket{0, 1, id.Buckets - 1, id.CommonBucket} {
			for _, at := range []clock.Instant{0, 1, -1, 1 << 60} {
				r := record("ada", "x")
				r.Kind, r.Bucket, r.Received = kind, bucket, at
				list = append(list, r)
			}
		}
	}
	list[0].Anchor = id.Key{}
	list[0].Attached = "live"
	want := put(t, s, list)[0].Records
	want[0].Attached = nil
	got := readAll(t, s.Log(), 0)
	for i := range got {
		sameRecord(t, &got[i], &want[i], true)
	}
}

func logNotFound(t *testing.T, s store.Store) {
	frames := put(t, s, []store.Record{record("ada", noise(300)), record("bob", strings.Repeat("b", 300)), record("cy", "c")})
	starts := map[store.Position]bool{}
	for _, r := range frames[0].Records {
		starts[r.Position] = true
	}
	probe := []store.Position{1 << 20, 1 << 40, 1<<64 - 1}
	for p := store.Position(0); p < s.Log().End()+64; p++ {
		probe = append(probe, p)
	}
	for _, p := range probe {
		if _, err := s.Log().At(ctx(t), p); starts[p] != (err == nil) || (err != nil && !errors.Is(err, store.ErrNotFound)) {
			t.Fatalf("at %d: %v", p, err)
		}
	}
	if got := readAll(t, s.Log(), 1<<40); len(got) != 0 {
		t.Fatal("there are records after the end")
	}
}

func logReadEnds(t *testing.T, s store.Store) {
	put(t, s, []store.Record{record("ada", "one"), record("ada", "two")})
	n := 0
	noError(t, s.Log().Read(ctx(t), 0, func(*store.Record) error {
		n++
		put(t, s, []store.Record{record("ada", "more")})
		return nil
	}))
	if n != 2 {
		t.Fatalf("read %d records, want the 2 that were there", n)
	}
	if got := readAll(t, s.Log(), 0); len(got) != 4 {
		t.Fatalf("then there are %d, want 4", len(got))
	}
}

func logVisitorError(t *testing.T, s store.Store) {
	put(t, s, []store.Record{record("ada", "one"), record("ada", "two")})
	mine := errors.New("mine")
	n := 0
	err := s.Log().Read(ctx(t), 0, func(*store.Record) error { n++; return mine })
	if !errors.Is(err, mine) || n != 1 {
		t.Fatalf("visited %d, error %v", n, err)
	}
}

func logCounts(t *testing.T, s store.Store) {
	add := func(received uint64, rejected ...store.Count) *store.Frame {
		f := &store.Frame{Received: received, Rejected: rejected}
		noError(t, s.Log().Seal(ctx(t), f))
		return f
	}
	noError(t, s.Log().Append(ctx(t), []*store.Frame{
		add(3, store.Count{Reason: "bot", N: 1}, store.Count{Reason: "no\x00consent", N: 2}),
		add(1<<40, store.Count{Reason: "bot", N: 4}),
		add(0),
	}))
	c, err := s.Log().Counts(ctx(t))
	noError(t, err)
	if c.Received != 3+1<<40 || c.Rejected["bot"] != 5 || c.Rejected["no\x00consent"] != 2 || len(c.Rejected) != 2 {
		t.Fatalf("counts are %+v", c)
	}
	c.Rejected["bot"] = 99
	if again, _ := s.Log().Counts(ctx(t)); again.Rejected["bot"] != 5 {
		t.Fatal("the counts are not the caller's own")
	}
	if s.Log().End() != 0 {
		t.Fatal("frames without records moved the end")
	}
}

func logUnsealed(t *testing.T, s store.Store) {
	good := &store.Frame{Records: []store.Record{record("ada", "one")}}
	noError(t, s.Log().Seal(ctx(t), good))
	bad := &store.Frame{Records: []store.Record{record("ada", "two")}}
	if err := s.Log().Append(ctx(t), []*store.Frame{good, bad}); !errors.Is(err, store.ErrMisuse) {
		t.Fatalf("error is %v", err)
	}
	if got := readAll(t, s.Log(), 0); len(got) != 0 {
		t.Fatalf("%d records were kept", len(got))
	}
	noError(t, s.Log().Append(ctx(t), []*store.Frame{good}))
}

func logOwnership(t *testing.T, s store.Store) {
	payload := []byte("the caller's")
	r := record("ada", "")
	r.Payload = payload
	at := put(t, s, []store.Record{r})[0].Records[0].Position
	copy(payload, "XXXXXXXXXXXX")
	one, err := s.Log().At(ctx(t), at)
	noError(t, err)
	if string(one.Payload) != "the caller's" {
		t.Fatalf("payload is %q", one.Payload)
	}
	copy(one.Payload, "YYYYYYYYYYYY")
	if again, _ := s.Log().At(ctx(t), at); string(again.Payload) != "the caller's" {
		t.Fatalf("payload became %q", again.Payload)
	}
}

func logConcurrentSeal(t *testing.T, s store.Store) {
	frames := make([]*store.Frame, 40)
	var wg sync.WaitGroup
	for i := range frames {
		frames[i] = &store.Frame{}
		for j := range 20 {
			frames[i].Records = append(frames[i].Records, record(fmt.Sprint(j%7), fmt.Sprintf("frame %d record %d", i, j)))
		}
		wg.Go(func() {
			if err := s.Log().Seal(ctx(t), frames[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	noError(t, s.Log().Append(ctx(t), frames))
	for i, r := range readAll(t, s.Log(), 0) {
		if want := fmt.Sprintf("frame %d record %d", i/20, i%20); string(r.Payload) != want || r.Position != frames[i/20].Records[i%20].Position {
			t.Fatalf("record %d is %q, want %q", i, r.Payload, want)
		}
	}
}

func logCancelled(t *testing.T, s store.Store) {
	gone, cancel := context.WithCancel(ctx(t))
	cancel()
	f := &store.Frame{Records: []store.Record{record("ada", "one")}}
	if err := s.Log().Seal(gone, f); !errors.Is(err, context.Canceled) {
		t.Fatalf("Seal: %v", err)
	}
	noError(t, s.Log().Seal(ctx(t), f))
	if err := s.Log().Append(gone, []*store.Frame{f}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Append: %v", err)
	}
	if len(readAll(t, s.Log(), 0)) != 0 {
		t.Fatal("a cancelled Append kept something")
	}
	noError(t, s.Log().Append(ctx(t), []*store.Frame{f}))
	for name, err := range map[string]error{
		"Read":   s.Log().Read(gone, 0, func(*store.Record) error { return nil }),
		"Erase":  s.Log().Erase(gone, f.Records[0].Anchor),
		"Counts": func() error { _, err := s.Log().Counts(gone); return err }(),
		"At":     func() error { _, err := s.Log().At(gone, f.Records[0].Position); return err }(),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Log().At(ctx(t), f.Records[0].Position); err != nil {
		t.Fatalf("after a cancelled Erase: %v", err)
	}
}

func logMany(t *testing.T, s store.Store) {
	var want []store.Record
	for i := range 60 {
		var list []store.Record
		for j := range i % 5 {
			list = append(list, record(fmt.Sprint(i*j%11), fmt.Sprintf("%d/%d %s", i, j, noise(i*20))))
		}
		want = append(want, put(t, s, list)[0].Records...)
	}
	for i := range want {
		got := readAll(t, s.Log(), want[i].Position)
		if len(got) != len(want)-1-i {
			t.Fatalf("after %d: %d records, want %d", i, len(got), len(want)-1-i)
		}
		if len(got) > 0 {
			sameRecord(t, &got[0], &want[i+1], true)
		}
	}
}

func logReadersBesideWriter(t *testing.T, s store.Store) {
	stop, cancel := context.WithCancel(ctx(t))
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for stop.Err() == nil {
				n := 0
				err := s.Log().Read(ctx(t), 0, func(r *store.Record) error {
					if string(r.Payload) != fmt.Sprint(n) {
						return fmt.Errorf("record %d is %q", n, r.Payload)
					}
					n++
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 200 {
		put(t, s, []store.Record{record(fmt.Sprint(i%5), fmt.Sprint(i))})
	}
	cancel()
	wg.Wait()
}

func logNeverAppended(t *testing.T, s store.Store) {
	for i := range 20 {
		f := &store.Frame{Records: []store.Record{record(fmt.Sprint(i), "lost")}}
		noError(t, s.Log().Seal(ctx(t), f))
		put(t, s, []store.Record{record(fmt.Sprint(i), "kept")})
	}
	for _, r := range readAll(t, s.Log(), 0) {
		if string(r.Payload) != "kept" {
			t.Fatalf("read %q", r.Payload)
		}
	}
}

func logNothing(t *testing.T, s store.Store) {
	noError(t, s.Log().Append(ctx(t), nil))
	put(t, s)
	put(t, s, nil, nil)
	if s.Log().End() != 0 {
		t.Fatal("nothing moved the end")
	}
}

func logSameAnchor(t *testing.T, s store.Store) {
	var list []store.Record
	for i := range 500 {
		list = append(list, record("ada", fmt.Sprint(i)))
	}
	put(t, s, list)
	for i, r := range readAll(t, s.Log(), 0) {
		if string(r.Payload) != fmt.Sprint(i) {
			t.Fatalf("record %d is %q", i, r.Payload)
		}
	}
}

func logSize(t *testing.T, s store.Store) {
	before := s.Log().Size()
	put(t, s, []store.Record{record("ada", noise(10_000))})
	if grown := s.Log().Size() - before; grown < 10_000 || grown > 20_000 {
		t.Fatalf("10,000 random bytes took %d", grown)
	}
}

func logCancelledReading(t *testing.T, s store.Store) {
	for range 20 {
		put(t, s, []store.Record{record("ada", "x")})
	}
	stop, cancel := context.WithCancel(ctx(t))
	n := 0
	err := s.Log().Read(stop, 0, func(*store.Record) error { n++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || n == 20 {
		t.Fatalf("visited %d, error %v", n, err)
	}
}
