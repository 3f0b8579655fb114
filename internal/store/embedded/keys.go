package embedded

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// The key files (docs/formats/log.md): keys/<first key id in hex>.keys, a head
// of 64 bytes and slots of 40 bytes, the id of a key being the number of its
// slot over all files. A slot is: state, 3 zero bytes, crc32c of what follows,
// anchor, wrapped key. An erased slot keeps its place and nothing else.
const (
	keysHead    = 64
	keysMagic   = "RAPPORT KEYS 1\n\x00"
	keysSuffix  = ".keys"
	slotBytes   = 40
	slotAnchor  = 8
	slotSecret  = slotBytes - seal.KeyBytes
	slotsOfFile = 1 << 20
)

// The states of a slot.
const (
	slotNone   = 0 // never written
	slotKey    = 1
	slotErased = 2
)

var errKey = errors.New("data key is damaged")

// keys is the files that hold the data keys. Writing is for one goroutine at a
// time; loading may run beside it.
type keys struct {
	folder folder
	master *seal.Master

	mu    sync.RWMutex // held for writing while keys are destroyed and while files come
	files map[uint64]vfs.File
	slots uint64 // how many there are room for in what was written

	opened seal.Ciphers // for reading; changed under mu only
}

func keysName(file uint64) string { return fmt.Sprintf("%016x", file*slotsOfFile) + keysSuffix }

// openKeys finds the key files of a folder.
func openKeys(f folder, o Options) (*keys, error) {
	if err := f.make(); err != nil {
		return nil, err
	}
	names, err := f.fs.List(f.dir)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", f.dir, err)
	}
	k := &keys{folder: f, files: map[uint64]vfs.File{}, opened: seal.NewCiphers(int(o.MemoryBudget / 32))}
	var found []uint64
	for _, name := range names {
		hex, ok := strings.CutSuffix(name, keysSuffix)
		if first, err := strconv.ParseUint(hex, 16, 64); ok && err == nil {
			found = append(found, first/slotsOfFile)
		}
	}
	slices.Sort(found)
	if k.master, err = openMaster(f, o.Random, len(found) == 0); err != nil {
		return nil, err
	}
	for _, n := range found {
		if err := k.openFile(n); err != nil {
			return nil, errors.Join(err, k.close())
		}
	}
	return k, nil
}

// openFile opens a file that was there before. A file whose head a crash cut
// short holds no key and is begun again when a key comes.
func (k *keys) openFile(n uint64) error {
	name := k.folder.path(keysName(n))
	file, err := createFile(k.folder.fs, name)
	if err != nil {
		return fmt.Errorf("opening %s: %w", name, err)
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("opening %s: %w", name, err), file.Close())
	}
	var head [keysHead]byte
	got, err := readAt(file, head[:], 0)
	if err != nil {
		return errors.Join(fmt.Errorf("reading %s: %w", name, err), file.Close())
	}
	if info.Size() <= keysHead && (got < keysHead || head == [keysHead]byte{}) {
		return file.Close()
	}
	if string(head[:len(keysMagic)]) != keysMagic {
		return errors.Join(fmt.Errorf("%s is no key file of this version", name), file.Close())
	}
	if mark := k.master.Mark(); string(head[16:32]) != string(mark[:]) {
		return errors.Join(fmt.Errorf("%s: %w", name, errMaster), file.Close())
	}
	k.files[n] = file
	if used := uint64(info.Size()-keysHead+slotBytes-1) / slotBytes; used > 0 {
		k.slots = max(k.slots, n*slotsOfFile+min(used, slotsOfFile))
	}
	return nil
}

