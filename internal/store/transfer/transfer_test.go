package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/postgres"
	"rapport/internal/store/postgres/pgtest"
	"rapport/internal/store/seal"
	"rapport/internal/store/transfer"
)

var server *pgtest.Server

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, &server)) }

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Code
	}
	return fmt.Sprint(err)
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var master = [seal.MasterBytes]byte{1, 2, 3}

// place is somewhere a store can be.
type place interface {
	take(t testing.TB) store.Taker
	open(t testing.TB) whole
}

// whole is a store that can be copied.
type whole interface {
	store.Store
	store.Image
}

type folder struct{ fs vfs.FS }

func newFolder() folder { return folder{vfs.NewMem()} }

func (f folder) options() embedded.Options {
	return embedded.Options{FS: f.fs, SegmentBytes: 64 << 10}
}

func (f folder) take(t testing.TB) store.Taker {
	taker, err := embedded.Take("/data", master, f.options())
	noError(t, err)
	return taker
}

func (f folder) open(t testing.TB) whole {
	s, err := embedded.Open("/data", f.options())
	noError(t, err)
	return s
}

type schema string

func newSchema(t testing.TB) schema {
	t.Helper()
	if server == nil {
		t.Skip(pgtest.ErrNone)
	}
	return schema(server.Schema(t))
}

func (s schema) options() postgres.Options {
	return postgres.Options{DSN: server.DSN, Schema: string(s), Connections: 4, Owner: "test", Master: master}
}

func (s schema) take(t testing.TB) store.Taker {
	taker, err := postgres.Take(t.Context(), s.options(), true)
	noError(t, err)
	return taker
}

func (s schema) open(t testing.TB) whole {
	out, err := postgres.Open(t.Context(), s.options())
	noError(t, err)
	return out
}

// furnish fills a store with records, some of them erased and redacted, and rows.
func furnish(t testing.TB, s store.Store, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	var redact []store.Redaction
	for i := range 60 {
		f := &store.Frame{Received: uint64(r.IntN(9)), Rejected: []store.Count{{Reason: "bot", N: uint64(r.IntN(3))}}}
		for range r.IntN(8) {
			f.Records = append(f.Records, record(fmt.Sprint(r.IntN(20)), r, r.IntN(3000)))
		}
		noError(t, s.Log().Seal(t.Context(), f))
		noError(t, s.Log().Append(t.Context(), []*store.Frame{f}))
		for j := range f.Records {
			switch r.IntN(12) {
			case 0:
				redact = append(redact, store.Redaction{At: f.Records[j].Position})
			case 1:
				redact = append(redact, store.Redaction{At: f.Records[j].Position, Payload: []byte("x")})
			}
		}
		if i%20 == 19 {
			noError(t, s.Log().Erase(t.Context(), id.KeyOf("user_id", fmt.Sprint(r.IntN(20)))))
			_, err := s.Log().Redact(t.Context(), redact)
			if err != nil && !errors.Is(err, store.ErrErased) {
				t.Fatal(err)
			}
			redact = nil
		}
	}
	for i := range 10 {
		span := store.Span{First: id.Bucket(i * 400), Last: id.Bucket(i*400 + 399)}
		c := store.Commit{Span: span, Position: s.Log().End()}
		for range 300 {
			c.Changes = append(c.Changes, store.Change{
				RowKey: store.RowKey{Table: store.TableAnchors, Bucket: span.First + id.Bucket(r.IntN(400)), Key: []byte{byte(r.IntN(20)), 0, 255}},
				Op:     store.Op(r.IntN(3)), Value: make([]byte, r.IntN(5)*40),
			})
		}
		noError(t, s.State().Commit(t.Context(), c))
	}
}

func record(anchor string, r *rand.Rand, n int) store.Record {
	key := id.KeyOf("user_id", anchor)
	payload := make([]byte, n)
	for i := range payload {
		payload[i] = byte(r.IntN(7))
	}
	return store.Record{Kind: store.KindEvent, Anchor: key, Bucket: key.Bucket(), Received: 1_700_000_000_000_000, Payload: payload}
}

