package lake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/store"
)

// manifestName is the file that decides what is in the lake. manifestFormat is
// its version: another one is refused.
const (
	manifestName   = "manifest.json"
	manifestFormat = 1
	pendingFolder  = "pending"
)

// Manifest says which files a lake has and up to where in the log they go. What
// it does not name is not in the lake.
type Manifest struct {
	Format   int           `json:"format"`
	Sequence uint64        `json:"sequence"` // of the last file that got a name
	Written  clock.Instant `json:"written_at"`
	// Position is the place in the log up to which rows are in the files.
	Position store.Position `json:"position"`
	// Passages says that entries and exits from before the lake was made are in it.
	Passages bool    `json:"passages,omitempty"`
	Pending  Pending `json:"pending"`
	// Users are the columns of users, those of attributes among them. Edition
	// counts how often the type of one became wider.
	Users   []Column `json:"users"`
	Edition int      `json:"edition"`
	Files   []File   `json:"files"`
}

// Pending names the file that says of whom a users row is still due. Position is
// the place in the log at which it was true.
type Pending struct {
	Path     string         `json:"path,omitempty"`
	Position store.Position `json:"position"`
}

// File is one file of the lake.
type File struct {
	Object string         `json:"object"`
	Path   string         `json:"path"`
	Day    string         `json:"day"`
	Rows   int            `json:"rows"`
	Bytes  int            `json:"bytes"`
	Level  int            `json:"level"` // how many times its rows were joined with others
	Low    store.Position `json:"min_position"`
	High   store.Position `json:"max_position"`
	// Edition is the edition of the columns of users that it was written with.
	Edition int `json:"edition,omitempty"`
}

func readManifest(b []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("the manifest of the lake is damaged: %w", err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("the manifest of the lake has format %d, this program knows %d", m.Format, manifestFormat)
	}
	return m, nil
}

func (m *Manifest) clone() *Manifest {
	c := *m
	c.Users, c.Files = slices.Clone(m.Users), slices.Clone(m.Files)
	return &c
}

// replace takes files out and others in.
func (m *Manifest) replace(gone []File, with ...File) {
	out := map[string]bool{}
	for _, f := range gone {
		out[f.Path] = true
	}
	m.Files = append(slices.DeleteFunc(m.Files, func(f File) bool { return out[f.Path] }), with...)
}

// encode writes a manifest, its files in the order of their names.
func (m *Manifest) encode() ([]byte, error) {
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return json.Marshal(m)
}
