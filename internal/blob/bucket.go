package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rapport/internal/fault"
)

// S3 says how a bucket is reached.
type S3 struct {
	URL       string // s3://bucket/prefix
	Endpoint  string // https://host; empty: that of AWS
	Region    string
	AccessKey string
	SecretKey string
	Token     string // of temporary keys
	// Hosted says that the bucket stands in front of the endpoint's host and not
	// in the path.
	Hosted bool
	HTTP   http.RoundTripper
	// Setting is the group of settings that say this, for errors: lake, backup.
	Setting string
}

// bucket is a target in storage that speaks S3.
type bucket struct {
	client *minio.Core
	name   string
	prefix string
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// NewBucket is a part of a bucket as a target.
func NewBucket(s S3) (Target, error) {
	bad := func(name, format string, args ...any) error {
		name = s.Setting + "." + name
		return fault.Errorf(fault.Invalid, "invalid_config", "setting "+name+": "+format, args...).At(name)
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "s3" || !bucketName.MatchString(u.Host) || u.RawQuery != "" {
		return nil, bad("url", "%q will not do: give a folder or s3://BUCKET/PREFIX", s.URL)
	}
	at, style := &url.URL{Scheme: "https", Host: "s3.amazonaws.com"}, minio.BucketLookupAuto
	if s.Endpoint != "" {
		at, err = url.Parse(s.Endpoint)
		if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || strings.Trim(at.Path, "/") != "" {
			return nil, bad("s3_endpoint", "%q will not do: give scheme and host, such as https://minio.internal:9000", s.Endpoint)
		}
		if style = minio.BucketLookupPath; s.Hosted {
			style = minio.BucketLookupDNS
		}
	}
	if s.Region == "" {
		s.Region = "us-east-1"
	}
	client, err := minio.NewCore(at.Host, &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, s.Token), Secure: at.Scheme == "https", Region: s.Region,
		BucketLookup: style, Transport: s.HTTP, MaxRetries: 3,
	})
	if err != nil {
		return nil, bad("s3_endpoint", "it is no address of a store: %v", err)
	}
	return &bucket{client, u.Host, strings.Trim(u.Path, "/")}, nil
}

func (b *bucket) key(name string) string { return path.Join(b.prefix, name) }

func (b *bucket) Root() string { return "s3://" + path.Join(b.name, b.prefix) }

func (b *bucket) Put(ctx context.Context, name string, content []byte) error {
	_, err := b.client.PutObject(ctx, b.name, b.key(name), bytes.NewReader(content), int64(len(content)), "", "", minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return refused("write "+name, err)
}

// mostAtOnce is how much room is made for what a store says that a file has.
const mostAtOnce = 256 << 20

func (b *bucket) Get(ctx context.Context, name string) ([]byte, error) {
	in, info, _, err := b.client.GetObject(ctx, b.name, b.key(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, refused("read "+name, err)
	}
	var content bytes.Buffer
	content.Grow(int(max(0, min(info.Size, mostAtOnce))) + bytes.MinRead)
	_, err = content.ReadFrom(in)
	return content.Bytes(), refused("read "+name, errors.Join(err, in.Close()))
}

func (b *bucket) Delete(ctx context.Context, name string) error {
	err := refused("remove "+name, b.client.RemoveObject(ctx, b.name, b.key(name), minio.RemoveObjectOptions{}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (b *bucket) List(ctx context.Context) ([]string, error) {
	prefix := b.prefix
	if prefix != "" {
		prefix += "/"
	}
	var out []string
	for o := range b.client.Client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, refused("list "+b.Root(), o.Err)
		}
		out = append(out, strings.TrimPrefix(o.Key, prefix))
	}
	return out, context.Cause(ctx)
}

// ErrRefused is what a store said no to: trying again does not help until
// somebody changes the bucket or the keys.
var ErrRefused = errors.New("the store refuses it")

// refused says what a store answered; nothing secret is in it.
func refused(doing string, err error) error {
	if err == nil {
		return nil
	}
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	if !ok {
		return fmt.Errorf("%s: the store cannot be reached: %w", doing, err)
	}
	if answer.Code == "NoSuchKey" {
		return fmt.Errorf("%s: %w", doing, fs.ErrNotExist)
	}
	why := fmt.Errorf("%s: the store answers %d (%.60s): check the bucket, the region and the keys", doing, answer.StatusCode, answer.Code)
	if RefusedBy(answer.StatusCode) {
		return refusal{why}
	}
	return why
}

// RefusedBy tells of the status of an answer whether the store will say the same
// again: it is at fault with what was asked, and not busy.
func RefusedBy(status int) bool {
	return status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooEarly && status != http.StatusTooManyRequests
}

// refusal is an answer that is ErrRefused.
type refusal struct{ error }

func (refusal) Is(target error) bool { return target == ErrRefused }

func (r refusal) Unwrap() error {
	return r.error
}
