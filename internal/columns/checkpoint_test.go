package columns_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"rapport/internal/columns"
	"rapport/internal/id"
)

// generation is an index in which every person has the same number.
func generation(n int) *columns.Index {
	x := columns.New(0)
	for i := range 200 {
		x.Update(&columns.Row{Key: id.KeyOf("user_id", strconv.Itoa(i)), Values: []columns.Value{{
			Field: columns.Field{Kind: columns.Trait, Name: "generation"}, Number: float64(n), IsNumber: true,
		}}})
	}
	return x
}

// ofGeneration counts the people of a part whose number is n, and all of them.
func ofGeneration(t *testing.T, x *columns.Index, n int) (same, all int) {
	t.Helper()
	a, err := x.Count(context.Background(), columns.Query{Node: columns.Scalar{
		Field: columns.Field{Kind: columns.Trait, Name: "generation"},
		Test:  columns.Test{Ranges: []columns.Range{{From: float64(n), To: float64(n)}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return a.Yes, a.People
}

func TestLoad_GivesWhatSaveWrote(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	f := openFolder(t, fs)
	for n := range 3 {
		x := generation(n)
		for part := range columns.Parts {
			if err := f.Save(x, part, columns.Mark{Position: uint64(n*100 + part)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	x := columns.New(0)
	for part := range columns.Parts {
		at, found, err := openFolder(t, fs).Load(x, part)
		if err != nil || !found || at.Position != uint64(200+part) {
			t.Fatalf("part %d: mark %+v, found %v, %v", part, at, found, err)
		}
	}
	if same, all := ofGeneration(t, x, 2); same != 200 || all != 200 {
		t.Errorf("%d of %d people, want 200 of 200", same, all)
	}
	if err := f.Drop(); err != nil {
		t.Fatal(err)
	}
	if _, found, err := f.Load(x, 0); found || err != nil {
		t.Errorf("after Drop: found %v, %v", found, err)
	}
}

func openFolder(t *testing.T, fs vfs.FS) *columns.Folder {
	t.Helper()
	f, err := columns.OpenFolder(fs, "index")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Whatever operation fails, and whatever of the unsynced writes a power loss
// leaves, a part is either of the generation before or of the next, whole.
func TestSave_IsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	before, after := generation(1), generation(2)
	broke, lost := 0, 0
	for nth := range int32(12) {
		for _, kept := range []int{0, 50, 100} {
			mem := vfs.NewCrashableMem()
			f := openFolder(t, mem)
			if err := f.Save(before, 5, columns.Mark{Position: 1}); err != nil {
				t.Fatal(err)
			}
			broken := errorfs.Wrap(mem, errorfs.ErrInjected.If(errorfs.And(errorfs.Writes, errorfs.OnIndex(nth))))
			f, err := columns.OpenFolder(broken, "index")
			if err == nil {
				err = f.Save(after, 5, columns.Mark{Position: 2})
			}
			if err != nil {
				broke++
				if !strings.Contains(err.Error(), "injected error") {
					t.Fatal(err)
				}
			}
			crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(uint64(nth), uint64(kept)))})
			x := columns.New(0)
			mark, found, loadErr := openFolder(t, crashed).Load(x, 5)
			position := mark.Position
			if loadErr != nil || !found {
				t.Fatalf("write %d fails, %d %% kept: found %v, %v", nth, kept, found, loadErr)
			}
			if err == nil && position != 2 {
				t.Errorf("write %d: a saved image is lost", nth)
			}
			if position == 1 {
				lost++
			}
			if same, all := ofGeneration(t, x, int(position)); same != all || all == 0 {
				t.Errorf("write %d fails, %d %% kept: %d of %d people are of generation %d", nth, kept, same, all, position)
			}
		}
	}
	t.Logf("%d saves failed, %d left the image before", broke, lost)
	if broke == 0 {
		t.Error("no write failed: the test proves nothing")
	}
}

func TestLoad_SaysWhatIsDamaged(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	f := openFolder(t, fs)
	if err := f.Save(generation(1), 5, columns.Mark{Position: 1}); err != nil {
		t.Fatal(err)
	}
	file, err := fs.OpenReadWrite(fmt.Sprintf("index/part-%02d.columns", 5), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{0xff}, 100); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, found, err := f.Load(columns.New(0), 5); found || !errors.Is(err, columns.ErrImage) {
		t.Errorf("found %v, %v", found, err)
	}
}

// Columns that were dropped come back once there is room for them.
func TestLoad_LeavesAnImageThatLacksWhatThereIsRoomFor(t *testing.T) {
	t.Parallel()
	f := openFolder(t, vfs.NewMem())
	const tight = columns.Parts * 64 << 10
	x := columns.New(tight)
	for i := range 300_000 { // a part is measured now and then
		key := id.KeyOf("user_id", strconv.Itoa(i))
		if columns.PartOf(key) != 5 {
			continue
		}
		x.Update(&columns.Row{Key: key, Values: []columns.Value{{
			Field: columns.Field{Kind: columns.Trait, Name: "email"}, Text: fmt.Sprintf("%q", fmt.Sprint(i, "@shop.example")),
		}}})
	}
	dropped := x.Stats().Dropped
	if len(dropped) == 0 {
		t.Fatal("nothing was dropped: this test shows nothing")
	}
	if err := f.Save(x, 5, columns.Mark{}); err != nil {
		t.Fatal(err)
	}
	for budget, want := range map[int]bool{tight: true, tight / 2: true, tight + tight/8: true, 2 * tight: false, 0: false} {
		again := columns.New(budget)
		if _, found, err := f.Load(again, 5); found != want || err != nil {
			t.Errorf("with %d bytes found %v, %v, want %v", budget, found, err, want)
		}
		if got := again.Stats().Dropped; want && !slices.Equal(got, dropped) {
			t.Errorf("dropped were %v, after it was read %v", dropped, got)
		}
	}
}
