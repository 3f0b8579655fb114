// Package connection asks the data connections of decision models over HTTP:
// with who asks, again where that may help, from a cache, and not at all while
// they fail. It never decides which networks may be reached, never follows a
// redirect, and never logs a secret.
package connection

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"rapport/internal/decider"
	"rapport/internal/decision/connection"
	"rapport/internal/egress"
)

// Options are the outside of a client.
type Options struct {
	// HTTP leads out through the egress policy.
	HTTP *http.Client
	// Open gives a secret in the clear.
	Open func(sealed []byte) ([]byte, error)
	Now  func() time.Time
	// CacheBytes bounds what is kept of all answers together.
	CacheBytes int
}

// Client asks connections. It is safe for concurrent use.
type Client struct {
	Options
	cache cache
	mu    sync.Mutex
	lines map[lineKey]*line
}

type lineKey struct {
	key     string
	version int
}

// line is what is known of one version of a connection.
type line struct {
	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // the breaker is open until then
	trying   bool      // one request tries whether it is back
	token    token
	flying   map[string]*flight
}

// flight is a request under way that others wait for too.
type flight struct {
	done   chan struct{}
	answer *connection.Answer
	err    error
}

// maxLines bounds how many versions of connections are remembered.
const maxLines = 1000

// New makes a client.
func New(o Options) *Client {
	if o.CacheBytes == 0 {
		o.CacheBytes = 16 << 20
	}
	return &Client{Options: o, lines: map[lineKey]*line{}, cache: newCache(o.CacheBytes)}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.HTTP.CloseIdleConnections() }

func (c *Client) line(k lineKey) *line {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[k]
	if l == nil {
		if len(c.lines) >= maxLines {
			clear(c.lines)
		}
		l = &line{flying: map[string]*flight{}}
		c.lines[k] = l
	}
	return l
}

// Fetch asks a connection, or gives what it answered not long ago. The error
// says why there is no answer, in words that may be shown.
func (c *Client) Fetch(ctx context.Context, at decider.Source, r *connection.Request) (*connection.Answer, error) {
	l, name := c.line(lineKey{at.Key, at.Version}), fmt.Sprintf("%s@%d/%s", at.Key, at.Version, r.Key())
	ttl := time.Duration(at.Cache.TTL)
	if ttl > 0 {
		if a, ok := c.cache.get(name, c.Now()); ok {
			return a, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(at.Timeout))
	defer cancel()
	if at.Method != http.MethodGet {
		return c.keep(ctx, at, r, name)
	}
	f, mine := l.join(name)
	if !mine {
		select {
		case <-f.done:
			return f.answer, f.err
		case <-ctx.Done():
			return nil, explain(ctx.Err(), at)
		}
	}
	f.answer, f.err = c.keep(ctx, at, r, name)
	l.land(name, f)
	return f.answer, f.err
}

// keep asks, and keeps a good answer where the connection has a cache.
func (c *Client) keep(ctx context.Context, at decider.Source, r *connection.Request, name string) (*connection.Answer, error) {
	k := lineKey{at.Key, at.Version}
	a, err := c.guarded(ctx, c.line(k), at, r)
	if ttl := time.Duration(at.Cache.TTL); err == nil && ttl > 0 && a.Status/100 == 2 {
		c.cache.put(name, k, a, c.Now().Add(ttl), at.Cache.Entries)
	}
	return a, err
}

func (l *line) join(name string) (f *flight, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.flying[name]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	l.flying[name] = f
	return f, true
}

func (l *line) land(name string, f *flight) {
	l.mu.Lock()
	delete(l.flying, name)
	l.mu.Unlock()
	close(f.done)
}

// guarded asks unless the connection has failed too often; then one request at
// a time tries whether it is back.
func (c *Client) guarded(ctx context.Context, l *line, at decider.Source, r *connection.Request) (*connection.Answer, error) {
	if !l.enter(c.Now()) {
		return nil, fmt.Errorf("it failed %d times in a row and is left alone for up to %v", at.Breaker.Failures, time.Duration(at.Breaker.Pause))
	}
	a, err := c.repeated(ctx, l, at, r)
	l.leave(err == nil && !again(a.Status), c.Now(), at)
	return a, err
}

func (l *line) enter(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until.IsZero() {
		return true
	}
	if now.Before(l.until) || l.trying {
		return false
	}
	l.trying = true
	return true
}

func (l *line) leave(good bool, now time.Time, at decider.Source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trying = false
	if good {
		l.failures, l.until = 0, time.Time{}
		return
	}
	if l.failures++; l.failures >= at.Breaker.Failures {
		l.until = now.Add(time.Duration(at.Breaker.Pause))
	}
}

// repeated asks, and again where the connection says so.
func (c *Client) repeated(ctx context.Context, l *line, at decider.Source, r *connection.Request) (a *connection.Answer, err error) {
	pause := time.Duration(at.Retry.Pause)
	for try := 0; ; try++ {
		a, err = c.once(ctx, l, at, r)
		if err == nil && !again(a.Status) || try >= at.Retry.Attempts || ctx.Err() != nil || errors.Is(err, errFinal) {
			return a, explain(err, at)
		}
		// Many that failed together must not come back together.
		timer := time.NewTimer(pause/2 + rand.N(pause/2+1))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, explain(ctx.Err(), at)
		}
		pause *= 2
	}
}

