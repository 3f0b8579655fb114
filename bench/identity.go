package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// The identifiers in the graph that is measured.
const (
	identifiersUsual = 400_000
	identifiersFull  = 20_000_000
)

// identity measures the identity graph alone, each event an edge: in memory,
// and with its storage and memory for a third of the identifiers. It is a Go
// benchmark beside the graph, because nothing else may touch the graph; what
// counts is processor time.
func (b *bench) identity(ctx context.Context) error {
	n := identifiersUsual
	if b.events == full().events {
		n = identifiersFull
	}
	run := exec.CommandContext(ctx, "go", "test", "./internal/graph", "-run", "^$", "-bench", "^BenchmarkGraph$", "-benchtime", "1x", "-timeout", "4h")
	run.Env = append(os.Environ(), "GOMAXPROCS=1", "RAPPORT_BENCH_IDENTIFIERS="+strconv.Itoa(n))
	run.Stderr = os.Stderr
	out, err := run.Output()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	b.say("%d identifiers at most, processor time, GOMAXPROCS=1", n)
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		f := strings.Fields(lines.Text())
		for i := range f {
			if f[i] != "events/s/core" {
				continue
			}
			rate, err := strconv.ParseFloat(f[i-1], 64)
			if err != nil {
				return err
			}
			if strings.HasPrefix(f[0], "BenchmarkGraph/memory") {
				b.atLeast("graph in memory, thousand events a second and core", rate/1e3, 300, "")
			} else {
				b.atLeast("graph with storage, memory for a third", rate/1e3, 60, "")
			}
		}
	}
	return nil
}
