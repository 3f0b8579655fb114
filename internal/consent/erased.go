package consent

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
)

// Subject names an erased identifier without telling it: the AES-CMAC (NIST SP
// 800-38B) of the identifier's key, under a key of the instance. Who has a list
// of subjects and not that key learns nothing from it.
type Subject [16]byte

// String is the subject in hexadecimal.
func (s Subject) String() string { return hex.EncodeToString(s[:]) }

// MarshalText makes it hexadecimal in JSON.
func (s Subject) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Subject) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil || len(raw) != len(s) {
		return fmt.Errorf("subject %.40q is not 32 hexadecimal digits", b)
	}
	copy(s[:], raw)
	return nil
}

// Erasure is the fact that an identifier was erased: its events that happened
// up to Time are refused, whenever they arrive.
type Erasure struct {
	Subject Subject       `json:"subject"`
	Time    clock.Instant `json:"time"`
}

// Compare orders erasures by subject and time.
func (e Erasure) Compare(o Erasure) int {
	return cmp.Or(strings.Compare(string(e.Subject[:]), string(o.Subject[:])), cmp.Compare(e.Time, o.Time))
}

// Hasher makes subjects.
type Hasher struct {
	block cipher.Block
	k1    [16]byte
}

// NewHasher derives the key of subjects from that of the instance.
func NewHasher(instanceKey [16]byte) *Hasher { return NewHasherFor(instanceKey, "rapport erasures") }

// NewHasherFor derives a key for another use, which sixteen bytes name: what is
// hashed for one cannot be recognised in the other.
func NewHasherFor(instanceKey [16]byte, use string) *Hasher {
	outer := block(instanceKey)
	var key [16]byte
	outer.Encrypt(key[:], []byte(use)[:16])
	h := &Hasher{block: block(key)}
	// The subkey for messages that are one whole block.
	h.block.Encrypt(h.k1[:], h.k1[:])
	carry := h.k1[0] >> 7
	for i := range h.k1 {
		h.k1[i] <<= 1
		if i+1 < len(h.k1) {
			h.k1[i] |= h.k1[i+1] >> 7
		}
	}
	h.k1[15] ^= carry * 0x87
	return h
}

func block(key [16]byte) cipher.Block {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // sixteen bytes are a key
	}
	return b
}

// Subject is that of an identifier.
func (h *Hasher) Subject(k id.Key) (s Subject) {
	for i := range k {
		s[i] = k[i] ^ h.k1[i]
	}
	h.block.Encrypt(s[:], s[:])
	return s
}

// Erased is the set of erasures of an instance. It never changes: With gives
// another. What it answers depends on the set alone, not on the order in which
// it was filled.
type Erased struct {
	hasher *Hasher
	byKey  map[Subject]erasedTimes
}

// erasedTimes is when an identifier was erased: the last time, and how often.
type erasedTimes struct {
	last  clock.Instant
	times []clock.Instant
}

// NewErased makes an empty set.
func NewErased(h *Hasher) *Erased { return &Erased{hasher: h} }

// With gives the set with more erasures in it; those that are in it change
// nothing.
func (e *Erased) With(list ...Erasure) *Erased {
	next := make(map[Subject]erasedTimes, len(e.byKey)+len(list))
	maps.Copy(next, e.byKey)
	for _, x := range list {
		t := next[x.Subject]
		if i, found := slices.BinarySearch(t.times, x.Time); !found {
			t.times = slices.Insert(slices.Clone(t.times), i, x.Time)
		}
		t.last = max(t.last, x.Time)
		next[x.Subject] = t
	}
	return &Erased{hasher: e.hasher, byKey: next}
}

// Empty tells that nobody was ever erased.
func (e *Erased) Empty() bool { return len(e.byKey) == 0 }

// Has tells whether an erasure is in the set.
func (e *Erased) Has(x Erasure) bool {
	_, found := slices.BinarySearch(e.byKey[x.Subject].times, x.Time)
	return found
}

// Until is the time up to which events of an identifier are refused, zero where
// it was never erased.
func (e *Erased) Until(k id.Key) clock.Instant {
	if len(e.byKey) == 0 {
		return 0
	}
	return e.byKey[e.hasher.Subject(k)].last
}

// Generation is how often an identifier was erased: who comes back under it is
// another person, with another profile id.
func (e *Erased) Generation(k id.Key) int {
	if len(e.byKey) == 0 {
		return 0
	}
	return len(e.byKey[e.hasher.Subject(k)].times)
}

// Most is the largest generation of any identifier.
func (e *Erased) Most() int {
	n := 0
	for _, t := range e.byKey {
		n = max(n, len(t.times))
	}
	return n
}

// Refuses tells whether an event is of a person that was erased after it
// happened. Whose it is its strongest identifier says: another person's event
// on a device that was the erased one's stays, without the device.
func (e *Erased) Refuses(v *event.Event) bool {
	if len(e.byKey) == 0 {
		return false
	}
	return e.names(v, v.Identifiers[0])
}

func (e *Erased) names(v *event.Event, i event.Identifier) bool {
	until := e.Until(i.Key())
	return until != 0 && v.Time <= until
}

// Strip takes identifiers that were erased after an event happened out of it.
func (e *Erased) Strip(v *event.Event) {
	if len(e.byKey) == 0 || !slices.ContainsFunc(v.Identifiers[1:], func(i event.Identifier) bool { return e.names(v, i) }) {
		return
	}
	v.Identifiers = slices.DeleteFunc(slices.Clone(v.Identifiers), func(i event.Identifier) bool { return e.names(v, i) })
}

// Erasure makes the fact for an identifier.
func (e *Erased) Erasure(k id.Key, at clock.Instant) Erasure {
	return Erasure{e.hasher.Subject(k), at}
}

// All lists the set in the order of Compare.
func (e *Erased) All() []Erasure {
	var out []Erasure
	for s, t := range e.byKey {
		for _, at := range t.times {
			out = append(out, Erasure{s, at})
		}
	}
	slices.SortFunc(out, Erasure.Compare)
	return out
}
