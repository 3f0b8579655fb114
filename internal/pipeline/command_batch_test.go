package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// Commands in batches leave what the same commands leave one by one.
func TestChangeMany_IsLikeOneByOne(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		single, batch := open(t, memory.New(), 2, 8), open(t, memory.New(), 3, 8)
		defer closeNow(t, single)
		defer closeNow(t, batch)
		r := rand.New(rand.NewPCG(seed, 5))
		for round := range 20 {
			var commands []Command
			keys := r.Perm(30)
			for range 1 + r.IntN(8) { // several may be on one item
				n := r.IntN(6)
				c := Command{
					Kind: catalog.Item, ID: fmt.Sprint("p", n), Op: catalog.Op(r.IntN(3)), Source: "shop", Received: worldStart,
					Body:           fmt.Appendf(nil, `{"attributes":{"a":%d,"b":null}}`, r.IntN(4)),
					IdempotencyKey: fmt.Sprint("k", keys[len(commands)]),
				}
				if r.IntN(8) == 0 {
					c.Body = []byte(`{"attributes":7}`)
				}
				if c.Op == catalog.Delete {
					c.Body = nil
				}
				commands = append(commands, c)
			}
			refused, receipt, err := batch.ChangeMany(t.Context(), commands)
			if err != nil {
				t.Fatal(err)
			}
			if err := batch.WaitApplied(t.Context(), receipt); err != nil {
				t.Fatal(err)
			}
			for i := range commands {
				_, err := single.Change(t.Context(), commands[i])
				if (err == nil) != (refused[i] == nil) || err != nil && fault.KindOf(err) != fault.KindOf(refused[i]) {
					t.Fatalf("seed %d round %d: %+v: alone %v, in a batch %v", seed, round, commands[i], err, refused[i])
				}
			}
			if got, want := dump(t, batch, &world{}), dump(t, single, &world{}); got != want {
				t.Fatalf("seed %d round %d:\n%s", seed, round, diff(got, want))
			}
		}
	}
}

// Of several commands on one entity the turn ends with the last: another command
// waits until all of them are applied.
func TestChangeMany_ManyOnOneEntityHaveOneTurn(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 2, 3)
	defer closeNow(t, p)
	var commands []Command
	for n := range 50 {
		commands = append(commands, Command{Kind: catalog.Item, ID: "p", Op: catalog.Merge, Body: fmt.Appendf(nil, `{"attributes":{"a%d":%d,"last":%d}}`, n, n, n), Source: "shop"})
	}
	commands[0].Op = catalog.Put
	refused, _, err := p.ChangeMany(t.Context(), commands)
	if err != nil || slices.ContainsFunc(refused, func(err error) bool { return err != nil }) {
		t.Fatal(refused, err)
	}
	// It is decided on all 50: it removes what the last of them said.
	if _, err := p.Change(t.Context(), Command{Kind: catalog.Item, ID: "p", Op: catalog.Merge, Body: []byte(`{"attributes":{"last":null}}`), Source: "shop"}); err != nil {
		t.Fatal(err)
	}
	items, err := p.Items(t.Context(), []string{"p"})
	if err != nil {
		t.Fatal(err)
	}
	if v := items[0].View(nil).(*catalog.ItemView); len(v.Attributes) != 50 || v.Attributes["last"] != nil {
		t.Errorf("%d attributes: %s", len(v.Attributes), v.Attributes["last"])
	}
}

// watched tells of reads of entities.
type watched struct {
	store.Store
	reading func()
}

func (s *watched) State() store.State { return watchedState{s.Store.State(), s} }

type watchedState struct {
	store.State
	s *watched
}

func (s watchedState) Load(ctx context.Context, keys []store.RowKey) ([][][]byte, error) {
	if len(keys) > 0 && keys[0].Table == store.TableEntities {
		s.s.reading()
	}
	return s.State.Load(ctx, keys)
}

// An entity that is not in memory is read while its lane is held up: else an
// event could change it between the two, and the commands be decided on what it
// was before.
func TestChangeMany_ReadsEntitiesWhileTheirLaneStands(t *testing.T) {
	t.Parallel()
	var p *Pipeline
	reads := 0
	st := &watched{Store: memory.New(), reading: func() {
		reads++
		if l := p.lanes[0]; l.mu.TryLock() {
			l.mu.Unlock()
			t.Error("entities are read while batches may change them")
		}
	}}
	p = open(t, st, 1, 8)
	defer closeNow(t, p)
	c := Command{Kind: catalog.Item, ID: "p", Op: catalog.Put, Body: []byte(`{}`), Source: "shop"}
	if _, _, err := p.ChangeMany(t.Context(), []Command{c}); err != nil {
		t.Fatal(err)
	}
	if reads == 0 {
		t.Error("nothing was read")
	}
}
