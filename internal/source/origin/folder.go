package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/feed"
)

// folder is one of this machine. It is opened as a root that no link leads out
// of.
type folder struct {
	Deps
	pull *feed.Pull
	root *os.Root
}

func (d Deps) folder(p *feed.Pull) (Origin, error) {
	for _, allowed := range d.Folders {
		below, err := filepath.Rel(allowed, filepath.Clean(p.Folder.Path))
		if allowed == "" || err != nil || below == ".." || strings.HasPrefix(below, ".."+string(filepath.Separator)) {
			continue
		}
		top, err := os.OpenRoot(allowed)
		if err != nil {
			return nil, fault.Errorf(fault.Unavailable, "folder_unreadable", "the folder %.200q of the setting imports.folders cannot be read: %w", allowed, err)
		}
		root, err := top.OpenRoot(below)
		if err = errors.Join(err, top.Close()); err != nil {
			return nil, fault.Errorf(fault.Unavailable, "folder_unreadable", "the folder %.200q cannot be read: make it, and let the instance read it: %w", p.Folder.Path, err)
		}
		return &folder{d, p, root}, nil
	}
	return nil, fault.Errorf(fault.Forbidden, "folder_not_allowed", "the folder %.200q may not be read: name it, or one above it, in the setting imports.folders", p.Folder.Path).At("folder/path")
}

// List gives the files, in the order of their names.
func (f *folder) List(context.Context) ([]feed.Remote, error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "folder_unreadable", "the folder %.200q cannot be read: %w", f.pull.Folder.Path, err)
	}
	if len(entries) > maxFiles {
		return nil, tooMany("the folder")
	}
	var out []feed.Remote
	for _, e := range entries {
		if !e.Type().IsRegular() || !f.pull.Wants(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // it is gone since
		}
		out = append(out, feed.Remote{
			Name: e.Name(), Size: info.Size(), Mark: info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000"),
			Fresh: f.Now().Sub(info.ModTime()) < settled,
		})
	}
	return out, nil
}

// Fetch copies a file. One that changed meanwhile is left for the next time.
func (f *folder) Fetch(ctx context.Context, r feed.Remote, to io.Writer) (string, error) {
	in, err := f.root.Open(r.Name)
	if err != nil {
		return "", fault.Errorf(fault.Unavailable, "file_unreadable", "%.200q cannot be read: %w", r.Name, err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	if err := copied(ctx, to, in); err != nil {
		return "", err
	}
	info, err := in.Stat()
	if err != nil {
		return "", fmt.Errorf("look at a file again: %w", err)
	}
	if info.Size() != r.Size || info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000") != r.Mark {
		return "", changed(r.Name)
	}
	return r.Mark, nil
}

func changed(name string) error {
	return fault.Errorf(fault.Unavailable, "file_changed", "%.200q changed while it was read; it is taken when it rests", name)
}

// Close closes the folder.
func (f *folder) Close() error { return f.root.Close() }

// byName is the order in which files are taken: names that begin with a date
// come in their time.
func byName(files []feed.Remote) {
	slices.SortFunc(files, func(a, b feed.Remote) int { return strings.Compare(a.Name, b.Name) })
}
