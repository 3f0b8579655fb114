package connection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/decider"
	"rapport/internal/decision/connection"
	"rapport/internal/egress"
	client "rapport/internal/source/connection"
)

// clockwork is a clock that a test moves.
type clockwork struct{ at atomic.Int64 }

func (c *clockwork) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clockwork) forward(d time.Duration) { c.at.Add(int64(d)) }

func newClient(t *testing.T, allow ...string) (*client.Client, *clockwork) {
	t.Helper()
	clock := &clockwork{}
	clock.at.Store(time.Now().UnixNano())
	out, err := egress.New(egress.Options{Allow: allow})
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Options{HTTP: out.Client(), Now: clock.now, CacheBytes: 64 << 10, Open: func(b []byte) ([]byte, error) { return b[len("sealed "):], nil }})
	t.Cleanup(c.Close)
	return c, clock
}

func source(t *testing.T, document string) decider.Source {
	t.Helper()
	given, err := connection.Read([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := given.Store(func(b []byte) ([]byte, error) { return append([]byte("sealed "), b...), nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := connection.Read(stored)
	if err != nil {
		t.Fatal(err)
	}
	return decider.Source{Key: "c", Version: 1, Connection: c}
}

func fetch(t *testing.T, c *client.Client, at decider.Source) (string, error) {
	t.Helper()
	r, err := at.Request(nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Fetch(t.Context(), at, r)
	if err != nil {
		return "", err
	}
	return string(a.Body), nil
}

// serve answers with one function and counts.
func serve(t *testing.T, answer http.HandlerFunc) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestFetch_SaysWhyThereIsNoAnswer(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	t.Cleanup(func() { close(gone) })
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // takes connections and never answers
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + free.Addr().String()
	_ = free.Close()
	for name, c := range map[string]struct {
		address string
		answer  http.HandlerFunc
		want    string
	}{
		"slow": {answer: func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-gone:
			case <-r.Context().Done():
			}
		}, want: "no answer within 50ms"},
		"hangs in the body": {answer: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"a":`)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-gone:
			case <-r.Context().Done():
			}
		}, want: "no answer within 50ms"},
		"silent":    {address: "http://" + listener.Addr().String(), want: "no answer within 50ms"},
		"not there": {address: closed, want: "cannot be reached"},
		"huge": {answer: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat("x", connection.MaxAnswer+10)))
		}, want: "more than"},
		"redirects": {answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, want: "redirect"},
		"breaks off": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, "127.0.0.1")
			within := "10s"
			if strings.Contains(c.want, "50ms") {
				within = "50ms"
			}
			address := c.address
			if address == "" {
				address, _ = serve(t, c.answer)
			}
			body, err := fetch(t, client, source(t, `{"url":"`+address+`","timeout":"`+within+`"}`))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), address) {
				t.Errorf("%q %v", body, err)
			}
		})
	}
}

func TestFetch_PrivateNetworksAreRefusedUnlessAllowed(t *testing.T) {
	t.Parallel()
	address, asked := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `1`) })
	_, port, _ := strings.Cut(strings.TrimPrefix(address, "http://"), ":")
	for _, allow := range [][]string{nil, {"10.0.0.0/8"}, {"example.com"}} {
		c, _ := newClient(t, allow...)
		for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
			if _, err := fetch(t, c, source(t, `{"url":"http://`+host+`:`+port+`/"}`)); err == nil || !strings.Contains(err.Error(), egress.Setting) {
				t.Errorf("%v %s: %v", allow, host, err)
			}
		}
	}
	if asked.Load() != 0 {
		t.Errorf("asked %d times", asked.Load())
	}
	for _, allow := range []string{"127.0.0.0/8", "127.0.0.1", "LOCALHOST"} {
		c, _ := newClient(t, allow)
		host := map[bool]string{true: "localhost", false: "127.0.0.1"}[allow == "LOCALHOST"]
		if body, err := fetch(t, c, source(t, `{"url":"http://`+host+`:`+port+`/"}`)); err != nil || body != "1" {
			t.Errorf("%s: %q %v", allow, body, err)
		}
	}
}

func TestFetch_TriesAgainAndLeavesAloneWhatFails(t *testing.T) {
	t.Parallel()
	var good atomic.Bool
	address, asked := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if !good.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, `"ok"`)
	})
	c, clock := newClient(t, "127.0.0.1")
	at := source(t, `{"url":"`+address+`","timeout":"5s","retry":{"attempts":2,"pause":"1ms"},"breaker":{"failures":2,"pause":"10s"}}`)
	for range 2 {
		if r, err := fetch(t, c, at); err != nil {
			t.Fatalf("%q %v", r, err) // a status is an answer, which Value refuses
		}
	}
	if asked.Load() != 6 {
		t.Errorf("asked %d times, want 3 for each", asked.Load())
	}
	if _, err := fetch(t, c, at); err == nil || !strings.Contains(err.Error(), "left alone") || asked.Load() != 6 {
		t.Errorf("after failures: %v, asked %d", err, asked.Load())
	}
	clock.forward(11 * time.Second)
	if _, err := fetch(t, c, at); err != nil || asked.Load() != 9 {
		t.Errorf("the trial: %v, asked %d", err, asked.Load())
	}
	if _, err := fetch(t, c, at); err == nil {
		t.Error("not left alone after a trial that failed")
	}
	good.Store(true)
	clock.forward(11 * time.Second)
	for range 3 {
		if body, err := fetch(t, c, at); err != nil || body != `"ok"` {
			t.Errorf("back again: %q %v", body, err)
		}
	}
}

func TestFetch_KeepsAnswersForAWhile(t *testing.T) {
	t.Parallel()
	address, asked := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"path":%q,"fill":%q}`, r.URL.Path, strings.Repeat("x", 1000))
	})
	c, clock := newClient(t, "127.0.0.1")
	at := source(t, `{"url":"`+address+`/{p}","parameters":["p"],"cache":{"ttl":"1m","entries":3}}`)
	get := func(p string) {
		t.Helper()
		r := &connection.Request{Method: "GET", URL: address + "/" + p}
		a, err := c.Fetch(t.Context(), at, r)
		if err != nil || !strings.Contains(string(a.Body), `"/`+p+`"`) {
			t.Fatalf("%s: %+v %v", p, a, err)
		}
	}
	for _, step := range []struct {
		p    string
		want int64
	}{{"a", 1}, {"a", 1}, {"b", 2}, {"c", 3}, {"a", 3}, {"d", 4}, {"a", 4}, {"b", 5}} {
		if get(step.p); asked.Load() != step.want {
			t.Errorf("%s: asked %d, want %d", step.p, asked.Load(), step.want)
		}
	}
	clock.forward(time.Minute)
	if get("a"); asked.Load() != 6 {
		t.Errorf("after its time: asked %d", asked.Load())
	}
}

func TestFetch_ManyWhoAskTheSameShareOneRequest(t *testing.T) {
	t.Parallel()
	enough := make(chan struct{})
	address, asked := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		<-enough
		fmt.Fprint(w, `1`)
	})
	c, _ := newClient(t, "127.0.0.1")
	at := source(t, `{"url":"`+address+`","timeout":"10s"}`)
	var all sync.WaitGroup
	var begun sync.WaitGroup
	for range 20 {
		begun.Add(1)
		all.Go(func() {
			begun.Done()
			if body, err := fetch(t, c, at); err != nil || body != "1" {
				t.Errorf("%q %v", body, err)
			}
		})
	}
	begun.Wait()
	close(enough)
	all.Wait()
	if n := asked.Load(); n >= 20 {
		t.Errorf("asked %d times", n)
	}
}

