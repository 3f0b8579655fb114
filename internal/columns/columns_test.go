package columns_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"rapport/internal/columns"
	"rapport/internal/id"
	"rapport/internal/soak"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0: one of their own each")

func newWorld(t *testing.T, n uint64) world {
	t.Helper()
	if *seed != 0 {
		n = *seed
	}
	t.Logf("seed %d", n)
	return world{newRand(n)}
}

// check compares an index with the people it was told of, for a condition.
func check(t *testing.T, x *columns.Index, all people, suspects map[id.Key]bool, n columns.Node) {
	t.Helper()
	a, err := x.Count(context.Background(), columns.Query{
		Node: n, Samples: 10, Overlap: []uint64{0, 1}, Doubtful: 1 << 30, Sample: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := columns.Answer{People: len(all), Suspect: len(suspects), Overlap: make([]int, 2), Sizes: make([]int, 2)}
	parts, isAll := n.(columns.All)
	if isAll {
		want.Steps = make([]columns.StepCount, len(parts))
	}
	doubtful := map[id.Key]bool{}
	for k, r := range all {
		v := holds(n, r)
		if suspects[k] {
			v = columns.Unknown
		}
		switch v {
		case columns.Yes:
			want.Yes++
		case columns.Unknown:
			want.Unknown++
			doubtful[k] = true
		}
		for i, s := range []uint64{0, 1} {
			if slices.Contains(r.Members, s) {
				want.Sizes[i]++
				if v == columns.Yes {
					want.Overlap[i]++
				}
			}
		}
		for i := range want.Steps {
			v := holds(parts[:i+1], r)
			if suspects[k] {
				v = columns.Unknown
			}
			switch v {
			case columns.Yes:
				want.Steps[i].Yes++
			case columns.Unknown:
				want.Steps[i].Unknown++
			}
		}
	}
	for _, k := range a.Samples {
		if all[k] == nil || holds(n, all[k]) != columns.Yes || suspects[k] {
			t.Errorf("%s is named as a sample and does not match", k)
		}
	}
	if len(a.Samples) != min(10, want.Yes) {
		t.Errorf("%d samples of %d matches", len(a.Samples), want.Yes)
	}
	for _, k := range a.Doubtful {
		if !doubtful[k] {
			t.Errorf("%s is named as doubtful and is not", k)
		}
	}
	if len(a.Doubtful) != len(doubtful) {
		t.Errorf("%d of %d doubtful people named", len(a.Doubtful), len(doubtful))
	}
	a.Samples, a.Doubtful = nil, nil
	if got, want := fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", want); got != want {
		t.Fatalf("condition %+v:\n got %s\nwant %s", n, got, want)
	}
}

func TestCount_AgreesWithPeopleOneByOne(t *testing.T) {
	t.Parallel()
	for n := range uint64(soak.Worlds(6)) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, n+1)
			x, all, suspects := columns.New(0), people{}, map[id.Key]bool{}
			for range 5 {
				w.change(x, all, suspects, 3000)
				for range 60 {
					check(t, x, all, suspects, w.node(3))
				}
			}
		})
	}
}

func count(t testing.TB, x *columns.Index, n columns.Node) columns.Answer {
	t.Helper()
	a, err := x.Count(context.Background(), columns.Query{Node: n, Samples: 3, Overlap: []uint64{0}, Doubtful: 10, Sample: 10, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// change lets people come, change and go.
func (w world) change(x *columns.Index, all people, suspects map[id.Key]bool, changes int) {
	for range changes {
		n := w.IntN(4000)
		k := w.key(n)
		switch w.IntN(12) {
		case 0, 1:
			x.Remove(k)
			delete(all, k)
			delete(suspects, k)
		case 2:
			if all[k] != nil {
				x.Suspect([]id.Key{k})
				suspects[k] = true
			}
		default:
			r := w.row(n)
			x.Update(r)
			all[k] = r
			delete(suspects, k)
		}
	}
}

// manyPeople fill several blocks of each part with dense columns.
func manyPeople(w world, x *columns.Index, all people, n int) {
	for i := range n {
		r := w.row(i)
		all[r.Key] = r
		x.Update(r)
	}
}

func TestCount_AgreesOverManyBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 11)
	x, all := columns.New(0), people{}
	manyPeople(w, x, all, min(soak.Worlds(300_000), 300_000))
	for range 12 {
		check(t, x, all, nil, w.node(2))
	}
}

func TestOrdinals_AreReused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 12)
	x, all := columns.New(0), people{}
	manyPeople(w, x, all, 5000)
	before := x.Stats().Bytes
	for round := range 5 {
		for n := range 5000 {
			x.Remove(w.key(n + round*5000))
		}
		clear(all)
		if s := x.Stats(); s.People != 0 {
			t.Fatalf("%d people are left of nobody", s.People)
		}
		for n := range 5000 {
			r := w.row(n + (round+1)*5000)
			x.Update(r)
			all[r.Key] = r
		}
		check(t, x, all, nil, columns.All{w.scalar(), w.did()})
	}
	if after := x.Stats().Bytes; after > before*3/2 {
		t.Errorf("the index grew from %d to %d bytes for as many people", before, after)
	}
}

