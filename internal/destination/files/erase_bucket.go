package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"rapport/internal/blob"
	"rapport/internal/destination"
	"rapport/internal/egress"
)

// uploads are the files that are on their way into a bucket as they were before
// anybody is erased.
var uploads = struct {
	mu    sync.Mutex
	under map[chan struct{}]bool
}{under: map[chan struct{}]bool{}}

// uploading reads a file to hand it over; over is called when that is done.
// Whoever erases waits for it once the file that is read is another.
func uploading(staged string) (content []byte, over func(), err error) {
	changing.RLock()
	defer changing.RUnlock()
	if content, err = os.ReadFile(staged); err != nil {
		return nil, nil, err
	}
	done := make(chan struct{})
	uploads.mu.Lock()
	uploads.under[done] = true
	uploads.mu.Unlock()
	return content, func() {
		uploads.mu.Lock()
		delete(uploads.under, done)
		uploads.mu.Unlock()
		close(done)
	}, nil
}

// uploaded waits for the uploads under way.
func uploaded(ctx context.Context) error {
	uploads.mu.Lock()
	var under []chan struct{}
	for done := range uploads.under {
		under = append(under, done)
	}
	uploads.mu.Unlock()
	for _, done := range under {
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Bucket is where a destination wrote files in storage that speaks S3.
type Bucket struct {
	to    *bucket
	files blob.Target
}

// OpenBucket gives the place that settings name, with secrets in the clear; nil
// where they name a folder of this server. It reaches nobody.
func OpenBucket(ctx context.Context, settings json.RawMessage, env destination.Env) (*Bucket, error) {
	opened, err := open(ctx, settings, env)
	if err != nil {
		return nil, err
	}
	to, ok := opened.(*sink).store.(*bucket)
	if !ok {
		return nil, nil //nolint:nilnil // there is none
	}
	s := &to.sink.S3
	files, err := blob.NewBucket(blob.S3{
		URL:      (&url.URL{Scheme: "s3", Host: s.Bucket, Path: "/" + to.sink.Folder}).String(),
		Endpoint: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey, Token: s.Token, Hosted: !s.PathStyle,
		HTTP: env.HTTP.Transport, Setting: "settings",
	})
	if err != nil {
		return nil, err
	}
	return &Bucket{to, files}, nil
}

// Place names the bucket and the folder in it.
func (b *Bucket) Place() string { return b.files.Root() }

// Erase takes somebody out of the files that destinations wrote there, as the
// other Erase does with folders, and touches no other. It goes through them in
// the order of their names, behind one, and tells of each with how many rows
// went, after what is left of it is there. It is called after the other, which
// takes the person out of what is staged.
func (b *Bucket) Erase(ctx context.Context, who Gone, behind string, done func(name string, rows int) error) error {
	if err := uploaded(ctx); err != nil {
		return err
	}
	names, err := b.files.List(ctx)
	if err != nil {
		return err
	}
	e := eraser{who: who, hashes: who.hashes()}
	slices.Sort(names)
	for _, name := range names {
		base := path.Base(name)
		if name <= behind || !ours.MatchString(base) || strings.HasSuffix(base, ".tmp") {
			continue
		}
		rows, err := b.file(ctx, &e, name)
		if err != nil {
			return err
		}
		if err := done(name, rows); err != nil {
			return err
		}
	}
	return nil
}

// file takes the person out of one file, and tells how many rows went.
func (b *Bucket) file(ctx context.Context, e *eraser, name string) (int, error) {
	content, err := b.files.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // somebody took it away
	}
	if err != nil {
		return 0, err
	}
	left, kept, gone, err := e.without(name, content)
	switch {
	case err != nil:
		return 0, fmt.Errorf("erase from %s: %w", path.Join(b.Place(), name), err)
	case gone == 0:
		return 0, nil
	case kept == 0:
		return gone, b.files.Delete(ctx, name)
	}
	if r := b.to.put(ctx, path.Join(b.to.sink.Folder, name), left); r.Outcome != destination.Delivered {
		if blob.RefusedBy(r.Status) || r.Outcome == destination.Refused {
			return 0, fmt.Errorf("write %s: %s: %w", name, r.Reason, blob.ErrRefused)
		}
		return 0, fmt.Errorf("write %s: %s", name, r.Reason)
	}
	return gone, nil
}

// OutOfReach tells of an error of Erase that trying again does not help: the
// storage refuses it, or may not be reached.
func OutOfReach(err error) bool { return errors.Is(err, blob.ErrRefused) || egress.Refused(err) }
