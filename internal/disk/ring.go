package disk

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"rapport/internal/fault"
)

// KeyBytes is how long keys are.
const KeyBytes = 32

// Key is what the operator keeps outside the folder. It enciphers data keys and
// nothing else.
type Key [KeyBytes]byte

// ParseKey reads a key of 64 hexadecimal digits.
func ParseKey(text string) (*Key, error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != KeyBytes {
		return nil, errors.New("a key is 64 hexadecimal digits, as from: openssl rand -hex 32")
	}
	return (*Key)(b), nil
}

// ring is the data keys of a folder: files are enciphered under the last, and
// read under the one that their head names.
type ring struct{ keys []Key }

// The file beside the data that holds them, each sealed under the operator's key.
const (
	// RingName is its name.
	RingName   = "keyring"
	ringFormat = 1
)

type ringDocument struct {
	Format int      `json:"format"`
	Keys   [][]byte `json:"keys"` // nonce and AES-256-GCM, with its number as additional data
}

var errKey = errors.New("another key")

func readRing(path string, text []byte, k *Key) (*ring, error) {
	var doc ringDocument
	if err := json.Unmarshal(text, &doc); err != nil || len(doc.Keys) == 0 {
		return nil, damagedRing(path)
	}
	if doc.Format != ringFormat {
		return nil, fault.Errorf(fault.Conflict, "newer_data", "%s was written by a newer version (format %d; this one knows %d): start that version or a later one", path, doc.Format, ringFormat)
	}
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	r := &ring{}
	for i, sealed := range doc.Keys {
		if len(sealed) < aead.NonceSize() {
			return nil, damagedRing(path)
		}
		nonce, sealed := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
		plain, err := aead.Open(nil, nonce, sealed, ringNumber(i))
		if err != nil || len(plain) != KeyBytes {
			return nil, fault.Errorf(fault.Conflict, "encryption_key_wrong",
				"%s was written with another key than encryption.key_file holds: give that one, or give it with encryption.former_key_file to change from it: %w", path, errKey)
		}
		r.keys = append(r.keys, Key(plain))
	}
	return r, nil
}

func damagedRing(path string) error {
	return fault.Errorf(fault.Internal, "damaged_keyring", "%s is damaged: restore it from a backup, nothing can be read without it", path)
}

func ringNumber(i int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(i)) }

func (k *Key) aead() (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, k[:], nil, "rapport keyring", KeyBytes)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// grow draws another data key, for the files from now on.
func (r *ring) grow(random io.Reader) error {
	var k Key
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return fmt.Errorf("drawing a data key: %w", err)
	}
	r.keys = append(r.keys, k)
	return nil
}

// text is what is written down of the ring.
func (r *ring) text(k Keys) ([]byte, error) {
	aead, err := k.Present.aead()
	if err != nil {
		return nil, err
	}
	doc := ringDocument{Format: ringFormat}
	for i, key := range r.keys {
		nonce := make([]byte, aead.NonceSize())
		if _, err := io.ReadFull(k.Random, nonce); err != nil {
			return nil, fmt.Errorf("drawing a nonce: %w", err)
		}
		doc.Keys = append(doc.Keys, aead.Seal(nonce, nonce, key[:], ringNumber(i)))
	}
	return json.Marshal(doc)
}

// place is where a ring lies: beside data or beside backups.
type place struct {
	name  string
	read  func() ([]byte, error) // fs.ErrNotExist: there is none
	write func([]byte) error
	// used tells whether something lies there already.
	used func() (bool, error)
}

// open reads the ring of a place, and makes one where nothing was written yet.
// nil: what lies there is not enciphered.
func (p place) open(k Keys) (*ring, error) {
	text, err := p.read()
	switch {
	case err == nil && k.Present == nil:
		return nil, fault.Errorf(fault.Conflict, "encryption_key_missing",
			"%s is enciphered: give its key with encryption.key_file or RAPPORT_ENCRYPTION_KEY_FILE", p.name)
	case err == nil:
		return p.reopen(text, k)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the keyring of %s: %w", p.name, err)
	case k.Present == nil || k.Look:
		return nil, nil //nolint:nilnil // said above
	}
	used, err := p.used()
	if err == nil && used {
		err = fault.Errorf(fault.Conflict, "not_enciphered",
			"%s was begun without a key and lies there readable: give another place, which begins enciphered; what is here comes there with rapport copy, or with backup and restore", p.name)
	}
	r := &ring{}
	if err == nil {
		err = r.grow(k.Random)
	}
	if err == nil {
		err = p.keep(r, k)
	}
	return r, err
}

// reopen reads a ring, with the former key where the present one does not fit.
// What was written so far keeps its data key; whoever has the former key shall
// not read what comes.
func (p place) reopen(text []byte, k Keys) (*ring, error) {
	r, err := readRing(p.name, text, k.Present)
	if !errors.Is(err, errKey) || k.Former == nil {
		return r, err
	}
	r, err = readRing(p.name, text, k.Former)
	if k.Look {
		return r, err
	}
	if err == nil {
		err = r.grow(k.Random)
	}
	if err == nil {
		err = p.keep(r, k)
	}
	return r, err
}

func (p place) keep(r *ring, k Keys) error {
	text, err := r.text(k)
	if err != nil {
		return err
	}
	return p.write(text)
}
