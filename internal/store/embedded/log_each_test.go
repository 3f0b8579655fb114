package embedded_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
)

// Whatever the order and the distance of positions, Each gives what At gives.
func TestEach_GivesWhatAtGives(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := newDisk(t).open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // in memory
	r := rand.New(rand.NewPCG(7, 7))
	gone := id.KeyOf("user_id", "gone")
	var at []store.Position
	for n := range 200 {
		f := &store.Frame{}
		for i := range 1 + r.IntN(8) {
			k := id.KeyOf("user_id", fmt.Sprint(r.IntN(5)))
			if r.IntN(4) == 0 {
				k = gone
			}
			f.Records = append(f.Records, store.Record{
				Kind: store.KindEvent, Bucket: k.Bucket(), Anchor: k, Received: 1,
				Payload: []byte(fmt.Sprint(n, i, strings.Repeat("x", r.IntN(1<<r.IntN(13))))),
			})
		}
		if err := errors.Join(s.Log().Seal(ctx, f), s.Log().Append(ctx, []*store.Frame{f})); err != nil {
			t.Fatal(err)
		}
		for i := range f.Records {
			at = append(at, f.Records[i].Position)
		}
	}
	if err := s.Log().Erase(ctx, gone); err != nil {
		t.Fatal(err)
	}
	log, ok := s.Log().(*embedded.Log)
	if !ok {
		t.Fatalf("the log is a %T", s.Log())
	}
	shuffled := slices.Clone(at)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	some := slices.DeleteFunc(slices.Clone(at), func(store.Position) bool { return r.IntN(10) > 0 })
	for name, list := range map[string][]store.Position{"all": at, "some": some, "in disorder": shuffled} {
		var kept [][]byte
		err := log.Each(ctx, list, func(i int, rec *store.Record) error {
			one, err := s.Log().At(ctx, list[i])
			if err != nil && !errors.Is(err, store.ErrErased) {
				return err
			}
			if rec.Position != list[i] || string(rec.Payload) != string(one.Payload) || (rec.Payload == nil) != (err != nil) {
				t.Errorf("%s: at %d is %q, want %q, %v", name, list[i], rec.Payload, one.Payload, err)
			}
			kept = append(kept, rec.Payload)
			return nil
		})
		if err != nil || len(kept) != len(list) {
			t.Fatalf("%s: %d of %d, %v", name, len(kept), len(list), err)
		}
	}
	for _, p := range []store.Position{0, at[0] + 1, at[len(at)-1] + 100} {
		if err := log.Each(ctx, []store.Position{p}, func(int, *store.Record) error { return nil }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("at %d: %v, want ErrNotFound", p, err)
		}
	}
}
