package clients_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	analytics "gopkg.in/segmentio/analytics-go.v3"
)

const (
	goWriteKey  = "wk_go_client"
	goSecretKey = "sk_go_client_that_is_long_enough"
	patience    = 30 * time.Second
)

// TestGoClient proves the dialect with Segment's client for Go against the
// real binary, which it builds once.
func TestGoClient(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "rapport")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/rapport").CombinedOutput()
	if err != nil {
		t.Fatalf("building the binary: %v\n%s", err, out)
	}
	t.Run("every kind of call reaches the profile", func(t *testing.T) {
		t.Parallel()
		everyCall(t, startServer(t, binary))
	})
	t.Run("trouble on the road loses and doubles nothing", func(t *testing.T) {
		t.Parallel()
		trouble(t, startServer(t, binary))
	})
	t.Run("a restart keeps what was acknowledged", func(t *testing.T) {
		t.Parallel()
		restarts(t, startServer(t, binary))
	})
}

// everyCall: this client puts its context beside the batch only.
func everyCall(t *testing.T, server *server) {
	t.Helper()
	road := openRoad(t, server.url)
	sent := &outcome{}
	client := newGoClient(t, road.URL, sent)
	traits := map[string]any{"email": "go@shop.example", "name": "Ada Löwe", "age": 42.0, "address": map[string]any{"city": "Graz"}}
	calls := []analytics.Message{
		analytics.Track{MessageId: "go-1", AnonymousId: "go-device", Event: "Product Viewed", Properties: analytics.NewProperties().SetProductId("sku-7").SetPrice(19.9)},
		analytics.Identify{MessageId: "go-2", UserId: "go-42", AnonymousId: "go-device", Traits: traits},
		analytics.Page{MessageId: "go-3", UserId: "go-42", Name: "Start", Properties: analytics.NewProperties().SetURL("https://shop.example/start")},
		analytics.Screen{MessageId: "go-4", UserId: "go-42", Name: "Basket", Properties: analytics.NewProperties().Set("items", 3)},
		analytics.Group{MessageId: "go-5", UserId: "go-42", GroupId: "acme", Traits: analytics.NewTraits().SetName("Acme")},
		analytics.Alias{MessageId: "go-6", UserId: "go-42", PreviousId: "go-before"},
		analytics.Track{MessageId: "go-7", UserId: "go-before", Event: "Signed Up", Timestamp: time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)},
	}
	for _, call := range calls {
		if err := client.Enqueue(call); err != nil {
			t.Fatal(err)
		}
	}
	sent.wait(t, len(calls))
	server.settled(t, len(calls), 0)

	var profile, before struct {
		ID          string
		Anonymous   bool
		Identifiers []struct{ Namespace, Value string }
		Traits      map[string]any
		Computed    map[string]any
	}
	server.get(t, "/api/v1/profiles/user_id:go-42", &profile)
	server.get(t, "/api/v1/profiles/user_id:go-before", &before)
	if profile.Anonymous || profile.ID == "" || profile.ID != before.ID {
		t.Errorf("profile %q (anonymous %v) and the one before alias %q, want the same known person", profile.ID, profile.Anonymous, before.ID)
	}
	for key, want := range traits {
		if got := profile.Traits[key]; !reflect.DeepEqual(got, want) {
			t.Errorf("trait %s is %v, want %v", key, got, want)
		}
	}
	var identifiers []string
	for _, i := range profile.Identifiers {
		identifiers = append(identifiers, i.Namespace+":"+i.Value)
	}
	for _, want := range []string{"user_id:go-42", "user_id:go-before", "email:go@shop.example", "anonymous_id:go-device"} {
		if !slices.Contains(identifiers, want) {
			t.Errorf("identifiers %v lack %s", identifiers, want)
		}
	}
	if got := profile.Computed["event_count"]; got != float64(len(calls)) {
		t.Errorf("event_count is %v, want %d", got, len(calls))
	}
	items := server.timeline(t, "user_id:go-42")
	if len(items) != len(calls) {
		t.Fatalf("the timeline has %d items, want %d", len(items), len(calls))
	}
	want := map[string]item{
		"go-1": {Type: "track", Name: "Product Viewed", Properties: map[string]any{"id": "sku-7", "price": 19.9}},
		"go-2": {Type: "identify"},
		"go-3": {Type: "page", Name: "Start", Properties: map[string]any{"url": "https://shop.example/start"}},
		"go-4": {Type: "screen", Name: "Basket", Properties: map[string]any{"items": 3.0}},
		"go-5": {Type: "group"},
		"go-6": {Type: "alias"},
		"go-7": {Type: "track", Name: "Signed Up"},
	}
	for _, got := range items {
		w, ok := want[got.MessageID]
		if !ok || got.Type != w.Type || got.Name != w.Name || w.Properties != nil && !reflect.DeepEqual(got.Properties, w.Properties) {
			t.Errorf("timeline has %+v, want %+v", got, w)
		}
		if got.Context.Library.Name != "analytics-go" {
			t.Errorf("%s was sent by library %q, want the one that the batch names for all", got.MessageID, got.Context.Library.Name)
		}
		// The client's clock is ours, so the correction moves nothing by more
		// than what lies between its sending and our receiving.
		if got.MessageID == "go-7" && !strings.HasPrefix(got.Time, "2024-02-03T04:05:0") {
			t.Errorf("the old event is at %s", got.Time)
		}
		delete(want, got.MessageID)
	}
}

