// Command dmntck runs test suites in the layout of the DMN Technology
// Compatibility Kit against the decision engine. It never changes a file.
//
//	dmntck [-v] DIR
//
// DIR is a suite, a compliance level or any folder above them. A line per suite
// says how many test cases passed and failed; the last line is the sum. With -v
// each failure is told, and the single results are counted. The exit code is 1
// when any failed, 2 when DIR could not be run.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
