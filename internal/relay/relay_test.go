package relay_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/relay"
)

// node is a node of a test: a relay before whatever it answers with.
type node struct {
	*httptest.Server
	relay *relay.Relay
	here  atomic.Pointer[http.Handler]
}

func (n *node) holds(h http.HandlerFunc) {
	handler := http.Handler(h)
	n.here.Store(&handler)
	n.relay.Look()
}

func refuse(w http.ResponseWriter, err error) {
	f, _ := errors.AsType[*fault.Fault](err)
	status := map[fault.Kind]int{fault.Invalid: 400, fault.Unavailable: 503, fault.Limited: 429, fault.Unauthenticated: 401}[f.Kind]
	http.Error(w, f.Code+": "+f.Message, status)
}

func newNode(t *testing.T, secret string, hold time.Duration) *node {
	t.Helper()
	n := &node{}
	n.relay = relay.New(relay.Config{
		Secret: []byte(secret), Clock: time.Now, Refuse: refuse, Hold: hold, Body: 8, Bodies: 1 << 10,
		Here: func() http.Handler {
			if h := n.here.Load(); h != nil {
				return *h
			}
			return nil
		},
	})
	n.Server = httptest.NewServer(n.relay.Handler(n.relay, n.relay))
	t.Cleanup(n.Close)
	return n
}

// holder is a node that holds the data.
func holder(t *testing.T, secret string, h http.HandlerFunc) *node {
	t.Helper()
	n := newNode(t, secret, time.Minute)
	n.Config.Handler = n.relay.Handler(h, h)
	return n
}

func ask(t *testing.T, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestRelay_PassesARequestAsItCameAndSaysForWhom(t *testing.T) {
	t.Parallel()
	b := holder(t, "secret", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", r.RequestURI, " ", r.Host, " ", r.Header.Get("X-Forwarded-For"), " ", r.Header.Get("X-Own"), " ", string(body), " ", relay.Forwarded(r), " ", r.RemoteAddr, r.Header.Get("Rapport-Forwarded"))
	})
	a := newNode(t, "secret", time.Minute)
	a.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "198.51.100.7:1234" // as trusted proxies told
		a.relay.ServeHTTP(w, r)
	})
	a.relay.Move(b.URL)
	for _, body := range []string{"", "short", "longer than what is kept of it"} {
		status, text := ask(t, "POST", a.URL+"/v1/a%2Fb?x=1;y&z", body, "X-Forwarded-For", "203.0.113.9", "X-Own", "1")
		want := "POST /v1/a%2Fb?x=1;y&z " + strings.TrimPrefix(a.URL, "http://") + " 203.0.113.9 1 " + body + " true 198.51.100.7:1234"
		if status != 200 || text != want {
			t.Errorf("%d\n%s\n%s", status, text, want)
		}
	}
}

func TestRelay_RefusesWhatNoNodeSigned(t *testing.T) {
	t.Parallel()
	b := holder(t, "secret", func(http.ResponseWriter, *http.Request) {})
	foreign := newNode(t, "another secret", time.Minute)
	foreign.relay.Move(b.URL)
	if status, text := ask(t, "GET", foreign.URL+"/", ""); status != 401 || !strings.Contains(text, "not_a_node") {
		t.Errorf("a node with another key: %d %s", status, text)
	}
	if status, _ := ask(t, "GET", b.URL+"/", "", "Rapport-Forwarded", "v1 0 1.2.3.4:5 - 00"); status != 401 {
		t.Errorf("made up: %d", status)
	}
	// A signature holds for one request and some minutes.
	var signed string
	spy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { signed = r.Header.Get("Rapport-Forwarded") }))
	defer spy.Close()
	a := newNode(t, "secret", time.Minute)
	a.relay.Move(spy.URL)
	ask(t, "GET", a.URL+"/one", "")
	if status, _ := ask(t, "GET", b.URL+"/one", "", "Rapport-Forwarded", signed); status != 200 {
		t.Errorf("the same request: %d", status)
	}
	for _, path := range []string{"/two", "/one?x"} {
		if status, _ := ask(t, "GET", b.URL+path, "", "Rapport-Forwarded", signed); status != 401 {
			t.Errorf("%s with the signature of another: %d", path, status)
		}
	}
	if status, _ := ask(t, "DELETE", b.URL+"/one", "", "Rapport-Forwarded", signed); status != 401 {
		t.Errorf("another method with the signature: %d", status)
	}
	if status, _ := ask(t, "GET", b.URL+"/one", "", "Rapport-Forwarded", strings.Replace(signed, "127.0.0.1", "10.0.0.1", 1)); status != 401 {
		t.Errorf("another caller with the signature: %d", status)
	}
}

func TestRelay_HoldsRequestsWhileTheDataChangesHands(t *testing.T) {
	t.Parallel()
	var first, second atomic.Int64
	b := holder(t, "s", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); second.Add(1) })
	gone := newNode(t, "s", time.Minute) // it stands by and says so
	gone.Config.Handler = gone.relay.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first.Add(1)
		gone.relay.ServeHTTP(w, r)
	}), gone.relay)
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, at := range map[string]string{"nowhere": "", "a node that gave it up": gone.URL, "a node that is gone": closed.URL} {
		a := newNode(t, "s", time.Minute)
		a.relay.Move(at)
		answered := make(chan int)
		go func() {
			status, _ := ask(t, "POST", a.URL+"/v1/track", "12345")
			answered <- status
		}()
		for a.relay.Counts().Waited == 0 {
			pause(t)
		}
		a.relay.Move(b.URL)
		if status := <-answered; status != 200 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if first.Load() == 0 || second.Load() != 3 {
		t.Errorf("%d asked in vain, %d answered", first.Load(), second.Load())
	}
}

