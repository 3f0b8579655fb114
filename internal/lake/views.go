package lake

import (
	_ "embed" // views.sql
	"fmt"
	"strings"
)

//go:embed views.sql
var viewsSQL string

// Views is the SQL that makes views of a lake in DuckDB, for who reaches it at
// a root.
func Views(root string) string {
	var objects strings.Builder
	for _, name := range Names() {
		fmt.Fprintf(&objects, "SET VARIABLE lake_%[1]s = (SELECT list(path) FROM lake_manifest WHERE object = '%[1]s');\n"+
			"CREATE OR REPLACE TEMP VIEW %[1]s AS FROM read_parquet(getvariable('lake_%[1]s'), union_by_name = true, hive_partitioning = true);\n", name)
	}
	out := strings.ReplaceAll(viewsSQL, "{{ROOT}}", strings.ReplaceAll(root, "'", "''"))
	return strings.ReplaceAll(out, "{{OBJECTS}}", objects.String())
}

// Readable tells whether the views can be made: they read the manifest, and a
// new lake has none until it is written for the first time.
func (l *Lake) Readable() bool { return l.written.Load() }

// Views is the SQL for this lake.
func (l *Lake) Views() string { return Views(l.Target.Root()) }
