package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"github.com/jackc/pgx/v5"
)

// Replica gives a server that follows s and has everything that s acknowledged
// from now on: s waits for it. Stop ends it.
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
	if err := r.Run(); err != nil {
		return nil, err
	}
	return r, s.ask("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
}

// Promote makes a replica a server of its own.
func (s *Server) Promote() error { return s.ask("SELECT pg_promote()") }

func (s *Server) ask(statements ...string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // what was asked is done
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}
