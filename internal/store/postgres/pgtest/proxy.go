package pgtest

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between a node and the server, or before a node, on loopback. It
// can cut, delay and fall silent.
type Proxy struct {
	Addr   string
	target atomic.Pointer[target]
	stall  atomic.Pointer[chan struct{}] // closed when bytes pass again; nil: they do
	delay  atomic.Int64                  // of each read, in nanoseconds
	fuse   atomic.Int64                  // bytes until the next cut; zero or less: none
	late   atomic.Bool                   // what was sent before a cut arrives after it
	down   atomic.Bool
	mu     sync.Mutex
	open   map[net.Conn]bool
	listen net.Listener
	Cuts   atomic.Int64
}

// NewProxy starts a proxy to a server that was started here.
func NewProxy(t testing.TB, s *Server) *Proxy {
	t.Helper()
	if s.folder == "" {
		t.Skip("the server is not one that was started here")
	}
	return proxyTo(t, s.socket())
}

// Aim lets the proxy stand before another server, as an address does that moves
// with a fail-over. Connections to the one before are cut.
func (p *Proxy) Aim(s *Server) {
	to := s.socket()
	p.target.Store(&to)
	p.Down(true)
	p.Down(false)
}

func (s *Server) socket() target { return target{"unix", s.folder + "/.s.PGSQL.5432"} }

// target is what a proxy stands before.
type target struct{ network, address string }

// NewProxyBefore starts a proxy before what listens on a TCP address.
func NewProxyBefore(t testing.TB, address string) *Proxy {
	t.Helper()
	return proxyTo(t, target{"tcp", address})
}

func proxyTo(t testing.TB, to target) *Proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), open: map[net.Conn]bool{}, listen: l}
	p.target.Store(&to)
	go p.serve(l)
	t.Cleanup(p.Close)
	return p
}

// Close ends the proxy and every connection.
func (p *Proxy) Close() {
	p.listen.Close() //nolint:errcheck // it may be closed already
	p.Stall(false)
	p.Down(true)
}

// DSN is the address of the server through the proxy.
func (p *Proxy) DSN() string {
	host, port, _ := strings.Cut(p.Addr, ":")
	return "host=" + host + " port=" + port + " user=rapport dbname=postgres sslmode=disable"
}

// URL is the address of the server through the proxy, with a search path.
func (p *Proxy) URL(schema string) string {
	return "postgres://rapport@" + p.Addr + "/postgres?sslmode=disable&search_path=" + schema
}

// Stall lets nothing pass in either direction, as a network does that was cut
// without anybody being told; connections stay. What was sent passes later.
func (p *Proxy) Stall(stall bool) {
	if !stall {
		if c := p.stall.Swap(nil); c != nil {
			close(*c)
		}
		return
	}
	c := make(chan struct{})
	p.stall.CompareAndSwap(nil, &c)
}

// Delay has everything come so much later.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// pass waits as long as bytes are held up.
func (p *Proxy) pass() {
	if d := p.delay.Load(); d > 0 {
		t := time.NewTimer(time.Duration(d))
		<-t.C
	}
	if c := p.stall.Load(); c != nil {
		<-*c
	}
}

// CutAfter cuts the connection that carries the nth byte from now, in either
// direction. If late, what was sent towards the server arrives nevertheless,
// a while after the sender saw the cut.
func (p *Proxy) CutAfter(n int64, late bool) {
	p.late.Store(late)
	p.fuse.Store(n)
}

// Down cuts every connection and takes no new ones until it is up again.
func (p *Proxy) Down(down bool) {
	p.down.Store(down)
	if !down {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close() //nolint:errcheck // cutting is the purpose
	}
}

func (p *Proxy) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if p.down.Load() {
			c.Close() //nolint:errcheck // refused
			continue
		}
		to := p.target.Load()
		s, err := new(net.Dialer).DialContext(context.Background(), to.network, to.address)
		if err != nil {
			c.Close() //nolint:errcheck // refused
			continue
		}
		p.mu.Lock()
		p.open[c], p.open[s] = true, true
		p.mu.Unlock()
		go p.pump(c, s, true)
		go p.pump(s, c, false)
	}
}

func (p *Proxy) pump(from, to net.Conn, toServer bool) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		p.pass()
		if n > 0 && p.burn(int64(n)) {
			if toServer && p.late.Load() {
				from.Close() //nolint:errcheck // the cut
				time.AfterFunc(30*time.Millisecond, func() {
					to.Write(buf[:n]) //nolint:errcheck // may be gone
					time.AfterFunc(30*time.Millisecond, func() { p.drop(from, to) })
				})
				return
			}
			err = errors.New("cut")
		} else if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			p.drop(from, to)
			return
		}
	}
}

// burn shortens the fuse and tells whether it ended here.
func (p *Proxy) burn(n int64) bool {
	for {
		left := p.fuse.Load()
		if left <= 0 {
			return false
		}
		if p.fuse.CompareAndSwap(left, left-n) {
			if left-n > 0 {
				return false
			}
			p.fuse.Store(0)
			p.Cuts.Add(1)
			return true
		}
	}
}

func (p *Proxy) drop(conns ...io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		c.Close() //nolint:errcheck // cutting is the purpose
		if n, ok := c.(net.Conn); ok {
			delete(p.open, n)
		}
	}
}
