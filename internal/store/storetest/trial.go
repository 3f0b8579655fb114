package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// Trial does random things to a store and knows what must be there afterwards:
// it does the same to the memory engine, as far as the store said that it did.
// Calls of the store may fail where a test lets them; what they left behind must
// then be what the contract says of a failed call.
type Trial struct {
	t       testing.TB
	rng     *rand.Rand
	oracle  *memory.Store
	history map[id.Bucket][]step // commits of each bucket, the oldest first
	flushed map[id.Bucket]store.Position
	cut     int            // into how many spans the buckets are cut now
	next    store.Position // of the next commit
	serial  int
	doubt   []*store.Frame // of an Append that failed and that none has followed
	toErase map[id.Key]bool
	// toRedact are records, by their number, that a failed Redact was to remove.
	toRedact map[int]bool
	// A Reset that failed may have happened or not; it comes first again.
	halfReset bool
}

// step is what a commit did to one bucket.
type step struct {
	at      store.Position
	changes []store.Change
}

// The few buckets, tables and anchors that a trial uses, so that things meet.
var (
	trialBuckets = []id.Bucket{0, 1, 1023, 1024, 2047, 2048, 4095, id.CommonBucket}
	trialTables  = []store.Table{store.TableAnchors, store.TableTimeline, store.TableMeta}
)

// NewTrial begins a trial on an empty store.
func NewTrial(t testing.TB, seed uint64) *Trial {
	t.Helper()
	t.Logf("seed %d", seed)
	return &Trial{
		t: t, rng: rand.New(rand.NewPCG(seed, 7)), oracle: memory.New(), cut: 1, next: 1,
		history: map[id.Bucket][]step{}, flushed: map[id.Bucket]store.Position{}, toErase: map[id.Key]bool{}, toRedact: map[int]bool{},
	}
}

// spans cuts all buckets into equal runs.
func (tr *Trial) spans() []store.Span {
	var out []store.Span
	width := (int(id.CommonBucket) + tr.cut) / tr.cut
	for first := 0; first <= int(id.CommonBucket); first += width {
		out = append(out, store.Span{First: id.Bucket(first), Last: id.Bucket(min(first+width-1, int(id.CommonBucket)))})
	}
	return out
}

// Step does one random thing and returns the store's error, if it gave one.
func (tr *Trial) Step(s store.Store) error {
	if tr.halfReset {
		return tr.reset(s)
	}
	switch n := tr.rng.IntN(100); {
	case n < 35:
		return tr.Append(s)
	case n < 75:
		return tr.commit(s)
	case n < 80:
		return tr.flush(s)
	case n < 82:
		return tr.erase(s, id.KeyOf("user_id", tr.anchor()))
	case n < 84:
		return tr.redact(s)
	case n < 85:
		return tr.reset(s)
	case n < 93:
		return tr.load(s)
	default:
		return tr.scan(s)
	}
}

func (tr *Trial) anchor() string { return fmt.Sprint("anchor", tr.rng.IntN(12)) }

func (tr *Trial) payload() string {
	tr.serial++
	n := tr.rng.IntN(200)
	if tr.rng.IntN(40) == 0 {
		n = tr.rng.IntN(20_000)
	}
	return fmt.Sprintf("%d %s", tr.serial, noise(n))
}

// Append appends a few frames at random.
func (tr *Trial) Append(s store.Store) error {
	var frames, own []*store.Frame
	for range 1 + tr.rng.IntN(3) {
		f := &store.Frame{Received: uint64(tr.rng.IntN(5)), Rejected: []store.Count{{Reason: fmt.Sprint("r", tr.rng.IntN(3)), N: uint64(tr.rng.IntN(3))}}}
		for range tr.rng.IntN(5) {
			r := record(tr.anchor(), tr.payload())
			r.Kind = store.Kind(1 + tr.rng.IntN(int(store.KindDecision)))
			if tr.rng.IntN(4) == 0 {
				r.Bucket = trialBuckets[tr.rng.IntN(len(trialBuckets))]
			}
			f.Records = append(f.Records, r)
		}
		c := &store.Frame{Received: f.Received, Rejected: f.Rejected, Records: slices.Clone(f.Records)}
		noError(tr.t, tr.oracle.Log().Seal(ctx(tr.t), c))
		own = append(own, c)
		if err := s.Log().Seal(ctx(tr.t), f); err != nil {
			return err
		}
		frames = append(frames, f)
	}
	end := s.Log().End()
	if err := s.Log().Append(ctx(tr.t), frames); err != nil {
		if s.Log().End() != end {
			tr.t.Fatalf("Append failed (%v) and moved the end", err)
		}
		tr.doubt = own
		return err
	}
	tr.doubt = nil
	noError(tr.t, tr.oracle.Log().Append(ctx(tr.t), own))
	for _, f := range frames {
		for i := range f.Records {
			if f.Records[i].Position <= end {
				tr.t.Fatalf("position %d follows %d", f.Records[i].Position, end)
			}
			end = f.Records[i].Position
		}
	}
	return nil
}

func (tr *Trial) key(b id.Bucket) store.RowKey {
	key := []byte(fmt.Sprint(tr.rng.IntN(6)))
	if tr.rng.IntN(3) == 0 {
		key = append(key, 0xff, byte(tr.rng.IntN(3)))
	}
	return store.RowKey{Table: trialTables[tr.rng.IntN(len(trialTables))], Bucket: b, Key: key}
}

