package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"gopkg.in/yaml.v3"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
)

// Register keeps the document in a folder and the index over it. Several
// processes may change the same folder: each change is made under a lock on
// the latest version.
type Register struct {
	files   vfs.FS
	dir     string
	clock   clock.Clock
	entropy io.Reader
	mu      sync.Mutex
	index   atomic.Pointer[Index]
	text    []byte // of the file the index was made of; guarded by mu
	spent   spent
	uses    uses
	// passkeys are how often those of members were used.
	passkeys passkeyUses
	hashing  chan struct{}
	// share is told which file of the folder was written; nil: nobody is.
	share func(name string) error
}

// Share has every change be told before it counts as made: the name of the file
// that holds it. It is called before the register is used by several.
func (r *Register) Share(share func(name string) error) { r.share = share }

// keepFile writes a file of the folder and tells so.
func (r *Register) keepFile(name string, text []byte) error {
	if err := disk.WriteFile(r.files, filepath.Join(r.dir, name), text); err != nil || r.share == nil {
		return err
	}
	return r.share(filepath.ToSlash(name))
}

const (
	documentFile = "access.yaml"
	historyDir   = "access-history"
	lockFile     = "access.lock"
)

// Open reads the document of a folder. fresh says that there was none: it
// then is made with a token key and nothing else.
func Open(files vfs.FS, dir string, now clock.Clock, entropy io.Reader) (r *Register, fresh bool, err error) {
	r = &Register{files: files, dir: dir, clock: now, entropy: entropy, hashing: make(chan struct{}, hashers)}
	if err := files.MkdirAll(dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("making data folder: %w", err)
	}
	err = r.Reload()
	if errors.Is(err, fs.ErrNotExist) {
		fresh = true
		err = r.change("rapport", func(d *Document) error {
			if d.TokenKey != "" {
				fresh = false // another process was first
			}
			return nil
		})
	}
	if err == nil {
		err = r.loadUses()
	}
	if err == nil {
		err = r.loadPasskeyUses()
	}
	return r, fresh, err
}

// Kept says whether a register has ever been opened in the folder.
func Kept(files vfs.FS, dir string) bool {
	_, err := files.Stat(filepath.Join(dir, documentFile))
	return err == nil
}

// Index is the present index. It never changes: ask again for a later one.
func (r *Register) Index() *Index { return r.index.Load() }

// Reopen takes over a folder whose files were replaced.
func (r *Register) Reopen() error {
	if err := r.Reload(); err != nil {
		return err
	}
	if err := r.loadUses(); err != nil {
		return err
	}
	return r.loadPasskeyUses()
}

// Reload takes over what another process wrote. A file that cannot be read
// leaves the present index in force.
func (r *Register) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reload()
}

func (r *Register) reload() error {
	text, err := disk.ReadFile(r.files, filepath.Join(r.dir, documentFile))
	if err != nil {
		return fmt.Errorf("reading access document: %w", err)
	}
	if r.text != nil && bytes.Equal(text, r.text) {
		return nil
	}
	doc := &Document{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(doc); err != nil {
		return fault.Errorf(fault.Internal, "invalid_access", "%s is damaged, restore it from %s: %w", documentFile, historyDir, err)
	}
	index, err := newIndex(doc)
	if err != nil {
		return err
	}
	r.text = text
	r.index.Store(index)
	return nil
}

// change makes one new version: edit gets a copy of the latest document. An
// error of edit, or a document that is not valid, changes nothing.
func (r *Register) change(author string, edit func(*Document) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	unlock, err := lockPath(filepath.Join(r.dir, lockFile))
	if err != nil {
		return fmt.Errorf("locking access document: %w", err)
	}
	defer unlock()
	doc := &Document{}
	switch err := r.reload(); {
	case err == nil:
		doc = r.Index().Document().clone()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := edit(doc); err != nil {
		return err
	}
	if doc.TokenKey == "" {
		if doc.TokenKey, err = r.random(32); err != nil {
			return err
		}
	}
	doc.Version, doc.Changed, doc.Author = doc.Version+1, stamp(r.clock.Now()), author
	for i := range doc.Sources {
		if doc.Sources[i].Version == 0 {
			doc.Sources[i].Version, doc.Sources[i].Changed = doc.Version, doc.Changed
		}
	}
	doc.sort()
	index, err := newIndex(doc)
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(doc)
	if err != nil {
		return fmt.Errorf("writing access document: %w", err)
	}
	if err := r.write(doc.Version, text); err != nil {
		return err
	}
	r.text = text
	r.index.Store(index)
	return nil
}

func (r *Register) write(version int, text []byte) error {
	history := filepath.Join(r.dir, historyDir)
	if err := r.files.MkdirAll(history, 0o700); err != nil {
		return fmt.Errorf("keeping former access document: %w", err)
	}
	if r.text != nil {
		name := fmt.Sprintf("%08d.yaml", version-1)
		if err := r.keepFile(filepath.Join(historyDir, name), r.text); err != nil {
			return fmt.Errorf("keeping former access document: %w", err)
		}
	}
	err := r.keepFile(documentFile, text)
	if err != nil && r.text != nil {
		// Whoever asked hears that nothing changed. The file must say so too: it
		// would come into force when it is next looked at.
		err = errors.Join(err, disk.WriteFile(r.files, filepath.Join(r.dir, documentFile), r.text))
	}
	return err
}

func (r *Register) random(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r.entropy, b); err != nil {
		return "", fmt.Errorf("drawing a key: %w", err)
	}
	return fmt.Sprintf("%x", b), nil
}
