package egress_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"rapport/internal/egress"
)

// inside is a machine in a private network that must not be reached. It counts
// connections, not requests.
func inside(t *testing.T) (port string, reached *atomic.Int64) {
	t.Helper()
	reached = &atomic.Int64{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			reached.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	_, port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return port, reached
}

// names answers questions for addresses: of several answers each question gets
// the next, as a name does that is changed between a check and the connection.
func names(t *testing.T, book map[string][]string) *net.Resolver {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		asked := map[string]int{}
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(reply(buf[:n], book, asked), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// reply answers one question of the DNS.
func reply(q []byte, book map[string][]string, asked map[string]int) []byte {
	var labels []string
	i := 12
	for q[i] != 0 {
		labels = append(labels, string(q[i+1:i+1+int(q[i])]))
		i += 1 + int(q[i])
	}
	kind := binary.BigEndian.Uint16(q[i+1:])
	question := q[12 : i+5]
	name := strings.ToLower(strings.Join(labels, "."))
	var answer []byte
	if list := book[name]; len(list) > 0 {
		ip := netip.MustParseAddr(list[asked[name]%len(list)])
		if raw := ip.AsSlice(); kind == 1 && ip.Is4() || kind == 28 && ip.Is6() {
			asked[name]++
			answer = append([]byte{0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(raw))}, raw...)
		}
	}
	head := append([]byte{}, q[:2]...)
	head = append(head, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	if answer != nil {
		head[7] = 1
	}
	return append(append(head, question...), answer...)
}

// vectors are addresses that lead somewhere they must not; PORT is one where
// somebody listens.
func vectors() []string {
	return []string{
		// The machine itself, in all the ways of saying so.
		"http://127.0.0.1:PORT/", "http://localhost:PORT/", "http://LOCALHOST:PORT/", "http://127.0.0.2:PORT/",
		"http://127.255.255.254:PORT/", "http://0.0.0.0:PORT/", "http://0:PORT/", "http://127.1:PORT/", "http://127.0.1:PORT/",
		"http://2130706433:PORT/", "http://0x7f000001:PORT/", "http://0x7f.0.0.1:PORT/", "http://0x7f.1:PORT/", "http://0177.0.0.1:PORT/",
		"http://017700000001:PORT/", "http://127.0.0.1.:PORT/", "http://[::1]:PORT/", "http://[0:0:0:0:0:0:0:1]:PORT/", "http://[::]:PORT/",
		"http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/", "http://[0:0:0:0:0:ffff:7f00:0001]:PORT/", "http://[::127.0.0.1]:PORT/",
		"http://[::ffff:0:127.0.0.1]:PORT/", "http://[64:ff9b::127.0.0.1]:PORT/", "http://[64:ff9b:1::7f00:1]:PORT/", "http://[2002:7f00:1::]:PORT/",
		"http://[2001:0:7f00:1::]:PORT/", "http://[2600::5efe:127.0.0.1]:PORT/", "http://[2600::200:5efe:7f00:1]:PORT/",
		// Userinfo, fragments and the like that make it look like another host.
		"http://example.com@127.0.0.1:PORT/", "http://example.com:80@127.0.0.1:PORT/", "http://127.0.0.1:PORT/?http://example.com",
		"http://127.0.0.1:PORT#@example.com/", "http://127.0.0.1:PORT/..//example.com", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/", "http://127。0。0。1:PORT/",
		// Private networks.
		"http://10.0.0.1:PORT/", "http://10.255.255.255:PORT/", "http://172.16.0.1:PORT/", "http://172.31.255.255:PORT/", "http://192.168.0.1:PORT/",
		"http://192.168.255.255:PORT/", "http://[::ffff:10.0.0.1]:PORT/", "http://[::ffff:192.168.0.1]:PORT/", "http://[fc00::1]:PORT/",
		"http://[fd12:3456:789a::1]:PORT/", "http://[64:ff9b::10.0.0.1]:PORT/", "http://[2002:a00:1::1]:PORT/", "http://0xa000001:PORT/", "http://167772161:PORT/",
		// Link-local and the metadata of clouds.
		"http://169.254.169.254/latest/meta-data/", "http://169.254.169.254:PORT/", "http://169.254.170.2/v2/credentials", "http://169.254.0.1:PORT/",
		"http://[fe80::1]:PORT/", "http://[fe80::1%25lo]:PORT/", "http://[febf::1]:PORT/", "http://[fd00:ec2::254]/latest/meta-data/", "http://[fd20:ce::254]/",
		"http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::]/",
		"http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://100.100.100.200/", "http://192.0.0.192/", "http://168.63.129.16/",
		// Special networks.
		"http://100.64.0.1:PORT/", "http://100.127.255.255:PORT/", "http://0.1.2.3:PORT/", "http://192.0.0.1:PORT/", "http://192.0.2.1:PORT/", "http://192.88.99.1:PORT/",
		"http://198.18.0.1:PORT/", "http://198.19.255.255:PORT/", "http://198.51.100.1:PORT/", "http://203.0.113.1:PORT/", "http://224.0.0.1:PORT/",
		"http://239.255.255.255:PORT/", "http://240.0.0.1:PORT/", "http://255.255.255.255:PORT/", "http://[fec0::1]:PORT/", "http://[ff02::1]:PORT/",
		"http://[100::1]:PORT/", "http://[2001:db8::1]:PORT/", "http://[2001:10::1]:PORT/", "http://[3fff::1]:PORT/", "http://[5f00::1]:PORT/", "http://[4000::1]:PORT/",
		// Names that lead there.
		"http://loop.test:PORT/", "http://mapped.test:PORT/", "http://private.test:PORT/", "http://meta.test/", "http://six.test:PORT/", "http://rebinding.test:PORT/",
		"http://127.0.0.1.nip.test:PORT/", "https://loop.test:PORT/",
		// Not TCP, not HTTP.
		"unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "file:///etc/passwd", "gopher://127.0.0.1:PORT/_x", "dict://127.0.0.1:PORT/",
		"ftp://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/", "jar:http://127.0.0.1:PORT/!/", "ws://127.0.0.1:PORT/", "//127.0.0.1:PORT/",
	}
}

func book() map[string][]string {
	return map[string][]string{
		"loop.test": {"127.0.0.1"}, "mapped.test": {"::ffff:127.0.0.1"}, "private.test": {"10.1.2.3"}, "meta.test": {"169.254.169.254"}, "six.test": {"::1"},
		"rebinding.test": {"127.0.0.1", "127.0.0.1"}, "127.0.0.1.nip.test": {"127.0.0.1"},
	}
}

func TestClient_ReachesNothingInside(t *testing.T) {
	t.Parallel()
	port, reached := inside(t)
	p, err := egress.New(egress.Options{Resolver: names(t, book())})
	if err != nil {
		t.Fatal(err)
	}
	c := p.Client()
	t.Cleanup(c.CloseIdleConnections)
	list := vectors()
	if len(list) < 80 {
		t.Fatalf("only %d vectors", len(list))
	}
	looked := 0
	for _, v := range list {
		address := strings.ReplaceAll(v, "PORT", port)
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("{}"))
		if err != nil {
			continue // no address at all
		}
		res, err := c.Do(q)
		if err == nil {
			_ = res.Body.Close()
			t.Errorf("%s was reached", v)
			continue
		}
		if egress.Refused(err) {
			looked++
		}
		if ip, parse := netip.ParseAddr(q.URL.Hostname()); parse == nil && strings.HasPrefix(address, "http") && !egress.Refused(err) {
			t.Errorf("%s (%s): failed for another reason than that it is refused: %v", v, ip, err)
		}
	}
	t.Logf("%d vectors, %d of them to addresses that were looked at and refused", len(list), looked)
	if looked < 80 {
		t.Errorf("only %d vectors came to an address that was looked at", looked)
	}
	for _, name := range []string{"loop.test", "private.test", "meta.test", "six.test", "rebinding.test", "127.0.0.1.nip.test"} {
		if _, err := p.Dial(t.Context(), "tcp", net.JoinHostPort(name, port)); !egress.Refused(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections came through", n)
	}
}

func TestClient_FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	port, reached := inside(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:"+port+"/", status)
		}))
		p, err := egress.New(egress.Options{Allow: []string{front.Listener.Addr().String()}})
		if err != nil {
			t.Fatal(err)
		}
		c := p.Client()
		got, err := get(t, c, front.URL)
		if err != nil || got != status {
			t.Errorf("%d: %v", status, err)
		}
		// Who follows it by hand meets the policy again.
		if _, err := get(t, c, "http://127.0.0.1:"+port+"/"); !egress.Refused(err) {
			t.Errorf("%d: %v", status, err)
		}
		front.Close()
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections came through", n)
	}
}

