package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

var errFlaky = errors.New("the store does not answer")

// flaky is a state that fails now and then.
type flaky struct {
	store.State
	r      *rand.Rand // nil: it never does
	left   int        // how often it fails in this batch
	failed int
}

func (f *flaky) fails() error {
	if f.r != nil && f.left > 0 && f.r.IntN(8) == 0 {
		f.left--
		f.failed++
		return errFlaky
	}
	return nil
}

func (f *flaky) Load(ctx context.Context, keys []store.RowKey) ([][][]byte, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.State.Load(ctx, keys)
}

func (f *flaky) Scan(ctx context.Context, at store.Range, visit func([]byte, [][]byte) bool) error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.State.Scan(ctx, at, visit)
}

// talk is a graph with what homes heard of it.
type talk struct {
	t     *testing.T
	g     *Graph
	st    store.Store
	f     *flaky
	at    store.Position
	homes map[id.Key]Person
	// commits tells whether a batch is followed by a commit.
	commits func() bool
}

func newTalk(t *testing.T, r *rand.Rand, budget int, commits func() bool) *talk {
	st := memory.New()
	f := &flaky{State: st.State(), r: r}
	g := New(Config{State: f, Book: NewRulebook(identity.DefaultRules()), Log: slog.New(slog.DiscardHandler), Budget: budget})
	return &talk{t: t, g: g, st: st, f: f, homes: map[id.Key]Person{}, commits: commits}
}

// apply applies a batch until the store answers, and then what follows from it.
func (k *talk) apply(batch []*store.Record) {
	k.t.Helper()
	ctx := context.Background()
	for _, r := range batch {
		k.at++
		r.Position = k.at
	}
	if k.f.r != nil {
		k.f.left = k.f.r.IntN(6)
	}
	out, err := k.once(ctx, batch)
	for ; err != nil; out, err = k.once(ctx, batch) {
		if !errors.Is(err, errFlaky) {
			k.t.Fatal(err)
		}
	}
	if k.commits() {
		commitNow(k.t, k.st, k.g, k.at)
	}
	var next []*store.Record
	for i := range out {
		r := &out[i]
		switch r.Kind {
		case store.KindPerson:
			p, err := ReadPerson(r.Payload)
			if err != nil {
				k.t.Fatal(err)
			}
			if p.Version >= k.homes[p.To].Version {
				k.homes[p.To] = p
			}
		case store.KindResolve:
			next = append(next, r)
		}
	}
	if next = append(next, seenTwice(out, k.at)...); len(next) > 0 {
		k.apply(next)
	}
}

// once tries a batch; an operator's word comes as the fact that is attached.
func (k *talk) once(ctx context.Context, batch []*store.Record) ([]store.Record, error) {
	if err := k.g.Begin(ctx, batch); err != nil {
		return nil, err
	}
	for i, r := range batch {
		err := error(nil)
		if f, ok := r.Attached.(*identity.Fact); ok {
			err = k.g.Say(ctx, r, f)
		} else {
			err = k.g.Apply(ctx, i, r)
		}
		if err != nil {
			return nil, err
		}
	}
	return k.g.Publish(ctx)
}

// whole is what there is to say of everybody, by the rows; it checks that their
// homes heard it.
func (k *talk) whole(what string) (out []string) {
	k.t.Helper()
	ctx := context.Background()
	commitNow(k.t, k.st, k.g, k.at)
	g := New(Config{State: k.st.State(), Book: k.g.book, Log: k.g.log, Budget: 1 << 20})
	if err := g.Load(ctx, k.g.rules.Version); err != nil {
		k.t.Fatal(err)
	}
	var keys []id.Key
	if err := k.st.State().Scan(ctx, store.Range{Table: store.TableNodes, Bucket: id.CommonBucket}, func(key []byte, _ [][]byte) bool {
		keys = append(keys, id.Key(key))
		return true
	}); err != nil {
		k.t.Fatal(err)
	}
	for _, key := range keys {
		members, shared, err := g.Whole(ctx, key)
		if err != nil {
			k.t.Fatal(err)
		}
		if err := g.loadNodes(ctx, []id.Key{key}); err != nil {
			k.t.Fatal(err)
		}
		n, _ := g.nodes.Get(key)
		says := fmt.Sprint(members, shared)
		out = append(out, fmt.Sprint(n.ident, n.role, says))
		if key != members[0].Key() {
			continue
		}
		heard, told := k.homes[key]
		if !told {
			heard.Members = members[:1]
		}
		if got := fmt.Sprint(heard.Members, heard.Shared); got != says {
			k.t.Fatalf("%s: the home of %v heard\n%s\nand it is\n%s", what, n.ident, got, says)
		}
	}
	return out
}

