package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"rapport/internal/dmn/tck"
	"rapport/internal/feel"
)

func run(args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("dmntck", flag.ContinueOnError)
	flags.SetOutput(errs)
	verbose := flags.Bool("v", false, "print each failure with what was expected and why it failed")
	flags.Usage = func() {
		fmt.Fprintln(errs, "usage: dmntck [-v] DIR")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return 2
	}
	dir, err := filepath.Abs(flags.Arg(0))
	if err != nil {
		fmt.Fprintln(errs, "dmntck:", err)
		return 2
	}
	// Suites are named with the folder they were found in, also when DIR is
	// one of them.
	failed, err := runAll(filepath.Dir(dir), filepath.Base(dir), *verbose, out)
	if err != nil {
		fmt.Fprintln(errs, "dmntck:", err)
		return 2
	}
	if failed > 0 {
		return 1
	}
	return 0
}

func runAll(parent, dir string, verbose bool, out io.Writer) (int, error) {
	fsys := os.DirFS(parent)
	suites, err := tck.Suites(fsys, dir)
	if err != nil {
		return 0, err
	}
	if len(suites) == 0 {
		return 0, fmt.Errorf("no test cases under %s", filepath.Join(parent, dir))
	}
	options := tck.Options{Now: feel.FromTime(time.Now())}
	passed, failed := 0, 0
	var results tally
	for _, name := range suites {
		res, err := tck.Run(fsys, name, options)
		if err != nil {
			return 0, err
		}
		p, f := res.Count()
		passed, failed = passed+p, failed+f
		fmt.Fprintf(out, "%s: %d passed, %d failed\n", name, p, f)
		if verbose {
			printFailures(out, res)
			results.add(res)
		}
	}
	if verbose {
		fmt.Fprintf(out, "results: %d of %d, of those that are not null: %d of %d\n",
			results.passed, results.all, results.valuesPassed, results.values)
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	return failed, nil
}

// tally counts single results. Those that expect a value say more than those
// that expect null, which an engine that can do nothing gets right too.
type tally struct {
	all, passed, values, valuesPassed int
}

func (t *tally) add(res *tck.Result) {
	for _, c := range res.Cases {
		for _, n := range c.Nodes {
			good := 0
			if n.Passed {
				good = 1
			}
			t.all++
			t.passed += good
			if !n.ExpectsNull {
				t.values++
				t.valuesPassed += good
			}
		}
	}
}

func printFailures(out io.Writer, res *tck.Result) {
	for _, c := range res.Cases {
		for _, n := range c.Nodes {
			if n.Passed {
				continue
			}
			fmt.Fprintf(out, "  FAIL %s %s, %s\n    expected %s\n    actual   %s\n", c.File, c.ID, n.Name, n.Expected, n.Actual)
			for _, reason := range n.Reasons {
				fmt.Fprintf(out, "    because  %s\n", reason)
			}
		}
	}
}
