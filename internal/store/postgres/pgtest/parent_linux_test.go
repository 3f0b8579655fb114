package pgtest_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"rapport/internal/store/postgres/pgtest"
)

// asParent is set where this test plays the program that is killed.
const asParent = "PGTEST_PARENT"

// TestWithParent_AServerEndsWithItsKilledTest kills a program that started another.
// Both write to one pipe, which ends once both have.
func TestWithParent_AServerEndsWithItsKilledTest(t *testing.T) {
	t.Parallel()
	if os.Getenv(asParent) != "" {
		server := exec.CommandContext(t.Context(), "sleep", "60")
		server.Stdout, server.SysProcAttr = os.Stdout, pgtest.WithParent(syscall.SIGKILL)
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("started\n")
		t.Fatal(server.Wait()) // it is killed before
	}
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWithParent_") //nolint:gosec // itself
	parent.Env = append(os.Environ(), asParent+"=1")
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	parent.Stdout = in
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	said := bufio.NewReader(out)
	if line, err := said.ReadString('\n'); line != "started\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if err := out.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(said); err != nil {
		t.Errorf("what it started goes on: %v", err)
	}
}