// pause lets others run.
func pause(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	<-ctx.Done()
}

func TestRelay_WhatWaitsIsAnsweredHereOnceTheDataIsHere(t *testing.T) {
	t.Parallel()
	a := newNode(t, "s", time.Minute)
	answered := make(chan string)
	go func() {
		_, text := ask(t, "POST", a.URL+"/", "longer than what is kept of it")
		answered <- text
	}()
	for a.relay.Counts().Waited == 0 {
		pause(t)
	}
	a.holds(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	if text := <-answered; text != "longer than what is kept of it" {
		t.Errorf("%q", text)
	}
}

func TestRelay_RefusesAfterAWhileAndBeyondItsRoom(t *testing.T) {
	t.Parallel()
	a := newNode(t, "s", time.Millisecond)
	if status, text := ask(t, "GET", a.URL+"/", ""); status != 503 || !strings.Contains(text, "not_ready") {
		t.Errorf("nobody holds the data: %d %s", status, text)
	}
	full := relay.New(relay.Config{Secret: []byte("s"), Clock: time.Now, Refuse: refuse, Body: 8, Bodies: 4, Here: func() http.Handler { return nil }})
	w := httptest.NewRecorder()
	full.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("12345")))
	if w.Code != 429 {
		t.Errorf("no room: %d", w.Code)
	}
}

// TestRelay_SendsNothingTwice has a node take a request and fall silent: what
// reads is asked of the next one, of all else nobody knows what became of it.
func TestRelay_SendsNothingTwice(t *testing.T) {
	t.Parallel()
	took := make(chan string, 10)
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4)
			_, _ = io.ReadFull(c, b)
			took <- strings.TrimSpace(string(b))
			_ = c.Close()
		}
	}()
	var again atomic.Int64
	b := holder(t, "s", func(http.ResponseWriter, *http.Request) { again.Add(1) })
	for _, c := range []struct {
		method string
		status int
		again  int64
	}{{"POST", 503, 0}, {"PUT", 503, 0}, {"GET", 200, 1}} {
		again.Store(0)
		a := newNode(t, "s", time.Minute)
		a.relay.Move("http://" + silent.Addr().String())
		answered := make(chan int)
		go func() {
			status, _ := ask(t, c.method, a.URL+"/", "12345")
			answered <- status
		}()
		if m := <-took; !strings.HasPrefix(c.method, m) && m != c.method {
			t.Errorf("%s came as %s", c.method, m)
		}
		a.relay.Move(b.URL)
		if status := <-answered; status != c.status || again.Load() != c.again {
			t.Errorf("%s: %d, %d times at the next node", c.method, status, again.Load())
		}
		for len(took) > 0 { // tries of a request that only reads
			<-took
		}
	}
}

func TestRelay_StreamsPassAsTheyCome(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	b := holder(t, "s", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 2 {
			fmt.Fprint(w, "data: x\n\n")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	a := newNode(t, "s", time.Minute)
	a.relay.Move(b.URL)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+"/api/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	piece := make([]byte, 9)
	for range 2 {
		if _, err := io.ReadFull(res.Body, piece); err != nil || string(piece) != "data: x\n\n" {
			t.Fatalf("%q %v", piece, err)
		}
		next <- struct{}{}
	}
}

// TestRelay_ABodyThatBreaksOffIsItsSendersFault sends bodies that are damaged in
// what is kept of them, and behind it: the node is not blamed for them.
func TestRelay_ABodyThatBreaksOffIsItsSendersFault(t *testing.T) {
	t.Parallel()
	b := holder(t, "s", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			w.WriteHeader(http.StatusOK)
		}
	})
	a := newNode(t, "s", time.Minute)
	a.relay.Move(b.URL)
	for name, body := range map[string]string{
		"at its front": "4\r\n1234\r\nno length\r\n",
		"behind":       "10\r\n0123456789abcdef\r\nno length\r\n",
	} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+body); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 400 || !strings.Contains(string(text), "body_unreadable") {
			t.Errorf("%s: %d %s, %v", name, res.StatusCode, text, err)
		}
		_ = res.Body.Close()
		_ = conn.Close()
	}
	if c := a.relay.Counts(); c.Unknown != 0 || c.Refused != 2 {
		t.Errorf("%+v", c)
	}
}

// TestRelay_WhatNoHandshakeLetThroughIsSentAgain has the data at a node whose
// certificate is nobody's, and at one that speaks no TLS.
func TestRelay_WhatNoHandshakeLetThroughIsSentAgain(t *testing.T) {
	t.Parallel()
	b := holder(t, "s", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	foreign := httptest.NewUnstartedServer(nil)
	foreign.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes, as it should be
	foreign.StartTLS()
	defer foreign.Close()
	for name, at := range map[string]string{"another's certificate": foreign.URL, "no TLS": "https" + strings.TrimPrefix(b.URL, "http")} {
		a := newNode(t, "s", time.Minute)
		a.relay.Move(at)
		answered := make(chan int)
		go func() {
			status, _ := ask(t, "POST", a.URL+"/v1/track", "longer than what is kept of it")
			answered <- status
		}()
		for a.relay.Counts().Waited == 0 && a.relay.Counts().Unknown == 0 {
			pause(t)
		}
		a.relay.Move(b.URL)
		if status := <-answered; status != 200 {
			t.Errorf("%s: %d", name, status)
		}
	}
}
