package app

import (
	"crypto/hkdf"
	"crypto/sha256"

	"rapport/internal/access"
	"rapport/internal/dialect/evergage"
)

// evergage is the door for Salesforce's clients.
func (a *App) evergage() *evergage.Door {
	return evergage.New(evergage.Config{
		Accept: a.pipeline, Keys: datasets{a.access}, Book: today{a.pipeline}, Key: browserKey(a.instanceKey),
		Now: a.parts.Clock, Random: a.parts.fill,
	})
}

// browserKey enciphers the user ids that browsers keep.
func browserKey(instance [16]byte) evergage.Key {
	b, err := hkdf.Key(sha256.New, instance[:], nil, "user ids that browsers keep", len(evergage.Key{}))
	if err != nil {
		panic(err) // the length is one that SHA-256 gives
	}
	return evergage.Key(b)
}

// datasets shows the register to the door of Salesforce's clients: a dataset is
// a write key there.
type datasets struct{ register *access.Register }

// SourceByDataset finds the source of a dataset.
func (d datasets) SourceByDataset(dataset string) (evergage.Source, bool) {
	s := d.register.Index().WriteKey(dataset)
	if s == nil {
		return evergage.Source{}, false
	}
	return evergage.Source{Key: s.Key, Verified: s.Verified, Historical: s.Historical}, true
}

// SecretKey checks the id and the secret of a secret key.
func (d datasets) SecretKey(id, secret string) (evergage.Secret, bool) {
	k := d.register.Index().Secret(secret)
	if k == nil || id != "" && id != k.ID {
		return evergage.Secret{}, false
	}
	return evergage.Secret{ID: k.ID, May: k.May}, true
}