// trouble: this client sends again after every answer of 300 and above.
func trouble(t *testing.T, server *server) {
	t.Helper()
	road := openRoad(t, server.url, http.StatusTooManyRequests, http.StatusServiceUnavailable, lost)
	sent := &outcome{}
	client := newGoClient(t, road.URL, sent)
	const n = 95
	for i := range n {
		if err := client.Enqueue(analytics.Track{MessageId: fmt.Sprintf("n-%d", i), UserId: "go-retry", Event: "Counted"}); err != nil {
			t.Fatal(err)
		}
	}
	sent.wait(t, n)
	if left := road.left(); left != 0 {
		t.Errorf("%d mishaps did not happen", left)
	}
	server.settled(t, n, road.twice())
	if road.twice() == 0 {
		t.Error("nothing came twice, so the lost answer proved nothing")
	}
	items := server.timeline(t, "user_id:go-retry")
	seen := map[string]bool{}
	for _, i := range items {
		seen[i.MessageID] = true
	}
	if len(items) != n || len(seen) != n {
		t.Errorf("the timeline has %d items with %d ids, want %d", len(items), len(seen), n)
	}
}

// restarts stops the server politely, and then not.
func restarts(t *testing.T, server *server) {
	t.Helper()
	for round, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		sent := &outcome{}
		client := newGoClient(t, server.url, sent)
		if err := client.Enqueue(analytics.Track{MessageId: fmt.Sprint("round-", round), UserId: "go-restart", Event: "Bought"}); err != nil {
			t.Fatal(err)
		}
		sent.wait(t, 1)
		server.stop(signal)
		server.run(t, strings.TrimPrefix(server.url, "http://"))
		server.settled(t, round+1, 0)
		if items := server.timeline(t, "user_id:go-restart"); len(items) != round+1 {
			t.Errorf("after %v the timeline has %d items, want %d", signal, len(items), round+1)
		}
	}
}

// outcome hears from the client what became of its messages.
type outcome struct {
	mu     sync.Mutex
	done   int
	failed []error
	more   chan struct{}
}

func (o *outcome) Success(analytics.Message) { o.add(nil) }

func (o *outcome) Failure(_ analytics.Message, err error) { o.add(err) }

func (o *outcome) add(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done++
	if err != nil {
		o.failed = append(o.failed, err)
	}
	if o.more != nil {
		close(o.more)
		o.more = nil
	}
}

func (o *outcome) wait(t *testing.T, n int) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		o.mu.Lock()
		done, failed, more := o.done, o.failed, make(chan struct{})
		if o.more == nil {
			o.more = more
		}
		more = o.more
		o.mu.Unlock()
		if len(failed) > 0 {
			t.Fatalf("the client gave up: %v", failed)
		}
		if done == n {
			return
		}
		select {
		case <-more:
		case <-limit.C:
			t.Fatalf("the client delivered %d of %d", done, n)
		}
	}
}

