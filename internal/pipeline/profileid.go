package pipeline

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"

	"rapport/internal/id"
)

// profileIDs makes the public ids of people. An id is the key of the person's
// earliest identifier, enciphered with the instance's key: nobody else can tell
// which identifier it is, it is the same whenever it is made, and the pipeline
// finds the identifier again without a table
// (docs/decisions/0003-profile-ids-are-enciphered-keys.md).
type profileIDs struct{ block cipher.Block }

func newProfileIDs(key [16]byte) *profileIDs {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // sixteen bytes are a key
	}
	return &profileIDs{block}
}

func (c *profileIDs) id(k id.Key) string {
	var out id.Key
	c.block.Encrypt(out[:], k[:])
	return hex.EncodeToString(out[:])
}

// key finds the identifier of an id; ok is false where it is no id at all.
func (c *profileIDs) key(profileID string) (k id.Key, ok bool) {
	b, err := hex.DecodeString(profileID)
	if err != nil || len(b) != len(k) {
		return k, false
	}
	c.block.Decrypt(k[:], b)
	return k, true
}
