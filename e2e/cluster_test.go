package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rapport/internal/soak"
)

// role is what a node says of itself; empty while it does not serve.
func (p *process) role() string {
	res, err := http.Get(p.url + "/readyz") //nolint:noctx // the process ends before
	if err != nil {
		return ""
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return ""
	}
	_, role, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return role
}

// waitForRole waits until a node has a role.
func (p *process) waitForRole(t *testing.T, want string) {
	t.Helper()
	for limit := time.Now().Add(patience); p.role() != want; {
		if time.Now().After(limit) {
			t.Fatalf("the node is %q, not %q", p.role(), want)
		}
		wait(20 * time.Millisecond)
	}
}

// team is several nodes on one database, and a balancer before them.
type team struct {
	nodes    []*process
	url      string
	mu       sync.Mutex
	ready    []bool
	failures []string
	failed   int
}

// start starts a node more; its settings may say how it reaches the database.
func (m *team) start(t *testing.T, settings ...string) *process {
	t.Helper()
	p := startProcess(t, program(t), append([]string{"RAPPORT_MASTER_KEY=" + masterOfTwo, "RAPPORT_CLUSTER_LEASE=1500ms", "RAPPORT_HTTP_DRAIN=400ms"}, settings...)...)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes, m.ready = append(m.nodes, p), append(m.ready, true)
	return p
}

// balance puts a balancer before the nodes: it asks each whether it is ready,
// and tries the next where one cannot be reached, as balancers do.
func (m *team) balance(t *testing.T) {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(m.serve))
	m.url = front.URL
	ctx, cancel := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	asking.Go(func() {
		for ctx.Err() == nil {
			for i := range m.nodes {
				ready := m.nodes[i].role() != ""
				m.mu.Lock()
				m.ready[i] = ready
				m.mu.Unlock()
			}
			wait(50 * time.Millisecond)
		}
	})
	t.Cleanup(func() { front.Close(); cancel(); asking.Wait() })
}

var turns atomic.Uint64

// order is in which order the nodes are tried: those that are ready, in turn.
func (m *team) order() []*process {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out, rest []*process
	first := int(turns.Add(1)) % len(m.nodes)
	for i := range m.nodes {
		if n := (first + i) % len(m.nodes); m.ready[n] {
			out = append(out, m.nodes[n])
		} else {
			rest = append(rest, m.nodes[n])
		}
	}
	return append(out, rest...)
}

func (m *team) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	for _, p := range m.order() {
		out, err := http.NewRequestWithContext(r.Context(), r.Method, p.url+r.RequestURI, bytes.NewReader(body))
		if err != nil {
			return
		}
		out.Header = r.Header.Clone()
		res, err := apart.RoundTrip(out)
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			continue
		}
		if err != nil {
			m.fail(p, r, err.Error())
			break
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode >= 500 {
			m.fail(p, r, fmt.Sprint(res.StatusCode, " ", string(text), err))
		}
		maps.Copy(w.Header(), res.Header)
		w.WriteHeader(res.StatusCode)
		_, _ = w.Write(text) // the client asks again
		return
	}
	w.WriteHeader(http.StatusBadGateway)
}

// apart opens a connection per request: one that is reused may be closed by the
// other side just then.
var apart = &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: patience / 2}

func (m *team) fail(p *process, r *http.Request, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed++
	if len(m.failures) < 20 {
		m.failures = append(m.failures, fmt.Sprintf("%s %s at %s: %s", r.Method, r.URL.Path, p.url, why))
	}
}

// holder waits until one node holds the data and gives it.
func (m *team) holder(t *testing.T) *process {
	t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); wait(20 * time.Millisecond) {
		for _, p := range m.nodes {
			if p.role() == "holder" {
				return p
			}
		}
	}
	t.Fatal("no node holds the data")
	return nil
}

// again starts a node that ended.
func (p *process) again(t *testing.T) {
	t.Helper()
	p.run(t, p.address())
}

// TestCluster_ARollingRestartFailsNoRequest restarts each of three nodes while
// the crowd writes and reads through a balancer that knows what /readyz says.
func TestCluster_ARollingRestartFailsNoRequest(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	address := "RAPPORT_STORE=" + database(t)
	m := &team{}
	for range 3 {
		m.start(t, address)
	}
	m.balance(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	crowd := newCrowd(m.url, seed)
	crowd.start(t.Context())
	crowd.waitFor(t, 20)
	key := m.makeKey(t)
	for _, p := range m.nodes {
		before := crowd.acknowledged()
		if err := p.stop(syscall.SIGTERM); err != nil {
			text, _ := os.ReadFile(filepath.Join(p.folder, "log"))
			t.Fatalf("the node ended with %v\n%s", err, text)
		}
		p.again(t)
		crowd.waitFor(t, before+20)
	}
	crowd.stop()
	front := &process{url: m.url}
	front.barrier(t)
	crowd.compare(t, front)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed > 0 {
		t.Errorf("%d requests failed: %s", m.failed, strings.Join(m.failures, "\n"))
		for _, p := range m.nodes {
			text, _ := os.ReadFile(filepath.Join(p.folder, "log"))
			t.Logf("%s\n%s", p.url, text)
		}
	}
	for _, p := range m.nodes {
		if status, text := p.askWith(t, key, "/api/v1/accounting"); status != http.StatusOK {
			t.Errorf("the key of before at %s: %d %s", p.url, status, text)
		}
	}
}

// makeKey makes a secret key and gives it.
func (m *team) makeKey(t *testing.T) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.url+"/api/v1/keys", strings.NewReader(`{"name":"for all nodes","scopes":["read"]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+binarySecretKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var made struct{ Secret string }
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("making a key: %s %v", res.Status, err)
	}
	return made.Secret
}

func (p *process) askWith(t *testing.T, key, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}
