package disk

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/fault"
)

// An enciphered file is a head of 64 bytes and then, byte for byte, what was
// written, under AES-256 in counter mode: any byte can be read and written
// alone, and a write that a crash cuts short harms no other. The head is
//
//	magic "RAPPORTENC1\n"      12 bytes
//	number of the data key      4 bytes, little-endian
//	salt                       32 bytes
//	check                      16 bytes
//
// HKDF-SHA256 of data key and salt gives the file's key and the check. The head
// reaches the disk together with the first bytes, so that no crash leaves it
// without them; a file without a head holds nothing.
const (
	headMagic = "RAPPORTENC1\n"
	headBytes = 64
	saltAt    = 16
	checkAt   = 48

	chunk = 128 << 10 // how much is enciphered at once
)

// file is an open file. Reading may run beside all else.
type file struct {
	vfs.File
	ring   *ring
	random io.Reader
	// placed says that writes say where: of others the file below counts itself.
	placed bool
	// foreign lets the file be one of somebody else, that is not enciphered.
	foreign bool

	at   int64 // of the next Read or Write
	key  atomic.Pointer[fileKey]
	mu   sync.Mutex // over what follows
	head []byte     // what of a new head is not written yet
	next *fileKey   // that of the new head
}

// fileKey is what a head says; nil in it: there is no head, and nothing is
// enciphered.
type fileKey struct{ block cipher.Block }

func (k *fileKey) behind() int64 {
	if k != nil && k.block == nil {
		return 0
	}
	return headBytes
}

// fileKey makes the key that a head with number and salt stands for, and sets
// the head's check.
func (r *ring) fileKey(head []byte) (*fileKey, error) {
	n := binary.LittleEndian.Uint32(head[len(headMagic):])
	if uint64(n) >= uint64(len(r.keys)) {
		return nil, fault.Errorf(fault.Conflict, "damaged_keyring", "data key %d is needed, and the keyring has %d: restore the newest keyring from a backup", n, len(r.keys))
	}
	b, err := hkdf.Key(sha256.New, r.keys[n][:], head[saltAt:checkAt], "rapport file", KeyBytes+headBytes-checkAt)
	if err != nil {
		return nil, err
	}
	copy(head[checkAt:headBytes], b[KeyBytes:])
	block, err := aes.NewCipher(b[:KeyBytes])
	return &fileKey{block}, err
}

// newHead begins a file.
func (r *ring) newHead(random io.Reader) ([]byte, *fileKey, error) {
	head := make([]byte, headBytes)
	copy(head, headMagic)
	binary.LittleEndian.PutUint32(head[len(headMagic):], uint32(len(r.keys)-1))
	if _, err := io.ReadFull(random, head[saltAt:checkAt]); err != nil {
		return nil, nil, fmt.Errorf("drawing a salt: %w", err)
	}
	k, err := r.fileKey(head)
	return head, k, err
}

// read reads the head of a file of which these are the first bytes; nil: it has
// none yet.
func (r *ring) read(b []byte) (*fileKey, error) {
	var none, head [headBytes]byte
	n := copy(head[:], b)
	if m := min(n, len(headMagic)); head != none && string(head[:m]) != headMagic[:m] {
		return nil, errForeign
	}
	if n < headBytes || head == none {
		return nil, nil //nolint:nilnil // said above
	}
	said := head
	k, err := r.fileKey(head[:])
	if err == nil && head != said {
		err = fault.Errorf(fault.Conflict, "damaged_file", "it is enciphered with another data key, or its head is damaged: restore it from a backup")
	}
	return k, err
}

var errForeign = fault.Errorf(fault.Conflict, "damaged_file", "it is not enciphered, though its folder is: restore it from a backup")

// xor enciphers or deciphers what lies at a place.
func (k *fileKey) xor(dst, src []byte, at int64) {
	var counter, before [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(at)/aes.BlockSize)
	stream := cipher.NewCTR(k.block, counter[:])
	skip := before[:at%aes.BlockSize]
	stream.XORKeyStream(skip, skip)
	stream.XORKeyStream(dst, src)
}

