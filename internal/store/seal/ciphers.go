package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"sync/atomic"
)

// cipherBytes is what a prepared cipher takes of memory, about.
const cipherBytes = 1400

// Ciphers keeps the key schedules of keys in much use: making one takes four
// times as long as sealing an event with it. Any number of calls may run at
// once.
type Ciphers []atomic.Pointer[prepared]

type prepared struct {
	id   KeyID
	aead cipher.AEAD
}

// NewCiphers makes a cache that takes at most about the given bytes.
func NewCiphers(memory int) Ciphers {
	return make(Ciphers, max(16, memory/cipherBytes))
}

func (c Ciphers) place(key KeyID) *atomic.Pointer[prepared] {
	return &c[uint64(key)%uint64(len(c))]
}

// Get gives the cipher of a key if it is at hand, else nil.
func (c Ciphers) Get(key KeyID) cipher.AEAD {
	if p := c.place(key).Load(); p != nil && p.id == key {
		return p.aead
	}
	return nil
}

// Put prepares a cipher and keeps it until another takes its place.
func (c Ciphers) Put(key *Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key.Secret[:])
	if err != nil {
		return nil, fmt.Errorf("preparing a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("preparing a cipher: %w", err)
	}
	c.place(key.ID).Store(&prepared{id: key.ID, aead: aead})
	return aead, nil
}

// Drop forgets the cipher of a key.
func (c Ciphers) Drop(key KeyID) {
	at := c.place(key)
	if p := at.Load(); p != nil && p.id == key {
		at.CompareAndSwap(p, nil)
	}
}
