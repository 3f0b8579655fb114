package files

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"rapport/internal/destination"
	"rapport/internal/rowfile"
)

// bucket keeps files in storage that speaks S3.
type bucket struct {
	sink   *sink
	host   url.URL
	caller destination.Caller
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func (s *sink) openBucket() error {
	c := &s.S3
	if err := destination.CheckURL("s3/endpoint", c.Endpoint); err != nil {
		return err
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return destination.Invalid("s3/endpoint", "s3/endpoint is no address such as https://s3.eu-central-1.amazonaws.com")
	}
	if !bucketName.MatchString(c.Bucket) {
		return destination.Invalid("s3/bucket", "s3/bucket %q: give 3 to 63 small letters, digits, dots and dashes", c.Bucket)
	}
	if c.AccessKey == "" || c.SecretKey == "" {
		return destination.Invalid("s3/secret_key", "s3/access_key and s3/secret_key are missing")
	}
	b := &bucket{sink: s, host: url.URL{Scheme: u.Scheme, Host: u.Host}}
	if !c.PathStyle {
		b.host.Host = c.Bucket + "." + u.Host
	}
	s.mask = destination.NewMasker(c.SecretKey, c.Token)
	b.caller = destination.Caller{HTTP: s.env.HTTP, Now: s.env.Now, Mask: s.mask, Hide: []string{"X-Amz-Security-Token"}, Judge: judge}
	s.store = b
	return nil
}

// judge never gives a file up: what S3 refuses is about the bucket or the keys,
// and the rows are as good as before.
func judge(status int, body []byte) (destination.Outcome, string) {
	if status/100 == 2 {
		return "", ""
	}
	reason := fmt.Sprintf("the storage answers %d", status)
	if _, after, ok := strings.Cut(string(body), "<Code>"); ok {
		code, _, _ := strings.Cut(after, "</Code>")
		reason += " " + code[:min(len(code), 100)]
	}
	return destination.Retry, reason + ": check the endpoint, the bucket, the region and the keys"
}

func (b *bucket) stage() string { return filepath.Join(b.sink.env.Folder, "stage") }

func (b *bucket) publish(ctx context.Context, staged, name string) destination.Result {
	content, over, err := uploading(staged)
	if err != nil {
		return onDisk(err)
	}
	defer over()
	r := b.put(ctx, path.Join(b.sink.Folder, name), content)
	if r.Outcome != destination.Delivered {
		return r
	}
	if err := os.Remove(staged); err != nil {
		return onDisk(err)
	}
	if err := syncFolder(filepath.Dir(staged)); err != nil {
		return onDisk(err)
	}
	return r
}

// put writes an object.
func (b *bucket) put(ctx context.Context, key string, content []byte) destination.Result {
	if b.sink.S3.PathStyle {
		key = path.Join(b.sink.S3.Bucket, key)
	}
	at := b.host
	at.Path, at.RawPath = "/"+key, "/"+escapePath(key)
	q, err := http.NewRequestWithContext(ctx, http.MethodPut, at.String(), nil)
	if err != nil {
		return onDisk(err)
	}
	q.Header.Set("Content-Type", rowfile.Format(strings.TrimPrefix(path.Ext(key), ".")).ContentType())
	b.sink.S3.sign(q, content, b.sink.env.Now())
	r, _ := b.caller.Do(ctx, q, content)
	r.Request = b.sink.mask.Show([]byte("PUT " + at.String()))
	return r
}
