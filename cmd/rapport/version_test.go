package main

import (
	"bytes"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//nolint:paralleltest // the variable is the program's
func TestVersion_IsThatOfTheRelease(t *testing.T) {
	if got := version(); got == "" || got == "1.4.0" {
		t.Errorf("no release was linked, and it says %q", got)
	}
	released = "1.4.0"
	defer func() { released = "" }()
	var out bytes.Buffer
	c := rootCommand()
	c.SetArgs([]string{"version"})
	c.SetOut(&out)
	if err := c.Execute(); err != nil || !strings.HasPrefix(out.String(), "rapport 1.4.0 go") {
		t.Errorf("%q %v", out.String(), err)
	}
}

// TestRoots_AreInTheProgram starts this test again as on a machine without
// authorities, as an image from scratch is.
func TestRoots_AreInTheProgram(t *testing.T) {
	t.Parallel()
	if os.Getenv("RAPPORT_TEST_ROOTS") != "" {
		pool, err := x509.SystemCertPool()
		if err != nil || pool.Equal(x509.NewCertPool()) {
			t.Fatalf("no authorities: %v", err)
		}
		return
	}
	none := filepath.Join(t.TempDir(), "none")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRoots_AreInTheProgram$", "-test.v")
	cmd.Env = append(os.Environ(), "RAPPORT_TEST_ROOTS=1", "SSL_CERT_FILE="+none, "SSL_CERT_DIR="+none)
	if text, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(text, []byte("--- PASS: TestRoots_AreInTheProgram")) {
		t.Errorf("%v\n%s", err, text)
	}
}
