package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// again makes everything elsewhere and compares.
func (r *release) again(ctx context.Context, sums []byte) (err error) {
	folder, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	other := *r
	other.source, other.out, other.cache = filepath.Join(folder, "elsewhere"), filepath.Join(folder, "out"), filepath.Join(folder, "cache")
	if err := r.copySources(ctx, other.source); err != nil {
		return fmt.Errorf("copying the sources: %w", err)
	}
	found, err := other.make(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(sums, found) {
		return fmt.Errorf("two builds differ:\n%s\n%s", sums, found)
	}
	fmt.Fprintln(r.say, "built twice: the same bytes")
	return nil
}

// copySources copies what git knows, or would take, and the built console:
// never data, nor what was downloaded.
func (r *release) copySources(ctx context.Context, to string) error {
	list, err := r.git(ctx, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(r.source, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed and not committed
		}
		path := filepath.Join(to, name)
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755)); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return os.CopyFS(filepath.Join(to, consoleFolder), os.DirFS(filepath.Join(r.source, consoleFolder)))
}