// file gives the file of a key, making it where there is none.
func (k *keys) file(n uint64) (vfs.File, error) {
	k.mu.RLock()
	file := k.files[n]
	k.mu.RUnlock()
	if file != nil {
		return file, nil
	}
	name := k.folder.path(keysName(n))
	file, err := createFile(k.folder.fs, name)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", name, err)
	}
	head := make([]byte, keysHead)
	copy(head, keysMagic)
	mark := k.master.Mark()
	copy(head[16:], mark[:])
	if _, err = file.WriteAt(head, 0); err == nil {
		if err = file.Sync(); err == nil {
			err = k.folder.sync()
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making %s: %w", name, err), file.Close())
	}
	k.mu.Lock()
	k.files[n] = file
	k.mu.Unlock()
	return file, nil
}

// write makes keys durable.
func (k *keys) write(fresh []seal.Key) error {
	slices.SortFunc(fresh, func(a, b seal.Key) int {
		if a.ID < b.ID {
			return -1
		}
		return int(min(a.ID-b.ID, 1))
	})
	fresh = slices.CompactFunc(fresh, func(a, b seal.Key) bool { return a.ID == b.ID })
	buf := make([]byte, 0, len(fresh)*slotBytes)
	var touched []vfs.File
	for len(fresh) > 0 {
		n := 1
		for n < len(fresh) && fresh[n].ID == fresh[n-1].ID+1 && fresh[n].ID%slotsOfFile != 0 {
			n++
		}
		file, err := k.file(uint64(fresh[0].ID) / slotsOfFile)
		if err != nil {
			return err
		}
		buf = buf[:0]
		for i := range fresh[:n] {
			buf = k.appendSlot(buf, &fresh[i])
		}
		if _, err := file.WriteAt(buf, slotOffset(fresh[0].ID)); err != nil {
			return fmt.Errorf("writing data keys: %w", err)
		}
		if !slices.Contains(touched, file) {
			touched = append(touched, file)
		}
		k.mu.Lock()
		k.slots = max(k.slots, uint64(fresh[n-1].ID)+1)
		k.mu.Unlock()
		fresh = fresh[n:]
	}
	for _, file := range touched {
		if err := file.SyncData(); err != nil {
			return fmt.Errorf("writing data keys: %w", err)
		}
	}
	return nil
}

func slotOffset(key seal.KeyID) int64 {
	return keysHead + int64(uint64(key)%slotsOfFile)*slotBytes
}

func (k *keys) appendSlot(b []byte, key *seal.Key) []byte {
	start := len(b)
	b = append(b, slotKey, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, key.Anchor[:]...)
	wrapped := k.master.Wrap(key)
	b = append(b, wrapped[:]...)
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(b[start+8:], castagnoli))
	return b
}

// cipher gives the cipher of a stored key: store.ErrErased where the key was
// destroyed.
func (k *keys) cipher(key seal.KeyID, anchor id.Key) (cipher.AEAD, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if aead := k.opened.Get(key); aead != nil {
		return aead, nil
	}
	file := k.files[uint64(key)/slotsOfFile]
	if file == nil {
		return nil, fmt.Errorf("key %d: %w: its file is missing", key, errKey)
	}
	var b [slotBytes]byte
	n, err := readAt(file, b[:], slotOffset(key))
	switch {
	case err != nil:
		return nil, fmt.Errorf("key %d: %w", key, err)
	case b[0] == slotErased:
		return nil, store.ErrErased
	case n < slotBytes || b[0] != slotKey || id.Key(b[8:24]) != anchor ||
		crc32.Checksum(b[8:], castagnoli) != binary.LittleEndian.Uint32(b[4:]):
		return nil, fmt.Errorf("key %d: %w", key, errKey)
	}
	out := seal.Key{ID: key, Anchor: anchor}
	k.master.Unwrap(&out, b[slotSecret:])
	return k.opened.Put(&out)
}

// size is the bytes that hold keys.
func (k *keys) size() uint64 {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return uint64(len(k.files))*keysHead + k.slots*slotBytes
}

func (k *keys) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, f := range k.files {
		errs = append(errs, io.Closer(f).Close())
	}
	k.files = nil
	return errors.Join(errs...)
}
