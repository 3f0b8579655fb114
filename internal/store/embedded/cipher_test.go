package embedded_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	atrest "rapport/internal/disk"
	"rapport/internal/id"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/storetest"
)

// enciphered opens a disk as an operator with a key does.
func enciphered(t *testing.T, fs vfs.FS) vfs.FS {
	t.Helper()
	key := atrest.Key{1, 2, 3}
	files, err := atrest.Open(fs, folder, atrest.Keys{Present: &key, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEmbedded_Enciphered(t *testing.T) {
	t.Parallel()
	if !soak.Long() {
		t.Skip("every call passes through one wrapper: the crashes below are enough for every day")
	}
	storetest.Run(t, func(t *testing.T) storetest.Disk {
		d := newDisk(t)
		d.files = func(fs vfs.FS) vfs.FS { return enciphered(t, fs) }
		// The ring is durable before an instance does anything.
		d.files(d.fs)
		return d
	})
}

// The power goes at any call of the disk below, with part of what was not synced
// kept: of an enciphered store, too, all that was acknowledged is there.
func TestCrash_EncipheredStoresComeBack(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	for seed := range uint64(2) {
		for _, nth := range some(3, callsOf(t, seed)) {
			for _, kept := range []int{0, 50, 100} {
				t.Run(fmt.Sprintf("seed %d call %d kept %d", seed, nth, kept), func(t *testing.T) {
					t.Parallel()
					mem, tr := vfs.NewCrashableMem(), storetest.NewTrial(t, seed)
					enciphered(t, mem)
					fs, after := cutAt(mem, nth, kept, uint64(nth))
					// The trick lies below: it cuts heads and pieces of writes too.
					if old, err := playOn(t, tr, enciphered(t, fs), fs); err == nil {
						defer old.Close() //nolint:errcheck // its disk is gone
					}
					if disk := after(); disk != nil {
						goOn(t, tr, enciphered(t, disk), true)
					}
				})
			}
		}
	}
}

// What a store is given is in none of its files, whether it lies in a row, in its
// key, or names the anchor of a record; and comes back all the same.
func TestEnciphered_NothingIsReadable(t *testing.T) {
	t.Parallel()
	ctx, mem := t.Context(), vfs.NewMem()
	row := store.RowKey{Table: 'x', Bucket: id.CommonBucket, Key: []byte("key-of-ada@example.com")}
	value, anchor := []byte("value-of-ada@example.com"), id.KeyOf("user_id", "ada")
	for _, key := range []bool{false, true} {
		files := vfs.FS(mem)
		if key {
			mem = vfs.NewMem()
			files = enciphered(t, mem)
		}
		s, err := embedded.Open(folder, embedded.Options{FS: files, MemoryBudget: 1})
		if err != nil {
			t.Fatal(err)
		}
		f := &store.Frame{Records: []store.Record{{Kind: store.KindEvent, Anchor: anchor, Bucket: anchor.Bucket(), Received: 7, Payload: []byte("what ada did")}}}
		if err := errors.Join(s.Log().Seal(ctx, f), s.Log().Append(ctx, []*store.Frame{f})); err != nil {
			t.Fatal(err)
		}
		err = s.State().Commit(ctx, store.Commit{
			Span: store.Span{First: id.CommonBucket, Last: id.CommonBucket}, Position: f.Records[0].Position,
			Changes: []store.Change{{RowKey: row, Op: store.Put, Value: value}},
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		for _, needle := range [][]byte{row.Key, value, anchor[:]} {
			if found := holding(t, mem, folder, needle); len(found) > 0 == key {
				t.Errorf("with a key %v: %q is in %v", key, needle, found)
			}
		}
		if s, err = embedded.Open(folder, embedded.Options{FS: files, MemoryBudget: 1}); err != nil {
			t.Fatal(err)
		}
		if rows, err := s.State().Load(ctx, []store.RowKey{row}); err != nil || len(rows[0]) != 1 || !bytes.Equal(rows[0][0], value) {
			t.Errorf("with a key %v: the row is %q, %v", key, rows, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
