package graph

import (
	"context"
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
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// randomLinks are what events of some people show, some of them on devices of
// others, with copies and times in no order.
func randomLinks(r *rand.Rand, n int) []*store.Record {
	var out []*store.Record
	for i := range n {
		person := r.IntN(n / 6)
		l := Link{
			Strong: event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", person)},
			Weak:   event.Identifier{Namespace: event.AnonymousID, Value: fmt.Sprint("d", 4*person+r.IntN(4))},
			First:  start.Add(time.Duration(r.IntN(1000)) * time.Hour), Received: start.Add(time.Duration(i) * time.Minute), Event: store.Position(i + 1),
		}
		switch r.IntN(10) {
		case 0:
			l.Weak = event.Identifier{Namespace: event.Email, Value: fmt.Sprintf("u%d@example.org", person/2)}
		case 1:
			l.Weak.Value = fmt.Sprint("shared", r.IntN(3))
		case 2:
			l.Weak = event.Identifier{}
		case 3: // a guest, who is known on devices before who it is
			l.Strong = event.Identifier{Namespace: event.Email, Value: fmt.Sprintf("u%d@example.org", person/2)}
			l.Weak.Value = fmt.Sprint("guest", 8*person+r.IntN(8))
		}
		record := &store.Record{Position: store.Position(i + 1), Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: l.Strong.Key(), Received: l.Received, Payload: l.Append(nil)}
		out = append(out, record)
		if again := *record; r.IntN(4) == 0 {
			out = append(out, &again)
		}
	}
	return out
}

// played applies records in batches and commits after each; with no memory it
// keeps no row that is committed. What the graph asks is answered by answer.
func played(t *testing.T, st store.Store, list []*store.Record, batch, budget int, answer ...func(asked []store.Record, at store.Position) []*store.Record) *Graph {
	t.Helper()
	g := New(Config{State: st.State(), Book: NewRulebook(identity.DefaultRules()), Log: slog.New(slog.DiscardHandler), Budget: budget})
	for some := range slices.Chunk(list, batch) {
		at := some[len(some)-1].Position
		asked := applyAll(t, g, some)
		commitNow(t, st, g, at)
		for _, f := range answer {
			if list := f(asked, at); len(list) > 0 {
				applyAll(t, g, list)
				commitNow(t, st, g, at)
			}
		}
	}
	return g
}

// seenTwice are the sightings that anchors say when they are asked.
func seenTwice(asked []store.Record, at store.Position) (out []*store.Record) {
	for i := range asked {
		q, ok := ReadSighting(asked[i].Payload)
		if asked[i].Kind != store.KindAsk || !ok {
			continue
		}
		k := q.Strong.Key()
		q.Seen = []clock.Instant{start.Add(time.Duration(k[0]) * time.Hour), start.Add(time.Duration(k[1]) * time.Hour)}
		slices.Sort(q.Seen)
		out = append(out, &store.Record{Position: at, Kind: store.KindSighting, Bucket: id.CommonBucket, Anchor: k, Received: start, Payload: q.Append(nil)})
	}
	return out
}

func commitNow(t testing.TB, st store.Store, g *Graph, at store.Position) {
	t.Helper()
	c := store.Commit{Span: store.Span{First: id.CommonBucket, Last: id.CommonBucket}, Position: at, Changes: g.Changes(nil)}
	if err := st.State().Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	g.Trim()
}

// told is all that a graph knows, as it is in the store: who belongs to whom,
// every edge at both ends, and the audit.
func told(t testing.TB, st store.Store) (out []string, loose int) {
	t.Helper()
	ctx := context.Background()
	g := New(Config{State: st.State(), Book: NewRulebook(identity.DefaultRules()), Log: slog.New(slog.DiscardHandler), Budget: 1 << 30})
	var keys []id.Key
	if err := st.State().Scan(ctx, store.Range{Table: store.TableNodes, Bucket: id.CommonBucket}, func(key []byte, _ [][]byte) bool {
		keys = append(keys, id.Key(key))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	people, err := g.People(ctx, keys)
	if err == nil {
		err = g.loadNodes(ctx, keys)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		n, _ := g.nodes.Get(k)
		_, shared, err := g.Whole(ctx, k)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprint(n.ident, n.role, people[i], shared)
		slices.SortFunc(n.edges, func(a, b arc) int { return slices.Compare(a.to[:], b.to[:]) })
		for _, e := range n.edges {
			line += fmt.Sprint(" ", e.ident, e.first, e.received, e.asked, e.audit)
		}
		out = append(out, line)
	}
	entries, _, err := ReadAudit(ctx, st.State(), nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, fmt.Sprint(e))
	}
	return out, len(entries)
}

// A graph that has no memory for its rows comes to what one comes to that has all
// of them, whatever the batches.
func TestGraph_IsTheSameWithoutMemory(t *testing.T) {
	t.Parallel()
	entries := 0
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 5))
		list := randomLinks(r, 180)
		batch := 1 + r.IntN(40)
		with, without := memory.New(), memory.New()
		played(t, with, list, batch, 1<<30, seenTwice)
		played(t, without, list, batch, 1, seenTwice)
		want, n := told(t, with)
		got, _ := told(t, without)
		if !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("seed %d, batches of %d: without memory\n%s\nwith\n%s", seed, batch, got[i], want[i])
				}
			}
			t.Fatalf("seed %d: %d rows without memory, %d with", seed, len(got), len(want))
		}
		entries += n
	}
	t.Logf("seeds 0 to 7, %d merges", entries)
}

