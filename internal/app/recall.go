package app

import (
	"context"
	"encoding/json"
	"path"
	"slices"

	"rapport/internal/definition"
	"rapport/internal/destination/files"
	"rapport/internal/effect"
	"rapport/internal/pipeline"
)

// silence waits until what the outbox made of what it read of people before is in
// the log, and lets nothing be sent that was erased.
func (a *App) silence(ctx context.Context) error {
	if a.outbox == nil { // an erasure of the ledger comes before it
		return nil
	}
	return a.outbox.Erased(ctx)
}

// recall takes somebody who is erased out of the files that destinations wrote on
// this server, and names those that are elsewhere.
func (a *App) recall(ctx context.Context, gone pipeline.Gone) (out pipeline.Recalled, err error) {
	if a.outbox != nil { // an erasure of the ledger comes before it
		if out.Elsewhere, err = a.buckets(ctx); err != nil {
			return out, err
		}
	}
	who := files.Gone{IDs: gone.IDs, Mentions: gone.Mentions}
	// What is on its way to a bucket is staged below the other folder.
	out.Files, out.Rows, err = files.Erase(ctx, who, a.config.Path(deliveredFolder), a.config.Path(destinationsFolder))
	return out, err
}

// buckets are the destinations that write files into a bucket, or did once.
func (a *App) buckets(ctx context.Context) (out []string, err error) {
	for _, s := range a.pipeline.Definitions().List(definition.Destination) {
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
			name := s.Key + ": s3://" + path.Join(where.S3.Bucket, where.Folder)
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out, nil
}
