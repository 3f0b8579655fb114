package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// MasterBytes is how long a master key is.
const MasterBytes = 32

// Master wraps data keys, so that a copy of the keys alone opens nothing. It
// never leaves the machine's memory.
type Master struct {
	block cipher.Block
}

// Derive makes another key of a master's secret, for the use that its label names.
// None of them tells anything of the secret, or of another.
func Derive(secret [MasterBytes]byte, label string) []byte {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(label))
	return mac.Sum(nil)
}

// NewMaster makes a master of its secret.
func NewMaster(secret [MasterBytes]byte) *Master {
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		panic(fmt.Errorf("master key: %w", err)) // 32 bytes are always a key
	}
	return &Master{block: block}
}

// tweak keeps two slots that hold the same key from looking the same.
func tweak(key KeyID) (out [KeyBytes]byte) {
	binary.LittleEndian.PutUint64(out[:], uint64(key))
	copy(out[8:], "data key")
	return out
}

// Wrap turns a data key into what is stored of it.
func (m *Master) Wrap(key *Key) (out [KeyBytes]byte) {
	t := tweak(key.ID)
	for i := range t {
		t[i] ^= key.Secret[i]
	}
	m.block.Encrypt(out[:], t[:])
	return out
}

// Unwrap undoes Wrap: it fills in the secret of a key whose id is known.
func (m *Master) Unwrap(key *Key, wrapped []byte) {
	m.block.Decrypt(key.Secret[:], wrapped)
	t := tweak(key.ID)
	for i := range t {
		key.Secret[i] ^= t[i]
	}
}

// Mark tells one master key from another without telling it.
func (m *Master) Mark() [16]byte {
	var b [aes.BlockSize]byte
	copy(b[:], "which master key")
	m.block.Encrypt(b[:], b[:])
	sum := sha256.Sum256(b[:])
	return [16]byte(sum[:16])
}
