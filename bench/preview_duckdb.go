package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// duckDBReport is what bench/duckdb/count.mjs prints.
type duckDBReport struct {
	RSS   float64 `json:"rss"` // bytes the process grew by
	Forms []struct {
		Name   string    `json:"name"`
		Times  []float64 `json:"times"` // milliseconds
		Counts []int     `json:"counts"`
	} `json:"forms"`
}

// runDuckDB installs DuckDB as its lock file says, beside the data, and lets it
// count. It needs Node.js.
func runDuckDB(ctx context.Context, dir string, threads int) (duckDBReport, error) {
	var r duckDBReport
	for _, name := range []string{"package.json", "package-lock.json", "count.mjs"} {
		b, err := os.ReadFile(filepath.Join("bench", "duckdb", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			return r, fmt.Errorf("preparing DuckDB, the bench runs in the folder of the sources: %w", err)
		}
	}
	install := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return r, fmt.Errorf("installing DuckDB: %w\n%s", err, out)
	}
	count := exec.CommandContext(ctx, "node", "count.mjs", dir, strconv.Itoa(threads))
	count.Dir, count.Stderr = dir, os.Stderr
	out, err := count.Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		return r, fmt.Errorf("counting with DuckDB: %w", err)
	}
	return r, nil
}
