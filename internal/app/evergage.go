package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/dialect/evergage"
	"rapport/internal/fault"
	"rapport/internal/httpapi"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// bulkFolder holds files of bulk jobs until they are worked through.
const bulkFolder = "bulk-jobs"

// evergage is the door for Salesforce's clients.
func (a *App) evergage() *evergage.Door {
	d := evergage.New(evergage.Config{
		Accept: a.gated(), Keys: datasets{a.access}, Book: today{a.pipeline}, Key: browserKey(a.instanceKey),
		Now: a.parts.Clock, Random: a.parts.fill, Log: a.parts.Log, People: everybody{a.pipeline, a.jobs},
		Decide: a.responder, Jobs: a.jobs, Folder: a.config.Path(bulkFolder), Files: a.config.Files,
	})
	a.jobs.Register(evergage.JobBulk, d.Work)
	return d
}

// everybody is the pipeline with what the door needs of the background jobs.
type everybody struct {
	*pipeline.Pipeline
	jobs *schedule.Runner
}

// SegmentMembers lists who is in a segment that there is.
func (e everybody) SegmentMembers(ctx context.Context, key, cursor string, limit int) (pipeline.Page[pipeline.SegmentMember], error) {
	if e.Definitions().Get(definition.Segment, key) == nil {
		return pipeline.Page[pipeline.SegmentMember]{}, fault.Errorf(fault.NotFound, "segment_not_found", "there is no segment %.128q: PUT /api/v1/segments/{key} makes one", key)
	}
	return e.Pipeline.SegmentMembers(ctx, key, cursor, limit)
}

// Erase asks for people to be erased.
func (e everybody) Erase(ctx context.Context, refs []string, author string) (string, error) {
	r, err := e.RequestPrivacy(ctx, pipeline.PrivacyCommand{Type: pipeline.ErasureRequest, Refs: refs, Author: author})
	if err != nil {
		return "", err
	}
	_, err = e.jobs.Submit(ctx, schedule.Request{
		Kind: httpapi.JobPrivacy, Subject: r.ID, Author: author, Params: privacyParams{Request: r.ID},
	})
	return r.ID, err
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
	index := d.register.Index()
	s := index.WriteKey(dataset)
	if s == nil {
		return evergage.Source{}, false
	}
	return evergage.Source{Key: s.Key, WriteKey: dataset, Verified: s.Verified, Historical: s.Historical, Origins: originsOf(index, dataset)}, true
}

// SecretKey checks the id and the secret of a secret key.
func (d datasets) SecretKey(id, secret, from string) (evergage.Secret, bool) {
	k, err := d.register.Admit(secret, from)
	if k == nil || err != nil || id != "" && id != k.ID {
		return evergage.Secret{}, false
	}
	return evergage.Secret{ID: k.ID, May: k.May}, true
}
