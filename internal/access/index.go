package access

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// Index answers look-ups. It is immutable: a change makes a new one, so the
// hot path takes no lock.
type Index struct {
	doc      *Document
	sources  map[string]*Source
	write    map[string]*Source
	limited  map[string]*WriteKey // write keys that pages of some origins may use
	secret   map[[sha256.Size]byte]*SecretKey
	clients  map[string]client
	tokenKey []byte
}

type client struct {
	source *Source
	key    *rsa.PublicKey
}

func newIndex(doc *Document) (*Index, error) {
	x := &Index{
		doc:     doc,
		sources: make(map[string]*Source, len(doc.Sources)),
		write:   map[string]*Source{},
		limited: map[string]*WriteKey{},
		secret:  make(map[[sha256.Size]byte]*SecretKey, len(doc.SecretKeys)),
		clients: map[string]client{},
	}
	if err := doc.validate(); err != nil {
		return nil, err
	}
	x.tokenKey, _ = hex.DecodeString(doc.TokenKey)
	for i := range doc.Sources {
		s := &doc.Sources[i]
		x.sources[s.Key] = s
		if s.Disabled {
			continue
		}
		for j := range s.WriteKeys {
			k := &s.WriteKeys[j]
			x.write[k.Key] = s
			if len(k.Origins) > 0 {
				x.limited[k.Key] = k
			}
		}
		for _, c := range s.Clients {
			key, err := parsePublicKey(c.PublicKey)
			if err != nil {
				return nil, err
			}
			x.clients[c.ID] = client{s, key}
		}
	}
	for i := range doc.SecretKeys {
		k := &doc.SecretKeys[i]
		sum, err := hex.DecodeString(k.Hash)
		if err != nil || len(sum) != sha256.Size {
			continue // validate has refused it
		}
		x.secret[[sha256.Size]byte(sum)] = k
	}
	return x, nil
}

// Document is what the index was made of. The caller must not change it.
func (x *Index) Document() *Document { return x.doc }

// Source finds a source by its key, also a disabled one; nil where there is
// none.
func (x *Index) Source(key string) *Source { return x.sources[key] }

// WriteKey finds the source that a write key belongs to; nil where the key is
// unknown or its source is disabled. Write keys are public, so this is a plain
// look-up.
func (x *Index) WriteKey(key string) *Source { return x.write[key] }

// Restricted finds a write key that only pages of some origins may use; nil
// where there is no such key.
func (x *Index) Restricted(key string) *WriteKey { return x.limited[key] }

// Secret finds the entry of a secret key; nil where it is unknown. The time it
// takes says nothing of the keys there are: what is looked up is a hash, and
// it is compared in constant time.
func (x *Index) Secret(key string) *SecretKey {
	sum := sha256.Sum256([]byte(key))
	k := x.secret[sum]
	if k == nil {
		return nil
	}
	want, _ := hex.DecodeString(k.Hash)
	if subtle.ConstantTimeCompare(sum[:], want) != 1 {
		return nil
	}
	return k
}

func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
