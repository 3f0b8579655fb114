package app

import (
	"rapport/internal/access"
	"rapport/internal/dialect/sitecore"
)

// sitecore is the door for Sitecore's clients.
func (a *App) sitecore() *sitecore.Door {
	return sitecore.New(sitecore.Config{
		Accept: a.pipeline, Keys: clientKeys{a.access}, Book: today{a.pipeline}, Now: a.parts.Clock, Random: a.parts.fill,
		Ref: a.pipeline.ProfileIDOf, Key: a.instanceKey,
	})
}

// clientKeys show Sitecore's door the register as it wants to see it.
type clientKeys struct{ register *access.Register }

// SourceByWriteKey finds the source of a client key.
func (k clientKeys) SourceByWriteKey(key string) (sitecore.Source, bool) {
	s := k.register.Index().WriteKey(key)
	if s == nil {
		return sitecore.Source{}, false
	}
	return sitecore.Source{Key: s.Key, Verified: s.Verified, Historical: s.Historical}, true
}

// Secret tells who has a secret key.
func (k clientKeys) Secret(key string) (sitecore.Caller, bool) {
	s := k.register.Index().Secret(key)
	if s == nil {
		return sitecore.Caller{}, false
	}
	return sitecore.Caller{ID: s.ID, Read: s.May(access.ScopeRead), Write: s.May(access.ScopeWrite)}, true
}
