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
	out, err := run.StdoutPipe()
	if err == nil {
		err = run.Start()
	}
	if err != nil {
		return fmt.Errorf("measuring the graph: %w", err)
	}
	b.say("%d identifiers at most, processor time, GOMAXPROCS=1", n)
	var all []string
	which := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		if all = append(all, line); strings.Contains(line, "% of") {
			b.say("%s", strings.TrimSpace(line[max(0, strings.Index(line, "  ")):]))
		}
		if name := strings.Index(line, "BenchmarkGraph/"); name == 0 {
			which = line
		}
		if err := b.graphRate(which, strings.Fields(line)); err != nil {
			return err
		}
	}
	if err := run.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(all, "\n"))
	}
	return nil
}

// graphRate checks the rate that a line tells of a part, where it tells one.
func (b *bench) graphRate(part string, f []string) error {
	for i := range f {
		if f[i] != "events/s/core" {
			continue
		}
		rate, err := strconv.ParseFloat(f[i-1], 64)
		if err != nil {
			return err
		}
		if strings.HasPrefix(part, "BenchmarkGraph/memory") {
			b.atLeast("graph in memory, thousand events a second and core", rate/1e3, 300, "")
		} else {
			b.atLeast("graph with storage, memory for a third", rate/1e3, 60, "")
		}
	}
	return nil
}