// crowd is what is seen of few people who share much: addresses own devices that
// belong to others as well, and are shared themselves. Operators have their say.
func crowd(r *rand.Rand, n int) (out []*store.Record) {
	people := 3 + r.IntN(6)
	user := func() event.Identifier {
		return event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", r.IntN(people))}
	}
	mail := func() event.Identifier {
		return event.Identifier{Namespace: event.Email, Value: fmt.Sprintf("m%d@example.org", r.IntN(1+people/2))}
	}
	device := func() event.Identifier {
		return event.Identifier{Namespace: event.AnonymousID, Value: fmt.Sprint("d", r.IntN(3))}
	}
	for i := range n {
		l := Link{First: start.Add(time.Duration(r.IntN(50)) * time.Hour), Received: start.Add(time.Duration(i) * time.Minute)}
		switch r.IntN(3) {
		case 0:
			l.Strong, l.Weak = user(), device()
		case 1:
			l.Strong, l.Weak = mail(), device()
		default:
			l.Strong, l.Weak = user(), mail()
		}
		record := &store.Record{Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: l.Strong.Key(), Received: l.Received, Payload: l.Append(nil)}
		if r.IntN(12) == 0 {
			f := &identity.Fact{ID: fmt.Sprint(i), Op: identity.Ignore, A: l.Strong, B: &l.Weak}
			if r.IntN(2) == 0 {
				f.Op, f.A, f.B = identity.Blocked, l.Strong, nil
			}
			record = &store.Record{Kind: store.KindVerdict, Bucket: id.CommonBucket, Received: l.Received, Attached: f}
		}
		out = append(out, record)
	}
	return out
}

// Whatever fails on the way and is tried again, whatever operators say and the
// rules become: each home has heard all that is its person's, and a store that
// fails changes nothing.
func TestGraph_TellsEveryHomeWhatIsItsPersons(t *testing.T) {
	t.Parallel()
	seeds := uint64(soak.Worlds(48))
	failed := 0
	for seed := range seeds {
		want, _ := playTalk(t, seed, false)
		got, n := playTalk(t, seed, true)
		failed += n
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("seed %d: where the store failed there is\n%s\nand not\n%s", seed, got[i], want[i])
			}
		}
	}
	if failed == 0 {
		t.Error("nothing failed")
	}
	t.Logf("seeds 0 to %d, %d failures", seeds-1, failed)
}

// playTalk plays a world and gives what there was to say on its way.
func playTalk(t *testing.T, seed uint64, fails bool) (said []string, failed int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	var by *rand.Rand
	if fails {
		by = rand.New(rand.NewPCG(seed, 8))
	}
	commits := rand.New(rand.NewPCG(seed, 9))
	k := newTalk(t, by, []int{1, 1 << 13, 1 << 20}[r.IntN(3)], func() bool { return commits.IntN(2) == 0 })
	list, batch := crowd(r, 20+r.IntN(30)), 1+r.IntN(12)
	if seed%4 == 0 { // others, so that rules do not get to all in one turn
		k.apply(bystanders(2 * sweepNodes))
	}
	half := list[:len(list)/2]
	version := 0
	for i, part := range [...][]*store.Record{half, list[len(half):]} {
		for some := range slices.Chunk(part, batch) {
			k.apply(some)
			said = append(said, k.whole(fmt.Sprintf("seed %d, store fails: %v", seed, fails))...)
		}
		version++
		k.ruled(version, []int{1 + r.IntN(2), 3 + r.IntN(3)}[i])
		said = append(said, k.whole(fmt.Sprintf("seed %d, store fails: %v, rules %d", seed, fails, version))...)
	}
	return said, k.f.failed
}

// bystanders are people who have nothing to do with anybody.
func bystanders(n int) (out []*store.Record) {
	for i := range n {
		l := Link{
			Strong: event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("other", i)},
			Weak:   event.Identifier{Namespace: event.AnonymousID, Value: fmt.Sprint("other", i)}, First: start, Received: start,
		}
		out = append(out, &store.Record{Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: l.Strong.Key(), Received: start, Payload: l.Append(nil)})
	}
	return out
}

// ruled makes another version of the rules that of today: with how many stronger
// identifiers an address or a device is shared.
func (k *talk) ruled(version, above int) {
	k.t.Helper()
	rules := identity.DefaultRules()
	for i := range rules.Namespaces {
		if rules.Namespaces[i].Name != event.UserID {
			rules.Namespaces[i].SharedAbove = above
		}
	}
	read, err := identity.Parse(rules.Document())
	if err != nil {
		k.t.Fatal(err)
	}
	read.Version = version
	k.g.book.learn(read)
	k.at++
	k.g.Rule(version, clock.Instant(k.at))
	k.apply(nil)
}

// What is decided anew after an erasure has the time of it, also in the audit.
func TestErase_AsksForATurnAtItsTime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	k := newTalk(t, nil, 1<<20, func() bool { return true })
	var list []*store.Record
	for n := range 3 {
		l := Link{
			Strong: event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", n)},
			Weak:   event.Identifier{Namespace: event.AnonymousID, Value: "d"}, First: start, Received: start,
		}
		list = append(list, &store.Record{Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: l.Strong.Key(), Received: start, Payload: l.Append(nil)})
	}
	k.apply(list)
	at := start.Add(48 * time.Hour)
	_, again, err := k.g.Erase(ctx, []event.Identifier{{Namespace: event.UserID, Value: "u0"}}, at)
	if err != nil || len(again) != 1 || again[0].Received != at {
		t.Fatalf("what follows is %+v, %v", again, err)
	}
	commitNow(t, k.st, k.g, k.at)
	k.apply([]*store.Record{&again[0]})
	entries, _, err := ReadAudit(ctx, k.st.State(), nil, 100)
	if err != nil || len(entries) == 0 {
		t.Fatalf("the audit is %v, %v", entries, err)
	}
	for _, e := range entries {
		if e.Received < start {
			t.Errorf("an entry is of %v: %+v", e.Received, e)
		}
	}
}
