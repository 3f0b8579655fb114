package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// What follows from replayed records gets into the log while it is still being
// read. It must not move a lane past records that it has not been given yet.
func TestRecover_FoldsEverythingWhileMuchFollowsFromIt(t *testing.T) {
	t.Parallel()
	events := 6000
	if soak.Raced {
		events = 1500
	}
	w := newWorld(77, events)
	want := naive(t, w)
	for seed := range uint64(soak.Worlds(1)) {
		r := rand.New(rand.NewPCG(seed, 9))
		disk := memory.NewDisk()
		p := open(t, memory.Open(disk), 3, 64)
		play(t, p, w.facts, 500)
		p.abandon()
		disk.Crash(0) // the state is gone, the log is not
		for range 3 {
			c := config(memory.Open(disk), 1+r.IntN(4), 1+r.IntN(64))
			c.CommitEvery, c.CommitRows = time.Nanosecond, 1
			p, err := Open(context.Background(), c, nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := p.Accounting(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if a.Pending != 0 || a.Received != a.Stored+a.Deduplicated || a.Stored != distinct(w) {
				t.Fatalf("seed %d: after a replay the sums are %+v, want %d stored", seed, a, distinct(w))
			}
			if got := dump(t, p, w); got != want {
				t.Fatalf("seed %d:\n%s", seed, diff(got, want))
			}
			p.abandon()
			disk.Crash(r.IntN(disk.Pending() + 1))
		}
	}
}

var errSeal = errors.New("no room for a key")

// deaf is a store whose log takes facts and no links.
type deaf struct{ store.Store }

type deafLog struct{ store.Log }

func (d deaf) Log() store.Log { return deafLog{d.Store.Log()} }

func (d deafLog) Seal(ctx context.Context, f *store.Frame) error {
	if len(f.Records) > 0 && f.Records[0].Kind == store.KindLink {
		return errSeal
	}
	return d.Log.Seal(ctx, f)
}

// What follows from a fact and cannot get into the log is not forgotten: the
// lane commits nothing, so the next start derives it again.
func TestCommit_NeverPassesADerivedRecordThatIsNotInTheLog(t *testing.T) {
	t.Parallel()
	disk := memory.NewDisk()
	p := open(t, deaf{memory.Open(disk)}, 1, 16)
	at := worldStart
	play(t, p, []fact{{received: at, body: fmt.Sprintf(
		`{"type":"identify","userId":"u","messageId":"m","timestamp":%q,"traits":{"email":"u@example.org"}}`, at)}}, 1)
	if err := p.Close(context.Background()); !errors.Is(err, errSeal) {
		t.Errorf("closing gives %v, want why the links are missing", err)
	}
	p = open(t, memory.Open(disk), 1, 16)
	defer closeNow(t, p)
	if _, err := p.Profile(context.Background(), "email:u@example.org", ProfileOptions{}); err != nil {
		t.Errorf("after a start with a sound log: %v", err)
	}
}
