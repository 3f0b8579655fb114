package definition

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Step is a change of one version, as a row of it has to show it.
type Step struct {
	Version int
	Made    bool // the version is new
	Change  Change
}

// Apply gives the versions after a fact, and what changed. A version that goes
// live archives the one that was. A fact that was applied before changes
// nothing; one that does not fit what is there is an error.
func (s *Series) Apply(f *Fact) (*Series, []Step, error) {
	out := &Series{Kind: f.Kind, Key: f.Key}
	if s != nil {
		out.Versions = slices.Clone(s.Versions)
	}
	change := Change{f.Status, f.Author, f.Time, f.Note}
	at := out.At(f.Version)
	switch {
	case at != nil && f.Change < len(at.Changes):
		return s, nil, nil
	case at == nil && (f.Change != 0 || f.Version != out.next()), at != nil && f.Change != len(at.Changes):
		return s, nil, fmt.Errorf("%s %q: change %d of version %d does not follow what is there", f.Kind, f.Key, f.Change, f.Version)
	}
	var steps []Step
	if live := out.Live(); f.Status == Live && live != nil && live.Version != f.Version {
		replaced := Change{Archived, f.Author, f.Time, fmt.Sprintf("replaced by version %d", f.Version)}
		live.Changes = append(slices.Clip(live.Changes), replaced)
		steps = append(steps, Step{Version: live.Version, Change: replaced})
	}
	if at == nil {
		out.Versions = append(out.Versions, Version{
			Kind: f.Kind, Key: f.Key, Version: f.Version, ContentType: f.ContentType, Size: f.Size,
			RollbackOf: f.RollbackOf, Changes: []Change{change},
		})
	} else {
		at.Changes = append(slices.Clip(at.Changes), change)
	}
	return out, append(steps, Step{f.Version, at == nil, change}), nil
}

// Index is the series of an instance at one moment. It is immutable and safe
// for concurrent use.
type Index struct {
	series map[Kind]map[string]*Series
}

// Get gives the series of a key; nil where there is none.
func (x *Index) Get(kind Kind, key string) *Series { return x.series[kind][key] }

// List gives all series of a kind, by key.
func (x *Index) List(kind Kind) []*Series {
	return slices.SortedFunc(maps.Values(x.series[kind]), func(a, b *Series) int { return strings.Compare(a.Key, b.Key) })
}

// With is the index with one series put in place of the one of its key.
func (x *Index) With(s *Series) *Index {
	out := &Index{series: maps.Clone(x.series)}
	if out.series == nil {
		out.series = map[Kind]map[string]*Series{}
	}
	of := maps.Clone(out.series[s.Kind])
	if of == nil {
		of = map[string]*Series{}
	}
	of[s.Key] = s
	out.series[s.Kind] = of
	return out
}
