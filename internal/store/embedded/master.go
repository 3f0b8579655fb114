package embedded

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/store/seal"
)

const (
	masterName = "master"
)

// openMaster reads the master key of a folder; it is made where there is
// neither a master key nor anything it could have wrapped.
func openMaster(f folder, random io.Reader, mayMake bool) (*seal.Master, error) {
	secret, err := f.read(masterName)
	if err != nil && mayMake && isNotExist(f, masterName) {
		secret = make([]byte, seal.MasterBytes)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, fmt.Errorf("drawing the master key: %w", err)
		}
		err = f.write(masterName, secret)
	}
	if err != nil {
		return nil, fmt.Errorf("master key %s: %w", f.path(masterName), err)
	}
	if len(secret) != seal.MasterBytes {
		return nil, fmt.Errorf("master key %s has %d bytes instead of %d: restore it from a backup",
			f.path(masterName), len(secret), seal.MasterBytes)
	}
	return seal.NewMaster([seal.MasterBytes]byte(secret)), nil
}

func isNotExist(f folder, name string) bool {
	names, err := f.fs.List(f.dir)
	if err != nil {
		return false
	}
	return !slices.Contains(names, name)
}

var errMaster = errors.New("key file belongs to another master key")

// createFile makes a file that can be written at any place.
func createFile(fs vfs.FS, name string) (vfs.File, error) {
	return fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
}
