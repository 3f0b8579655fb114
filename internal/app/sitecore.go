package app

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/dialect/sitecore"
	"rapport/internal/httpapi"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// batchesFolder holds files of batches until they are worked through.
const batchesFolder = "batches"

// sitecore is the door for Sitecore's clients.
func (a *App) sitecore() *sitecore.Door {
	d := sitecore.New(sitecore.Config{
		Accept: a.gated(), People: guests{a.pipeline, a.jobs}, Orders: a.pipeline, Keys: clientKeys{a.access}, Book: today{a.pipeline},
		Now: a.parts.Clock, Random: a.parts.fill, Ref: a.pipeline.ProfileIDOf, Key: a.instanceKey,
		OwnSource: httpapi.Source, Jobs: a.jobs, Decide: a.responder, Folder: a.config.Path(batchesFolder), Files: a.config.Files, Timeout: a.sessionTimeout,
	})
	a.jobs.Register(sitecore.JobBatch, d.Work)
	return d
}

// sessionTimeout is the silence that closes a session at a point of sale of a
// source; one that is gone has the usual.
func (a *App) sessionTimeout(source, pointOfSale string) time.Duration {
	if s := a.access.Index().Source(source); s != nil {
		return s.TimeoutAt(pointOfSale)
	}
	return (*access.Rules)(nil).TimeoutAt(pointOfSale)
}

// guests are the people of the pipeline, who can be forgotten.
type guests struct {
	*pipeline.Pipeline
	jobs *schedule.Runner
}

// Erase asks for the erasure of a person.
func (g guests) Erase(ctx context.Context, ref, author string) error {
	r, err := g.RequestPrivacy(ctx, pipeline.PrivacyCommand{Type: pipeline.ErasureRequest, Refs: []string{ref}, Author: author})
	if err != nil {
		return err
	}
	_, err = g.jobs.Submit(ctx, schedule.Request{Kind: httpapi.JobPrivacy, Subject: r.ID, Author: author, Params: privacyParams{r.ID}})
	return err
}

// clientKeys show Sitecore's door the register as it wants to see it.
type clientKeys struct{ register *access.Register }

// SourceByWriteKey finds the source of a client key.
func (k clientKeys) SourceByWriteKey(key string) (sitecore.Source, bool) {
	index := k.register.Index()
	s := index.WriteKey(key)
	if s == nil {
		return sitecore.Source{}, false
	}
	return sitecore.Source{Key: s.Key, WriteKey: key, Verified: s.Verified, Historical: s.Historical, Origins: originsOf(index, key)}, true
}

// Secret tells who has a secret key.
func (k clientKeys) Secret(key, from string) (sitecore.Caller, bool) {
	s, err := k.register.Admit(key, from)
	if s == nil || err != nil {
		return sitecore.Caller{}, false
	}
	return sitecore.Caller{ID: s.ID, Read: s.May(access.ScopeRead), Write: s.May(access.ScopeWrite)}, true
}
