package app_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/app"
	"rapport/internal/backup"
	"rapport/internal/config"
	"rapport/internal/soak"
	"rapport/internal/store/embedded"
	"rapport/internal/store/transfer"
)

// sumsOf reads everything that the store of an instance that stands still holds.
func sumsOf(t *testing.T, c config.Config) *transfer.Sums {
	t.Helper()
	if err := app.OpenFolder(&c, app.Parts{}); err != nil {
		t.Fatal(err)
	}
	s, err := embedded.Open(c.Path("store"), embedded.Options{FS: c.Files, MemoryBudget: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	out, err := transfer.SumsOf(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRestore_HasTheChecksumsOfWhatWasBackedUp backs instances up that grow from
// backup to backup, every other one enciphered, and restores all that was kept:
// the newest and those before. RAPPORT_SOAK=50 makes it 100 restores and more.
func TestRestore_HasTheChecksumsOfWhatWasBackedUp(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	const generations = 2
	for world := range soak.Worlds(1) {
		r := rand.New(rand.NewPCG(uint64(world), 11))
		h := &house{T: t, dir: t.TempDir(), to: filepath.Join(t.TempDir(), "backups")}
		if world%2 == 1 {
			h.key = strings.Repeat("a1", 32)
		}
		var kept []*backup.Snapshot
		var sums []*transfer.Sums
		for g := range generations {
			a := h.start(h.dir)
			for i := range 1 + r.IntN(5) {
				var events []string
				for j := range 1 + r.IntN(80) {
					events = append(events, fmt.Sprintf(`{"type":"identify","userId":"u%d","messageId":"%d-%d-%d","traits":{"n":%d,"text":%q}}`, r.IntN(40), g, i, j, r.IntN(9), strings.Repeat("x", r.IntN(200))))
				}
				batch(t, a, events...)
			}
			h.stop(a)
			s, err := app.Backup(t.Context(), h.settings(h.dir), h.to, app.Parts{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			kept, sums = append(kept, s), append(sums, sumsOf(t, h.settings(h.dir)))
		}
		for g, s := range kept {
			c := h.settings(filepath.Join(t.TempDir(), "restored"))
			target, err := app.BackupsToRead(t.Context(), &c, h.to, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s, err = backup.Read(t.Context(), target, s.ID); err != nil || s.Sum != kept[g].Sum {
				t.Fatalf("world %d, backup %d: %v, %v", world, g, s, err)
			}
			if _, err := app.Restore(t.Context(), c, target, s, nil, app.Parts{}, nil); err != nil {
				t.Fatal(err)
			}
			if err := transfer.Compare(sumsOf(t, c), sums[g]); err != nil {
				t.Errorf("world %d, backup %d: %v", world, g, err)
			}
		}
	}
}
