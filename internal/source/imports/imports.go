// Package imports loads tables that others wrote: it takes a file, keeps it until
// a background job has made events and items of its rows, and reports what came
// of them row by row. It changes nothing but through the log, and it never knows
// a dialect: what understands an event is handed to it.
package imports

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/disk"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/schedule"
)

// Job is the kind of the jobs that import.
const Job = "import"

// Spine is what an import asks of the pipeline.
type Spine interface {
	Accept(ctx context.Context, s *pipeline.Submission) (pipeline.Receipt, error)
	WaitApplied(ctx context.Context, r pipeline.Receipt) error
	Known(ctx context.Context, records [][]event.Identifier) ([][]*profile.View, error)
	Have(ctx context.Context, events []*event.Event) ([]bool, error)
	Entity(ctx context.Context, kind catalog.Kind, id string) (pipeline.Stored, error)
	Items(ctx context.Context, ids []string) ([]*catalog.Entity, error)
	ChangeMany(ctx context.Context, commands []pipeline.Command) (refused []error, receipt pipeline.Receipt, err error)
}

// Documents are the mappings that were defined.
type Documents interface {
	Definitions() *definition.Index
	Definition(ctx context.Context, kind definition.Kind, key string, version int) (definition.Definition, error)
	Define(ctx context.Context, c definition.Command) (pipeline.Defined, error)
	Rules() *identity.Rules
}

// Jobs run imports.
type Jobs interface {
	Submit(ctx context.Context, q schedule.Request) (schedule.Job, error)
	Get(ctx context.Context, id string) (schedule.Job, error)
}

// Config is what the door is made of.
type Config struct {
	Spine     Spine
	Documents Documents
	Jobs      Jobs
	Access    *access.Register
	// Dialect names what understands the events that rows become, and Mapper is it.
	Dialect string
	Mapper  event.Mapper
	Now     clock.Clock
	NewID   func() string
	Folder  string // of files that wait, and of reports
	// Files is the file system that the folder is in; nil: the machine's.
	Files vfs.FS
	// Reach opens the origin of a pull, and Reveal gives its secret in the clear.
	Reach  func(ctx context.Context, p *feed.Pull, secret, cursor string) (Origin, error)
	Reveal func(sealed []byte) ([]byte, error)
	Log    *slog.Logger
}

// Door takes files and imports them.
type Door struct {
	Config
	pulls pulls
}

// New makes the door.
func New(c Config) *Door {
	if c.Files == nil {
		c.Files = vfs.Default
	}
	return &Door{Config: c, pulls: pulls{running: map[string]bool{}}}
}

// keeping is how long a report can be asked for, in microseconds.
const keeping = 30 * 24 * 3600e6

// announced is what is kept of an import beside its job.
type announced struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Size       int64           `json:"size"`
	Created    clock.Instant   `json:"created_at"`
	Author     string          `json:"author"`
	Source     string          `json:"source"`
	Historical bool            `json:"historical"`
	MappingKey string          `json:"mapping,omitempty"`
	Version    int             `json:"mapping_version,omitempty"`
	Mapping    json.RawMessage `json:"mapping_document"`
	Pull       string          `json:"pull,omitempty"`
	Job        string          `json:"job"`
	// Digest is of what the file holds, Way of how it is read. Again tells that the
	// import before it, by the same source and way, had the same.
	Digest string `json:"digest,omitempty"`
	Way    string `json:"way,omitempty"`
	Again  bool   `json:"again,omitempty"`
}

// What is beside the data, by the id of an import.
const (
	tableEnding   = ".table"   // the file, until it is worked through
	reportEnding  = ".csv"     // what is said of its rows
	journalEnding = ".decided" // what was decided of rows behind the place that is kept
)

var plainID = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

func (d *Door) file(id, ending string) string { return filepath.Join(d.Folder, id+ending) }

// announced reads what is kept of an import.
func (d *Door) announced(id string) (a announced, err error) {
	missing := fault.Errorf(fault.NotFound, "import_not_found", "there is no import %.80q; GET /api/v1/imports lists those of the last 30 days", id)
	if !plainID.MatchString(id) {
		return a, missing
	}
	found, err := disk.ReadDocument(d.Files, d.file(id, ".json"), &a)
	if err == nil && !found {
		err = missing
	}
	return a, err
}

func (d *Door) keep(a announced) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return disk.WriteFile(d.Files, d.file(a.ID, ".json"), b)
}

// all are the imports that are kept, newest first.
func (d *Door) all() []announced {
	names, err := filepath.Glob(filepath.Join(d.Folder, "*.json"))
	if err != nil {
		return nil // the pattern is ours
	}
	var out []announced
	for _, name := range names {
		if a, err := d.announced(strings.TrimSuffix(filepath.Base(name), ".json")); err == nil {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b announced) int {
		if a.Created != b.Created {
			return int(min(max(b.Created-a.Created, -1), 1))
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// tidy forgets imports that are too old to be asked for.
func (d *Door) tidy(now clock.Instant) {
	for _, a := range d.all() {
		if now-a.Created > keeping {
			for _, ending := range [...]string{tableEnding, reportEnding, journalEnding, ".json"} {
				_ = d.Files.Remove(d.file(a.ID, ending)) // the next one tries again
			}
		}
	}
}
