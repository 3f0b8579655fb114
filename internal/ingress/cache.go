package ingress

import (
	"context"
	"errors"
	"io/fs"
	"net/url"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/crypto/acme/autocert"

	"rapport/internal/disk"
)

// cache keeps what an authority gave, and the keys that go with it, in a folder.
type cache struct {
	files vfs.FS
	dir   string
}

func (c cache) path(key string) string { return c.files.PathJoin(c.dir, url.PathEscape(key)) }

// Get reads what was kept.
func (c cache) Get(_ context.Context, key string) ([]byte, error) {
	b, err := disk.ReadFile(c.files, c.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, autocert.ErrCacheMiss
	}
	return b, err
}

// Put keeps something.
func (c cache) Put(_ context.Context, key string, b []byte) error {
	if err := c.files.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	return disk.WriteFile(c.files, c.path(key), b)
}

// Delete forgets something.
func (c cache) Delete(_ context.Context, key string) error {
	if err := c.files.Remove(c.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