func newGoClient(t *testing.T, endpoint string, sent *outcome) analytics.Client {
	t.Helper()
	client, err := analytics.NewWithConfig(goWriteKey, analytics.Config{
		Endpoint: endpoint, Interval: 20 * time.Millisecond, BatchSize: 20, Callback: sent,
		RetryAfter: func(int) time.Duration { return 20 * time.Millisecond },
		Logger:     quiet{},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

type quiet struct{}

func (quiet) Logf(string, ...any)   {}
func (quiet) Errorf(string, ...any) {}

// lost is a mishap: the server takes the call, the client never hears of it.
const lost = -1

// road passes calls to the server. Each mishap befalls one call.
type road struct {
	*httptest.Server
	to       string
	mu       sync.Mutex
	mishaps  []int
	seen     map[string]bool
	repeated int
}

func openRoad(t *testing.T, to string, mishaps ...int) *road {
	t.Helper()
	r := &road{to: to, mishaps: mishaps, seen: map[string]bool{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *road) left() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.mishaps)
}

// twice counts events that the server took more than once.
func (r *road) twice() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.repeated
}

func (r *road) next(body []byte) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	mishap := 0
	if len(r.mishaps) > 0 {
		mishap, r.mishaps = r.mishaps[0], r.mishaps[1:]
	}
	if mishap > 0 {
		return mishap
	}
	var b struct{ Batch []struct{ MessageID string } }
	_ = json.Unmarshal(body, &b) // what is no batch has no ids
	for _, m := range b.Batch {
		if r.seen[m.MessageID] {
			r.repeated++
		}
		r.seen[m.MessageID] = true
	}
	return mishap
}

func (r *road) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	mishap := r.next(body)
	if mishap > 0 {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(mishap)
		return
	}
	on, err := http.NewRequestWithContext(req.Context(), req.Method, r.to+req.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	on.Header = req.Header.Clone()
	res, err := http.DefaultClient.Do(on)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil || mishap == lost {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer) // the client may have gone
}

// server is the real binary on a folder of its own.
type server struct {
	url, folder, binary string
	process             *exec.Cmd
	barriers            int // events that the test itself sent
}

func startServer(t *testing.T, binary string) *server {
	t.Helper()
	s := &server{binary: binary, folder: t.TempDir()}
	s.run(t, "127.0.0.1:0")
	t.Cleanup(func() { s.stop(syscall.SIGTERM) })
	return s
}

func (s *server) run(t *testing.T, listen string) {
	t.Helper()
	s.process = exec.CommandContext(context.WithoutCancel(t.Context()), s.binary, "serve")
	// What is meant for the tests is not for the server: it refuses settings
	// that it does not know.
	outside := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "RAPPORT_") })
	s.process.Env = append(outside, "RAPPORT_DATA="+filepath.Join(s.folder, "data"), "RAPPORT_LISTEN="+listen,
		"RAPPORT_WRITE_KEY="+goWriteKey, "RAPPORT_SECRET_KEY="+goSecretKey, "RAPPORT_MEMORY=256MiB")
	out, in := io.Pipe()
	s.process.Stdout, s.process.Stderr = in, in
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		said := ""
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if at, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
				ready <- at
				_, _ = io.Copy(io.Discard, out) // ends with the process
				return
			}
			said += lines.Text() + "\n"
		}
		ready <- said
	}()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case at := <-ready:
		if _, err := url.Parse(at); err != nil || !strings.HasPrefix(at, "http://") {
			t.Fatalf("the server did not start:\n%s", at)
		}
		s.url = at
	case <-limit.C:
		t.Fatal("the server did not start in time")
	}
}

// stop ends the process; how it ended is not asked.
func (s *server) stop(signal os.Signal) {
	_ = s.process.Process.Signal(signal)
	_ = s.process.Wait()
	if in, ok := s.process.Stdout.(*io.PipeWriter); ok {
		_ = in.Close()
	}
}

func (s *server) get(t *testing.T, path string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+goSecretKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %s %v", path, res.Status, body, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("GET %s: %v in %s", path, err, body)
	}
}

// item is what a timeline tells of an event.
type item struct {
	MessageID  string `json:"message_id"`
	Type, Name string
	Time       string
	Properties map[string]any
	Context    struct{ Library struct{ Name string } }
}

func (s *server) timeline(t *testing.T, of string) []item {
	t.Helper()
	var all []item
	for query := ""; ; {
		var page struct {
			Items []item
			Next  *string
		}
		s.get(t, "/api/v1/profiles/"+of+"/timeline"+query, &page)
		all = append(all, page.Items...)
		if page.Next == nil {
			return all
		}
		query = "?cursor=" + url.QueryEscape(*page.Next)
	}
}

// sums are the columns of the accounting.
type sums struct {
	Received, Pending, Stored, Deduplicated, Rejected int
	DeadLettered                                      int `json:"dead_lettered"`
}

// settled waits until everything is received, lets the barrier make it visible
// with what follows from it, and checks the sums.
func (s *server) settled(t *testing.T, stored, twice int) {
	t.Helper()
	want := sums{Received: stored + twice + s.barriers, Stored: stored + s.barriers, Deduplicated: twice}
	var got sums
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for end := time.Now().Add(patience); got.Received < want.Received && time.Now().Before(end); <-pause.C {
		s.get(t, "/api/v1/accounting", &got)
	}
	s.barrier(t)
	want.Received, want.Stored = want.Received+1, want.Stored+1
	s.get(t, "/api/v1/accounting", &got)
	if got != want {
		t.Errorf("accounting says %+v, want %+v", got, want)
	}
}

// barrier sends an event of somebody else and waits until it can be read.
func (s *server) barrier(t *testing.T) {
	t.Helper()
	body := fmt.Sprintf(`{"event":"Barrier","userId":"barrier","messageId":"barrier-%d"}`, s.barriers)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/track?wait=applied", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(goWriteKey, "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if applied := res.Header.Get("Rapport-Applied"); res.StatusCode != http.StatusOK || applied != "yes" {
		t.Fatalf("the barrier was answered %s, applied %q", res.Status, applied)
	}
	s.barriers++
}
