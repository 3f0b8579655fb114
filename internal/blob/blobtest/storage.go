// Package blobtest has storage that speaks S3, for tests: objects that are put
// whole, read, listed and removed. It never checks what a signature says, only
// that there is one of the key that is known.
package blobtest

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// AccessKey is the id of the key that the storage knows.
const AccessKey = "AKID"

// Storage has one bucket. It is safe for concurrent use.
type Storage struct {
	URL    string
	bucket string

	mu      sync.Mutex
	objects map[string][]byte
	answer  func(method, key string) int
}

// New starts storage with an empty bucket; it ends with the test.
func New(t testing.TB, bucket string) *Storage {
	s := &Storage{bucket: bucket, objects: map[string][]byte{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Answer lets the storage answer with a status instead of doing what is asked;
// zero does it. nil: it does everything.
func (s *Storage) Answer(with func(method, key string) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = with
}

// Put keeps an object.
func (s *Storage) Put(key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = content
}

// Objects gives all there are.
func (s *Storage) Objects() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.objects)
}

// ServeHTTP is of http.Handler.
func (s *Storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	status := 0
	if s.answer != nil {
		status = s.answer(r.Method, key)
	}
	switch {
	case err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="+AccessKey+"/"):
		refuse(w, http.StatusForbidden, "AccessDenied")
	case status != 0:
		refuse(w, status, "AccessDenied")
	case name != s.bucket:
		refuse(w, http.StatusNotFound, "NoSuchBucket")
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
			refuse(w, http.StatusNotFound, "NoSuchKey")
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
		if _, err := fmt.Sscanf(head, "%x", &n); err != nil || !ok || n == 0 || n > len(after) {
			return out
		}
		out = append(out, after[:n]...)
		rest = strings.TrimPrefix(after[n:], "\r\n")
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>no</Message></Error>`, code)
}

func (s *Storage) list(w http.ResponseWriter, r *http.Request) {
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
	}{Name: s.bucket}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(key, r.URL.Query().Get("prefix")) {
			out.Contents = append(out.Contents, content{key, "2026-03-01T00:00:00.000Z", `"0"`, len(s.objects[key])})
		}
	}
	out.KeyCount = len(out.Contents)
	text, err := xml.Marshal(out)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(text)
}
