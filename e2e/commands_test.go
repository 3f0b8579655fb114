package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rapport/internal/soak"
	"rapport/internal/store/postgres/pgtest"
)

// run does one command of the program on a folder and gives what it printed.
func run(t *testing.T, binary, folder string, args ...string) (out, errs string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	outside := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "RAPPORT_") })
	cmd.Env = append(outside, "RAPPORT_DATA="+folder, "RAPPORT_MEMORY=256MiB")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return stdout.String(), stderr.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), 0
}

func TestCommands_WorkBesideTheServerAndOnItsFolder(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	binary := program(t)
	p := startProcess(t, binary)
	folder := filepath.Join(p.folder, "data")
	p.barrier(t)

	step(t, "version", func(t *testing.T) {
		if out, _, code := run(t, binary, folder, "version"); code != 0 || !strings.HasPrefix(out, "rapport ") {
			t.Errorf("%d %s", code, out)
		}
	})
	step(t, "a key made beside the server works there soon, a revoked one no longer", func(t *testing.T) {
		out, errs, code := run(t, binary, folder, "keys", "create", "--name", "reports", "--scope", "read")
		secret := strings.TrimSpace(out)
		if code != 0 || !strings.HasPrefix(secret, "rp_sk_") {
			t.Fatalf("%d %s %s", code, out, errs)
		}
		answers(t, p, secret, http.StatusOK)
		list, _, _ := run(t, binary, folder, "keys", "list")
		if strings.Contains(list, secret) || !strings.Contains(list, "reports") || !strings.Contains(list, binaryWriteKey) {
			t.Errorf("list:\n%s", list)
		}
		id, _, _ := strings.Cut(errs, " ")
		if out, errs, code := run(t, binary, folder, "keys", "revoke", id); code != 0 {
			t.Fatalf("%d %s %s", code, out, errs)
		}
		answers(t, p, secret, http.StatusUnauthorized)
		if _, errs, code := run(t, binary, folder, "keys", "revoke", "nothing-such"); code != 2 || !strings.Contains(errs, "list the keys") {
			t.Errorf("%d %s", code, errs)
		}
	})
	step(t, "of a folder that is not there nothing is listed, and none is made", func(t *testing.T) {
		typo := filepath.Join(p.folder, "date")
		for _, args := range [][]string{{"keys", "list"}, {"keys", "revoke", "k"}, {"members", "list"}, {"members", "link", "a@b.example"}} {
			if _, errs, code := run(t, binary, typo, args...); code != 2 || !strings.Contains(errs, typo) || !strings.Contains(errs, "--data") {
				t.Errorf("%v: %d %s", args, code, errs)
			}
		}
		if _, err := os.Stat(typo); err == nil {
			t.Error("a folder was made")
		}
	})
	step(t, "a folder in use is not rebuilt", func(t *testing.T) {
		if _, errs, code := run(t, binary, folder, "rebuild"); code == 0 || errs == "" {
			t.Errorf("%d %s", code, errs)
		}
	})
	step(t, "a mistake in the settings ends with 2 and the mend", func(t *testing.T) {
		for _, args := range [][]string{{"serve", "--memory", "lots"}, {"serve", "--log-level", "loud"}, {"serve", "--config", "/no/file"}, {"serve", "--no-such"}} {
			if _, errs, code := run(t, binary, folder, args...); code != 2 || !strings.HasPrefix(errs, "rapport: ") {
				t.Errorf("%v: %d %s", args, code, errs)
			}
		}
	})
	step(t, "a polite stop ends with 0, and a rebuild gives the same profile", func(t *testing.T) {
		var before, after json.RawMessage
		p.get(t, "/api/v1/profiles/user_id:barrier", &before)
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if out, errs, code := run(t, binary, folder, "rebuild"); code != 0 || !strings.HasPrefix(out, "rebuilt in ") {
			t.Fatalf("%d %s %s", code, out, errs)
		}
		p.run(t, "127.0.0.1:0")
		p.get(t, "/api/v1/profiles/user_id:barrier", &after)
		if !bytes.Equal(before, after) {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
}

// step is a part of a test whose parts follow one another on one folder.
func step(t *testing.T, name string, do func(t *testing.T)) {
	t.Helper()
	t.Run(name, do)
}

// answers waits until the server answers a key with a status.
func answers(t *testing.T, p *process, secret string, want int) {
	t.Helper()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	got := 0
	for end := time.Now().Add(patience); time.Now().Before(end); <-every.C {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/accounting", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got = res.StatusCode; got == want {
			return
		}
	}
	t.Errorf("the key is answered %d, want %d", got, want)
}

func TestServe_TheFirstStartSaysWhereItsKeysAre(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	binary := program(t)
	folder := filepath.Join(t.TempDir(), "data")
	cmd := exec.CommandContext(t.Context(), binary, "serve", "--listen", "127.0.0.1:0", "--data", folder, "--memory", "256MiB")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "RAPPORT_") })
	cmd.SysProcAttr = pgtest.WithParent(syscall.SIGKILL)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text := ""
	for buf := make([]byte, 4096); !strings.Contains(text, "listening on http://"); {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatalf("it ended: %v after %q", err, text)
		}
		text += string(buf[:n])
	}
	secret, err := os.ReadFile(filepath.Join(folder, "secret-key"))
	if err != nil || !strings.HasPrefix(string(secret), "rp_sk_") {
		t.Errorf("the file holds %q, %v", secret, err)
	}
	if !strings.Contains(text, "write key") || !strings.Contains(text, filepath.Join(folder, "secret-key")) || strings.Contains(text, strings.TrimSpace(string(secret))) {
		t.Errorf("it printed %q", text)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}
