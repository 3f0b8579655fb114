package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Inspection is what a database says of itself, without anything being changed.
type Inspection struct {
	Flavour
	// Step is the newest schema step that was done, Latest the newest that this
	// program knows; Step 0: no tables were made.
	Step, Latest int
	// Distributed are the tables that Citus spreads over its workers.
	Distributed []string
}

// Name is the database by the name of its makers.
func (f Flavour) Name() string {
	for _, n := range []string{"CockroachDB", "YugabyteDB", "-YB-"} {
		if strings.Contains(f.Version, n) {
			return strings.Replace(n, "-YB-", "YugabyteDB", 1)
		}
	}
	if f.Citus {
		return "Citus"
	}
	return "PostgreSQL"
}

// Inspect asks a database what it is. It makes and changes nothing.
func Inspect(ctx context.Context, dsn string) (Inspection, error) {
	pool, err := connect(ctx, Options{DSN: dsn, Connections: 1})
	if err != nil {
		return Inspection{}, err
	}
	defer pool.Close()
	var i Inspection
	if i.Flavour, err = detect(ctx, pool); err != nil {
		return i, err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return i, fmt.Errorf("listing schema steps: %w", err)
	}
	i.Latest = len(names)
	var there bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass('schema_steps') IS NOT NULL`).Scan(&there); err != nil {
		return i, fmt.Errorf("looking for the table of schema steps: %w", err)
	}
	if there {
		if err := pool.QueryRow(ctx, `SELECT coalesce(max(step), 0) FROM schema_steps`).Scan(&i.Step); err != nil {
			return i, fmt.Errorf("reading the schema steps: %w", err)
		}
	}
	if i.Citus {
		rows, err := pool.Query(ctx, `SELECT logicalrel::text FROM pg_dist_partition ORDER BY 1`)
		if err != nil {
			return i, fmt.Errorf("listing distributed tables: %w", err)
		}
		if i.Distributed, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return i, fmt.Errorf("listing distributed tables: %w", err)
		}
	}
	return i, nil
}
