package soak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// Report is the environment variable that names the file to which tests add what
// they did, for the report of make soak.
const Report = "RAPPORT_SOAK_REPORT"

// Did adds to the report that a test did something so many times, from a seed where
// it drew one.
func Did(t testing.TB, times int, what string, seed ...any) {
	t.Helper()
	from := ""
	if len(seed) > 0 {
		from = fmt.Sprint("seed ", seed[0])
	}
	tell(what, times, t.Name(), from)
}

// worlds adds random worlds to the report, by the test that plays them.
func worlds(n int) {
	pc, _, _, ok := runtime.Caller(2) // whoever asked Worlds
	if f := runtime.FuncForPC(pc); ok && f != nil {
		tell("worlds", n, f.Name()[strings.LastIndexByte(f.Name(), '/')+1:], fmt.Sprintf("seeds 0 to %d", n-1))
	}
}

// tell appends a line at once, so that lines of several programs do not mix. A report
// that cannot be written is missed by who reads it.
func tell(what string, times int, where, seed string) {
	path := os.Getenv(Report)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // whoever soaks names it
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(f, "%s\t%d\t%s\t%s\n", what, times, where, seed)
	_ = f.Close()
}
