package ingress_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/crypto/acme"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/ingress"
)

var begin = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

// issue writes a certificate that signs itself.
func issue(t *testing.T, f ingress.Files, name string, ends time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(ends.Unix()), DNSNames: []string{name}, NotBefore: begin, NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{f.Certificate: {Type: "CERTIFICATE", Bytes: der}, f.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFromFiles_TakesANewerCertificateOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := ingress.Files{Certificate: filepath.Join(dir, "c.pem"), Key: filepath.Join(dir, "k.pem")}
	now := begin
	if _, err := ingress.FromFiles(f, func() time.Time { return now }); fault.KindOf(err) != fault.Invalid {
		t.Fatalf("no files: %v", err)
	}
	issue(t, f, "a.example", begin.Add(time.Hour))
	c, err := ingress.FromFiles(f, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	expect := func(name string, ends time.Time, trouble bool) {
		t.Helper()
		if _, err := c.TLS().GetCertificate(&tls.ClientHelloInfo{}); err != nil {
			t.Fatal(err)
		}
		names, at, why, ok := c.State()
		if !ok || !slices.Equal(names, []string{name}) || at != clock.From(ends) || (why != nil) != trouble {
			t.Errorf("%v %s %v %v, want %s", names, at, why, ok, name)
		}
	}
	expect("a.example", begin.Add(time.Hour), false)
	issue(t, f, "b.example", begin.Add(2*time.Hour))
	expect("a.example", begin.Add(time.Hour), false) // not looked at again yet
	now = now.Add(time.Minute)
	expect("b.example", begin.Add(2*time.Hour), false)
	if err := os.WriteFile(f.Certificate, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	expect("b.example", begin.Add(2*time.Hour), true)
	issue(t, f, "c.example", begin.Add(3*time.Hour))
	now = now.Add(time.Minute)
	expect("c.example", begin.Add(3*time.Hour), false)
}

func TestFromAuthority_AnswersForItsOwnNamesOnly(t *testing.T) {
	t.Parallel()
	asked := 0
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusTeapot)
	}))
	defer authority.Close()
	c := ingress.FromAuthority(ingress.ACME{
		Domains: []string{"events.example.com"}, Directory: authority.URL, Cache: t.TempDir(), Files: vfs.Default, HTTP: authority.Client(),
	}, time.Now)
	if !slices.Contains(c.TLS().NextProtos, acme.ALPNProto) {
		t.Error("it cannot prove its names over TLS")
	}
	hello := func(name string) error {
		_, err := c.TLS().GetCertificate(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: []string{"h2"}})
		return err
	}
	if err := hello("elsewhere.example.com"); err == nil || asked > 0 {
		t.Errorf("a foreign name: %v, the authority was asked %d times", err, asked)
	}
	if _, _, _, ok := c.State(); ok {
		t.Error("a foreign name counts as trouble")
	}
	if err := hello("events.example.com"); err == nil || asked == 0 {
		t.Errorf("its own name: %v, the authority was asked %d times", err, asked)
	}
	if _, _, why, ok := c.State(); !ok || why == nil {
		t.Error("that the authority refuses is not told")
	}
}

func TestProxies_OnlyTheirWordCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ proxies, peer, said, want string }{
		{"", "192.0.2.1:5", "198.51.100.9", "192.0.2.1:5"},
		{"10.0.0.0/8", "192.0.2.1:5", "198.51.100.9", "192.0.2.1:5"},
		{"10.0.0.0/8", "10.1.2.3:5", "198.51.100.9", "198.51.100.9:0"},
		{"10.0.0.0/8", "10.1.2.3:5", "203.0.113.7, 198.51.100.9", "198.51.100.9:0"},
		{"10.0.0.0/8", "10.1.2.3:5", "203.0.113.7, 198.51.100.9, 10.9.9.9", "198.51.100.9:0"},
		{"10.0.0.0/8", "10.1.2.3:5", "203.0.113.7, nonsense, 10.9.9.9", "10.9.9.9:0"},
		{"10.0.0.0/8", "10.1.2.3:5", "", "10.1.2.3:5"},
		{"10.0.0.0/8,::1", "[::1]:5", "[2001:db8::7]:443", "[2001:db8::7]:0"},
		{"10.0.0.0/8", "[::ffff:10.1.2.3]:5", "198.51.100.9", "198.51.100.9:0"},
	} {
		p, err := ingress.ReadProxies(c.proxies)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.said != "" {
			r.Header.Set("X-Forwarded-For", c.said)
		}
		r.Header.Set("X-Forwarded-Proto", "https")
		got, proto := "", ""
		p.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, proto = r.RemoteAddr, r.Header.Get("X-Forwarded-Proto")
		})).ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
		if believed := c.proxies != "" && (c.want != c.peer || c.said == ""); (proto != "") != believed {
			t.Errorf("%+v: the scheme is %q", c, proto)
		}
	}
	for _, bad := range []string{"x", "10.0.0.0/99", "proxy.example"} {
		if _, err := ingress.ReadProxies(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
