package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rapport/internal/store/postgres/pgtest"
)

const (
	binaryWriteKey  = "wk_of_the_binary"
	binarySecretKey = "rp_sk_of_the_binary_0123456789"
	patience        = 60 * time.Second
)

// built is the real binary, built once for all tests that ask for it.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rapport-e2e-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "rapport")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/rapport").CombinedOutput()
	if err != nil {
		return path, fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	return path, nil
})

// wanted tells that a test asked for the binary.
var wanted atomic.Bool

func TestMain(m *testing.M) {
	code := m.Run()
	if wanted.Load() {
		if path, _ := built(); path != "" {
			_ = os.RemoveAll(filepath.Dir(path)) // it is in the system's temporary folder
		}
	}
	if err := stopServer(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// program is the path of the real binary.
func program(t *testing.T) string {
	t.Helper()
	wanted.Store(true)
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a running server on a folder of its own.
type process struct {
	url, folder, binary string
	settings            []string // of the environment
	command             *exec.Cmd
	output              *os.File
	barriers            int
	// elsewhere finds who answers where this one has ended; nil: nobody else does.
	elsewhere func(t *testing.T) string
}

func startProcess(t *testing.T, binary string, settings ...string) *process {
	t.Helper()
	p := &process{binary: binary, folder: t.TempDir(), settings: settings}
	p.run(t, "127.0.0.1:0")
	t.Cleanup(func() {
		_ = p.stop(os.Kill)
		if text, _ := os.ReadFile(filepath.Join(p.folder, "log")); t.Failed() {
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-logShown):])
		}
	})
	return p
}

// logShown is how much of a server's log is shown where a test fails.
const logShown = 4 << 10

// run starts the binary and waits until it is ready.
func (p *process) run(t *testing.T, listen string) {
	t.Helper()
	p.command = exec.CommandContext(context.WithoutCancel(t.Context()), p.binary, "serve")
	// What is meant for the tests is not for the server: it refuses settings
	// that it does not know.
	outside := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "RAPPORT_") })
	p.command.Env = append(outside, "RAPPORT_DATA="+filepath.Join(p.folder, "data"), "RAPPORT_LISTEN="+listen,
		"RAPPORT_WRITE_KEY="+binaryWriteKey, "RAPPORT_SECRET_KEY="+binarySecretKey, "RAPPORT_MEMORY=256MiB")
	p.command.Env = append(p.command.Env, p.settings...)
	p.command.SysProcAttr = pgtest.WithParent(syscall.SIGKILL)
	log, err := os.OpenFile(filepath.Join(p.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.command.Stdout, p.command.Stderr, p.output = in, log, out
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	if err := out.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_ = in.Close() // the process has its own
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if at, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			if p.url != at { // others may read it while a node starts again where it was
				p.url = at
			}
			return
		}
	}
	text, _ := os.ReadFile(filepath.Join(p.folder, "log"))
	t.Fatalf("the server did not start:\n%s", text)
}

// stop ends the process and gives how it ended.
func (p *process) stop(signal os.Signal) error {
	_ = p.command.Process.Signal(signal) // it may have ended already
	err := p.command.Wait()
	_ = p.output.Close()
	return err
}

// address is where the process listens, to start the next one there.
func (p *process) address() string { return strings.TrimPrefix(p.url, "http://") }

// do asks a server, and the one that answers instead where it has ended.
func (p *process) do(t *testing.T, method, path, body string, dress func(*http.Request)) *http.Response {
	t.Helper()
	for end := time.Now().Add(patience); ; p.url = p.elsewhere(t) {
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		dress(req)
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			return res
		}
		if p.elsewhere == nil || time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func (p *process) get(t *testing.T, path string, into any) {
	t.Helper()
	res := p.do(t, http.MethodGet, path, "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+binarySecretKey) })
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %s %v", path, res.Status, body, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("GET %s: %v in %s", path, err, body)
	}
}

// line is what a timeline tells of an event.
type line struct {
	MessageID string `json:"message_id"`
	Time      time.Time
}

// lines are the events of a timeline, the newest first, read as far as they are asked for.
func (p *process) lines(t *testing.T, of string) iter.Seq[line] {
	return func(yield func(line) bool) {
		for query := "?limit=500"; ; {
			var page struct {
				Items []line
				Next  *string
			}
			p.get(t, "/api/v1/profiles/"+of+"/timeline"+query, &page)
			for _, l := range page.Items {
				if !yield(l) {
					return
				}
			}
			if page.Next == nil {
				return
			}
			query = "?limit=500&cursor=" + url.QueryEscape(*page.Next)
		}
	}
}

func (p *process) timeline(t *testing.T, of string) []line {
	t.Helper()
	return slices.Collect(p.lines(t, of))
}

// sums are the columns of the accounting.
type sums struct {
	Received, Pending, Stored, Deduplicated, Rejected int
	DeadLettered                                      int `json:"dead_lettered"`
}

// barrier sends an event of somebody else and waits until it can be read, and
// with it everything before.
func (p *process) barrier(t *testing.T) {
	t.Helper()
	body := fmt.Sprintf(`{"event":"Barrier","userId":"barrier","messageId":"barrier-%d"}`, p.barriers)
	res := p.do(t, http.MethodPost, "/v1/track?wait=applied&timeout=30s", body, func(r *http.Request) { r.SetBasicAuth(binaryWriteKey, "") })
	defer func() { _ = res.Body.Close() }()
	if applied := res.Header.Get("Rapport-Applied"); res.StatusCode != http.StatusOK || applied == "no" {
		t.Fatalf("the barrier was answered %s, applied %q", res.Status, applied)
	}
	p.barriers++
}
