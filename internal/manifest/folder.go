package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"rapport/internal/fault"
)

// Object is one definition.
type Object struct {
	Kind     string
	Key      string // empty: an instance has one of the kind
	Status   string // empty: the kind knows none
	Document *value
	live     string // the number of the version, where it came from an instance
}

// Name is the kind with the key.
func (o *Object) Name() string {
	if o.Key == "" {
		return o.Kind
	}
	return o.Kind + "/" + o.Key
}

// File is where the definition lies in a folder.
func (o *Object) File() string { return filepath.FromSlash(o.Name() + ".yaml") }

// YAML is the definition as its file has it.
func (o *Object) YAML() []byte {
	v := object(field{"kind", scalar(o.Kind)})
	if o.Key != "" {
		v.fields = append(v.fields, field{"key", scalar(o.Key)})
	}
	if o.Status != "" {
		v.fields = append(v.fields, field{"status", scalar(o.Status)})
	}
	v.fields = append(v.fields, field{"document", o.Document})
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(v.node()), e.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

// Parse reads a definition's file.
func Parse(text []byte) (*Object, error) {
	bad := func(format string, args ...any) error {
		return fault.Errorf(fault.Invalid, "invalid_manifest", format, args...)
	}
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return nil, bad("it is no YAML: %v", err)
	}
	if n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
		return nil, bad("it is empty: write kind, key, status and document")
	}
	v, err := ofNode(n.Content[0], 0)
	if err != nil {
		return nil, err
	}
	o := &Object{Kind: v.get("kind").text(), Key: v.get("key").text(), Status: v.get("status").text(), Document: v.get("document")}
	if extra := v.without("kind", "key", "status", "document"); v.kind != '{' || len(extra.fields) > 0 {
		return nil, bad("it has other members than kind, key, status and document")
	}
	k := kindNamed(o.Kind)
	switch {
	case k == nil:
		return nil, bad("there is no kind %q: the kinds are %s", o.Kind, strings.Join(KindNames(), ", "))
	case k.single != (o.Key == ""):
		return nil, bad("the kind %s %s", o.Kind, map[bool]string{true: "has no key: an instance has one of it", false: "needs a key"}[k.single])
	case strings.ContainsAny(o.Key, `/\`) || strings.HasPrefix(o.Key, "."):
		return nil, bad("the key %q cannot be a file's name", o.Key)
	case o.Document == nil || o.Document.kind != '{':
		return nil, bad("document is missing, or no object")
	case k.raw && o.Document.get("file").text() == "":
		return nil, bad("document/file is missing: the model's file as text")
	}
	switch {
	case !k.status && o.Status != "":
		return nil, bad("the kind %s knows no status: take it away", o.Kind)
	case k.status && o.Status == "":
		o.Status = "live"
	case k.status && !slices.Contains([]string{"draft", "test", "live"}, o.Status):
		return nil, bad("status is %q: give draft, test or live", o.Status)
	}
	return o, nil
}

// Load reads all definitions of a folder. Files of other kinds than YAML, and
// folders and files whose names begin with a dot, are left alone.
func Load(folder string) ([]*Object, error) {
	var out []*Object
	seen := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != folder && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		o, err := Parse(text)
		if err != nil {
			return fault.Errorf(fault.Invalid, "invalid_manifest", "%s: %v", path, err)
		}
		if other, twice := seen[o.Name()]; twice {
			return fault.Errorf(fault.Invalid, "invalid_manifest", "%s and %s are both %s: keep one", other, path, o.Name())
		}
		seen[o.Name()] = path
		out = append(out, o)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "no_folder", "there is no folder %s: rapport export %s makes it", folder, folder)
	}
	inOrder(out)
	return out, err
}

// inOrder sorts so that what others may need comes first.
func inOrder(all []*Object) {
	names := KindNames()
	slices.SortStableFunc(all, func(a, b *Object) int {
		if n := slices.Index(names, a.Kind) - slices.Index(names, b.Kind); n != 0 {
			return n
		}
		return strings.Compare(a.Key, b.Key)
	})
}

// Save writes definitions into a folder, one file each, and takes away the files
// of definitions that are not among them: the folder says what the instance says.
// Files that did not change are not touched. only names the kinds that are
// looked after; none: all. It tells what it wrote and removed.
func Save(folder string, all []*Object, only []string) (written, removed []string, err error) {
	keep := map[string]bool{}
	for _, o := range all {
		path := filepath.Join(folder, o.File())
		keep[path] = true
		if old, err := os.ReadFile(path); err == nil {
			if was, err := Parse(old); err == nil && was.Name() == o.Name() {
				if was.Status == o.Status && equal(o.Document, was.Document) {
					continue
				}
				o.Document = withPlaceholders(o.Document, was.Document)
			}
		}
		text := o.YAML()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return written, removed, fmt.Errorf("making the folder: %w", err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return written, removed, fmt.Errorf("writing a definition: %w", err)
		}
		written = append(written, o.File())
	}
	for _, name := range stale(folder, keep, only) {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			return written, removed, fmt.Errorf("removing a definition: %w", err)
		}
		removed = append(removed, name)
	}
	return written, removed, nil
}

// stale are the files, where Save would write, of definitions that are not to be
// kept. What is no definition is somebody else's.
func stale(folder string, keep map[string]bool, only []string) []string {
	var out []string
	for _, k := range kinds() {
		if len(only) > 0 && !slices.Contains(only, k.Name) {
			continue
		}
		names := []string{k.Name + ".yaml"}
		if !k.single {
			names = names[:0]
			entries, err := os.ReadDir(filepath.Join(folder, k.Name))
			if err != nil {
				continue // there is none of the kind
			}
			for _, e := range entries {
				names = append(names, filepath.Join(k.Name, e.Name()))
			}
		}
		for _, name := range names {
			path := filepath.Join(folder, name)
			text, err := os.ReadFile(path)
			if keep[path] || err != nil {
				continue
			}
			if o, err := Parse(text); err == nil && o.File() == name {
				out = append(out, name)
			}
		}
	}
	return out
}
