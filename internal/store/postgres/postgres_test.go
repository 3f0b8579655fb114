package postgres_test

import (
	"context"
	"os"
	"testing"

	"rapport/internal/store"
	"rapport/internal/store/postgres"
	"rapport/internal/store/postgres/pgtest"
	"rapport/internal/store/storetest"
)

var server *pgtest.Server

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, &server)) }

// disk is a schema of the server.
type disk struct {
	t      testing.TB
	schema string
}

func newDisk(t testing.TB) *disk {
	t.Helper()
	if server == nil {
		t.Skip(pgtest.ErrNone)
	}
	return &disk{t: t, schema: server.Schema(t)}
}

func (d *disk) options() postgres.Options {
	return postgres.Options{DSN: server.DSN, Schema: d.schema, Connections: 6, Owner: "test"}
}

func (d *disk) open() (*postgres.Store, error) {
	s, err := postgres.Open(context.Background(), d.options())
	if err == nil {
		d.t.Cleanup(func() { s.Close() }) //nolint:errcheck // its lease may be lost
	}
	return s, err
}

func (d *disk) Open() (store.Store, error) { return d.open() }

// Crash lets the lease of the node that fell silent run out. The database did
// not crash, so nothing is lost.
func (d *disk) Crash(func(int) int) {
	server.Exec(d.t, "UPDATE "+d.schema+".leases SET expires = 'epoch'")
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Disk { return newDisk(t) })
}
