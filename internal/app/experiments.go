package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/assigner"
	"rapport/internal/dialect"
	"rapport/internal/dialect/ofrep"
	"rapport/internal/dialect/segment"
	"rapport/internal/pipeline"
)

// openExperiments lets variants be assigned.
func (a *App) openExperiments() error {
	key, err := hkdf.Key(sha256.New, a.instanceKey[:], nil, "links to variants of experiments", 32)
	if err != nil {
		return fmt.Errorf("deriving the key of QA links: %w", err)
	}
	a.assigner = assigner.New(assigner.Deps{
		Spine: a.pipeline, Dialect: segment.Dialect, Mapper: segment.NewMapper, Clock: a.parts.Clock, Log: a.parts.Log, LinkKey: key,
	})
	a.assigner.Start()
	return nil
}

// ofrep is the door for clients of OpenFeature.
func (a *App) ofrep() *ofrep.Door {
	return ofrep.New(ofrep.Config{
		Assign: a.assigner, Keys: callers{a.access}, Accept: a.pipeline, PublicURL: a.config.HTTP.PublicURL, Log: a.parts.Log, Stop: a.stop,
		Namespace: func(name string) bool {
			for _, n := range a.pipeline.Rules().Namespaces {
				if n.Name == name {
					return true
				}
			}
			return false
		},
	})
}

// assigning shows the assigner to the door of decisions.
type assigning struct {
	*assigner.Assigner
	pipeline *pipeline.Pipeline
}

// Flush waits until the exposures up to now are visible.
func (a assigning) Flush(ctx context.Context) error {
	receipt, err := a.Assigner.Flush(ctx)
	if err != nil {
		return err
	}
	return a.pipeline.WaitApplied(ctx, receipt)
}

// callers shows the register to doors that answer both kinds of keys.
type callers struct{ register *access.Register }

// Caller finds out who has a key.
func (c callers) Caller(key, from string) (dialect.Caller, bool) {
	if key == "" {
		return dialect.Caller{}, false
	}
	index := c.register.Index()
	if s := index.WriteKey(key); s != nil {
		return dialect.Caller{Source: s.Key, Trusted: s.Verified, Origins: originsOf(index, key)}, true
	}
	k, err := c.register.Admit(key, from)
	if err != nil || k == nil || !k.May(access.ScopeRead) {
		return dialect.Caller{}, false
	}
	return dialect.Caller{Trusted: true}, true
}
