package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"rapport/internal/id"
	"rapport/internal/store"
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
	firstSets   = 16 // of a shard
	entryBytes  = 56 // of a cached key
	randomBatch = 32 * KeyBytes
)

// Keyring knows the current key of the anchors that are busy. An anchor that it
// does not know gets a new key, so that sealing never waits for a disk; what it
// takes of memory grows with the anchors, up to a bound. A key is only ever used by
// the Keyring that made it, hence a nonce never comes twice.
type Keyring struct {
	random io.Reader
	next   atomic.Uint64 // the next KeyID
	epoch  atomic.Uint64 // how often an anchor was forgotten
	hot    Ciphers

	mu      sync.Mutex // guards the rest
	shards  [shards]shard
	most    int // sets of a shard
	clock   uint32
	touched uint32            // of no use but that something was read
	reserve [randomBatch]byte // random bytes not handed out yet
	left    int
}

// shard is a part of the keys that grows by itself, so that nobody waits for the
// whole to grow.
type shard struct {
	sets [][ways]entry
	full int // sets without an empty place
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
	k := &Keyring{random: random, most: max(1, memory/2/entryBytes/ways/shards), hot: NewCiphers(memory / 2)}
	k.next.Store(uint64(next))
	for i := range k.shards {
		k.shards[i].sets = make([][ways]entry, min(firstSets, k.most))
	}
	return k
}

func (k *Keyring) shardOf(anchor id.Key) *shard { return &k.shards[anchor[15]%shards] }

// set is where the keys of an anchor are.
func (s *shard) set(anchor id.Key) *[ways]entry {
	return &s.sets[binary.LittleEndian.Uint64(anchor[4:])%uint64(len(s.sets))]
}

// Lease gives the current key of an anchor and a nonce for one text, making a
// key where the ring knows none.
func (k *Keyring) Lease(anchor id.Key) (Lease, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lease(anchor)
}

// LeaseAll adds a lease for each of some records.
func (k *Keyring) LeaseAll(into []Lease, records []store.Record) ([]Lease, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	// Each key lies somewhere else. Where all of them are asked for at once, and
	// nothing depends on what is found, memory brings many at a time.
	near := uint32(0)
	for i := range records {
		set := k.shardOf(records[i].Anchor).set(records[i].Anchor)
		near += set[0].used + set[ways/2].used
	}
	k.touched = near
	for i := range records {
		l, err := k.lease(records[i].Anchor)
		if err != nil {
			return into, err
		}
		into = append(into, l)
	}
	return into, nil
}

func (k *Keyring) lease(anchor id.Key) (Lease, error) {
	s := k.shardOf(anchor)
	set := s.set(anchor)
	k.clock++
	oldest := &set[0]
	for i := range set {
		e := &set[i]
		if e.used != 0 && e.key.Anchor == anchor {
			e.used = k.clock
			e.nonce++
			return Lease{Key: e.key, Nonce: e.nonce, Durable: e.durable}, nil
		}
		if age(k.clock, e.used) > age(k.clock, oldest.used) {
			oldest = e
		}
	}
	secret, err := k.draw()
	if err != nil {
		return Lease{}, err
	}
	key := Key{ID: KeyID(k.next.Add(1) - 1), Anchor: anchor, Secret: secret}
	*oldest = entry{key: key, used: max(1, k.clock)}
	if oldest == &set[ways-1] { // they fill in their order
		k.grow(s)
	}
	return Lease{Key: key}, nil
}

// grow doubles a shard where a quarter of its sets are full.
func (k *Keyring) grow(s *shard) {
	s.full++
	if 4*s.full <= len(s.sets) || len(s.sets) >= k.most {
		return
	}
	old := s.sets
	s.sets, s.full = make([][ways]entry, min(2*len(old), k.most)), 0
	for i := range old {
		for _, e := range old[i] {
			if e.used == 0 {
				continue
			}
			set := s.set(e.key.Anchor)
			free := slices.IndexFunc(set[:], func(o entry) bool { return o.used == 0 })
			if free < 0 {
				continue // too many of one set: the anchor gets another key
			}
			set[free] = e
			if free == ways-1 {
				s.full++
			}
		}
	}
}

// age makes an empty place the oldest of all.
func age(now, used uint32) uint32 {
	if used == 0 {
		return ^uint32(0)
	}
	return now - used
}

func (k *Keyring) draw() (secret [KeyBytes]byte, err error) {
	if k.left == 0 {
		if _, err := io.ReadFull(k.random, k.reserve[:]); err != nil {
			return secret, fmt.Errorf("drawing a data key: %w", err)
		}
		k.left = randomBatch
	}
	k.left -= KeyBytes
	b := k.reserve[k.left : k.left+KeyBytes]
	copy(secret[:], b)
	clear(b)
	return secret, nil
}

// Durable notes that a key is on disk, so that later leases say so.
func (k *Keyring) Durable(key *Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	set := k.shardOf(key.Anchor).set(key.Anchor)
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
	k.mu.Lock()
	set := k.shardOf(anchor).set(anchor)
	for i := range set {
		if e := &set[i]; e.used != 0 && e.key.Anchor == anchor {
			*e = entry{}
		}
	}
	below = KeyID(k.next.Load())
	k.mu.Unlock()
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
