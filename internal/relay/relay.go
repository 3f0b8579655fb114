// Package relay passes requests from a node that stands by to the one that holds
// the data, and lets them wait while the data changes hands. It never answers for
// the product, never sends a request twice whose outcome is not known, and never
// passes on what another node passed here.
package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Config of New.
type Config struct {
	// Secret is what nodes know and nobody else: they sign with it.
	Secret []byte
	Clock  clock.Clock
	// Here gives what this node answers with, once it holds the data; nil before.
	Here func() http.Handler
	// Refuse answers a request that can go nowhere; it may be sent again.
	Refuse func(w http.ResponseWriter, err error)
	// Hold is how long a request waits for a node that holds the data; zero is
	// 10 s.
	Hold time.Duration
	// Body is how much of a request's body is kept, so that it can be sent to
	// another node than the first; zero is 1 MiB. All bodies together keep at
	// most Bodies; zero is 64 MiB.
	Body, Bodies int64
}

const (
	defaultHold   = 10 * time.Second
	defaultBody   = 1 << 20
	defaultBodies = 64 << 20
	// retryAfter is how soon a node is asked again that could not be reached.
	retryAfter = 100 * time.Millisecond
	// grace is how long an answer may be on its way from a node that no longer
	// holds the data.
	grace = 2 * time.Second
	// reach is how long a connection to a node may take, its handshake included.
	reach = 2 * time.Second
	// writeBuffer lets a usual request leave in one piece, copyBuffer is for answers.
	writeBuffer = 64 << 10
	copyBuffer  = 32 << 10
)

// Relay passes requests on. Safe for concurrent use.
type Relay struct {
	config    Config
	transport http.RoundTripper
	kept      atomic.Int64 // bytes of bodies
	buffers   buffers
	mu        sync.Mutex
	at        place

	passed, waited, refused, unknown atomic.Uint64
}

// place is where the data is: an address, or nowhere that is known.
type place struct {
	address string
	changed chan struct{} // closed when it changes
	over    context.Context
	end     context.CancelFunc
}

// New makes a relay that knows no other node yet.
func New(c Config) *Relay {
	if c.Hold <= 0 {
		c.Hold = defaultHold
	}
	if c.Body <= 0 {
		c.Body = defaultBody
	}
	if c.Bodies <= 0 {
		c.Bodies = defaultBodies
	}
	return &Relay{config: c, at: newPlace(""), transport: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: reach}).DialContext,
		DialTLSContext:        dialTLS,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       30 * time.Second, // shorter than a server keeps them
		DisableCompression:    true,             // what comes is passed on as it is
		ExpectContinueTimeout: time.Second,
		WriteBufferSize:       writeBuffer,
	}}
}

// dialTLS connects to a node and agrees on keys with it. Whatever fails until then
// is an error of dialing: no request was sent.
func dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: reach}} // over the handshake too
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return conn, nil
}

func newPlace(address string) place {
	over, end := context.WithCancel(context.Background())
	return place{address: address, changed: make(chan struct{}), over: over, end: end}
}

// Move says where the data is now: an address such as http://10.0.0.5:8080, or
// empty while no other node is known to have it. Requests that wait look again;
// those under way to the node before have a moment left for their answer.
func (r *Relay) Move(address string) {
	r.mu.Lock()
	before := r.at
	r.at = newPlace(address)
	r.mu.Unlock()
	close(before.changed)
	time.AfterFunc(grace, before.end)
}

// Look has requests that wait look again whether this node answers itself.
func (r *Relay) Look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.at.changed)
	r.at.changed = make(chan struct{})
}

func (r *Relay) place() place {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

// Address is where the data is; empty where no other node is known to have it.
func (r *Relay) Address() string { return r.place().address }

// Counts are requests so far.
type Counts struct {
	Passed  uint64 // that another node answered
	Waited  uint64 // of these and others such as had to wait first
	Refused uint64 // because the wait was too long, or too many waited
	Unknown uint64 // of which it is not known what became of them
}

// Counts gives what was counted.
func (r *Relay) Counts() Counts {
	return Counts{r.passed.Load(), r.waited.Load(), r.refused.Load(), r.unknown.Load()}
}

// ServeHTTP passes a request on.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if Forwarded(req) {
		// Its sender looks anew where the data is.
		w.Header().Set(elsewhereHeader, "1")
		w.Header().Set("Connection", "close")
		r.config.Refuse(w, fault.Errorf(fault.Unavailable, "not_ready", "this node does not hold the data"))
		return
	}
	body, release, err := r.keep(req)
	defer release()
	if err != nil {
		r.refused.Add(1)
		r.config.Refuse(w, err)
		return
	}
	limit := time.NewTimer(r.config.Hold)
	defer limit.Stop()
	for first := true; ; first = false {
		at := r.place()
		if h := r.config.Here(); h != nil {
			req.Body = body.again()
			h.ServeHTTP(w, req)
			return
		}
		if at.address != "" && r.try(w, req, at, body) {
			return
		}
		if first {
			r.waited.Add(1)
		}
		if !r.wait(req.Context(), at, limit.C) {
			break
		}
	}
	if req.Context().Err() == nil {
		r.refused.Add(1)
		r.config.Refuse(w, fault.Errorf(fault.Unavailable, "not_ready", "no node holds the data for now: send the request again in a second"))
	}
}

