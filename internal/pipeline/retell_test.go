package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// toldOfAll is all that is told of who was in which segment: entries and exits,
// since when people are in, how large segments were.
func toldOfAll(t testing.TB, p *Pipeline, w *world) string {
	t.Helper()
	ctx := context.Background()
	var out strings.Builder
	out.WriteString(passages(t, p, w))
	for _, i := range w.ids {
		s, err := p.PersonSegments(ctx, i.String(), "")
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range s.Items {
			fmt.Fprintf(&out, "%s in %s version %d since %s\n", i, x.Key, x.Version, x.Since)
		}
	}
	for key := range conditions {
		sizes, err := p.SegmentHistory(ctx, key, SizeSpan{From: worldStart, To: worldStart.Add(30 * 24 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(sizes)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %s\n", key, b)
	}
	lines := strings.Split(out.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// lived plays a world in which people are joined and taken apart while segments
// are in force, change, and time passes.
func lived(t testing.TB, r *rand.Rand, w *world, settings func(batch int) Config, set func(at time.Duration)) {
	t.Helper()
	ctx := context.Background()
	p, err := Open(ctx, settings(1+r.IntN(8)), nil)
	if err != nil {
		t.Fatal(err)
	}
	words := operatorWords(r, w, 3)
	cut := len(w.facts) / 4
	play(t, p, w.facts[:cut], 5)
	defineAll(t, p)
	for i, f := range w.facts[cut:] {
		set(f.received.Sub(worldStart))
		play(t, p, []fact{f}, 1)
		if i%10 == 0 {
			if err := p.Tick(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if i%30 == 29 && len(words) > 0 {
			sayIdentity(t, p, words[0])
			words = words[1:]
		}
		if i == 20 { // another version of one that another names
			define(t, p, "buyer", `{"event":"Order Completed","count":{"min":1},"within":"3h"}`)
			cultivated(t, p)
		}
	}
	if r.IntN(2) == 0 {
		if err := p.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		closeNow(t, p)
	} else {
		p.abandon() // what was not committed is to be applied by the rebuild
	}
}

// A rebuild keeps what was told of entries and exits, of everybody, also where it
// is cut off: who came in when, for which reason, and how large segments were.
func TestRebuild_KeepsWhatWasTold(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	worlds := soak.Worlds(6)
	total, several, cutOff := 0, 0, 0
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 71))
		w := newWorld(seed, 120)
		now := worldStart
		disk := memory.NewDisk()
		settings := func(batch int) Config {
			c := config(memory.Open(disk), 1+r.IntN(4), batch)
			c.Clock = reading(&now)
			return c
		}
		lived(t, r, w, settings, func(since time.Duration) { setClock(&now, max(now, worldStart.Add(since))) })
		reopen := func() *Pipeline {
			p, err := Open(ctx, settings(16), nil)
			if err != nil {
				t.Fatal(err)
			}
			nothingDue(t, p)
			return p
		}
		p := reopen()
		want, members := toldOfAll(t, p, w), memberships1(t, p, w)
		for _, i := range w.ids {
			if v, err := p.Profile(ctx, i.String(), ProfileOptions{}); err == nil && len(v.Identifiers) > 1 {
				several++
			}
		}
		total += strings.Count(want, `"change"`)
		closeNow(t, p)
		for round := range 2 {
			limited, cancel := context.WithCancel(ctx)
			stop := store.Position(r.IntN(2 * len(w.facts)))
			err := Rebuild(limited, settings(1+r.IntN(9)), func(done, _ store.Position) {
				if round == 1 && done > stop {
					cancel()
				}
			})
			cancel()
			switch {
			case err != nil && (round == 0 || !errors.Is(err, context.Canceled)):
				t.Fatal(err)
			case err != nil:
				cutOff++
				disk.Crash(r.IntN(disk.Pending() + 1))
			}
			p = reopen()
			if got := memberships1(t, p, w); got != members {
				t.Fatalf("seed %d: memberships\n%s", seed, diff(got, members))
			}
			if got := toldOfAll(t, p, w); got != want {
				t.Fatalf("seed %d, round %d: told\n%s", seed, round, diff(got, want))
			}
			closeNow(t, p)
		}
	}
	if total < 40*worlds || several == 0 {
		t.Errorf("%d entries and exits, %d people of several identifiers prove nothing", total, several)
	}
	t.Logf("seeds 0 to %d, %d entries and exits, %d identifiers of people with several, %d rebuilds cut off", worlds-1, total, several, cutOff)
}

// Where what was told is not what the facts come to, a rebuild says so.
func TestRebuild_CorrectsWhatWasToldWrongly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disk := memory.NewDisk()
	p := open(t, memory.Open(disk), 2, 8)
	define(t, p, "active", `{"event":"Visit"}`)
	cultivated(t, p)
	play(t, p, []fact{trackAt(worldStart, "in", "Visit", "m1"), trackAt(worldStart, "out", "Leave", "m2")}, 2)
	closeNow(t, p)

	st := memory.Open(disk)
	in, out := event.Identifier{Namespace: event.UserID, Value: "in"}.Key(), event.Identifier{Namespace: event.UserID, Value: "out"}.Key()
	var rows []store.Change
	err := st.State().Scan(ctx, store.Range{Table: store.TableHistory, Bucket: in.Bucket()}, func(key []byte, parts [][]byte) bool {
		wrong := append(out[:], key[len(out):]...)
		rows = append(rows,
			store.Change{RowKey: store.RowKey{Table: store.TableHistory, Bucket: in.Bucket(), Key: append([]byte{}, key...)}, Op: store.Delete},
			store.Change{RowKey: store.RowKey{Table: store.TableHistory, Bucket: out.Bucket(), Key: wrong}, Op: store.Put, Value: append([]byte{}, parts[0]...)})
		return true
	})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	at := st.State().Applied(in.Bucket())
	if err := st.State().Commit(ctx, store.Commit{Span: store.AllBuckets(), Position: at, Changes: rows}); err != nil {
		t.Fatal(err)
	}
	if err := Rebuild(ctx, config(st, 2, 8), nil); err != nil {
		t.Fatal(err)
	}
	p = open(t, memory.Open(disk), 2, 8)
	defer closeNow(t, p)
	for who, want := range map[string]string{"in": "entered correction", "out": "left correction, entered event"} {
		s, err := p.PersonSegments(ctx, "user_id:"+who, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range s.History {
			got = append(got, x.Change+" "+x.Cause.Kind)
		}
		slices.Sort(got)
		wanted := strings.Split(want, ", ")
		slices.Sort(wanted)
		if fmt.Sprint(got) != fmt.Sprint(wanted) {
			t.Errorf("%s: %q, want %q", who, got, wanted)
		}
	}
}

// unresettable is a store whose state is not reset.
type unresettable struct{ store.Store }

type unresettableState struct{ store.State }

func (s unresettable) State() store.State { return unresettableState{s.Store.State()} }

func (unresettableState) Reset(context.Context, ...store.Table) error { return errDisk }

// A rebuild that is cut off before the state is thrown away leaves it as far as it
// was: the next start applies what it lacks. Flows of earlier versions count once.
func TestRebuild_CutOffAtItsBeginningSkipsNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	st := memory.New()
	flow := store.RowKey{Table: store.TableMeta, Bucket: 3, Key: append([]byte("flow\x00seen\x00"), make([]byte, 16)...)}
	for _, c := range []store.Commit{
		{Span: store.Span{First: 0, Last: 9}, Position: 5, Changes: []store.Change{{RowKey: flow, Op: store.Put, Value: []byte{1, 0}}}},
		{Span: store.Span{First: 10, Last: id.CommonBucket}, Position: 50},
	} {
		if err := st.State().Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := beginRetelling(ctx, unresettable{st}); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	for b, want := range map[id.Bucket]store.Position{0: 5, 9: 5, 10: 50, id.CommonBucket: 50} {
		if got := st.State().Applied(b); got != want {
			t.Errorf("bucket %d has applied %d, want %d", b, got, want)
		}
	}
	moved := flow
	moved.Table, moved.Key = store.TableFlows, append([]byte("seen\x00"), make([]byte, 16)...)
	moved.Key[len(moved.Key)-8] |= 0x80
	rows, err := st.State().Load(ctx, []store.RowKey{flow, moved})
	if err != nil || rows[0] != nil || len(rows[1]) != 1 {
		t.Errorf("the flow is %q and %q, %v", rows[0], rows[1], err)
	}
}