// move copies a place and gives the copy, open; the source is closed.
func move(t testing.TB, from whole, to place) whole {
	t.Helper()
	taker := to.take(t)
	noError(t, transfer.Fill(t.Context(), taker, from, transfer.Terms{Keep: func(transfer.Progress) error { return nil }}))
	noError(t, taker.Close())
	out := to.open(t)
	same(t, out, from)
	noError(t, from.Close())
	return out
}

// same compares by the sums and by what readers are shown.
func same(t testing.TB, got, want whole) {
	t.Helper()
	a, err := transfer.SumsOf(t.Context(), got, nil)
	noError(t, err)
	b, err := transfer.SumsOf(t.Context(), want, nil)
	noError(t, err)
	noError(t, transfer.Compare(a, b))
	was, is := records(t, want.Log()), records(t, got.Log())
	if len(was) != len(is) {
		t.Fatalf("%d records in place of %d", len(is), len(was))
	}
	for i := range was {
		if !sameRecord(&was[i], &is[i]) {
			t.Fatalf("record %d is %+v, was %+v", i, is[i], was[i])
		}
		one, err := got.Log().At(t.Context(), was[i].Position)
		if was[i].Payload == nil && errors.Is(err, store.ErrErased) {
			continue
		}
		if noError(t, err); !sameRecord(&one, &was[i]) {
			t.Fatalf("record at %d is %+v, was %+v", was[i].Position, one, was[i])
		}
		if _, err := got.Log().At(t.Context(), was[i].Position+1); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("behind the head of the record at %d: %v", was[i].Position, err)
		}
	}
	for b := range id.Bucket(id.Buckets) {
		if got.State().Applied(b) != want.State().Applied(b) {
			t.Fatalf("bucket %d has applied %d, had %d", b, got.State().Applied(b), want.State().Applied(b))
		}
	}
}

func sameRecord(a, b *store.Record) bool {
	return a.Position == b.Position && a.Kind == b.Kind && a.Anchor == b.Anchor && a.Bucket == b.Bucket && a.Received == b.Received &&
		bytes.Equal(a.Payload, b.Payload) && (a.Payload == nil) == (b.Payload == nil)
}

func records(t testing.TB, l store.Log) (out []store.Record) {
	t.Helper()
	noError(t, l.Read(t.Context(), 0, func(r *store.Record) error {
		c := *r
		c.Payload = bytes.Clone(r.Payload)
		out = append(out, c)
		return nil
	}))
	return out
}

// withMaster makes a folder whose master key is the one of the test.
func withMaster(t testing.TB) folder {
	f := newFolder()
	taker := f.take(t)
	noError(t, taker.Finish(t.Context(), store.Extent{}, nil))
	noError(t, taker.Close())
	return f
}

func TestFill_KeepsEverythingOnEveryEngineAndBack(t *testing.T) {
	t.Parallel()
	at := withMaster(t).open(t)
	for i, next := range []place{newSchema(t), newFolder(), newFolder(), newSchema(t), newFolder()} {
		furnish(t, at, uint64(i))
		at = move(t, at, next)
	}
	furnish(t, at, 9)
	noError(t, at.Close())
}

func TestFill_OfNothingIsAnEmptyStore(t *testing.T) {
	t.Parallel()
	at := withMaster(t).open(t)
	for _, next := range []place{newSchema(t), newFolder()} {
		at = move(t, at, next)
	}
	furnish(t, at, 1)
	noError(t, at.Close())
}

// failing lets a number of calls through.
type failing struct {
	store.Taker
	left int
}

var errCut = errors.New("cut off")

func (f *failing) spend() error {
	if f.left--; f.left < 0 {
		return errCut
	}
	return nil
}

func (f *failing) TakeRun(ctx context.Context, r store.Run) error {
	return errors.Join(f.spend(), f.Taker.TakeRun(ctx, r))
}

func (f *failing) TakeRows(ctx context.Context, rows []store.Row) error {
	return errors.Join(f.spend(), f.Taker.TakeRows(ctx, rows))
}