// wait waits until another look may help; false: there is no time left.
func (r *Relay) wait(ctx context.Context, at place, limit <-chan time.Time) bool {
	var soon <-chan time.Time
	if at.address != "" {
		t := time.NewTimer(retryAfter)
		defer t.Stop()
		soon = t.C
	}
	select {
	case <-at.changed:
	case <-soon:
	case <-limit:
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// errElsewhere says that a node does not hold the data and did nothing.
var errElsewhere = errors.New("the node does not hold the data")

// elsewhereHeader marks the answer of such a node.
const elsewhereHeader = "Rapport-Elsewhere"

// try sends a request to a node; false: nothing of it happened there, and it can
// be sent to another.
func (r *Relay) try(w http.ResponseWriter, req *http.Request, at place, body *keptBody) (done bool) {
	target, err := url.Parse(at.address)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	// A node that fell silent gives no answer: whoever waits for it hears so.
	stop := context.AfterFunc(at.over, cancel)
	defer stop()
	done = true
	out := req.WithContext(ctx)
	out.Body = body.again()
	proxy := httputil.ReverseProxy{
		Transport:     r.transport,
		FlushInterval: -1, // streams pass as they come
		BufferPool:    &r.buffers,
		Rewrite:       func(p *httputil.ProxyRequest) { r.address(p, target) },
		ModifyResponse: func(res *http.Response) error {
			if res.Header.Get(elsewhereHeader) != "" {
				return errElsewhere
			}
			stop()
			r.passed.Add(1)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			nothing := errors.Is(err, errElsewhere) || unsent(err)
			reads := req.Method == http.MethodGet || req.Method == http.MethodHead
			switch {
			case req.Context().Err() != nil: // the client is gone
			case body.failed.Load() != nil: // it never had a request for the node
				r.refused.Add(1)
				r.config.Refuse(w, unreadable(*body.failed.Load()))
			case body.again() != nil && (nothing || reads):
				done = false
			case nothing:
				r.refused.Add(1)
				r.config.Refuse(w, fault.Errorf(fault.Unavailable, "not_ready", "the data changed hands while the body was read: send the request again in a second"))
			default:
				r.unknown.Add(1)
				r.config.Refuse(w, fault.Errorf(fault.Unavailable, "outcome_unknown",
					"the node that had the request fell silent, and it is not known whether it was taken: send it again with the same message ids or the same Idempotency-Key"))
			}
		},
	}
	proxy.ServeHTTP(w, out)
	return done
}

// buffers are those through which answers are copied.
type buffers struct{ pool sync.Pool }

// Get gives a buffer.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[copyBuffer]byte); ok {
		return p[:]
	}
	return make([]byte, copyBuffer)
}

// Put takes one back.
func (b *buffers) Put(p []byte) { b.pool.Put((*[copyBuffer]byte)(p)) }

// address points a request at a node, and leaves everything else as it came.
func (r *Relay) address(p *httputil.ProxyRequest, target *url.URL) {
	p.Out.URL.Scheme, p.Out.URL.Host = target.Scheme, target.Host
	p.Out.URL.RawQuery = p.In.URL.RawQuery
	p.Out.Host = p.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := p.In.Header[name]; ok {
			p.Out.Header[name] = v
		}
	}
	if p.In.TLS != nil {
		p.Out.Header.Set("X-Forwarded-Proto", "https")
	}
	r.sign(p.Out, p.In.RemoteAddr)
}

// unsent tells an error before which nothing reached the node.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// keptBody is a request's body, whole where it is small.
type keptBody struct {
	front []byte
	rest  io.ReadCloser // what follows; nil: nothing does
	taken atomic.Bool   // rest was handed out: the body cannot be sent again
	// failed is why rest could not be read to its end; nil: nothing went wrong.
	failed atomic.Pointer[error]
}

// again gives the body from its beginning; nil where that is gone.
func (b *keptBody) again() io.ReadCloser {
	if b.rest == nil {
		if len(b.front) == 0 {
			return http.NoBody
		}
		return io.NopCloser(bytes.NewReader(b.front))
	}
	if b.taken.Load() {
		return nil
	}
	return &wholeBody{Reader: io.MultiReader(bytes.NewReader(b.front), b.rest), kept: b}
}

// wholeBody is a body of which only the front is kept.
type wholeBody struct {
	io.Reader
	kept *keptBody
}

// Read notes that the body is on its way, and that it broke off.
func (w *wholeBody) Read(p []byte) (int, error) {
	w.kept.taken.Store(true)
	n, err := w.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.kept.failed.Store(&err)
	}
	return n, err
}

// Close leaves the body open: another try may read it. The server closes it.
func (w *wholeBody) Close() error { return nil }

// keep reads a body, as far as it is kept. It fails where there is no room, or the
// client did not send it as it should.
func (r *Relay) keep(req *http.Request) (*keptBody, func(), error) {
	if req.Body == nil || req.Body == http.NoBody || req.ContentLength == 0 {
		return &keptBody{}, func() {}, nil
	}
	room := r.config.Body
	if n := req.ContentLength; n > 0 && n < room {
		room = n
	}
	release := func() { r.kept.Add(-room) }
	if r.kept.Add(room) > r.config.Bodies {
		return nil, release, fault.Errorf(fault.Limited, "too_many_waiting", "too many requests wait here: send this again in a second")
	}
	front, err := readFront(req, room)
	if err != nil {
		return nil, release, unreadable(err)
	}
	b := &keptBody{front: front}
	if int64(len(front)) == room && req.ContentLength != room {
		b.rest = req.Body
	}
	return b, release, nil
}

// readFront reads a body up to a size, into as much as it needs where it says how long it is.
func readFront(req *http.Request, room int64) ([]byte, error) {
	if req.ContentLength != room {
		return io.ReadAll(io.LimitReader(req.Body, room))
	}
	front := make([]byte, room)
	_, err := io.ReadFull(req.Body, front)
	return front, err
}

// unreadable says that the client broke a body off: no node is to blame.
func unreadable(err error) error {
	return fault.Errorf(fault.Invalid, "body_unreadable", "the body ended too early or is damaged: send the request again, whole: %w", err)
}
