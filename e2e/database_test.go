package e2e_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"rapport/internal/store/postgres/pgtest"
)

// started tells that a test asked for the server.
var started atomic.Bool

// server is the PostgreSQL of all tests that ask for one.
var server = sync.OnceValues(func() (*pgtest.Server, error) { return pgtest.Start() })

// stopServer ends it, if it was started.
func stopServer() error {
	if !started.Load() {
		return nil
	}
	s, err := server()
	if err != nil {
		return nil //nolint:nilerr // told by the test that asked for it
	}
	return s.Stop()
}

// database makes an empty schema for a test and gives its address. The test
// is skipped where there is no PostgreSQL.
func database(t *testing.T) string {
	t.Helper()
	started.Store(true)
	s, err := server()
	if errors.Is(err, pgtest.ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.Address(t)
}
