package ingress

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"rapport/internal/fault"
)

// Proxies are those that are believed when they say for whom they ask.
type Proxies []netip.Prefix

// ReadProxies reads networks and addresses, separated by commas.
func ReadProxies(text string) (Proxies, error) {
	var out Proxies
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if !strings.Contains(part, "/") {
			a, err := netip.ParseAddr(part)
			if err != nil {
				return nil, fault.Errorf(fault.Invalid, "invalid_config", "setting http.trusted_proxies: %q is no address and no network: give such as 10.0.0.0/8 or 127.0.0.1", part)
			}
			out = append(out, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_config", "setting http.trusted_proxies: %q is no network: give such as 10.0.0.0/8", part)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p Proxies) trust(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, n := range p {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// Handler has what is behind see the address of the caller where a trusted proxy
// tells it, and hides from it what anybody else claims.
func (p Proxies) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, ok := addressOf(r.RemoteAddr)
		if !ok || !p.trust(peer) {
			// Nobody who is not known is believed: the scheme decides whether
			// cookies are secure and where clients are sent.
			r.Header.Del("X-Forwarded-Proto")
			next.ServeHTTP(w, r)
			return
		}
		if caller, ok := p.caller(r.Header.Values("X-Forwarded-For")); ok {
			r.RemoteAddr = net.JoinHostPort(caller.String(), "0")
		}
		next.ServeHTTP(w, r)
	})
}

// caller is the last address in a chain that no trusted proxy has: what stands
// before it was written by the caller and proves nothing.
func (p Proxies) caller(headers []string) (netip.Addr, bool) {
	hops := strings.Split(strings.Join(headers, ","), ",")
	var last netip.Addr
	found := false
	for i := len(hops) - 1; i >= 0; i-- {
		a, ok := addressOf(strings.TrimSpace(hops[i]))
		if !ok {
			return last, found
		}
		if last, found = a, true; !p.trust(a) {
			return last, true
		}
	}
	return last, found
}

// addressOf reads an address with a port or without.
func addressOf(text string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone(""), err == nil
}
