package lake_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"rapport/internal/blob"
	"rapport/internal/store/memory"
)

// storage speaks as much of S3 as a lake needs: objects that are put whole, read,
// listed and removed. Requests without a signature are refused.
type storage struct {
	mu      sync.Mutex
	objects map[string][]byte
	refuse  bool
	refused int
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKID/") || s.refuse:
		s.refused++
		s.answer(w, http.StatusForbidden, "AccessDenied")
	case name != "company":
		s.answer(w, http.StatusNotFound, "NoSuchBucket")
	case key == "":
		s.list(w, r)
	case r.Method == http.MethodPut:
		s.objects[key] = unchunked(r, body)
		w.Header().Set("ETag", `"00000000000000000000000000000000"`)
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		content, ok := s.objects[key]
		if !ok {
			s.answer(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", `"00000000000000000000000000000000"`)
		w.Header().Set("Last-Modified", "Sun, 01 Mar 2026 00:00:00 GMT")
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content)
	}
}

// unchunked takes the signatures out of a body that was sent in signed pieces.
func unchunked(r *http.Request, body []byte) []byte {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return body
	}
	var out []byte
	for rest := string(body); ; {
		head, after, ok := strings.Cut(rest, "\r\n")
		var n int
		if _, err := fmt.Sscanf(head, "%x", &n); err != nil || !ok || n == 0 {
			return out
		}
		out = append(out, after[:n]...)
		rest = strings.TrimPrefix(after[n:], "\r\n")
	}
}

func (s *storage) answer(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>no</Message></Error>`, code)
}

func (s *storage) list(w http.ResponseWriter, r *http.Request) {
	type content struct {
		Key, LastModified, ETag string
		Size                    int
	}
	out := struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		Name        string
		KeyCount    int
		IsTruncated bool
		Contents    []content
	}{Name: "company"}
	for key, c := range s.objects {
		if strings.HasPrefix(key, r.URL.Query().Get("prefix")) {
			out.Contents = append(out.Contents, content{key, "2026-03-01T00:00:00.000Z", `"0"`, len(c)})
		}
	}
	slices.SortFunc(out.Contents, func(a, b content) int { return strings.Compare(a.Key, b.Key) })
	out.KeyCount = len(out.Contents)
	text, err := xml.Marshal(out)
	if err != nil {
		s.answer(w, http.StatusInternalServerError, "InternalError")
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(text)
}

func newStorage(t *testing.T) (*storage, func() blob.Target) {
	t.Helper()
	s := &storage{objects: map[string][]byte{"data/lake/theirs.txt": []byte("not ours")}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, func() blob.Target {
		target, err := blob.NewBucket(blob.S3{
			Setting: "lake",
			URL:     "s3://company/data/lake/", Endpoint: server.URL, Region: "eu-central-1", AccessKey: "AKID", SecretKey: "secret", HTTP: http.DefaultTransport,
		})
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
}

// A bucket has the same as a folder, also after a restart, a crash that left
// files behind, and a time in which it could not be reached.
func TestBucket_HasEveryEventOnce(t *testing.T) {
	t.Parallel()
	s, target := newStorage(t)
	disk := memory.NewDisk()
	h := open(t, memory.Open(disk), target(), nil)
	n := 0
	send := func() {
		for range 3 {
			h.send(fmt.Sprintf(`{"type":"track","messageId":"m%d","userId":"ada","event":"x"}`, n))
			n++
		}
	}
	for range 4 {
		send()
		h.step()
	}
	if err := h.lake.JoinOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.close()
	s.mu.Lock()
	s.objects["data/lake/base_events/day=2026-03-01/999999999999-0.parquet"] = []byte("left by a crash")
	s.mu.Unlock()
	h = open(t, memory.Open(disk), target(), h.now)
	s.mu.Lock()
	s.refuse = true
	s.mu.Unlock()
	send()
	if err := h.lake.Step(t.Context()); err == nil || strings.Contains(err.Error(), "secret\"") {
		t.Errorf("error %v", err)
	}
	s.mu.Lock()
	s.refuse = false
	s.mu.Unlock()
	h.step()
	h.pass(2 * idle)
	h.step()
	count := map[string]int{}
	for _, r := range h.rows("base_events") {
		count[r["eventId"]]++
	}
	for i := range n {
		if id := fmt.Sprintf("m%d", i); count[id] != 1 {
			t.Errorf("event %s is in the bucket %d times", id, count[id])
		}
	}
	if got := len(h.rows("users")); got != 1 {
		t.Errorf("%d users rows", got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects["data/lake/base_events/day=2026-03-01/999999999999-0.parquet"]; ok {
		t.Error("what a crash left is still there")
	}
	if string(s.objects["data/lake/theirs.txt"]) != "not ours" {
		t.Error("a file of others was touched")
	}
	h.close()
}

func TestNewBucket_SaysWhatWillNotDo(t *testing.T) {
	t.Parallel()
	for _, c := range []blob.S3{
		{URL: "s3://UPPER/x"}, {URL: "https://bucket/x"}, {URL: "s3://company?x=1"}, {URL: "s3://company", Endpoint: "minio:9000"}, {URL: "s3://company", Endpoint: "http://a/b"},
	} {
		c.Setting = "lake"
		if _, err := blob.NewBucket(c); err == nil || !strings.Contains(err.Error(), "lake.") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
