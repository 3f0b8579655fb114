package sinktest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Mode is what a line does to connections.
type Mode int

// The modes.
const (
	Pass   Mode = iota
	Refuse      // nobody can connect
	Hang        // what is sent goes nowhere and nothing comes
	Cut         // the connection ends with the first bytes that are sent
)

// Line is the way from a sink to its counterpart, on which things go wrong.
type Line struct {
	mu    sync.Mutex
	mode  Mode
	conns map[*faulty]bool
}

// Set changes what the line does. Connections that are open are closed, except
// where the line hangs: then they hang too.
func (l *Line) Set(m Mode) {
	l.mu.Lock()
	l.mode = m
	var open []*faulty
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	if m == Hang {
		return
	}
	for _, c := range open {
		_ = c.Close() // closing twice is no harm here
	}
}

func (l *Line) now() Mode {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mode
}

// errRefused is what nobody listening looks like.
var errRefused = errors.New("connection refused")

// Dial connects over the line.
func (l *Line) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if l.now() == Refuse {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errRefused}
	}
	var d net.Dialer
	inner, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &faulty{Conn: inner, line: l, closed: make(chan struct{}), changed: make(chan struct{})}
	l.mu.Lock()
	if l.conns == nil {
		l.conns = map[*faulty]bool{}
	}
	l.conns[c] = true
	l.mu.Unlock()
	return c, nil
}

// Client makes requests over the line and follows no redirect.
func (l *Line) Client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DialContext: l.Dial, MaxIdleConnsPerHost: 8},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// faulty is a connection over a line.
type faulty struct {
	net.Conn
	line    *Line
	once    sync.Once
	closed  chan struct{}
	mu      sync.Mutex
	end     time.Time     // until when one waits
	changed chan struct{} // closed when the end changes
}

// hang waits for the deadline or the end of the connection.
func (c *faulty) hang() error {
	for {
		c.mu.Lock()
		end, changed := c.end, c.changed
		c.mu.Unlock()
		var over <-chan time.Time
		if !end.IsZero() {
			t := time.NewTimer(time.Until(end))
			defer t.Stop()
			over = t.C
		}
		select {
		case <-over:
			return os.ErrDeadlineExceeded
		case <-c.closed:
			return net.ErrClosed
		case <-changed:
		}
	}
}

func (c *faulty) Write(b []byte) (int, error) {
	switch c.line.now() {
	case Hang:
		return len(b), nil // it is in the buffers of the network, for ever
	case Cut:
		_ = c.Close()
		return len(b), nil // the sender hears of it with its next step
	}
	return c.Conn.Write(b)
}

func (c *faulty) Read(b []byte) (int, error) {
	if c.line.now() == Hang {
		return 0, c.hang()
	}
	n, err := c.Conn.Read(b)
	if c.line.now() == Hang {
		return 0, c.hang()
	}
	return n, err
}

func (c *faulty) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		close(c.closed)
		err = c.Conn.Close()
		c.line.mu.Lock()
		delete(c.line.conns, c)
		c.line.mu.Unlock()
	})
	return err
}

func (c *faulty) note(t time.Time) {
	c.mu.Lock()
	c.end = t
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

func (c *faulty) SetDeadline(t time.Time) error {
	c.note(t)
	return c.Conn.SetDeadline(t)
}

func (c *faulty) SetReadDeadline(t time.Time) error {
	c.note(t)
	return c.Conn.SetReadDeadline(t)
}
