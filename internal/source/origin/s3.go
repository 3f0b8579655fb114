package origin

import (
	"context"
	"errors"
	"io"
	"net/url"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rapport/internal/fault"
	"rapport/internal/feed"
)

// bucket is a part of a bucket.
type bucket struct {
	pull   *feed.Pull
	client *minio.Core
}

func (d Deps) s3(p *feed.Pull, secret string) (Origin, error) {
	at := &url.URL{Scheme: "https", Host: "s3.amazonaws.com"}
	region := p.S3.Region
	if region == "" {
		region = "us-east-1"
	}
	style := minio.BucketLookupAuto
	if p.S3.Endpoint != "" {
		given, err := url.Parse(p.S3.Endpoint)
		if err != nil || given.Path != "" && given.Path != "/" {
			return nil, fault.Errorf(fault.Invalid, "invalid_pull", "s3/endpoint: give https://host, without a path").At("s3/endpoint")
		}
		at, style = given, minio.BucketLookupPath
	}
	client, err := minio.NewCore(at.Host, &minio.Options{
		Creds: credentials.NewStaticV4(p.S3.AccessKey, secret, ""), Secure: at.Scheme == "https", Region: region,
		BucketLookup: style, Transport: d.HTTP.Transport, MaxRetries: 3,
	})
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_pull", "s3/endpoint: it is no address of a store: %w", err).At("s3/endpoint")
	}
	return &bucket{p, client}, nil
}

// List gives the objects, in the order of their keys.
func (b *bucket) List(ctx context.Context) ([]feed.Remote, error) {
	var out []feed.Remote
	seen := 0
	for o := range b.client.Client.ListObjects(ctx, b.pull.S3.Bucket, minio.ListObjectsOptions{Prefix: b.pull.S3.Prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, b.refused(o.Err)
		}
		if seen++; seen > maxFiles {
			return nil, tooMany("the prefix")
		}
		if strings.HasSuffix(o.Key, "/") || !b.pull.Wants(path.Base(o.Key)) {
			continue
		}
		// An object is there whole or not at all: it is never fresh.
		out = append(out, feed.Remote{Name: o.Key, Size: o.Size, Mark: strings.Trim(o.ETag, `"`)})
	}
	return out, context.Cause(ctx)
}

// Fetch copies an object, as it was when it was listed.
func (b *bucket) Fetch(ctx context.Context, f feed.Remote, to io.Writer) (string, error) {
	how := minio.GetObjectOptions{}
	if err := how.SetMatchETag(f.Mark); err != nil {
		return "", fault.Errorf(fault.Unavailable, "origin_odd", "the store gives no ETag of %.200q: %w", f.Name, err)
	}
	in, _, _, err := b.client.GetObject(ctx, b.pull.S3.Bucket, f.Name, how)
	if err != nil {
		return "", b.refused(err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	if err := copied(ctx, to, in); err != nil {
		return "", b.refused(err)
	}
	return f.Mark, nil
}

func (b *bucket) refused(err error) error {
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	if !ok {
		return unreachable("the store", err)
	}
	switch answer.StatusCode {
	case 412:
		return changed(answer.Key)
	case 401, 403:
		return fault.Errorf(fault.Unavailable, "origin_refused", "the store does not let the bucket %.80q be read (%.60s): check the access key, its secret and the region", b.pull.S3.Bucket, answer.Code)
	case 404:
		return fault.Errorf(fault.Unavailable, "origin_refused", "the store has no bucket %.80q, or the object is gone (%.60s)", b.pull.S3.Bucket, answer.Code)
	}
	return fault.Errorf(fault.Unavailable, "origin_refused", "the store answers %d (%.60s)", answer.StatusCode, answer.Code)
}

// Close does nothing: connections are shared.
func (b *bucket) Close() error { return nil }