// again tells whether a status may be another one a moment later.
func again(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

func (c *Client) once(ctx context.Context, l *line, at decider.Source, r *connection.Request) (*connection.Answer, error) {
	q, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(string(r.Body)))
	if err != nil {
		return nil, fmt.Errorf("%w: the address cannot be asked", errFinal)
	}
	q.Header.Set("Accept", "application/json")
	q.Header.Set("User-Agent", "Rapport")
	if len(r.Body) > 0 {
		q.Header.Set("Content-Type", "application/json")
	}
	for name, v := range r.Headers {
		q.Header.Set(name, v)
	}
	if err := c.sign(ctx, l, at, q); err != nil {
		return nil, err
	}
	a, err := c.send(q)
	if err == nil && a.Status == http.StatusUnauthorized && at.Auth.Kind == "oauth" {
		l.forgetToken()
	}
	return a, err
}

func (c *Client) send(q *http.Request) (*connection.Answer, error) {
	res, err := c.HTTP.Do(q)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode/100 == 3 {
		return nil, fmt.Errorf("%w: it answers with a redirect, which is not followed: give the address it leads to", errFinal)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, connection.MaxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > connection.MaxAnswer {
		return nil, fmt.Errorf("%w: its answer has more than %d bytes", errFinal, connection.MaxAnswer)
	}
	a := &connection.Answer{Status: res.StatusCode, Headers: map[string]string{}, Body: body}
	for name := range res.Header {
		a.Headers[strings.ToLower(name)] = res.Header.Get(name)
	}
	return a, nil
}

// sign adds who asks.
func (c *Client) sign(ctx context.Context, l *line, at decider.Source, q *http.Request) error {
	auth := &at.Auth
	if auth.Kind == "none" {
		return nil
	}
	opened, err := c.Open(auth.SecretSealed)
	if err != nil {
		return fmt.Errorf("%w: its secret cannot be read: PUT the connection with the secret again", errFinal)
	}
	secret := string(opened)
	switch auth.Kind {
	case "basic":
		q.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(auth.User+":"+secret)))
	case "oauth":
		t, err := c.tokenOf(ctx, l, at, secret)
		if err != nil {
			return err
		}
		q.Header.Set("Authorization", "Bearer "+t)
	case "key":
		if auth.Query != "" {
			values := q.URL.Query()
			values.Set(auth.Query, secret)
			q.URL.RawQuery = values.Encode()
			return nil
		}
		name := auth.Header
		if name == "" {
			name = "Authorization"
		}
		if auth.Prefix != "" {
			secret = auth.Prefix + " " + secret
		}
		q.Header.Set(name, secret)
	}
	return nil
}

// errFinal says that trying again does not help.
var errFinal = errors.New("final")

// explain says why there is no answer, without addresses and secrets, which
// errors of the network carry.
func explain(err error, at decider.Source) error {
	var refused *egress.RefusedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", time.Duration(at.Timeout))
	case errors.Is(err, context.Canceled):
		return errors.New("nobody waits for the answer any more")
	case errors.Is(err, errFinal):
		return errors.New(strings.TrimPrefix(err.Error(), errFinal.Error()+": "))
	}
	return errors.New("it cannot be reached")
}
