//go:build race

package embedded_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"rapport/internal/soak"
)

const raceBuild = true

// In builds with the race detector, and only there, Pebble checks itself while
// it gives up and panics. So what breaks its manifest runs in a program of its
// own, without the detector.
func TestFaults_RunWithoutTheRaceDetector(t *testing.T) {
	if !soak.Long() {
		t.Skip("make test runs them without the race detector anyway")
	}
	t.Parallel()
	for _, name := range []string{
		"TestCrash_AtAnyCallTakesNothingAcknowledged", "TestFault_OneFailedCallIsAnErrorAndNoMore", "TestFault_DeadDiskGivesErrorsAndLosesNothing",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test := exec.CommandContext(t.Context(), "go", "test", "-race=false", "-vet=off", "-count=1", "-v", "-timeout", "2h", "-run", "^"+name+"$", ".")
			test.Env = append(os.Environ(), "CGO_ENABLED=0") // as all but raced programs are built
			out, err := test.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS: "+name) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
