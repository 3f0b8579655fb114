// Package id makes and hashes identifiers. It never draws randomness by
// itself: whoever makes an id passes it in.
package id

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Key is the fixed-size name of anything that has one: the first 16 bytes of
// SHA-256 over its namespace, a zero byte and its value. Two different values
// sharing a key is as likely as breaking SHA-256 to 128 bits.
type Key [16]byte

// KeyOf hashes a namespaced value.
func KeyOf(namespace, value string) Key { return keyOf(namespace, value) }

// KeyOfBytes is KeyOf of a value that lies in other bytes.
func KeyOfBytes(namespace, value []byte) Key { return keyOf(namespace, value) }

func keyOf[T string | []byte](namespace, value T) Key {
	var buf [160]byte
	b := append(buf[:0], namespace...)
	b = append(b, 0)
	b = append(b, value...)
	sum := sha256.Sum256(b)
	return Key(sum[:16])
}

// String is the key in hexadecimal.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// IsZero tells a key that was never made.
func (k Key) IsZero() bool { return k == Key{} }

// Buckets is how many parts the data is cut into, fixed when it is made.
const Buckets = 4096

// Bucket is one part of the data: the top twelve bits of an anchor's key, or
// the bucket of the identity graph, which comes after them.
type Bucket uint16

// CommonBucket holds what an instance has one of: the identity graph, which has
// one writer (docs/decisions/0002-one-writer-for-the-graph.md), and the dead
// letters, which belong to nobody yet.
const CommonBucket Bucket = Buckets

// Bucket tells in which part of the data a key lives.
func (k Key) Bucket() Bucket { return Bucket(k[0])<<4 | Bucket(k[1]>>4) }

// Message is the 64-bit short form of a message id within one anchor. Two ids
// that share it are told apart by reading the log.
func Message(messageID string) uint64 {
	sum := sha256.Sum256([]byte(messageID))
	return binary.BigEndian.Uint64(sum[:8])
}

// UUID forms a version 4 UUID of 16 random bytes.
func UUID(random [16]byte) string {
	random[6] = random[6]&0x0f | 0x40
	random[8] = random[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:8], random[0:4])
	out[8] = '-'
	hex.Encode(out[9:13], random[4:6])
	out[13] = '-'
	hex.Encode(out[14:18], random[6:8])
	out[18] = '-'
	hex.Encode(out[19:23], random[8:10])
	out[23] = '-'
	hex.Encode(out[24:36], random[10:16])
	return string(out[:])
}