func TestFetch_SaysWhoAsks(t *testing.T) {
	t.Parallel()
	var tokens atomic.Int64
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			user, secret, _ := r.BasicAuth()
			if user != "me" || secret != "s3cret" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "read" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprintf(w, `{"access_token":"t%d","expires_in":60}`, tokens.Add(1))
			return
		}
		text, _ := json.Marshal([]string{r.Header.Get("Authorization"), r.Header.Get("X-Key"), r.URL.RawQuery})
		_, _ = w.Write(text)
	})
	c, clock := newClient(t, "127.0.0.1")
	for auth, want := range map[string]string{
		`{"kind":"none"}`: `["","",""]`,
		`{"kind":"key","prefix":"Bearer","secret":"s3cret"}`:                                               `["Bearer s3cret","",""]`,
		`{"kind":"key","header":"X-Key","secret":"s3cret"}`:                                                `["","s3cret",""]`,
		`{"kind":"key","query":"api_key","secret":"s3cret"}`:                                               `["","","api_key=s3cret"]`,
		`{"kind":"basic","user":"me","secret":"s3cret"}`:                                                   `["Basic bWU6czNjcmV0","",""]`,
		`{"kind":"oauth","user":"me","secret":"wrong","scope":"read","token_url":"` + address + `/token"}`: "error",
	} {
		at := source(t, `{"url":"`+address+`","timeout":"5s","auth":`+auth+`}`)
		at.Key = auth
		if got, err := fetch(t, c, at); err == nil && got != want || err != nil && want != "error" {
			t.Errorf("%s: %s %v", auth, got, err)
		}
	}
	at := source(t, `{"url":"`+address+`","timeout":"5s","auth":{"kind":"oauth","user":"me","secret":"s3cret","scope":"read","token_url":"`+address+`/token"}}`)
	for i, want := range []string{"t1", "t1", "t2"} {
		if got, err := fetch(t, c, at); err != nil || !strings.Contains(got, "Bearer "+want) {
			t.Errorf("%d: %s %v", i, got, err)
		}
		clock.forward(20 * time.Second)
	}
}

func TestFetch_EndsWithWhoAsked(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c, _ := newClient(t, "127.0.0.1")
	at := source(t, `{"url":"`+address+`","timeout":"10s"}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Fetch(ctx, at, &connection.Request{Method: "GET", URL: address}); err == nil {
		t.Error("an answer without a question")
	}
}
