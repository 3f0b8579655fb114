package pipeline

import (
	"encoding/json"

	"rapport/internal/definition"
	"rapport/internal/store"
)

// learnExperience takes a version of an experience as soon as it is in the log:
// whatever a lane folds, the versions before it are known.
func (s *setting) learnExperience(r *store.Record) {
	if r.Kind != store.KindDefinition || r.Payload == nil {
		return
	}
	var f definition.Fact
	if err := json.Unmarshal(r.Payload, &f); err == nil && f.Kind == definition.Experience {
		s.experiences.Store(s.experiences.Load().Learn(&f))
	}
}

// studyExperience takes a version that was committed, with all that became of it.
func (s *setting) studyExperience(row *versionRow) {
	if row.Kind != definition.Experience {
		return
	}
	for _, c := range row.Changes {
		s.experiences.Store(s.experiences.Load().Learn(&definition.Fact{
			Kind: row.Kind, Key: row.Key, Version: row.Version.Version, Status: c.Status, Time: c.Time, Document: row.Document,
		}))
	}
}
