package graph

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/memory"
)

// graphLoad makes what events show the graph: people with a user id, devices
// and now and then an e-mail address; one device in a hundred is used by two.
type graphLoad struct {
	r       *rand.Rand
	people  int
	at      store.Position
	records [batchSize]store.Record // of the running batch, as the log reads them: in one piece
	room    []byte                  // their payloads
}

// batchSize is how many records are applied at once.
const batchSize = 256

// start is when the first event is taken, in 2026.
const start = clock.Instant(1_767_225_600_000_000)

// devices is how many a person has; with user id and e-mail address that makes
// four identifiers.
const devices = 2

func (l *graphLoad) next(batch []*store.Record) []*store.Record {
	batch, l.room = batch[:0], l.room[:0]
	for i := range l.records {
		person := l.r.IntN(l.people)
		device := person*devices + l.r.IntN(devices)
		strong := event.Identifier{Namespace: event.UserID, Value: fmt.Sprintf("user-%d", person)}
		weak := event.Identifier{Namespace: event.AnonymousID, Value: fmt.Sprintf("8d1f2c3a-%012d", device)}
		switch n := l.r.IntN(100); {
		case n < 20:
			weak = event.Identifier{Namespace: event.Email, Value: fmt.Sprintf("user%d@example.org", person)}
		case device%100 == 0: // the other half of its events is of a neighbour
			if l.r.IntN(2) == 0 {
				strong.Value = fmt.Sprintf("user-%d", (person+1)%l.people)
			}
		}
		l.at++
		at := start.Add(time.Duration(l.at) * time.Millisecond)
		from := len(l.room)
		l.room = (&Link{Strong: strong, Weak: weak, First: at, Received: at, Event: l.at}).Append(l.room)
		l.records[i] = store.Record{
			Position: l.at, Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: strong.Key(), Received: at, Payload: l.room[from:len(l.room):len(l.room)],
		}
		batch = append(batch, &l.records[i])
	}
	return batch
}

// BenchmarkGraph measures the graph alone, each event an edge: in memory, and
// with its storage and memory for a third of the identifiers. The time is the
// processor's, of all threads of the process. RAPPORT_BENCH_IDENTIFIERS is how
// many there are, 400,000 if it is not set; in memory 5 million at most.
func BenchmarkGraph(b *testing.B) {
	identifiers := 400_000
	if n, err := strconv.Atoi(os.Getenv("RAPPORT_BENCH_IDENTIFIERS")); err == nil {
		identifiers = n
	}
	const perIdentifier = 700 // bytes of an identifier in the graph's memory
	b.Run("memory", func(b *testing.B) {
		// Rows and what is read of them are both in memory: 5 GB of these.
		identifiers := min(identifiers, 5_000_000)
		benchGraph(b, memory.New(), identifiers, false, 2*identifiers*perIdentifier)
	})
	b.Run("third", func(b *testing.B) {
		st, err := embedded.Open(b.TempDir(), embedded.Options{MemoryBudget: int64(max(64<<20, identifiers*perIdentifier/6))})
		if err != nil {
			b.Fatal(err)
		}
		defer st.Close() //nolint:errcheck // nothing is kept of it
		benchGraph(b, st, identifiers, true, identifiers*perIdentifier/3)
	})
}

func benchGraph(b *testing.B, st store.Store, identifiers int, commits bool, budget int) {
	const dirtyRows = 20_000
	// The collector works as in serve, where what is kept of people may take a third
	// of what the heap may: here it may take half.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(2 * budget)))
	ctx := context.Background()
	book := NewRulebook(identity.DefaultRules())
	g := New(Config{State: st.State(), Book: book, Log: slog.New(slog.DiscardHandler), Budget: budget})
	load := &graphLoad{r: rand.New(rand.NewPCG(1, 7)), people: identifiers / (devices + 2)}
	var batch []*store.Record
	apply := func() {
		applyAll(b, g, batch)
		if g.Dirty() < dirtyRows {
			return
		}
		if !commits { // nothing is encoded or written
			for _, n := range g.changedNodes {
				n.mark.changed = false
			}
			for _, c := range g.changedComponents {
				c.mark.changed = false
			}
			g.changedNodes, g.changedComponents, g.rows, g.more = g.changedNodes[:0], g.changedComponents[:0], nil, rows.Overlay{}
			return
		}
		c := store.Commit{Span: store.Span{First: id.CommonBucket, Last: id.CommonBucket}, Position: load.at, Changes: g.Changes(nil)}
		if err := st.State().Commit(ctx, c); err != nil {
			b.Fatal(err)
		}
		g.Trim()
	}
	began, said := time.Now(), 0
	for load.at < store.Position(identifiers) { // most are known before it counts
		batch = load.next(batch)
		apply()
		if tenth := int(load.at) * 10 / identifiers; tenth > said && identifiers > 1_000_000 {
			said = tenth
			fmt.Fprintf(os.Stderr, "  %s: %d0 %% of %d events loaded after %v\n", b.Name(), said, identifiers, time.Since(began).Round(time.Second))
		}
	}
	runtime.GC()
	var spent time.Duration
	events := 0
	b.ResetTimer()
	for range b.N {
		for range max(1, identifiers/4/batchSize) {
			batch = load.next(batch)
			before := processorTime(b)
			apply()
			spent += processorTime(b) - before
			events += len(batch)
		}
	}
	b.ReportMetric(float64(events)/spent.Seconds(), "events/s/core")
	b.ReportMetric(float64(g.count.Identifiers), "identifiers")
	b.ReportMetric(0, "ns/op")
}

// processorTime is what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// applyAll applies a batch as the pipeline does.
func applyAll(t testing.TB, g *Graph, batch []*store.Record) []store.Record {
	t.Helper()
	ctx := context.Background()
	if err := g.Begin(ctx, batch); err != nil {
		t.Fatal(err)
	}
	for i, r := range batch {
		if err := g.Apply(ctx, i, r); err != nil {
			t.Fatal(err)
		}
	}
	out, err := g.Publish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
