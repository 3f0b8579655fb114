package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"time"

	"rapport/internal/dialect/segment"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
)

// door is the product's own, in front of a file.
func door(to *appender) http.Handler {
	return segment.New(segment.Config{
		Accept: acceptor{to}, Keys: anyKey{}, Rules: identity.DefaultRules(), Now: time.Now,
		Random: func(b []byte) { rand.Read(b) },
	})
}

// acceptor appends the events of a request as they were received.
type acceptor struct{ to *appender }

// Accept returns when the events are on disk.
func (a acceptor) Accept(_ context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	return pipeline.Receipt{}, a.to.append(func(b []byte) []byte {
		for i := range s.Events {
			body := s.Events[i].Event.Body.Raw()
			b = binary.AppendUvarint(b, uint64(len(body)))
			b = append(b, body...)
		}
		return b
	})
}

// WaitApplied has nothing to wait for.
func (acceptor) WaitApplied(context.Context, pipeline.Receipt) error { return nil }

// anyKey takes every write key.
type anyKey struct{}

// SourceByWriteKey knows every key.
func (anyKey) SourceByWriteKey(string) (segment.Source, bool) {
	return segment.Source{Key: "load", Name: "load"}, true
}
