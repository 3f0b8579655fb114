package sinktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/destination"
)

// HTTPSuite is a destination over HTTP.
type HTTPSuite struct {
	Suite
	// Settings lead to the address of the counterpart.
	Settings func(base string) json.RawMessage
	// Serve is the counterpart when all is well: it checks the request as the
	// real one would and gives the ids of the messages that it holds. A request
	// that brings no message (a token is fetched) gives none.
	Serve func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) []string
	// NoID says that the protocol has no place for the message's id, so only the
	// number of requests can be looked at.
	NoID bool
}

// Far is the other side of a destination over HTTP, with what went wrong.
type Far struct {
	*httptest.Server
	mu     sync.Mutex
	fault  http.HandlerFunc
	ids    []string
	bodies [][]byte
}

// Fail makes each request be answered by h instead; nil ends that.
func (f *Far) Fail(h http.HandlerFunc) {
	f.mu.Lock()
	f.fault = h
	f.mu.Unlock()
}

// IDs are the messages that arrived, in their order.
func (f *Far) IDs() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ids)
}

// Bodies are the requests that arrived while all was well.
func (f *Far) Bodies() [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.bodies)
}

// NewFar starts the counterpart of a suite.
func NewFar(t *testing.T, s *HTTPSuite) *Far {
	t.Helper()
	f := &Far{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		fault := f.fault
		f.mu.Unlock()
		if fault != nil {
			fault(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the line was cut
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if ids := s.Serve(t, w, r, body); len(ids) > 0 {
			f.ids = append(f.ids, ids...)
			f.bodies = append(f.bodies, body)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// RunHTTP runs the suite and what can go wrong with HTTP beside.
func RunHTTP(t *testing.T, s HTTPSuite) {
	f := NewFar(t, &s)
	s.Suite.Settings = s.Settings(f.URL)
	if !s.NoID {
		s.Received = f.IDs
	}
	Run(t, s.Suite)
	for name, answer := range map[string]struct {
		status int
		header string
		want   destination.Outcome
		after  time.Duration
	}{
		"Limited":       {429, "7", destination.Retry, 7 * time.Second},
		"LimitedByDate": {429, At.Add(90 * time.Second).Format(http.TimeFormat), destination.Retry, 90 * time.Second},
		"LimitedOddly":  {429, "soon", destination.Retry, 0},
		"Broken":        {500, "", destination.Retry, 0},
		"Unavailable":   {503, "2", destination.Retry, 2 * time.Second},
		"GatewayDown":   {502, "", destination.Retry, 0},
		"Unprocessable": {422, "", destination.Refused, 0},
		"Gone":          {410, "", destination.Refused, 0},
		"NoCredentials": {401, "", destination.Retry, 0},
	} {
		t.Run("Answers"+name, func(t *testing.T) { s.answers(t, answer.status, answer.header, answer.want, answer.after) })
	}
	t.Run("Echo", func(t *testing.T) { s.echo(t) })
	t.Run("NoRedirect", func(t *testing.T) { s.redirect(t) })
	t.Run("CutAnswer", func(t *testing.T) { s.cutAnswer(t) })
	t.Run("HangingAnswer", func(t *testing.T) { s.hanging(t) })
	t.Run("SameBytes", func(t *testing.T) { s.sameBytes(t) })
}

func (s *HTTPSuite) far(t *testing.T) (destination.Sink, *Far) {
	t.Helper()
	f := NewFar(t, s)
	here := s.Suite
	here.Settings = s.Settings(f.URL)
	sink, _ := here.open(t)
	return sink, f
}

func (s *HTTPSuite) answers(t *testing.T, status int, header string, want destination.Outcome, after time.Duration) {
	sink, f := s.far(t)
	f.Fail(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"error":"something"}`)
	})
	batch := s.Messages(0, min(sink.Limits().Batch, 3))
	results := s.send(t.Context(), t, sink, batch)
	all(t, results, want)
	for _, r := range results {
		if r.Status != status || r.RetryAfter != after {
			t.Errorf("status %d, again after %v; want %d, %v", r.Status, r.RetryAfter, status, after)
		}
	}
	f.Fail(nil)
	all(t, s.again(t, sink, batch), destination.Delivered)
}

// echo answers with all that was sent, secrets too, and far too much.
func (s *HTTPSuite) echo(t *testing.T) {
	sink, f := s.far(t)
	for _, status := range []int{200, 400, 500} {
		f.Fail(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "%s %s\n", r.URL, r.Header)
			_, _ = io.Copy(w, r.Body)
			_, _ = w.Write(bytes.Repeat([]byte(strings.Join(s.Secrets, " ")+" x"), 20_000))
		})
		s.send(t.Context(), t, sink, s.Messages(0, 1))
	}
}

func (s *HTTPSuite) redirect(t *testing.T) {
	sink, f := s.far(t)
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(elsewhere.Close)
	f.Fail(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	all(t, s.send(t.Context(), t, sink, s.Messages(0, 1)), destination.Refused)
	elsewhere.Close()
	if reached {
		t.Error("the redirect was followed")
	}
}

func (s *HTTPSuite) cutAnswer(t *testing.T) {
	sink, f := s.far(t)
	f.Fail(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nhalf")
		_ = c.Close() // the line is cut
	})
	batch := s.Messages(0, 1)
	all(t, s.send(t.Context(), t, sink, batch), destination.Retry)
	f.Fail(nil)
	all(t, s.again(t, sink, batch), destination.Delivered)
}

func (s *HTTPSuite) hanging(t *testing.T) {
	sink, f := s.far(t)
	release := make(chan struct{})
	f.Fail(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = http.NewResponseController(w).Flush()
		<-release
	})
	ctx, cancel := contextFor(t)
	defer cancel()
	all(t, s.send(ctx, t, sink, s.Messages(0, 1)), destination.Retry)
	close(release)
}

// sameBytes checks that the second attempt says what the first said.
func (s *HTTPSuite) sameBytes(t *testing.T) {
	sink, f := s.far(t)
	batch := s.Messages(0, min(sink.Limits().Batch, 3))
	all(t, s.send(t.Context(), t, sink, batch), destination.Delivered)
	n := len(f.Bodies())
	all(t, s.send(t.Context(), t, sink, batch), destination.Delivered)
	bodies := f.Bodies()
	if n == 0 || len(bodies) != 2*n {
		t.Fatalf("%d requests the first time, %d in all", n, len(bodies))
	}
	for i := range n {
		if !bytes.Equal(bodies[i], bodies[n+i]) {
			t.Errorf("the second attempt sends\n%s\nand not\n%s", bodies[n+i], bodies[i])
		}
	}
}
