package app

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"rapport/internal/decider"
	"rapport/internal/egress"
	"rapport/internal/fault"
	"rapport/internal/source/connection"
)

// openDecider lets decision models be answered, and their decisions be kept.
func (a *App) openDecider(instanceKey [16]byte) error {
	key, err := hkdf.Key(sha256.New, instanceKey[:], nil, "secrets of data connections", 32)
	if err != nil {
		return fmt.Errorf("deriving the key of secrets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("making the cipher of secrets: %w", err)
	}
	if a.vault, err = cipher.NewGCM(block); err != nil {
		return fmt.Errorf("making the cipher of secrets: %w", err)
	}
	a.outside = connection.New(connection.Options{HTTP: a.egress.Client(), Open: a.openSecret, Now: a.parts.Clock})
	a.decider = decider.New(decider.Deps{
		Spine: a.pipeline, Fetcher: a.outside, Clock: a.parts.Clock, Random: a.parts.fill, Log: a.parts.Log,
	})
	a.decider.Start()
	a.decider.Register(a.jobs)
	return nil
}

// openEgress reads what the instance may reach.
func (a *App) openEgress() (err error) {
	if a.egress, err = egress.New(egress.Options{Allow: strings.Split(a.config.Egress.Allow, ",")}); err != nil {
		return fault.Errorf(fault.Invalid, "invalid_config", "the setting %s: %v", egress.Setting, err)
	}
	return nil
}

// sealSecret encrypts a secret with a key that stands beside the data and not
// in it.
func (a *App) sealSecret(secret []byte) ([]byte, error) {
	nonce := make([]byte, a.vault.NonceSize())
	a.parts.fill(nonce)
	return a.vault.Seal(nonce, nonce, secret, nil), nil
}

func (a *App) openSecret(sealed []byte) ([]byte, error) {
	n := a.vault.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("a sealed secret is cut short")
	}
	return a.vault.Open(nil, sealed[:n], sealed[n:], nil)
}
