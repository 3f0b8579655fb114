package tables

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Inspection is what a database says of tables for analysts.
type Inspection struct {
	There bool
	// Mine tells that the role may make them, or that they are its own.
	Mine   bool
	Events int64 // place in the log up to which events are written
	Whole  bool  // everybody was written at least once
}

// Inspect looks for tables in a schema. It makes and changes nothing.
func Inspect(ctx context.Context, dsn, schema string) (i Inspection, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return i, fmt.Errorf("connect to the database of the tables for analysts: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	table := pgx.Identifier{schema, "progress"}.Sanitize()
	const look = `SELECT to_regclass($1) IS NOT NULL, coalesce((SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = $2),
		has_database_privilege(current_database(), 'CREATE'))`
	if err := conn.QueryRow(ctx, look, table, schema).Scan(&i.There, &i.Mine); err != nil || !i.There || !i.Mine {
		return i, err
	}
	err = conn.QueryRow(ctx, `SELECT events, whole_at IS NOT NULL FROM `+table).Scan(&i.Events, &i.Whole)
	return i, err
}
