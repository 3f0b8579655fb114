package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/disk"
	"rapport/internal/event/observed"
)

// kept is the file of what was seen.
type kept struct {
	Version int                         `json:"version"`
	Sources map[string]*observed.Source `json:"sources"`
}

const keptVersion = 1

// Load adds what a file has kept. Where there is none nothing was seen. What was
// seen is no state: a file that cannot be read is told of and begun anew.
func (in *Intake) Load(files vfs.FS, path string) error {
	text, err := disk.ReadFile(files, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what was seen of sources: %w", err)
	}
	all, err := decode(text)
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for key, s := range all {
		if mine := in.seen[key]; mine != nil {
			mine.Merge(s)
		} else {
			in.seen[key] = s
		}
	}
	return nil
}

// decode reads the file; what a hand or a broken disk made of it does no harm.
func decode(text []byte) (map[string]*observed.Source, error) {
	var k kept
	if err := json.Unmarshal(text, &k); err != nil || k.Version != keptVersion {
		return nil, fmt.Errorf("what was seen of sources cannot be read (version %d): %w", k.Version, err)
	}
	out := map[string]*observed.Source{}
	for key, s := range k.Sources {
		if s == nil {
			continue
		}
		// Merging takes only what has a sound form.
		clean := &observed.Source{}
		clean.Merge(s)
		out[key] = clean
	}
	return out, nil
}

// Save writes what was seen since, if anything was.
func (in *Intake) Save(files vfs.FS, path string) error {
	in.mu.Lock()
	if !in.changed {
		in.mu.Unlock()
		return nil
	}
	k := kept{keptVersion, make(map[string]*observed.Source, len(in.seen))}
	for key, s := range in.seen {
		k.Sources[key] = s.Kept()
	}
	text, err := json.Marshal(k)
	in.changed = err != nil
	in.mu.Unlock()
	if err != nil {
		return fmt.Errorf("writing what was seen of sources: %w", err)
	}
	if err := disk.WriteFile(files, path, text); err != nil {
		in.mu.Lock()
		in.changed = true
		in.mu.Unlock()
		return err
	}
	return nil
}

// Seen gives a copy of what was seen of a source; nil where nothing was.
func (in *Intake) Seen(source string) *observed.Source {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := in.seen[source]
	if s == nil {
		return nil
	}
	out := &observed.Source{}
	out.Merge(s)
	return out
}

// ForgetRare drops the kinds of events that few people had: somebody is erased,
// and their names may be about that person.
func (in *Intake) ForgetRare() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for key, s := range in.seen {
		in.seen[key] = s.Kept()
	}
	in.changed = true
}

// Forget drops what was seen of a source.
func (in *Intake) Forget(source string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.seen, source)
	in.changed = true
}
