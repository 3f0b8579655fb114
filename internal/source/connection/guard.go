package connection

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// guard keeps connections out of networks that are not public: whoever may
// write a connection must not be able to reach the operator's own machines.
// It looks at the address that is dialled, after the name was resolved.
type guard struct {
	networks []netip.Prefix
	hosts    []string
}

func newGuard(allow []string) (*guard, error) {
	g := &guard{}
	for _, a := range allow {
		a = strings.ToLower(strings.TrimSpace(a))
		if a == "" {
			continue
		}
		if p, err := netip.ParsePrefix(a); err == nil {
			g.networks = append(g.networks, p.Masked())
			continue
		}
		if ip, err := netip.ParseAddr(a); err == nil {
			g.networks = append(g.networks, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		if strings.ContainsAny(a, "/: ") {
			return nil, fmt.Errorf("%q is neither a network such as 10.0.0.0/8 nor a host name", a)
		}
		g.hosts = append(g.hosts, a)
	}
	return g, nil
}

// refusedError is why an address is not dialled.
type refusedError struct{ address string }

func (e *refusedError) Error() string {
	return "its address is in a private network, which connections may not reach; the setting connections.allow lets them"
}

func (g *guard) transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			d := net.Dialer{Timeout: 5 * time.Second}
			if !slices.Contains(g.hosts, strings.ToLower(host)) {
				d.ControlContext = g.check
			}
			return d.DialContext(ctx, network, address)
		},
		ForceAttemptHTTP2: true, MaxIdleConns: 100, MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: false,
	}
}

// check is asked for every address before it is dialled.
func (g *guard) check(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !g.may(ap.Addr()) {
		return &refusedError{address}
	}
	return nil
}

func (g *guard) may(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if slices.ContainsFunc(g.networks, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return true
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(special(), func(p netip.Prefix) bool { return p.Contains(ip) })
}

// special are networks that the standard library calls global though they lead
// into somebody's own network, or through a translator into any.
func special() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
		netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"),
		netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("::/96"),
	}
}
