package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"rapport/internal/id"
)

// KeyID names a data key: the number of its slot where keys are kept.
type KeyID uint64

// KeyBytes is how long a data key is.
const KeyBytes = 16

// Key is a data key with its name and owner.
type Key struct {
	ID     KeyID
	Anchor id.Key
	Secret [KeyBytes]byte
}

// Lease is the right to seal one text: a key and a nonce that was never used
// with it. Durable tells that the key is known to be on disk.
type Lease struct {
	Key
	Nonce   uint64
	Durable bool
}

const (
	shards      = 64
	ways        = 4
	entryBytes  = 56 // of a cached key
	randomBatch = 32 * KeyBytes
)

// Keyring knows the current key of the anchors that are busy. An anchor that it
// does not know gets a new key, so that sealing never waits for a disk; what it
// takes of memory is fixed. A key is only ever used by the Keyring that made it,
// hence a nonce never comes twice.
type Keyring struct {
	random io.Reader
	next   atomic.Uint64 // the next KeyID
	epoch  atomic.Uint64 // how often an anchor was forgotten
	shards [shards]shard
	hot    Ciphers
}

type shard struct {
	mu      sync.Mutex
	sets    [][ways]entry
	clock   uint32
	reserve [randomBatch]byte // random bytes not handed out yet
	left    int
}

// entry is a cached key. A used of zero is an empty place.
type entry struct {
	key     Key
	nonce   uint64
	used    uint32 // shard clock at the last use
	durable bool
}

// NewKeyring makes a ring that takes about the given bytes of memory. Its first
// key gets the id next.
func NewKeyring(memory int, next KeyID, random io.Reader) *Keyring {
	memory = max(memory, 1<<20)
	k := &Keyring{random: random}
	k.next.Store(uint64(next))
	sets := max(1, memory/2/entryBytes/ways/shards)
	for i := range k.shards {
		k.shards[i].sets = make([][ways]entry, sets)
	}
	k.hot = NewCiphers(memory / 2)
	return k
}

func (k *Keyring) shardOf(anchor id.Key) (*shard, *[ways]entry) {
	s := &k.shards[anchor[15]%shards]
	return s, &s.sets[binary.LittleEndian.Uint64(anchor[4:])%uint64(len(s.sets))]
}

// Lease gives the current key of an anchor and a nonce for one text, making a
// key where the ring knows none.
func (k *Keyring) Lease(anchor id.Key) (Lease, error) {
	s, set := k.shardOf(anchor)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	oldest := &set[0]
	for i := range set {
		e := &set[i]
		if e.used != 0 && e.key.Anchor == anchor {
			e.used = s.clock
			e.nonce++
			return Lease{Key: e.key, Nonce: e.nonce, Durable: e.durable}, nil
		}
		if age(s.clock, e.used) > age(s.clock, oldest.used) {
			oldest = e
		}
	}
	secret, err := s.draw(k.random)
	if err != nil {
		return Lease{}, err
	}
	key := Key{ID: KeyID(k.next.Add(1) - 1), Anchor: anchor, Secret: secret}
	*oldest = entry{key: key, used: max(1, s.clock)}
	return Lease{Key: key}, nil
}

// age makes an empty place the oldest of all.
func age(now, used uint32) uint32 {
	if used == 0 {
		return ^uint32(0)
	}
	return now - used
}

func (s *shard) draw(random io.Reader) (secret [KeyBytes]byte, err error) {
	if s.left == 0 {
		if _, err := io.ReadFull(random, s.reserve[:]); err != nil {
			return secret, fmt.Errorf("drawing a data key: %w", err)
		}
		s.left = randomBatch
	}
	s.left -= KeyBytes
	b := s.reserve[s.left : s.left+KeyBytes]
	copy(secret[:], b)
	clear(b)
	return secret, nil
}

// Durable notes that a key is on disk, so that later leases say so.
func (k *Keyring) Durable(key *Key) {
	s, set := k.shardOf(key.Anchor)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range set {
		if e := &set[i]; e.used != 0 && e.key.ID == key.ID && e.key.Anchor == key.Anchor {
			e.durable = true
		}
	}
}

// Forget drops the current key of an anchor and moves the epoch: every key of
// the anchor that a lease gave out in an earlier epoch has an id below the one
// returned, every later one has not.
func (k *Keyring) Forget(anchor id.Key) (below KeyID) {
	s, set := k.shardOf(anchor)
	s.mu.Lock()
	for i := range set {
		if e := &set[i]; e.used != 0 && e.key.Anchor == anchor {
			*e = entry{}
		}
	}
	below = KeyID(k.next.Load())
	s.mu.Unlock()
	k.epoch.Add(1)
	return below
}

// Epoch is how often Forget was called. What was leased before the epoch moved
// may be of a key that is gone.
func (k *Keyring) Epoch() uint64 { return k.epoch.Load() }

// Next is the id that the next key will get.
func (k *Keyring) Next() KeyID { return KeyID(k.next.Load()) }

// Cipher gives the cipher to seal with.
func (k *Keyring) Cipher(key *Key) (cipher.AEAD, error) {
	if aead := k.hot.Get(key.ID); aead != nil {
		return aead, nil
	}
	return k.hot.Put(key)
}

// Nonce spells a lease's nonce as the cipher takes it.
func Nonce(n uint64) (out [12]byte) {
	binary.BigEndian.PutUint64(out[4:], n)
	return out
}
