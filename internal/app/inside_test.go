package app

import (
	"crypto/rand"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/config"
	"rapport/internal/telemetry"
)

var update = flag.Bool("update", false, "write generated files anew")

// TestOpen_WhoNeverAnsweredDoesNotDrain listens and fails before it answers
// anything: it ends at once.
func TestOpen_WhoNeverAnsweredDoesNotDrain(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Input{Flags: map[string]string{"data": t.TempDir(), "listen": "127.0.0.1:0", "memory": "256MiB"}})
	if err != nil {
		t.Fatal(err)
	}
	c.HTTP.Drain = time.Hour
	if err := os.WriteFile(filepath.Join(c.Data, instanceKeyFile), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), c, Parts{}); err == nil {
		t.Fatal("it opened with a damaged key")
	}
}

func TestThrottle_AnswersBusyAboveItsBounds(t *testing.T) {
	t.Parallel()
	enter, leave := make(chan struct{}), make(chan struct{})
	inner := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		enter <- struct{}{}
		<-leave
	})
	for name, c := range map[string]struct {
		throttle *throttle
		body     string
	}{
		"requests": {&throttle{maxRequests: 1, maxBytes: 1 << 30}, "{}"},
		"bytes":    {&throttle{maxRequests: 100, maxBytes: 1}, strings.Repeat("x", mostCounted)},
	} {
		request := func() *http.Request {
			return httptest.NewRequestWithContext(t.Context(), "POST", "/v1/track", strings.NewReader(c.body))
		}
		done := make(chan int)
		go func() {
			w := httptest.NewRecorder()
			c.throttle.before(inner).ServeHTTP(w, request())
			done <- w.Code
		}()
		<-enter
		w := httptest.NewRecorder()
		c.throttle.before(inner).ServeHTTP(w, request())
		if w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"success":false`) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		leave <- struct{}{}
		if code := <-done; code != 200 {
			t.Errorf("%s: the first request got %d", name, code)
		}
		if c.throttle.requests.Load() != 0 || c.throttle.bytes.Load() != 0 || c.throttle.refused.Load() != 1 {
			t.Errorf("%s: left behind %d requests, %d bytes", name, c.throttle.requests.Load(), c.throttle.bytes.Load())
		}
	}
}

func TestThrottle_CountsWhatClientsSendAgain(t *testing.T) {
	t.Parallel()
	c := &throttle{maxRequests: 9, maxBytes: 1 << 30}
	door := c.before(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, count := range []string{"", "0", "1", "7", "many", "-1"} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/track", strings.NewReader("{}"))
		r.Header.Set("X-Retry-Count", count)
		door.ServeHTTP(httptest.NewRecorder(), r)
	}
	if n := c.retried.Load(); n != 2 {
		t.Errorf("counted %d, want 2", n)
	}
}

func TestThrottle_RefusesUnreadWhileTheQueuesAreFull(t *testing.T) {
	t.Parallel()
	reached, full := 0, true
	c := &throttle{
		full:        func(int64) bool { return full },
		maxRequests: 9, maxBytes: 1 << 30,
	}
	door := c.before(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	ask := func(method string) (code, unread int) {
		body := strings.NewReader("{}")
		w := httptest.NewRecorder()
		door.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/v1/track", body))
		return w.Code, body.Len()
	}
	if code, unread := ask(http.MethodPost); code != 429 || unread != 2 || reached != 0 {
		t.Errorf("with full queues: %d, %d bytes unread, %d let through", code, unread, reached)
	}
	if code, _ := ask(http.MethodOptions); code != 200 || reached != 1 {
		t.Errorf("a question beforehand: %d, %d let through", code, reached)
	}
	full = false
	if code, _ := ask(http.MethodPost); code != 200 || reached != 2 {
		t.Errorf("with room in the queues: %d, %d let through", code, reached)
	}
}

func TestServe_UntilOpenSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	a := &App{}
	a.say("starting: replaying the log, at 5 of 10")
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/v1/track": 503, "/api/v1/accounting": 503} {
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		if w.Code != want || want == 503 && (!strings.Contains(w.Body.String(), "at 5 of 10") || w.Header().Get("Retry-After") == "") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestSources_InfoAllocatesNothingAndFollowsChanges(t *testing.T) { //nolint:paralleltest // others would allocate meanwhile
	r, _, err := access.Open(vfs.Default, t.TempDir(), time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := newSources(r)
	if s.info("shop").Priority != access.DefaultPriority || s.info("shop").Mapping == nil {
		t.Errorf("an unknown source: %+v", s.info("shop"))
	}
	if _, _, err := r.PutSource("x", access.Source{Key: "shop", Name: "Shop", Kind: "web", Priority: 7, ItemActions: `{"broken`}); err != nil {
		t.Fatal(err)
	}
	if got := s.info("shop"); got.Priority != 7 || got.Mapping == nil {
		t.Errorf("after the change: %+v", got)
	}
	if n := testing.AllocsPerRun(100, func() { s.info("shop") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

//go:generate go test . -run TestMetricsReference -update

func TestMetricsReference_FileIsCurrentAndTrue(t *testing.T) {
	t.Parallel()
	a := &App{parts: Parts{}.filled(), metrics: telemetry.NewMetrics("test")}
	a.metrics.Register(&ledger{})
	a.describe()
	a.describeNodes()
	const path = "../../docs/reference/metrics.md"
	want := telemetry.Reference(append(a.metrics.Families(), families()...))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is stale (%v): run go generate ./internal/app", path, err)
	}
}