func TestCount_SamplesDoubtfulPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 13)
	x := columns.New(0)
	manyPeople(w, x, people{}, 20_000)
	a, err := x.Count(context.Background(), columns.Query{Node: columns.Everybody(columns.Unknown), Doubtful: 100, Sample: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if !a.Sampled || a.Unknown != 20_000 || len(a.Doubtful) < 1800 || len(a.Doubtful) > 2200 {
		t.Errorf("sampled %v: %d of %d doubtful, want about 2000 of 20000", a.Sampled, len(a.Doubtful), a.Unknown)
	}
	again, err := x.Count(context.Background(), columns.Query{Node: columns.Everybody(columns.Unknown), Doubtful: 100, Sample: 2000})
	if err != nil || !slices.Equal(a.Doubtful, again.Doubtful) {
		t.Error("the sample is not the same when asked again")
	}
}

func TestNew_DropsColumnsBeyondItsBudget(t *testing.T) {
	soak.Unraced(t)
	t.Parallel()
	w := newWorld(t, 14)
	free, bound := columns.New(0), columns.New(3<<20)
	all := people{}
	manyPeople(w, free, all, 200_000)
	for _, r := range all {
		bound.Update(r)
	}
	if free.Stats().Bytes < 6<<20 {
		t.Fatalf("the columns take %d bytes: too few for this test", free.Stats().Bytes)
	}
	s := bound.Stats()
	if len(s.Dropped) == 0 || s.People != free.Stats().People {
		t.Fatalf("dropped %v, people %d", s.Dropped, s.People)
	}
	if enough := columns.New(s.Wanted); s.Wanted > 3<<20 {
		for _, r := range all {
			enough.Update(r)
		}
		if got := enough.Stats(); len(got.Dropped) > 0 || got.Bytes < s.Wanted/2 {
			t.Errorf("%d bytes were wanted: %d are taken, dropped %v", s.Wanted, got.Bytes, got.Dropped)
		}
	} else {
		t.Errorf("wanted %d bytes", s.Wanted)
	}
	tight := columns.New(columns.Parts)
	w.change(tight, people{}, map[id.Key]bool{}, 500)
	if free.Excess() != 0 || tight.Excess() != tight.Stats().Bytes-columns.Parts {
		t.Errorf("%d bytes beyond no bound, %d of %d beyond one byte a part", free.Excess(), tight.Excess(), tight.Stats().Bytes)
	}
	for range 50 {
		n := w.node(2)
		q := columns.Query{Node: n}
		exact, err := free.Count(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		some, err := bound.Count(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if some.Yes > exact.Yes+exact.Unknown || some.Yes+some.Unknown < exact.Yes {
			t.Errorf("without columns %d + %d perhaps, with them %d + %d: %+v", some.Yes, some.Unknown, exact.Yes, exact.Unknown, n)
		}
	}
}

func TestUpdate_GoesOnBesideReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 15)
	x, all := columns.New(0), people{}
	manyPeople(w, x, all, 2000)
	ctx, stop := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	for range 3 {
		node := w.node(2)
		readers.Go(func() {
			for ctx.Err() == nil {
				a, err := x.Count(ctx, columns.Query{Node: node, Samples: 3, Overlap: []uint64{1}, Doubtful: 50, Sample: 100})
				if err == nil && a.Yes+a.Unknown > a.People {
					t.Errorf("%d + %d of %d people", a.Yes, a.Unknown, a.People)
				}
				runtime.Gosched()
			}
		})
	}
	w.change(x, all, map[id.Key]bool{}, 6000)
	for n := range 4000 {
		if r := all[w.key(n)]; r != nil {
			x.Update(r)
		}
	}
	stop()
	readers.Wait()
	for range 20 {
		check(t, x, all, nil, w.node(3))
	}
}

func TestMatches_NamesEverybodyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 16)
	x, all := columns.New(0), people{}
	manyPeople(w, x, all, 5000)
	n := w.scalar()
	named := map[id.Key]bool{}
	err := x.Matches(context.Background(), n, func(yes, unknown []id.Key) error {
		for _, k := range yes {
			if named[k] || holds(n, all[k]) != columns.Yes {
				t.Errorf("%s is named wrongly", k)
			}
			named[k] = true
		}
		for _, k := range unknown {
			if named[k] || holds(n, all[k]) != columns.Unknown {
				t.Errorf("%s is named wrongly as unknown", k)
			}
			named[k] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for k, r := range all {
		if v := holds(n, r); v != columns.No && !named[k] {
			t.Errorf("%s is not named", k)
		}
	}
}

func TestCount_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := columns.New(0).Count(ctx, columns.Query{Node: columns.All{}}); err == nil {
		t.Error("a count went on without its context")
	}
}