func (f *failing) Flush(ctx context.Context) error { return errors.Join(f.Taker.Flush(ctx), f.spend()) }

func TestFill_GoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	from := withMaster(t).open(t)
	furnish(t, from, 3)
	for _, to := range []place{newFolder(), newSchema(t)} {
		var begun *transfer.Progress
		terms := transfer.Terms{Every: 1, Keep: func(p transfer.Progress) error { begun = &p; return nil }}
		cuts := 0
		for left := 5; ; left += 11 {
			taker := to.take(t)
			terms.Begun = begun
			err := transfer.Fill(t.Context(), &failing{taker, left}, from, terms)
			noError(t, taker.Close())
			if err == nil {
				break
			}
			if cuts++; !errors.Is(err, errCut) {
				t.Fatal(err)
			}
		}
		if cuts < 3 {
			t.Fatalf("cut off %d times", cuts)
		}
		out := to.open(t)
		same(t, out, from)
		noError(t, out.Close())
	}
	noError(t, from.Close())
}

// A crash may come between the last step at the target and the note of it.
func TestFill_GoesOnWhereTheTargetIsWholeAndNobodyKnows(t *testing.T) {
	t.Parallel()
	from := withMaster(t).open(t)
	furnish(t, from, 11)
	for _, to := range []place{newFolder(), newSchema(t)} {
		var begun *transfer.Progress
		terms := transfer.Terms{Keep: func(p transfer.Progress) error {
			if p.Filled && begun.After != nil {
				return errCut
			}
			begun = &p
			return nil
		}, Every: 1}
		taker := to.take(t)
		if err := transfer.Fill(t.Context(), taker, from, terms); !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		noError(t, taker.Close())
		terms.Begun, terms.Keep = begun, func(transfer.Progress) error { return nil }
		taker = to.take(t)
		noError(t, transfer.Fill(t.Context(), taker, from, terms))
		noError(t, taker.Close())
		out := to.open(t)
		same(t, out, from)
		noError(t, out.Close())
	}
	noError(t, from.Close())
}

func TestFill_RefusesASourceThatWentOn(t *testing.T) {
	t.Parallel()
	from, to := withMaster(t).open(t), newFolder()
	var begun *transfer.Progress
	terms := transfer.Terms{Keep: func(p transfer.Progress) error { begun = &p; return nil }}
	furnish(t, from, 4)
	taker := to.take(t)
	if err := transfer.Fill(t.Context(), &failing{taker, 3}, from, terms); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	furnish(t, from, 5)
	terms.Begun = begun
	err := transfer.Fill(t.Context(), taker, from, terms)
	if codeOf(err) != "source_changed" {
		t.Fatal(err)
	}
	noError(t, taker.Close())
	noError(t, from.Close())
}

func TestTake_NoInstanceStartsOnWhatIsUnfinished(t *testing.T) {
	t.Parallel()
	from, to := withMaster(t).open(t), newSchema(t)
	furnish(t, from, 6)
	taker := to.take(t)
	if err := transfer.Fill(t.Context(), &failing{taker, 3}, from, transfer.Terms{Keep: func(transfer.Progress) error { return nil }}); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	noError(t, taker.Close())
	ctx, cancel := context.WithCancel(t.Context())
	o := to.options()
	o.Waiting = func(owner string) {
		if owner != "rapport copy" {
			t.Errorf("it waits for %q", owner)
		}
		cancel()
	}
	if _, err := postgres.Open(ctx, o); err == nil {
		t.Fatal("it opened")
	}
	noError(t, from.Close())
}

func TestTake_RefusesADatabaseInUse(t *testing.T) {
	t.Parallel()
	to := newSchema(t)
	noError(t, to.open(t).Close())
	if _, err := postgres.Take(t.Context(), to.options(), true); codeOf(err) != "database_in_use" {
		t.Fatal(err)
	}
	f := newFolder()
	s := f.open(t)
	furnish(t, s, 8)
	noError(t, s.Close())
	if _, err := embedded.Take("/data", master, f.options()); err == nil {
		t.Fatal("it took a folder in use")
	}
}
