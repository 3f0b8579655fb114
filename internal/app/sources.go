package app

import (
	"encoding/json"
	"sync/atomic"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/dialect/segment"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// sources compiles what the pipeline asks of a source, once for each version
// of the access document.
type sources struct {
	register *access.Register
	fallback pipeline.SourceInfo
	compiled atomic.Pointer[compiledSources]
}

type compiledSources struct {
	of    *access.Index
	byKey map[string]pipeline.SourceInfo
}

func newSources(r *access.Register) *sources {
	return &sources{register: r, fallback: pipeline.SourceInfo{Priority: access.DefaultPriority, Mapping: catalog.DefaultMapping()}}
}

// info is called for every event: it takes no lock and, but after a change,
// makes nothing.
func (s *sources) info(key string) pipeline.SourceInfo {
	index := s.register.Index()
	c := s.compiled.Load()
	if c == nil || c.of != index {
		c = s.compile(index)
		s.compiled.Store(c)
	}
	if info, ok := c.byKey[key]; ok {
		return info
	}
	return s.fallback
}

func (s *sources) compile(index *access.Index) *compiledSources {
	c := &compiledSources{of: index, byKey: map[string]pipeline.SourceInfo{}}
	for i := range index.Document().Sources {
		source := &index.Document().Sources[i]
		info := pipeline.SourceInfo{Priority: source.Priority, Mapping: s.fallback.Mapping}
		// A mapping is checked before it is stored; one that a person broke in
		// the file leaves the reserved one in force.
		if m, err := mapping(source.Mapping()); err == nil && m != nil {
			info.Mapping = m
		}
		c.byKey[source.Key] = info
	}
	return c
}

func mapping(document []byte) (*catalog.Mapping, error) {
	if document == nil {
		return nil, nil
	}
	var doc catalog.MappingDocument
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_mapping", "item_actions: %v", err).At("/item_actions")
	}
	return catalog.NewMapping(doc)
}

func checkMapping(document []byte) error {
	_, err := mapping(document)
	return err
}

// keyring shows the tracking door the register as it wants to see it.
type keyring struct{ register *access.Register }

// SourceByWriteKey finds the source of a write key.
func (k keyring) SourceByWriteKey(key string) (segment.Source, bool) {
	index := k.register.Index()
	s, ok := sourceOf(index.WriteKey(key))
	s.Origins = originsOf(index, key)
	return s, ok
}

// Exchange gives an access token for a client's signed assertion.
func (k keyring) Exchange(assertion, host string, now clock.Instant) (string, error) {
	return k.register.Exchange(assertion, host, now)
}

// SourceByToken finds the source of an access token. A client that signs
// vouches for what it sends.
func (k keyring) SourceByToken(token string, now clock.Instant) (segment.Source, bool) {
	s, ok := sourceOf(k.register.Index().Token(token, now))
	s.Verified = ok
	return s, ok
}

// originsOf are the origins of a write key; nil where any will do.
func originsOf(index *access.Index, key string) dialect.Origins {
	if k := index.Restricted(key); k != nil {
		return k.FromOrigin
	}
	return nil
}

func sourceOf(s *access.Source) (segment.Source, bool) {
	if s == nil {
		return segment.Source{}, false
	}
	return segment.Source{Key: s.Key, Name: s.Name, Verified: s.Verified, Historical: s.Historical}, true
}
