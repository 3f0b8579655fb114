package access

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"rapport/internal/disk"
	"rapport/internal/fault"
)

// SourceVersion is a source as a version of the document said it.
type SourceVersion struct {
	Source
	Author string `json:"author"`
}

// SourceVersions gives the versions of a source, the newest first: one for each
// change of it. The times are of the changes.
func (r *Register) SourceVersions(key string) ([]SourceVersion, error) {
	now := r.Index().Document()
	if now.Source(key) == nil {
		return nil, noSource(key)
	}
	docs := []*Document{now}
	names, err := r.files.List(filepath.Join(r.dir, historyDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading former access documents: %w", err)
	}
	slices.Sort(names) // by number
	slices.Reverse(names)
	for _, name := range names {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		doc, err := r.readFormer(filepath.Join(r.dir, historyDir, name))
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	var out []SourceVersion
	for _, d := range docs {
		s := d.Source(key)
		if s == nil {
			break // before it was made, or made again
		}
		if n := len(out); n > 0 && out[n-1].Version == s.Version {
			// The oldest document with this version is the change itself.
			out[n-1].Author = d.Author
			continue
		}
		out = append(out, SourceVersion{*s, d.Author})
	}
	return out, nil
}

func (r *Register) readFormer(path string) (*Document, error) {
	text, err := disk.ReadFile(r.files, path)
	if err != nil {
		return nil, fmt.Errorf("reading former access document: %w", err)
	}
	doc := &Document{}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(doc); err != nil {
		return nil, fault.Errorf(fault.Internal, "invalid_access", "%s is damaged: %w", filepath.Base(path), err)
	}
	return doc, nil
}

// RollBackSource makes a source what it was in a former version, but for its
// keys and clients, which stay what they are.
func (r *Register) RollBackSource(author, key string, version int) (Source, error) {
	all, err := r.SourceVersions(key)
	if err != nil {
		return Source{}, err
	}
	at := slices.IndexFunc(all, func(v SourceVersion) bool { return v.Version == version })
	if at < 0 {
		return Source{}, fault.Errorf(fault.NotFound, "version_not_found", "source %q has no version %d: list its versions to see which there are", key, version)
	}
	s := all[at].Source
	s.WriteKeys, s.Clients = nil, nil
	out, _, err := r.PutSource(author, s)
	return out, err
}

// EditSource changes a source in place.
func (r *Register) EditSource(author, key string, edit func(*Source)) (Source, error) {
	err := r.change(author, func(d *Document) error {
		s := d.Source(key)
		if s == nil {
			return noSource(key)
		}
		edit(s)
		s.Version = 0
		return nil
	})
	if err != nil {
		return Source{}, err
	}
	return *r.Index().Source(key), nil
}

// DropSource takes a source away, with its keys. What it sent stays. The first
// source of an instance stays too.
func (r *Register) DropSource(author, key string) error {
	return r.change(author, func(d *Document) error {
		at := slices.IndexFunc(d.Sources, func(s Source) bool { return s.Key == key })
		switch {
		case at < 0:
			return noSource(key)
		case key == DefaultSource:
			return fault.Errorf(fault.Conflict, "default_source", "the source %q is made at every start: disable it, or revoke its keys", key)
		}
		d.Sources = slices.Delete(d.Sources, at, at+1)
		return nil
	})
}