// known gives the key of what is there; nil: the file has no head.
func (f *file) known() (*fileKey, error) {
	if k := f.key.Load(); k != nil {
		return k, nil
	}
	var head [headBytes]byte
	n, err := f.File.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	k, err := f.ring.read(head[:n])
	if f.foreign && errors.Is(err, errForeign) {
		k, err = &fileKey{}, nil
	}
	if err != nil {
		if info, bad := f.File.Stat(); bad == nil {
			err = fmt.Errorf("%s: %w", info.Name(), err)
		}
		return nil, err
	}
	if k != nil {
		f.key.Store(k)
	}
	return k, nil
}

// ReadAt reads what was written at a place. Where the head never reached the
// disk nothing else was made durable either: it reads as zeros.
func (f *file) ReadAt(p []byte, at int64) (int, error) {
	k, err := f.known()
	if err != nil {
		return 0, err
	}
	n, err := f.File.ReadAt(p, at+k.behind())
	switch {
	case k == nil:
		clear(p[:n])
	case k.block != nil:
		k.xor(p[:n], p[:n], at)
	}
	return n, err
}

// Read reads on.
func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil // that is for the next one
	}
	return n, err
}

// Write writes on.
func (f *file) Write(p []byte) (int, error) {
	n, err := f.write(p, f.at, !f.placed)
	f.at += int64(n)
	return n, err
}

// WriteAt writes at a place.
func (f *file) WriteAt(p []byte, at int64) (int, error) { return f.write(p, at, false) }

func (f *file) write(p []byte, at int64, onward bool) (done int, err error) {
	below := func(b []byte, at int64) (int, error) {
		if onward {
			return f.File.Write(b)
		}
		return f.File.WriteAt(b, at)
	}
	k, err := f.known()
	if err != nil {
		return 0, err
	}
	if k == nil {
		if done, err = f.first(p, at, onward, below); err != nil {
			return done, err
		}
		k = f.key.Load()
	}
	room := rooms.Get().(*[]byte) //nolint:forcetypeassert // nothing else is put there
	defer rooms.Put(room)
	for done < len(p) {
		b := (*room)[:min(len(p)-done, chunk)]
		k.xor(b, p[done:done+len(b)], at+int64(done))
		n, err := below(b, at+int64(done)+headBytes)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

var rooms = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}

// first writes a new head, and with it what comes at the beginning.
func (f *file) first(p []byte, at int64, onward bool, below func([]byte, int64) (int, error)) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.key.Load() != nil {
		return 0, nil // another was first
	}
	if f.next == nil {
		var err error
		if f.head, f.next, err = f.ring.newHead(f.random); err != nil {
			return 0, err
		}
	}
	if at != 0 {
		p = nil
	}
	p = p[:min(len(p), chunk)]
	b := make([]byte, len(f.head)+len(p))
	f.next.xor(b[copy(b, f.head):], p, 0)
	n, err := below(b, headBytes-int64(len(f.head)))
	done := max(n-len(f.head), 0)
	if err != nil && n < len(f.head) {
		if onward {
			f.head = f.head[n:]
		}
		return 0, err
	}
	f.key.Store(f.next)
	f.head = nil
	return done, err
}

// Preallocate passes the advice on.
func (f *file) Preallocate(at, length int64) error { return f.File.Preallocate(at+headBytes, length) }

// Stat tells how long the file is without its head.
func (f *file) Stat() (vfs.FileInfo, error) {
	i, err := f.File.Stat()
	if k, bad := f.known(); bad == nil && k != nil && k.block == nil {
		return i, err
	}
	return behindHead(i, err)
}

// SyncTo passes the request on.
func (f *file) SyncTo(length int64) (bool, error) { return f.File.SyncTo(length + headBytes) }

// Prefetch passes the request on.
func (f *file) Prefetch(at, length int64) error { return f.File.Prefetch(at+headBytes, length) }

// Fd gives none: what a descriptor reads is not what was written.
func (f *file) Fd() uintptr { return vfs.InvalidFd }
