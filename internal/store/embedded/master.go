package embedded

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/store/seal"
)

const (
	masterName  = "master"
	masterBytes = 32
)

// master wraps data keys, so that a copy of the key files alone opens nothing.
type master struct {
	block cipher.Block
}

// openMaster reads the master key of a folder; it is made where there is
// neither a master key nor anything it could have wrapped.
func openMaster(f folder, random io.Reader, mayMake bool) (*master, error) {
	secret, err := f.read(masterName)
	if err != nil && mayMake && isNotExist(f, masterName) {
		secret = make([]byte, masterBytes)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, fmt.Errorf("drawing the master key: %w", err)
		}
		err = f.write(masterName, secret)
	}
	if err != nil {
		return nil, fmt.Errorf("master key %s: %w", f.path(masterName), err)
	}
	if len(secret) != masterBytes {
		return nil, fmt.Errorf("master key %s has %d bytes instead of %d: restore it from a backup",
			f.path(masterName), len(secret), masterBytes)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return &master{block: block}, nil
}

func isNotExist(f folder, name string) bool {
	names, err := f.fs.List(f.dir)
	if err != nil {
		return false
	}
	return !slices.Contains(names, name)
}

// tweak keeps two slots that hold the same key from looking the same.
func tweak(key seal.KeyID) (out [seal.KeyBytes]byte) {
	binary.LittleEndian.PutUint64(out[:], uint64(key))
	copy(out[8:], "data key")
	return out
}

// wrap turns a data key into what is stored of it.
func (m *master) wrap(key *seal.Key) (out [seal.KeyBytes]byte) {
	t := tweak(key.ID)
	for i := range t {
		t[i] ^= key.Secret[i]
	}
	m.block.Encrypt(out[:], t[:])
	return out
}

// unwrap undoes wrap.
func (m *master) unwrap(key *seal.Key, wrapped []byte) {
	m.block.Decrypt(key.Secret[:], wrapped)
	t := tweak(key.ID)
	for i := range t {
		key.Secret[i] ^= t[i]
	}
}

// mark tells one master key from another without telling it.
func (m *master) mark() [16]byte {
	var b [aes.BlockSize]byte
	copy(b[:], "which master key")
	m.block.Encrypt(b[:], b[:])
	sum := sha256.Sum256(b[:])
	return [16]byte(sum[:16])
}

var errMaster = errors.New("key file belongs to another master key")

// createFile makes a file that can be written at any place.
func createFile(fs vfs.FS, name string) (vfs.File, error) {
	return fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
}
