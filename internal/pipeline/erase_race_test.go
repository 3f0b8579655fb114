package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// slowStore tells of a commit that removes rows of the graph, and waits with it.
type slowStore struct {
	store.Store
	removing func()
}

func (s *slowStore) State() store.State { return &slowState{s.Store.State(), s.removing} }

type slowState struct {
	store.State
	removing func()
}

func (s *slowState) Commit(ctx context.Context, c store.Commit) error {
	if slices.ContainsFunc(c.Changes, func(x store.Change) bool { return x.Table == store.TableNodes && x.Op == store.Delete }) {
		s.removing()
	}
	return s.State.Commit(ctx, c)
}

// Who looks at the erased, or at who met them, while the removal is on its way to
// a slow store does not bring them back into memory, and so to the store later.
func TestErase_IsNotUndoneByWhoReadsMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var p *Pipeline
	var readers sync.WaitGroup
	var removals atomic.Int32
	slow := &slowStore{Store: memory.New()}
	slow.removing = func() {
		removals.Add(1)
		tried := make(chan struct{})
		readers.Go(func() {
			defer close(tried)
			for _, ref := range []string{"user_id:ada-lovelace", "anonymous_id:dev-of-ada", "user_id:bob"} {
				k, _, err := p.refer(ref)
				if err != nil {
					t.Error(err)
				}
				if _, _, err := p.graphPerson(ctx, k); err != nil {
					t.Error(err)
				}
			}
		})
		select { // a commit that takes its time; who has to wait for it goes on afterwards
		case <-tried:
		case <-time.After(50 * time.Millisecond):
		}
	}
	c := later(config(slow, 2, 3), 48*time.Hour)
	var err error
	if p, err = Open(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	say := func(n int, at time.Duration, who string) {
		body := fmt.Sprintf(`{"type":"identify","messageId":"m%d","timestamp":%q,%s}`, n, worldStart.Add(at), who)
		play(t, p, []fact{{received: worldStart.Add(at), body: body, kind: event.Identify}}, 1)
	}
	say(1, time.Hour, `"userId":"ada-lovelace","anonymousId":"dev-of-ada"`)
	say(2, 2*time.Hour, `"userId":"bob","anonymousId":"dev-of-ada"`)
	erase(t, p, "user_id:ada-lovelace")
	readers.Wait()
	if removals.Load() == 0 {
		t.Fatal("no removal went to the store")
	}
	ada := id.KeyOf(event.UserID, "ada-lovelace")
	if members, _, err := p.graphPerson(ctx, ada); err != nil || len(members) > 0 {
		t.Errorf("the graph knows the erased as %v, %v", members, err)
	}
	say(3, 49*time.Hour, `"userId":"bob","anonymousId":"dev-of-bob"`) // their rows are written again
	if err := p.settle(ctx); err != nil {
		t.Fatal(err)
	}
	closeNow(t, p)
	for _, table := range []store.Table{store.TableNodes, store.TableEdges, store.TableComponents, store.TableSightings, store.TableAudit, store.TableLookup} {
		err := slow.Store.State().Scan(ctx, store.Range{Table: table, Bucket: id.CommonBucket}, func(key []byte, parts [][]byte) bool {
			row := append([][]byte{key}, parts...)
			if slices.ContainsFunc(row, func(b []byte) bool { return bytes.Contains(b, []byte("ada-lovelace")) || bytes.Contains(b, ada[:]) }) {
				t.Errorf("a row of %c names the erased: %q", table, row)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
