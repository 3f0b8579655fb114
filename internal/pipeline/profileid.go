package pipeline

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"

	"rapport/internal/event"
	"rapport/internal/id"
)

// profileIDs makes the public ids of people. An id is the key of the person's
// earliest identifier, enciphered with the instance's key: nobody else can tell
// which identifier it is, it is the same whenever it is made, and the pipeline
// finds the identifier again without a table
// (docs/decisions/0003-profile-ids-are-enciphered-keys.md).
type profileIDs struct {
	instance [16]byte
	block    cipher.Block
	erased   *erasures
}

func newProfileIDs(key [16]byte, erased *erasures) *profileIDs {
	return &profileIDs{key, blockOf(key), erased}
}

func blockOf(key [16]byte) cipher.Block {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // sixteen bytes are a key
	}
	return block
}

// generation gives the cipher for identifiers that were erased so many times:
// who comes back is somebody else.
func (c *profileIDs) generation(n int) cipher.Block {
	if n == 0 {
		return c.block
	}
	var key [16]byte
	copy(key[:], "generation")
	binary.BigEndian.PutUint32(key[12:], uint32(n))
	c.block.Encrypt(key[:], key[:])
	return blockOf(key)
}

func (c *profileIDs) id(k id.Key) string { return c.idOf(k, c.erased.Load().Generation(k)) }

func (c *profileIDs) idOf(k id.Key, generation int) string {
	var out id.Key
	c.generation(generation).Encrypt(out[:], k[:])
	return hex.EncodeToString(out[:])
}

// key finds the identifier of an id; ok is false where it is no id at all. gone
// says that it was the id of a person who was erased.
func (c *profileIDs) key(profileID string) (k id.Key, gone, ok bool) {
	b, err := hex.DecodeString(profileID)
	if err != nil || len(b) != len(k) {
		return k, false, false
	}
	for n := c.erased.Load().Most(); n > 0; n-- {
		c.generation(n).Decrypt(k[:], b)
		if now := c.erased.Load().Generation(k); now >= n {
			return k, now > n, true
		}
	}
	c.block.Decrypt(k[:], b)
	return k, c.erased.Load().Generation(k) > 0, true
}

// ProfileIDOf gives the id that an identifier would have as a person of its own.
// It leads to whoever the identifier belongs to, now and later, and is made
// without looking who that is. An identifier that names nobody has none.
func (p *Pipeline) ProfileIDOf(i event.Identifier) string {
	i, reason := p.Rules().Normalise(i)
	if reason != "" {
		return ""
	}
	return p.cipher.id(i.Key())
}
