package postgres_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shardedBy is the column by which a cluster spreads each large table; those of
// smallTables have a handful of rows and stay in one place.
var (
	shardedBy   = map[string]string{"leases": "part", "log_blocks": "part", "log_keys": "bucket", "state_rows": "bucket", "state_positions": "first_bucket"}
	smallTables = []string{"schema_steps", "nodes", "node_files"}
)

// TestSchema_CanBeSpreadOverMachines reads the catalog of a migrated schema: what
// Citus, YugabyteDB and CockroachDB ask of tables holds for each of ours.
func TestSchema_CanBeSpreadOverMachines(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	opened(t, d.options())
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	ask := func(sql string) []string {
		rows, err := conn.Query(ctx, sql, d.schema)
		if err != nil {
			t.Fatal(err)
		}
		out, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	tables := ask(`SELECT table_name::text FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1`)
	if len(tables) != len(shardedBy)+len(smallTables) {
		t.Errorf("the tables are %v: say of a new one in this test how it is spread", tables)
	}
	unique := map[string]int{}
	for _, line := range ask(`SELECT c.relname || ' ' || (SELECT string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute a
			WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey))
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND i.indisunique ORDER BY 1`) {
		table, columns, _ := strings.Cut(line, " ")
		unique[table]++
		if by, large := shardedBy[table]; large && !slices.Contains(strings.Split(columns, ","), by) {
			t.Errorf("a unique index of %s is over %s, without %s", table, columns, by)
		}
	}
	for _, table := range tables {
		if shardedBy[table] == "" && !slices.Contains(smallTables, table) {
			t.Errorf("nobody says how %s is spread", table)
		}
		if unique[table] == 0 {
			t.Errorf("%s has no key", table)
		}
	}
	for what, sql := range map[string]string{
		"foreign key": `SELECT conname::text FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = $1 AND contype = 'f'`,
		"trigger":     `SELECT tgname::text FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND NOT tgisinternal`,
		"sequence":    `SELECT sequencename::text FROM pg_sequences WHERE schemaname = $1`,
	} {
		for _, name := range ask(sql) {
			t.Errorf("the schema has the %s %s", what, name)
		}
	}
}

// TestStatements_UseNothingThatClustersLack reads every text of the engine that
// could be a statement.
func TestStatements_UseNothingThatClustersLack(t *testing.T) {
	t.Parallel()
	var texts []string
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || strings.HasPrefix(path, "pgtest") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		switch {
		case strings.HasSuffix(path, ".sql"):
			b, err := os.ReadFile(path)
			texts = append(texts, string(b))
			return err
		case strings.HasSuffix(path, ".go"):
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					s, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Error(err)
					}
					texts = append(texts, s)
				}
				return true
			})
		}
		return nil
	})
	if err != nil || len(texts) < 100 {
		t.Fatalf("%d texts, %v", len(texts), err)
	}
	for _, text := range texts {
		upper := " " + strings.ToUpper(strings.Join(strings.Fields(text), " ")) + " "
		for _, word := range []string{"ADVISORY", " LISTEN ", " NOTIFY ", "CREATE TRIGGER", "REFERENCES ", "LOCK TABLE", "SERIAL PRIMARY", "NEXTVAL"} {
			if strings.Contains(upper, word) {
				t.Errorf("a statement has %q: %s", strings.TrimSpace(word), text)
			}
		}
	}
}