func get(t *testing.T, c *http.Client, address string) (status int, err error) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		return 0, err
	}
	res, err := c.Do(q)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Body.Close()
}

func TestDial_ANameThatChangesIsLookedAtEachTime(t *testing.T) {
	t.Parallel()
	port, reached := inside(t)
	// The first answer is allowed, the second is not: what was found out about
	// the first does not hold for the second.
	p, err := egress.New(egress.Options{
		Allow:    []string{"127.0.0.2"},
		Resolver: names(t, map[string][]string{"rebinding.test": {"127.0.0.2", "127.0.0.1"}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for want := range 2 {
		conn, err := p.Dial(t.Context(), "tcp4", "rebinding.test:"+port)
		if err == nil {
			_ = conn.Close()
		}
		if refused := egress.Refused(err); refused != (want == 1) {
			t.Errorf("answer %d: %v", want, err)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections came through", n) // it listens on 127.0.0.1 only
	}
}

func TestDial_AllowListLetsThroughWhatItNames(t *testing.T) {
	t.Parallel()
	port, _ := inside(t)
	resolver := names(t, map[string][]string{"crm.internal": {"127.0.0.1"}, "other.internal": {"127.0.0.1"}, "meta.internal": {"169.254.169.254"}})
	for _, c := range []struct {
		allow, address string
		want           bool
	}{
		{"127.0.0.0/8", "127.0.0.1:" + port, true},
		{"127.0.0.1", "127.0.0.1:" + port, true},
		{"127.0.0.1", "[::ffff:127.0.0.1]:" + port, true},
		{"127.0.0.1:" + port, "127.0.0.1:" + port, true},
		{"127.0.0.1:1", "127.0.0.1:" + port, false},
		{"10.0.0.0/8", "127.0.0.1:" + port, false},
		{"CRM.internal", "crm.internal:" + port, true},
		{"crm.internal", "crm.internal.:" + port, true},
		{"crm.internal:" + port, "crm.internal:" + port, true},
		{"crm.internal:1", "crm.internal:" + port, false},
		{"crm.internal", "other.internal:" + port, false},
		{"crm.internal", "127.0.0.1:" + port, false},
		{"meta.internal", "meta.internal:80", false},
		{"0.0.0.0/0", "169.254.169.254:80", false},
		{"169.254.0.0/16", "169.254.169.254:80", false},
		{"::/0", "[fd00:ec2::254]:80", false},
	} {
		p, err := egress.New(egress.Options{Allow: []string{"", " " + c.allow + " "}, Resolver: resolver})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := p.Dial(t.Context(), "tcp", c.address)
		if err == nil {
			_ = conn.Close()
		}
		if (err == nil) != c.want || !c.want && !egress.Refused(err) {
			t.Errorf("%s, %s: %v", c.allow, c.address, err)
		}
	}
	for _, bad := range []string{"http://x", "a b", "10.0.0.0/33", "host:", "host:http", "u@host"} {
		if _, err := egress.New(egress.Options{Allow: []string{bad}}); err == nil {
			t.Errorf("%q is taken for an entry", bad)
		}
	}
}

func TestDial_OnlyTCPLeadsOut(t *testing.T) {
	t.Parallel()
	p, err := egress.New(egress.Options{Allow: []string{"0.0.0.0/0", "::/0", "localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []string{"udp", "unix", "unixgram", "ip", "ip4:icmp", ""} {
		if _, err := p.Dial(t.Context(), network, "127.0.0.1:9"); err == nil {
			t.Errorf("%q was dialled", network)
		}
	}
	if _, err := p.Dial(t.Context(), "tcp", "127.0.0.1"); err == nil {
		t.Error("an address without a port was dialled")
	}
}

func TestClient_KnowsNoProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	p, err := egress.New(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Transport().Proxy != nil {
		t.Error("a proxy would resolve names itself, past the policy")
	}
}

func TestPublic_TellsTheInternetFromTheRest(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "169.253.1.1", "198.17.255.255", "2606:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860::8888"} {
		if !egress.Public(netip.MustParseAddr(ip)) {
			t.Errorf("%s is public", ip)
		}
	}
}

func FuzzPublic(f *testing.F) {
	for _, ip := range []string{"127.0.0.1", "::1", "64:ff9b::7f00:1", "8.8.8.8"} {
		f.Add(netip.MustParseAddr(ip).AsSlice())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ip, ok := netip.AddrFromSlice(raw)
		if !ok || !egress.Public(ip) {
			return
		}
		// However it is written, what is public is none of these.
		if ip = ip.Unmap(); ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
			t.Errorf("%s is said to be public", ip)
		}
		if ip.Is4() && !egress.Public(netip.AddrFrom16(ip.As16())) {
			t.Errorf("%s depends on how it is written", ip)
		}
	})
}
