package graph

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// inOldForm writes the sightings of a state as they lay before, by the quarter of
// an hour, and gives how many there are.
func inOldForm(t *testing.T, st store.State) (n int) {
	t.Helper()
	changes := []store.Change{rows.Common(store.TableMeta, formKey, store.Delete, nil)}
	if err := st.Scan(context.Background(), store.Range{Table: store.TableSightings, Bucket: id.CommonBucket}, func(key []byte, parts [][]byte) bool {
		old := byte(oldByTime)
		switch key[16] {
		case byOwner:
			return true
		case backwards:
			old = oldBackward
		default:
			n++
		}
		r := rows.Cursor{B: parts[0]}
		slot := identity.Slot(clock.Instant(r.Varint()))
		if old == oldBackward {
			slot = ^slot
		}
		k := binary.BigEndian.AppendUint32(append(slices.Clone(key[:16]), old), slot)
		changes = append(changes,
			rows.Common(store.TableSightings, append(k, key[25:]...), store.Put, slices.Clone(parts[0])),
			rows.Common(store.TableSightings, slices.Clone(key), store.Delete, nil))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	c := store.Commit{Span: store.Span{First: id.CommonBucket, Last: id.CommonBucket}, Position: 1 << 40, Changes: changes}
	if err := st.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	return n
}

// Rows of the form before are written anew, and say what they said.
func TestGraph_WritesAnOlderFormAnew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	st := memory.New()
	played(t, st, randomLinks(rand.New(rand.NewPCG(3, 5)), 180), 20, 1<<20, seenTwice)
	want, _ := told(t, st)
	n := inOldForm(t, st.State())
	if got, _ := told(t, st); n == 0 || slices.Equal(got, want) {
		t.Fatalf("%d sightings in the older form are read as they are", n)
	}
	open := func() (*Graph, error) {
		g := New(Config{State: st.State(), Book: NewRulebook(identity.DefaultRules()), Log: slog.New(slog.DiscardHandler), Budget: 1 << 20})
		return g, g.Load(ctx, 0)
	}
	for range 2 { // the second finds nothing to do
		g, err := open()
		if err != nil {
			t.Fatal(err)
		}
		commitNow(t, st, g, 1<<41)
		if got, _ := told(t, st); !slices.Equal(got, want) {
			t.Fatalf("written anew there is\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	left := 0
	if err := st.State().Scan(ctx, store.Range{Table: store.TableSightings, Bucket: id.CommonBucket}, func(key []byte, _ [][]byte) bool {
		left++
		if key[16] == oldByTime || key[16] == oldBackward {
			t.Errorf("a row of the older form is left: %x", key)
		}
		return true
	}); err != nil || left != 3*n {
		t.Errorf("%d rows are left of %d sightings, %v", left, n, err)
	}
	later := store.Commit{Span: store.Span{First: id.CommonBucket, Last: id.CommonBucket}, Position: 1 << 42, Changes: []store.Change{rows.Common(store.TableMeta, formKey, store.Put, []byte{form + 1})}}
	if err := st.State().Commit(ctx, later); err != nil {
		t.Fatal(err)
	}
	if _, err := open(); err == nil || !strings.Contains(err.Error(), fmt.Sprint("form ", form+1)) {
		t.Errorf("a form that nobody knows yet is read: %v", err)
	}
}