// What leads from somebody who is known to somebody who is not is added to a row
// that is not in memory, without reading it, and is there when it is read while
// the commit is on its way.
func TestGraph_AddsAnEdgeToARowThatIsNotInMemory(t *testing.T) {
	t.Parallel()
	st := memory.New()
	see := func(n int, weak string) *store.Record {
		l := Link{
			Strong: event.Identifier{Namespace: event.UserID, Value: "u"}, Weak: event.Identifier{Namespace: event.AnonymousID, Value: weak},
			First: start, Received: start + clock.Instant(n), Event: store.Position(n),
		}
		return &store.Record{Position: store.Position(n), Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: l.Strong.Key(), Received: l.Received, Payload: l.Append(nil)}
	}
	g := played(t, st, []*store.Record{see(1, "a")}, 1, 1)
	g.components.Limit, g.edges = 1<<20, newEdgeCache(1<<16)
	applyAll(t, g, []*store.Record{see(2, "b")}) // the component comes into memory
	commitNow(t, st, g, 2)
	applyAll(t, g, []*store.Record{see(3, "c"), see(4, "d"), see(5, "d")})
	user := id.KeyOf(event.UserID, "u")
	if g.inMemory(user) || len(g.loose.waiting[user]) != 2 {
		t.Fatalf("the user's row is in memory (%v), or has not two edges to come: %v", g.inMemory(user), g.loose.waiting)
	}
	changes := g.Changes(nil)
	applyAll(t, g, []*store.Record{see(6, "e")})
	members, err := g.Person(context.Background(), user)
	if err != nil || len(members) != 6 {
		t.Fatalf("the person has %v, %v", members, err)
	}
	if err := g.loadNodes(context.Background(), []id.Key{user}); err != nil {
		t.Fatal(err)
	}
	n, _ := g.nodes.Get(user)
	if len(n.edges) != 5 {
		t.Fatalf("the user has %d edges in memory, want 5", len(n.edges))
	}
	if err := st.State().Commit(context.Background(), store.Commit{Span: store.Span{First: id.CommonBucket, Last: id.CommonBucket}, Position: 5, Changes: changes}); err != nil {
		t.Fatal(err)
	}
	g.Trim()
	commitNow(t, st, g, 6)
	if all, _ := told(t, st); len(all) != 6+5 {
		t.Fatalf("%d identifiers and merges, want 11: %v", len(all), all)
	}
}

// A person who shares a device is known to do so after it was joined to a larger
// one, by whoever has nothing but the rows.
func TestGraph_KnowsWhoSharesFromTheRows(t *testing.T) {
	t.Parallel()
	st, at := memory.New(), store.Position(0)
	see := func(strong, weak event.Identifier) *store.Record {
		at++
		l := Link{Strong: strong, Weak: weak, First: start, Received: start.Add(time.Duration(at)), Event: at}
		return &store.Record{Position: at, Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: strong.Key(), Received: l.Received, Payload: l.Append(nil)}
	}
	user := func(n int) event.Identifier {
		return event.Identifier{Namespace: event.UserID, Value: fmt.Sprint("u", n)}
	}
	device := func(name string) event.Identifier {
		return event.Identifier{Namespace: event.AnonymousID, Value: name}
	}
	mail := event.Identifier{Namespace: event.Email, Value: "u0@example.org"}
	var list []*store.Record
	for n := range 6 {
		list = append(list, see(user(n), device("kiosk")))
	}
	for n := range 4 { // more than the user has
		list = append(list, see(mail, device(fmt.Sprint("own", n))))
	}
	list = append(list, see(user(0), mail))
	g := played(t, st, list, 1, 1<<30, seenTwice)
	for what, g := range map[string]*Graph{
		"with memory": g,
		"from rows":   New(Config{State: st.State(), Book: NewRulebook(identity.DefaultRules()), Log: slog.New(slog.DiscardHandler), Budget: 1 << 30}),
	} {
		members, shared, err := g.Whole(context.Background(), mail.Key())
		if err != nil || len(members) != 6 || len(shared) != 1 || len(shared[0].Owned) == 0 {
			t.Errorf("%s: the person is %v and shares %v, %v", what, members, shared, err)
		}
	}
}

// An edge that is remembered when a batch begins may have to leave the memory
// for another one before its turn comes: what it leads from is there all the same.
func TestGraph_KeepsWhoIsThereWhenAnEdgeIsForgottenInItsBatch(t *testing.T) {
	t.Parallel()
	st := memory.New()
	see := func(n int, user, device string) *store.Record {
		l := Link{
			Strong: event.Identifier{Namespace: event.UserID, Value: user}, Weak: event.Identifier{Namespace: event.AnonymousID, Value: device},
			First: start, Received: start.Add(time.Duration(n)), Event: store.Position(n),
		}
		return &store.Record{Position: store.Position(n), Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: l.Strong.Key(), Received: l.Received, Payload: l.Append(nil)}
	}
	g := played(t, st, []*store.Record{see(1, "u", "a"), see(2, "u", "b")}, 2, 1)
	g.edges = newEdgeCache(edgeSetBytes) // room for four
	l, _ := readLink(see(2, "u", "b").Payload)
	g.edges.put(&l)
	var batch []*store.Record
	for n := range 8 {
		batch = append(batch, see(3+n, fmt.Sprint("other", n), fmt.Sprint("device", n)))
	}
	batch = append(batch, see(11, "u", "b"))
	ctx := context.Background()
	if err := g.Begin(ctx, batch); err != nil {
		t.Fatal(err)
	}
	for i, r := range batch {
		if i == len(batch)-1 && g.edges.has(&l) {
			t.Fatal("the edge is still remembered")
		}
		if err := g.Apply(ctx, i, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	commitNow(t, st, g, 11)
	members, err := g.Person(ctx, id.KeyOf(event.UserID, "u"))
	if err != nil || len(members) != 3 {
		t.Errorf("u is %v, %v, want u, a and b", members, err)
	}
}
