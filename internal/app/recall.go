package app

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"rapport/internal/definition"
	"rapport/internal/destination/files"
	"rapport/internal/effect"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/pipeline"
)

// silence waits until what the outbox and the decider made of what they read of
// people before is in the log, and lets nothing be sent that was erased.
func (a *App) silence(ctx context.Context) error {
	if a.outbox == nil { // an erasure of the ledger comes before it
		return nil
	}
	// The outbox asks the decider.
	if err := a.outbox.Erased(ctx); err != nil {
		return err
	}
	return a.decider.Settle(ctx)
}

// audiences are those of the outbox.
type audiences struct{ *App }

// Farewells is of pipeline.Audiences. An erasure of the ledger comes before the
// outbox: the audiences were told then.
func (a audiences) Farewells(ctx context.Context, anchors []id.Key, people []string) ([]effect.Fact, error) {
	if a.outbox == nil {
		return nil, nil
	}
	return a.outbox.Farewells(ctx, anchors, people)
}

// Part is of pipeline.Audiences.
func (a audiences) Part(ctx context.Context, list []effect.Fact) error {
	return a.outbox.Part(ctx, list)
}

// recall takes somebody who is erased out of the files that destinations wrote, on
// this server and into buckets, and names those that are out of reach.
func (a *App) recall(ctx context.Context, gone pipeline.Gone, at *pipeline.Recalling) error {
	who := files.Gone{IDs: gone.IDs, Mentions: gone.Mentions}
	// What is on its way to a bucket is staged below the other folder: it comes
	// before the buckets.
	n, rows, err := files.Erase(ctx, who, a.config.Path(deliveredFolder), a.config.Path(destinationsFolder))
	at.Files, at.Rows = at.Files+n, at.Rows+rows
	if err != nil || a.outbox == nil {
		return err
	}
	places, err := a.buckets(ctx)
	if err == nil && len(places) > 0 {
		err = at.Save(ctx) // what is counted so far
	}
	if err != nil {
		return err
	}
	for _, p := range places {
		if slices.Contains(at.Buckets, p.name) {
			continue // before a crash
		}
		if err := a.recallFrom(ctx, who, p, at); err != nil {
			return err
		}
	}
	return nil
}

// bucketPlace is a place in a bucket that a destination writes files into, or did
// once.
type bucketPlace struct {
	key, name string // of the destination; with the place
	live      bool   // it is written to now
	document  []byte // the version that knew it last
}

// savedEach is after how many files of a bucket it is noted how far it is.
const savedEach = 200

// recallFrom takes somebody out of the files of one place. Where one cannot get at
// it at present, a place that is in use is tried again later.
func (a *App) recallFrom(ctx context.Context, who files.Gone, p *bucketPlace, at *pipeline.Recalling) error {
	_, settings, err := a.outbox.Unsealed(p.document)
	var b *files.Bucket
	if err == nil {
		b, err = files.OpenBucket(ctx, settings, a.outbox.Env(p.key))
	}
	if err == nil {
		seen := 0
		err = b.Erase(ctx, who, at.Behind[p.name], func(name string, rows int) error {
			if at.Behind[p.name] = name; rows > 0 {
				at.Files, at.Rows = at.Files+1, at.Rows+rows
			}
			if seen++; rows == 0 && seen%savedEach != 0 {
				return nil
			}
			return at.Save(ctx)
		})
	}
	switch {
	case err == nil:
		delete(at.Behind, p.name)
		at.Buckets = append(at.Buckets, p.name)
		return at.Save(ctx)
	case ctx.Err() != nil, p.live && b != nil && !files.OutOfReach(err):
		return fault.Errorf(fault.Unavailable, "bucket_unavailable", "what the destination %s delivered cannot be searched now: %w", p.name, err)
	}
	at.Elsewhere = append(at.Elsewhere, fmt.Sprintf("%s: %v", p.name, err))
	return nil
}

// buckets are the places in buckets of all destinations.
func (a *App) buckets(ctx context.Context) (out []*bucketPlace, err error) {
	for _, s := range a.pipeline.Definitions().List(definition.Destination) {
		live := s.Live()
		for i := range s.Versions {
			d, err := a.pipeline.Definition(ctx, definition.Destination, s.Key, s.Versions[i].Version)
			if err != nil {
				return nil, err
			}
			var t effect.Destination
			var where files.Settings
			if json.Unmarshal(d.Document, &t) != nil || t.Type != files.Type().Name || json.Unmarshal(t.Settings, &where) != nil || where.Target != "s3" {
				continue
			}
			p := &bucketPlace{key: s.Key, name: s.Key + ": s3://" + path.Join(where.S3.Bucket, where.Folder), document: d.Document}
			p.live = live != nil && live.Version == s.Versions[i].Version
			if n := slices.IndexFunc(out, func(o *bucketPlace) bool { return o.name == p.name }); n < 0 {
				out = append(out, p)
			} else if !out[n].live { // its newest keys, or those in use
				out[n] = p
			}
		}
	}
	return out, nil
}
