package pipeline

import (
	"context"
	"fmt"
	"testing"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// The messages of an anchor's first chunks have no rows, those of later ones have:
// a copy is found in both, also where nothing of the anchor is in memory.
func TestFindCopies_LooksThroughFirstChunksAndAsksForLaterOnes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := open(t, memory.New(), 1, 0)
	defer closeNow(t, p)
	l, w := p.lanes[0], p.people[0]
	ident := event.Identifier{Namespace: event.UserID, Value: "busy"}
	message := func(i int) uint64 { return id.Message(fmt.Sprint("m", i)) }
	const chunks = 4 // two on each side of where rows begin
	l.mu.Lock()
	a := w.anchor(ident, ident.Key())
	a.chunks, a.known = knownChunks-chunks/2, newShorts(0)
	for i := range chunks * chunkEntries {
		a.note(profile.Entry{Short: message(i), Position: uint64(1000 + i), Type: event.Track, Time: 1, Received: 1})
	}
	w.touch(a)
	l.mu.Unlock()
	if err := l.commit(ctx); err != nil {
		t.Fatal(err)
	}
	rows := 0
	err := p.store.State().Scan(ctx, store.Range{Table: store.TableSeen, Bucket: a.key.Bucket(), Prefix: a.key[:]}, func([]byte, [][]byte) bool {
		rows++
		return true
	})
	if err != nil || rows != chunks/2*chunkEntries {
		t.Fatalf("%d rows of messages, %v", rows, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.anchors.Drop(a.key)
	if err := w.load(ctx, tasksOf(a, message(0))); err != nil {
		t.Fatal(err)
	}
	for i := range chunks*chunkEntries + 1 {
		tasks := tasksOf(a, message(i))
		if err := w.findCopies(ctx, tasks); err != nil {
			t.Fatal(err)
		}
		entry, err := w.entryOf(ctx, a.key, message(i), store.Position(1000+i))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range []*profile.Entry{tasks[0].copy, entry} {
			if (found != nil) != (i < chunks*chunkEntries) || found != nil && found.Position != uint64(1000+i) {
				t.Fatalf("message %d: %+v", i, found)
			}
		}
	}
	if entry, err := w.entryOf(ctx, a.key, message(5), 2000); err != nil || entry == nil || entry.Position != 1005 {
		t.Errorf("of a copy that came later: %+v %v", entry, err)
	}
}

func tasksOf(a *anchor, short uint64) []task {
	rec := &store.Record{Kind: store.KindEvent, Bucket: a.key.Bucket(), Anchor: a.key}
	return []task{{rec: rec, event: &event.Event{Identifiers: []event.Identifier{a.ident}}, short: short}}
}
