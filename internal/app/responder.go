package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/dialect/decide"
	"rapport/internal/pipeline"
	"rapport/internal/profile/shown"
	"rapport/internal/responder"
)

// openResponder lets decisions be asked for and written down.
func (a *App) openResponder(instanceKey [16]byte) error {
	key, err := hkdf.Key(sha256.New, instanceKey[:], nil, "previews of experiences", 32)
	if err != nil {
		return fmt.Errorf("deriving the key of previews: %w", err)
	}
	tell := &tracker{a, a.tracked}
	a.responder = responder.New(responder.Deps{
		Spine: a.pipeline, Model: a.decider, Clock: a.parts.Clock, Random: a.parts.fill, Key: key, Log: a.parts.Log,
		Tell: func(ctx context.Context, bodies [][]byte) (pipeline.Receipt, error) {
			failed, receipt, err := tell.Track(ctx, shown.Source, bodies)
			for _, f := range failed {
				if err == nil && f != nil {
					a.parts.Log.Error("a decision was refused", "error", f)
				}
			}
			return receipt, err
		},
	})
	a.responder.Start()
	return nil
}

// Responder says what to show, for tests.
func (a *App) Responder() *responder.Responder { return a.responder }

func (a *App) decideDoor() *decide.Door {
	return decide.New(decide.Config{Decide: a.responder, Assign: assigning{a.assigner, a.pipeline}, Keys: askers{a.access}, Rules: today{a.pipeline}, Now: a.parts.Clock})
}

// askers show the door of decisions the register as it wants to see it.
type askers struct{ register *access.Register }

// SourceByWriteKey finds the source of a write key.
func (k askers) SourceByWriteKey(key string) (decide.Source, bool) {
	index := k.register.Index()
	s := index.WriteKey(key)
	if key == "" || s == nil {
		return decide.Source{}, false
	}
	return decide.Source{Key: s.Key, Verified: s.Verified, Origins: originsOf(index, key)}, true
}

// Reads tells whether a secret key may read profiles.
func (k askers) Reads(secret, from string) bool {
	s, err := k.register.Admit(secret, from)
	return err == nil && s != nil && s.May(access.ScopeRead)
}
