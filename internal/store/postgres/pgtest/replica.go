package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// Replica gives a server that follows s. Stop ends it.
func (s *Server) Replica() (*Server, error) {
	r := &Server{bin: s.bin, more: s.more}
	var err error
	if r.folder, err = os.MkdirTemp("", "pgtest"); err != nil {
		return nil, err
	}
	if r.owner, err = owner(r.folder); err != nil {
		return nil, err
	}
	r.DSN = "postgres://rapport@/postgres?host=" + url.QueryEscape(r.folder)
	backup := r.command("pg_basebackup", "-h", s.folder, "-U", "rapport", "-D", r.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	if out, err := backup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	return r, r.Run()
}

// Caught waits until a replica has written down everything that s has by now.
func (s *Server) Caught() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background()) //nolint:errcheck // it only asked
	var end string
	if err := conn.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&end); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var caught bool
		const ask = "SELECT coalesce(bool_or(flush_lsn >= $1::pg_lsn), false) FROM pg_stat_replication"
		if err := conn.QueryRow(ctx, ask, end).Scan(&caught); err != nil || caught {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no replica has come to %s: %w", end, ctx.Err())
		}
	}
}

// Promote makes a replica a server of its own.
func (s *Server) Promote() error {
	// A statement could be cancelled by what is still replayed.
	if out, err := s.command("pg_ctl", "promote", "-w", "-D", s.data()).CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl promote: %w: %s", err, out)
	}
	return nil
}
