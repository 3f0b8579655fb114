package columns

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Folder is where the images of an index lie, so that a restart need not take
// in all people again: one image per part, each put in the place of the one
// before in one step. It has one user at a time.
type Folder struct {
	fs  vfs.FS
	dir string
}

// OpenFolder makes the folder where it is missing, and removes what a crash left.
func OpenFolder(fs vfs.FS, dir string) (*Folder, error) {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the columnar index: %w", err)
	}
	// The folder itself must outlive a loss of power too.
	if err := syncFolder(fs, fs.PathDir(dir)); err != nil {
		return nil, fmt.Errorf("making the folder of the columnar index: %w", err)
	}
	f := &Folder{fs: fs, dir: dir}
	for part := range Parts {
		if err := fs.Remove(f.path(part) + unfinished); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("removing an unfinished image: %w", err)
		}
	}
	return f, nil
}

const unfinished = ".new"

func (f *Folder) path(part int) string {
	return f.fs.PathJoin(f.dir, fmt.Sprintf("part-%02d.columns", part))
}

// Save puts the image of a part in the place of the one before, durably. After
// an error the one before is still there.
func (f *Folder) Save(x *Index, part int, m Mark) (err error) {
	path := f.path(part)
	file, err := f.fs.Create(path+unfinished, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("writing image %d of the columnar index: %w", part, err)
	}
	err = x.WriteImage(file, part, m)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = f.fs.Rename(path+unfinished, path)
	}
	if err == nil {
		err = syncFolder(f.fs, f.dir)
	}
	if err != nil {
		return fmt.Errorf("writing image %d of the columnar index: %w", part, err)
	}
	return nil
}

func syncFolder(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Load reads the image of a part into an index and gives its mark. An image
// that is missing, or lacks what there is room for now, is no error: found is
// false. One that is damaged is.
func (f *Folder) Load(x *Index, part int) (m Mark, found bool, err error) {
	file, err := f.fs.Open(f.path(part))
	if errors.Is(err, os.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("reading image %d of the columnar index: %w", part, err)
	}
	image, err := io.ReadAll(file)
	if err == nil {
		m, err = x.ReadImage(image, part)
	}
	if err = errors.Join(err, file.Close()); errors.Is(err, ErrNarrow) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("reading image %d of the columnar index: %w", part, err)
	}
	return m, true, nil
}

// Drop removes all images, durably.
func (f *Folder) Drop() error {
	for part := range Parts {
		if err := f.fs.Remove(f.path(part)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing image %d of the columnar index: %w", part, err)
		}
	}
	return syncFolder(f.fs, f.dir)
}
