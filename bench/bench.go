package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"rapport/bench/load"
)

// bench is one run: where it works, with which sizes, and what it found so far.
type bench struct {
	sizes
	dir    string
	keep   bool
	binary string  // of the product; empty: built from the sources
	peak   float64 // events per second that the product took, once measured
	probed int     // probes so far: tells theirs apart
	rungs  int     // jobs so far: tells their message ids apart
	ends   []func()
}

func openBench(s sizes, dir string, keep bool) (*bench, error) {
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "rapport-bench-")
	} else {
		dir, err = filepath.Abs(dir)
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	fmt.Printf("%d processors, %s, data in %s\n", runtime.NumCPU(), runtime.Version(), dir)
	return &bench{sizes: s, dir: dir, keep: keep}, nil
}

// startProfile writes where the processor time of this program goes, until the
// bench is closed.
func (b *bench) startProfile(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("making a profile: %w", err)
	}
	b.ends = append(b.ends, func() {
		pprof.StopCPUProfile()
		f.Close() //nolint:errcheck // a profile that is cut off says so itself
	})
	return pprof.StartCPUProfile(f)
}

func (b *bench) close() {
	for _, end := range b.ends {
		end()
	}
	if !b.keep {
		b.scrap("")
	}
}

// scrap removes a file or folder of the run. What cannot be removed is only
// said: the figures stand.
func (b *bench) scrap(name string) {
	if err := os.RemoveAll(filepath.Join(b.dir, name)); err != nil {
		b.say("left behind: %v", err)
	}
}

// build makes the programs that a case needs, as they are in the sources now:
// the peers of the others take minutes to compile where nothing of them is there.
func (b *bench) build(ctx context.Context, name string) error {
	var programs []string
	if !besideEmpty[name] {
		programs = []string{"./bench/ceiling", "./bench/rmw"}
	}
	if b.binary == "" {
		programs = append(programs, "./cmd/rapport")
		b.binary = filepath.Join(b.dir, "rapport")
	}
	for _, pkg := range programs {
		b.say("building %s", pkg)
		c := exec.CommandContext(ctx, "go", "build", "-o", b.dir+"/", pkg)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// job is a load in the sizes of this run.
func (b *bench) job(s *server) load.Job {
	b.rungs++
	return load.Job{
		Address: s.address, WriteKey: writeKey, Conns: b.conns, Batch: b.batch,
		Events: b.events, People: b.people, Run: b.rungs,
	}
}

// measure is what one load did to one server.
type measure struct {
	load.Result
	applied time.Duration // from the start until everything could be read
	cpu     time.Duration // of the server
	ownCPU  time.Duration // of this program
}

func (m measure) perSecond() float64 { return float64(m.Events) / m.applied.Seconds() }
func (m measure) cpuPerEvent() float64 {
	return float64(m.cpu.Microseconds()) / float64(max(m.Events, 1))
}

// String is the line of a round.
func (m measure) String() string {
	return fmt.Sprintf("%8.0f events/s  %5.1f CPU µs/event (client %.1f)  p50 %v p99 %v  refused %d",
		m.perSecond(), m.cpuPerEvent(), float64(m.ownCPU.Microseconds())/float64(max(m.Events, 1)),
		short(m.Latency.Quantile(0.5)), short(m.Latency.Quantile(0.99)), m.Refused)
}

// send runs a job and waits until it is applied.
func (b *bench) send(ctx context.Context, s *server, job load.Job) (measure, error) {
	return b.measured(ctx, s, func() (load.Result, error) { return load.Run(ctx, job) })
}

// measured runs a load and waits until it is applied.
func (b *bench) measured(ctx context.Context, s *server, run func() (load.Result, error)) (measure, error) {
	cpu, own, start := s.cpu(), ownCPU(), time.Now()
	r, err := run()
	if err != nil {
		return measure{}, s.explain(ctx, err)
	}
	if err := s.settle(ctx); err != nil {
		return measure{}, err
	}
	return measure{Result: r, applied: time.Since(start), cpu: s.cpu() - cpu, ownCPU: ownCPU() - own}, nil
}

// merge sums up rounds of one server.
func merge(all []measure) measure {
	var sum measure
	for _, m := range all {
		sum.Events += m.Events
		sum.Requests += m.Requests
		sum.Bytes += m.Bytes
		sum.Elapsed += m.Elapsed
		sum.Refused += m.Refused
		sum.applied += m.applied
		sum.cpu += m.cpu
		sum.ownCPU += m.ownCPU
		sum.Latency.Merge(&m.Latency)
	}
	return sum
}

func (b *bench) heading(name, about string) { fmt.Printf("\n%s: %s\n", name, about) }

// say prints a line that is not compared with anything.
func (b *bench) say(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }

// check prints a measured value beside its target.
func (b *bench) check(what, measured, target string, ok bool) {
	verdict := "ok"
	if !ok {
		verdict = "short"
	}
	fmt.Printf("  %-52s %14s   target %-10s %s\n", what, measured, target, verdict)
}

// atLeast checks a ratio that should not be smaller.
func (b *bench) atLeast(what string, value, target float64, unit string) {
	b.check(what, fmt.Sprintf("%.2f%s", value, unit), fmt.Sprintf(">= %g%s", target, unit), value >= target)
}

// atMost checks a value that should not be larger.
func (b *bench) atMost(what string, value, target float64, unit string) {
	b.check(what, fmt.Sprintf("%.2f%s", value, unit), fmt.Sprintf("<= %g%s", target, unit), value <= target)
}

func short(d time.Duration) time.Duration {
	if d > 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
