//go:build race

package embedded_test

import (
	"os/exec"
	"strings"
	"testing"
)

const raceBuild = true

// In builds with the race detector, and only there, Pebble checks itself while
// it gives up and panics. So what breaks its manifest runs in a program of its
// own, without the detector.
func TestFaults_RunWithoutTheRaceDetector(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"TestCrash_AtAnyCallTakesNothingAcknowledged", "TestFault_OneFailedCallIsAnErrorAndNoMore", "TestFault_DeadDiskGivesErrorsAndLosesNothing",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "test", "-race=false", "-count=1", "-v", "-timeout", "2h", "-run", "^"+name+"$", ".").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS: "+name) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