func (tr *Trial) commit(s store.Store) error {
	spans := tr.spans()
	c := store.Commit{Span: spans[tr.rng.IntN(len(spans))], Position: tr.next}
	var inside []id.Bucket
	for _, b := range trialBuckets {
		if c.Span.Holds(b) {
			inside = append(inside, b)
		}
	}
	steps := map[id.Bucket][]store.Change{}
	for range tr.rng.IntN(8) {
		if len(inside) == 0 {
			break
		}
		b := inside[tr.rng.IntN(len(inside))]
		ch := store.Change{RowKey: tr.key(b), Op: store.Op(tr.rng.IntN(3)), Value: []byte(tr.payload())}
		if tr.rng.IntN(10) == 0 {
			ch.Value = []byte{}
		}
		c.Changes = append(c.Changes, ch)
		steps[b] = append(steps[b], ch)
	}
	if err := s.State().Commit(ctx(tr.t), c); err != nil {
		return err
	}
	tr.next++
	noError(tr.t, tr.oracle.State().Commit(ctx(tr.t), c))
	for _, b := range inside {
		tr.history[b] = append(tr.history[b], step{at: c.Position, changes: steps[b]})
	}
	return nil
}

func (tr *Trial) flush(s store.Store) error {
	if err := s.State().Flush(ctx(tr.t)); err != nil {
		return err
	}
	for b, steps := range tr.history {
		if len(steps) > 0 {
			tr.flushed[b] = steps[len(steps)-1].at
		}
	}
	return nil
}

// erase notes first what it wants: an erasure that failed is done again.
func (tr *Trial) erase(s store.Store, anchor id.Key) error {
	tr.toErase[anchor] = true
	if err := s.Log().Erase(ctx(tr.t), anchor); err != nil {
		return err
	}
	delete(tr.toErase, anchor)
	return tr.oracle.Log().Erase(ctx(tr.t), anchor)
}

// redact removes what a few records hold.
func (tr *Trial) redact(s store.Store) error {
	n := len(readAll(tr.t, tr.oracle.Log(), 0))
	for range min(n, 1+tr.rng.IntN(4)) {
		tr.toRedact[tr.rng.IntN(n)] = true
	}
	return tr.redactAll(s)
}

// redactAll removes what is to be removed; where a call failed, some of it may
// be gone.
func (tr *Trial) redactAll(s store.Store) error {
	var mine, its []store.Redaction
	i := 0
	err := s.Log().Read(ctx(tr.t), 0, func(r *store.Record) error {
		if tr.toRedact[i] {
			its = append(its, store.Redaction{At: r.Position})
		}
		i++
		return nil
	})
	if err != nil {
		return err
	}
	for i, r := range readAll(tr.t, tr.oracle.Log(), 0) {
		if tr.toRedact[i] {
			mine = append(mine, store.Redaction{At: r.Position})
		}
	}
	if len(mine) == 0 {
		return nil
	}
	if _, err := s.Log().Redact(ctx(tr.t), its); err != nil {
		return err
	}
	clear(tr.toRedact)
	_, err = tr.oracle.Log().Redact(ctx(tr.t), mine)
	return err
}

func (tr *Trial) reset(s store.Store) error {
	if err := s.State().Reset(ctx(tr.t)); err != nil {
		tr.halfReset = true
		return err
	}
	tr.forget()
	return nil
}

// forget follows a reset.
func (tr *Trial) forget() {
	noError(tr.t, tr.oracle.State().Reset(ctx(tr.t)))
	clear(tr.history)
	clear(tr.flushed)
	tr.halfReset = false
}

func (tr *Trial) load(s store.Store) error {
	var keys []store.RowKey
	for range tr.rng.IntN(20) {
		keys = append(keys, tr.key(trialBuckets[tr.rng.IntN(len(trialBuckets))]))
	}
	got, err := s.State().Load(ctx(tr.t), keys)
	if err != nil {
		return err
	}
	want, err := tr.oracle.State().Load(ctx(tr.t), keys)
	noError(tr.t, err)
	for i := range keys {
		if spell(got[i]) != spell(want[i]) {
			tr.t.Fatalf("row %c %d %q is %.200s, want %.200s", keys[i].Table, keys[i].Bucket, keys[i].Key, spell(got[i]), spell(want[i]))
		}
	}
	return nil
}

func (tr *Trial) scan(s store.Store) error {
	k := tr.key(trialBuckets[tr.rng.IntN(len(trialBuckets))])
	at := store.Range{Table: k.Table, Bucket: k.Bucket}
	switch tr.rng.IntN(3) {
	case 0:
		at.Prefix = k.Key[:1]
	case 1:
		at.After = k.Key
	}
	return tr.sameRange(s, at)
}

func (tr *Trial) sameRange(s store.Store, at store.Range) error {
	want := scan(tr.t, tr.oracle.State(), at)
	var got []string
	err := s.State().Scan(ctx(tr.t), at, func(key []byte, parts [][]byte) bool {
		got = append(got, fmt.Sprintf("%q=%s", key, spell(parts)))
		return true
	})
	if err == nil && !slices.Equal(got, want) {
		tr.t.Fatalf("range %c %d prefix %q after %q is\n%.500s, want\n%.500s", at.Table, at.Bucket, at.Prefix, at.After, got, want)
	}
	return err
}
