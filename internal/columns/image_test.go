package columns_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"rapport/internal/columns"
	"rapport/internal/id"
	"rapport/internal/soak"
)

// images writes all parts down.
func images(t testing.TB, x *columns.Index) [][]byte {
	t.Helper()
	out := make([][]byte, columns.Parts)
	for i := range out {
		var b bytes.Buffer
		if err := x.WriteImage(&b, i, columns.Mark{Position: uint64(1000 + i), Edition: 9, Own: 11}); err != nil {
			t.Fatal(err)
		}
		out[i] = b.Bytes()
	}
	return out
}

func restore(t testing.TB, all [][]byte) *columns.Index {
	t.Helper()
	x := columns.New(0)
	for i, b := range all {
		at, err := x.ReadImage(b, i)
		if err != nil || at != (columns.Mark{Position: uint64(1000 + i), Edition: 9, Own: 11}) {
			t.Fatalf("part %d: mark %+v, %v", i, at, err)
		}
	}
	return x
}

func TestImage_GivesTheSameIndexAgain(t *testing.T) {
	t.Parallel()
	for n := range uint64(soak.Worlds(4)) {
		w := newWorld(t, 100+n)
		x, all, suspects := columns.New(0), people{}, map[id.Key]bool{}
		for range 4 {
			w.change(x, all, suspects, 3000)
			x = restore(t, images(t, x))
			for range 25 {
				check(t, x, all, suspects, w.node(3))
			}
		}
	}
}

func TestImage_GivesDenseBlocksAgain(t *testing.T) {
	soak.Unraced(t)
	t.Parallel()
	w := newWorld(t, 104)
	x, all := columns.New(0), people{}
	manyPeople(w, x, all, 40_000)
	x = restore(t, images(t, x))
	for i := range 8000 {
		if i%3 == 0 {
			x.Remove(w.key(i))
			delete(all, w.key(i))
			continue
		}
		r := w.row(i)
		x.Update(r)
		all[r.Key] = r
	}
	for range 20 {
		check(t, x, all, nil, w.node(2))
	}
}

func TestReadImage_RefusesWhatIsDamaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 105)
	x, all := columns.New(0), people{}
	manyPeople(w, x, all, 3000)
	image := images(t, x)[3]
	for range 300 {
		damaged := bytes.Clone(image)
		switch w.IntN(3) {
		case 0:
			damaged = damaged[:w.IntN(len(damaged))]
		case 1:
			damaged[w.IntN(len(damaged))] ^= 1 << w.IntN(8)
		default:
			damaged = append(damaged, byte(w.IntN(256)))
		}
		if _, err := x.ReadImage(damaged, 3); !errors.Is(err, columns.ErrImage) {
			t.Fatalf("a damaged image gives %v", err)
		}
	}
	if _, err := x.ReadImage(image, 4); !errors.Is(err, columns.ErrImage) {
		t.Errorf("the image of another part gives %v", err)
	}
	check(t, x, all, nil, w.node(2))
}

// FuzzReadImage gives the decoder bodies with right sums: whatever it takes can
// be asked, changed and written again.
func FuzzReadImage(f *testing.F) {
	x := columns.New(0)
	w := world{newRand(1)}
	for i := range 300 {
		x.Update(w.row(i))
	}
	for _, b := range images(f, x)[:4] {
		f.Add(b[:len(b)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		image := binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
		for part := range 4 {
			x := columns.New(0)
			if _, err := x.ReadImage(image, part); err != nil {
				continue
			}
			w := world{newRand(2)}
			for range 5 {
				count(t, x, w.node(2))
			}
			for i := range 50 {
				x.Update(w.row(i))
				x.Remove(w.key(i + 25))
			}
			for _, k := range x.Suspects(10) {
				x.Remove(k)
			}
			var again bytes.Buffer
			if err := x.WriteImage(&again, part, columns.Mark{}); err != nil {
				t.Fatal(err)
			}
			if _, err := columns.New(0).ReadImage(again.Bytes(), part); err != nil {
				t.Errorf("what was written again: %v", err)
			}
		}
	})
}
