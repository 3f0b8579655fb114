// Package soak says how often random tests run: some times every day, many
// times when somebody soaks. Only tests import it; it never draws a number.
package soak

import (
	"os"
	"strconv"
	"testing"
)

// Variable is the environment variable that makes tests run longer: a number is
// how many times longer, anything else but nothing is Long without a number.
const Variable = "RAPPORT_SOAK"

// raceShare is of how many worlds one is played under the race detector; it
// costs as much as about six without.
const raceShare = 10

// Long tells that tests should take the time they need.
func Long() bool { return os.Getenv(Variable) != "" }

// Times is how many times more often than every day random tests run, at
// least 1.
func Times() int {
	if n, err := strconv.Atoi(os.Getenv(Variable)); err == nil && n > 1 {
		return n
	}
	return 1
}

// Unraced leaves a test to the run without the race detector: what is all in one
// goroutine or in processes of its own has no races to be seen, and what is long costs
// too much. When somebody soaks it runs under the detector as well.
func Unraced(t testing.TB) {
	t.Helper()
	if Raced && !Long() {
		t.Skip("runs without the race detector, as make test-go does after the raced run")
	}
}

// Worlds is how many random worlds a test plays that plays so many every day.
// Under the race detector it is a tenth of them, at least one, unless somebody
// soaks: races show in few worlds, and make test-go runs every package that asks
// here once more without the detector, with all of them.
func Worlds(everyday int) int {
	n := everyday * Times()
	if Raced && !Long() {
		n = max(1, everyday/raceShare)
	}
	worlds(n)
	return n
}
