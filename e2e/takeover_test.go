package e2e_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rapport/internal/soak"
)

// masterOfTwo is the key that two nodes on one database share.
const masterOfTwo = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// TestTakeover_TheSecondNodeGoesOn freezes the node that holds the database
// under load, as a stalled machine would. The node that stands by takes over
// with everything that was acknowledged, and the first, when it wakes up,
// writes nothing and ends.
func TestTakeover_TheSecondNodeGoesOn(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	address := "RAPPORT_STORE=" + database(t)
	first := startProcess(t, program(t), address, "RAPPORT_MASTER_KEY="+masterOfTwo)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	crowd := newCrowd(first.url, seed)
	crowd.start(t.Context())
	second := startProcess(t, program(t), address, "RAPPORT_MASTER_KEY="+masterOfTwo)
	crowd.moveTo(second.url) // which passes on what comes
	crowd.waitFor(t, 20)
	wait(time.Duration(rand.New(rand.NewPCG(seed, 9)).IntN(300)) * time.Millisecond)
	frozen := time.Now()
	if err := first.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	second.waitForRole(t, "holder")
	t.Logf("the second node held the data %v after the first fell silent", time.Since(frozen).Round(time.Millisecond))
	for person := range people {
		second.holds(t, crowd, "after the take-over", person)
	}
	if err := first.command.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := first.command.Wait(); err == nil {
		t.Error("the first node ended without saying that it lost the database")
	}
	if text, _ := os.ReadFile(filepath.Join(first.folder, "log")); !strings.Contains(string(text), "another node holds the lease") {
		t.Errorf("the first node says\n%s", text)
	}
	crowd.waitFor(t, crowd.acknowledged()+20)
	crowd.stop()
	second.barrier(t)
	crowd.compare(t, second)
}
