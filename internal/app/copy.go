package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rapport/internal/backup"
	"rapport/internal/config"
	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/postgres"
	"rapport/internal/store/seal"
	"rapport/internal/store/transfer"
)

// copyFile says in a data folder how far a copy into it is. No instance starts
// there before it is gone.
const copyFile = "COPY-UNFINISHED"

func unfinishedCopy(dir string) error {
	return fault.Errorf(fault.Conflict, "unfinished_copy", "%s holds a copy that was cut off: call the same rapport copy again, which goes on, or empty the folder", dir)
}

// CopyTerms are what a copy is made with.
type CopyTerms struct {
	// From and To say where each instance keeps its data: the folder, and the
	// store, a database or embedded.
	From, To config.Config
	Parts    Parts
	// Tell is told how far it is.
	Tell func(stage transfer.Stage, bytes uint64)
}

// Copied is what a copy holds.
type Copied struct {
	*transfer.Sums
	Files   int  // of the data folder, beside the store
	Resumed bool // it went on where an earlier one was cut off
}

// Copy makes an instance in an empty place that is the one that it is copied
// from: its log at the same positions, its state, its keys and the files of its
// data folder. It reads all of it back and compares before the copy counts.
// Neither may be running.
func Copy(ctx context.Context, terms CopyTerms) (_ *Copied, err error) {
	c := copying{CopyTerms: terms}
	c.Parts = c.Parts.filled()
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := OpenFolder(&c.To, c.Parts); err != nil {
		return nil, err
	}
	from, m, err := c.openSource(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := c.fill(ctx, from, m); err != nil {
		return nil, err
	}
	if c.result.Files, err = c.files(ctx, from, m); err != nil {
		return nil, err
	}
	if err := c.verify(ctx, from, m); err != nil {
		return nil, err
	}
	if err := os.Remove(c.To.Path(copyFile)); err != nil {
		return nil, fmt.Errorf("ending the copy: %w", err)
	}
	return &c.result, nil
}

type copying struct {
	CopyTerms
	result Copied
}

// image is a store that can be copied.
type image interface {
	store.Store
	store.Image
}

// check looks at both places before anything is done.
func (c *copying) check() error {
	if !c.From.Postgres() {
		if _, err := os.Stat(c.From.Path(storeFolder)); err != nil {
			return fault.Errorf(fault.NotFound, "no_data", "%s holds no data: give the folder of an instance with --from", c.From.Data)
		}
	}
	if err := openToRead(&c.From, c.Parts); err != nil {
		return err
	}
	if err := CheckFormat(&c.From); err != nil {
		return err
	}
	if _, err := os.Stat(c.From.Path(copyFile)); err == nil {
		return unfinishedCopy(c.From.Data)
	}
	if _, err := os.Stat(c.From.Path(backup.Unfinished)); err == nil {
		return fault.Errorf(fault.Conflict, "unfinished_restore", "%s holds a restore that was cut off, which is no instance: empty it and restore again", c.From.Data)
	}
	from, err := filepath.Abs(c.From.Data)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(c.To.Data)
	if err != nil {
		return err
	}
	if from == to || strings.HasPrefix(to, from+string(filepath.Separator)) {
		return fault.Errorf(fault.Invalid, "same_place", "the copy needs a data folder of its own, outside of %s", c.From.Data)
	}
	if c.From.Postgres() && c.From.Store == c.To.Store {
		return fault.Errorf(fault.Invalid, "same_place", "both are the same database")
	}
	if err := os.MkdirAll(c.To.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	entries, err := os.ReadDir(c.To.Data)
	if err != nil {
		return fmt.Errorf("reading %s: %w", c.To.Data, err)
	}
	_, err = os.Stat(c.To.Path(copyFile))
	if c.result.Resumed = err == nil; !c.result.Resumed && len(entries) > 0 {
		return fault.Errorf(fault.Conflict, "folder_in_use", "%s is not empty (%s): give an empty folder", c.To.Data, entries[0].Name())
	}
	return nil
}

// openSource opens what is copied, which nobody else may have open.
func (c *copying) openSource(ctx context.Context) (image, master, error) {
	var m master
	if !c.From.Postgres() {
		s, err := openStore(ctx, &c.From, c.Parts, storeOptions{})
		if err != nil {
			return nil, m, err
		}
		secret, err := disk.ReadFile(c.From.Files, c.From.Path(storeFolder, "keys", "master"))
		if err == nil && len(secret) != len(m.key) {
			err = errors.New("it is damaged")
		}
		if err != nil {
			return nil, m, errors.Join(fmt.Errorf("reading the master key: %w", err), s.Close())
		}
		m.key = [seal.MasterBytes]byte(secret)
		return s.(*embedded.Store), m, nil
	}
	m, err := masterKey(&c.From, c.Parts)
	if err != nil {
		return nil, m, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, err := openStore(ctx, &c.From, c.Parts, storeOptions{master: m, waiting: func(owner string) {
		cancel(fault.Errorf(fault.Conflict, "in_use", "the node %s uses the database: stop all nodes first", owner))
	}})
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return nil, m, err
	}
	return s.(*postgres.Store), m, nil
}

// fill copies the store, and goes on with a copy that was cut off.
func (c *copying) fill(ctx context.Context, from image, m master) error {
	terms := transfer.Terms{Tell: c.Tell, Keep: func(p transfer.Progress) error {
		text, err := json.Marshal(p)
		if err == nil {
			err = disk.WriteFile(c.To.Files, c.To.Path(copyFile), text)
		}
		return err
	}}
	if c.result.Resumed {
		text, err := disk.ReadFile(c.To.Files, c.To.Path(copyFile))
		if err != nil {
			return fmt.Errorf("reading how far the copy was: %w", err)
		}
		if err := json.Unmarshal(text, &terms.Begun); err != nil {
			return fault.Errorf(fault.Internal, "unfinished_copy", "%s is damaged: empty %s and copy again", c.To.Path(copyFile), c.To.Data)
		}
		switch {
		case terms.Begun.Filled:
			return nil
		case terms.Begun.Source == "":
			terms.Begun = nil // it was cut off before it began
		}
	} else if !c.To.Postgres() {
		// A store is there from here on, which is of no instance.
		if err := terms.Keep(transfer.Progress{}); err != nil {
			return err
		}
	}
	to, err := c.openTarget(ctx, from, m)
	if err != nil {
		return err
	}
	err = transfer.Fill(ctx, to, from, terms)
	return errors.Join(err, to.Close())
}

func (c *copying) openTarget(ctx context.Context, from image, m master) (store.Taker, error) {
	if !c.To.Postgres() {
		return embedded.Take(c.To.Path(storeFolder), m.key, embedded.Options{
			FS: c.To.Files, Random: c.Parts.Entropy, MemoryBudget: int64(config.NewBudget(c.To.Memory).Store),
			Report: func(err error) { c.Parts.Log.Error("store", "error", err) },
		})
	}
	if c.To.MasterKey != "" && c.To.MasterKey != hex.EncodeToString(m.key[:]) {
		return nil, fault.Errorf(fault.Conflict, "master_key", "the setting master_key is not the master key of what is copied: leave it out, and take the file %s to the other nodes", masterKeyFile)
	}
	t, err := postgres.Take(ctx, postgres.Options{DSN: c.To.Store, Master: m.key, Random: c.Parts.Entropy}, c.result.Resumed)
	if err != nil {
		return nil, err
	}
	// Before any node can start: it would come to another key by itself, and what
	// it has of the others would become everybody's.
	files, err := c.shared(ctx, from, m)
	for i := 0; err == nil && i < len(files); i++ {
		err = t.TakeFile(ctx, files[i])
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// shared gives the files that all nodes on a database share, as they are at the
// source.
func (c *copying) shared(ctx context.Context, from image, m master) ([]postgres.File, error) {
	key, err := instanceKey(ctx, &c.From, c.Parts, m)
	if err != nil {
		return nil, err
	}
	out := []postgres.File{{Name: instanceKeyFile, Bytes: instanceKeyText(key)}}
	if s, ok := from.(*postgres.Store); ok {
		files, err := s.Files(ctx)
		for _, f := range files {
			if shared(f.Name) && !stays(f.Name) {
				out = append(out, f)
			}
		}
		return out, err
	}
	names, err := (&shelf{files: c.From.Files, folder: c.From.Data}).names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if stays(name) {
			continue
		}
		text, err := disk.ReadFile(c.From.Files, c.From.Path(filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("copying %s: %w", name, err)
		}
		out = append(out, postgres.File{Name: name, Bytes: text})
	}
	return out, nil
}

// stays tells whether a file of a data folder belongs to the place that is copied
// from, and not to the instance.
func stays(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{
		storeFolder, columnsFolder, // the one is copied as a store, the other made again
		masterKeyFile, instanceKeyFile, // written as the target needs them
		nodeFile, holderFile, "access.lock", healthFile, "secret-key", "console-link", disk.RingName,
	}, first) || strings.HasPrefix(filepath.Base(name), disk.Unfinished) || strings.HasSuffix(name, ".tmp")
}

// files copies the data folder, with what a database keeps of it for all nodes.
func (c *copying) files(ctx context.Context, from image, m master) (n int, err error) {
	write := func(name string, text io.Reader) error {
		n++
		path := c.To.Path(filepath.FromSlash(name))
		if err := c.To.Files.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("copying %s: %w", name, err)
		}
		return disk.WriteFrom(c.To.Files, path, text)
	}
	err = fs.WalkDir(os.DirFS(c.From.Data), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && stays(name) && d.IsDir():
			return fs.SkipDir
		case stays(name), !d.Type().IsRegular():
			return ctx.Err()
		}
		file, err := c.From.Files.Open(c.From.Path(filepath.FromSlash(name))) // a table that waits to be imported may be of any length
		if err != nil {
			return fmt.Errorf("copying %s: %w", name, err)
		}
		return errors.Join(write(name, file), file.Close())
	})
	if err != nil {
		return n, err
	}
	// The key of the instance, and what a database knows better than the folder.
	files, err := c.shared(ctx, from, m)
	for i := 0; err == nil && i < len(files); i++ {
		if f := &files[i]; c.From.Postgres() || f.Name == instanceKeyFile {
			err = write(f.Name, bytes.NewReader(f.Bytes))
		}
	}
	if err != nil || !c.To.Postgres() || c.To.MasterKey != "" {
		return n, err
	}
	return n, disk.WriteFile(c.To.Files, c.To.Path(masterKeyFile), []byte(hex.EncodeToString(m.key[:])+"\n"))
}

// verify reads everything back.
func (c *copying) verify(ctx context.Context, from image, m master) error {
	was, err := transfer.SumsOf(ctx, from, c.Tell)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, &c.To, c.Parts, storeOptions{master: m})
	if err != nil {
		return fmt.Errorf("opening the copy: %w", err)
	}
	is, err := transfer.SumsOf(ctx, s.(image), c.Tell)
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	c.result.Sums = is
	return transfer.Compare(is, was)
}
