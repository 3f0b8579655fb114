// Package egress is the one way out: every connection that an instance opens on
// somebody's say-so is dialled here, and looked at when its name has become an
// address. It never follows a redirect, never uses a proxy of the environment,
// and never reaches into a network that is not public unless the operator's
// settings name it.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"rapport/internal/trace"
)

// Options are what a way out is made of.
type Options struct {
	// Allow are networks (10.0.0.0/8), addresses and host names, each with a port
	// or without one, that may be reached though they are not public.
	Allow []string
	// Resolver answers names; nil is the system's.
	Resolver *net.Resolver
}

// Policy says what may be reached. It is safe for concurrent use.
type Policy struct {
	networks []network
	hosts    []host
	resolver *net.Resolver
}

// network is an entry of the allow list; port zero is every port.
type network struct {
	prefix netip.Prefix
	port   uint16
}

type host struct {
	name string
	port string // empty: every port
}

// Setting is the name of the setting that widens what may be reached.
const Setting = "egress.allow"

// RefusedError is why an address is not dialled. Its text names no address: what
// a name resolves to inside a network is not to be learnt from outside.
type RefusedError struct{ metadata bool }

func (e *RefusedError) Error() string {
	if e.metadata {
		return "its address is that of a cloud's metadata service; only an entry of the setting " + Setting + " that is exactly this address lets it be reached"
	}
	return "its address is in a private or special network, which is not reached; the setting " + Setting + " lets networks and hosts be reached"
}

// Refused says that trying again does not help.
func (*RefusedError) Refused() bool { return true }

// Refused tells whether an error says that an address may not be reached:
// trying again does not help.
func Refused(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}

// New reads an allow list.
func New(o Options) (*Policy, error) {
	p := &Policy{resolver: o.Resolver}
	for _, entry := range o.Allow {
		if entry = strings.ToLower(strings.TrimSpace(entry)); entry == "" {
			continue
		}
		if err := p.allow(entry); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Policy) allow(entry string) error {
	if prefix, err := netip.ParsePrefix(entry); err == nil {
		p.networks = append(p.networks, network{prefix: prefix.Masked()})
		return nil
	}
	if ip, err := netip.ParseAddr(entry); err == nil {
		p.networks = append(p.networks, network{prefix: single(ip)})
		return nil
	}
	if ap, err := netip.ParseAddrPort(entry); err == nil {
		p.networks = append(p.networks, network{single(ap.Addr()), ap.Port()})
		return nil
	}
	name, port, found := strings.Cut(entry, ":")
	if strings.ContainsAny(entry, "/ @") || name == "" || found && (port == "" || strings.Trim(port, "0123456789") != "") {
		return fmt.Errorf("%q is neither a network such as 10.0.0.0/8 nor a host name such as crm.internal or crm.internal:8443", entry)
	}
	p.hosts = append(p.hosts, host{strings.TrimSuffix(name, "."), port})
	return nil
}

// single is the network of one address.
func single(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	return netip.PrefixFrom(ip, ip.BitLen())
}

// dialTimeout bounds how long a connection may take to come about.
const dialTimeout = 5 * time.Second

// Dial opens a connection to HOST:PORT over TCP. The name is resolved once, and
// the address that came of it is looked at before the first packet leaves.
func (p *Policy) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("dial %s: only TCP leads out", network)
	}
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	named := p.named(name, port)
	d := net.Dialer{Timeout: dialTimeout, Resolver: p.resolver, ControlContext: func(_ context.Context, _, at string, _ syscall.RawConn) error {
		return p.check(at, named)
	}}
	return d.DialContext(ctx, network, address)
}

// named tells whether the allow list has a host by its name.
func (p *Policy) named(name, port string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	for _, h := range p.hosts {
		if h.name == name && (h.port == "" || h.port == port) {
			return true
		}
	}
	return false
}

// check is asked for every address before it is dialled.
func (p *Policy) check(address string, named bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &RefusedError{}
	}
	ip := ap.Addr().Unmap().WithZone("")
	if metadata(ip) {
		// Neither a wide network nor a name lets it through: a name may be
		// somebody else's to change.
		for _, n := range p.networks {
			if n.prefix.IsSingleIP() && n.holds(ip, ap.Port()) {
				return nil
			}
		}
		return &RefusedError{metadata: true}
	}
	if named || Public(ip) {
		return nil
	}
	for _, n := range p.networks {
		if n.holds(ip, ap.Port()) {
			return nil
		}
	}
	return &RefusedError{}
}

func (n network) holds(ip netip.Addr, port uint16) bool {
	return n.prefix.Contains(ip) && (n.port == 0 || n.port == port)
}

// Client gives an HTTP client that leads out by the policy. It follows no
// redirect: the caller sees the answer that asks for one. Each client has its
// own connections.
func (p *Policy) Client() *http.Client {
	return &http.Client{
		Transport: tracing{p.Transport()},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// tracing tells whoever is asked which trace a request belongs to, where somebody
// traces it.
type tracing struct{ *http.Transport }

// RoundTrip asks.
func (t tracing) RoundTrip(r *http.Request) (*http.Response, error) {
	if parent := trace.Of(r.Context()).Header(); parent != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Traceparent", parent)
	}
	return t.Transport.RoundTrip(r)
}

// Transport is what Client uses, for who needs other limits.
func (p *Policy) Transport() *http.Transport {
	return &http.Transport{
		Proxy:       nil, // a proxy would resolve the name itself
		DialContext: p.Dial, ForceAttemptHTTP2: true, MaxIdleConns: 512, MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: dialTimeout, MaxResponseHeaderBytes: 64 << 10, ExpectContinueTimeout: time.Second,
	}
}
