// Package ingress is how others reach the instance: the certificate it answers
// with, from files or from an authority that speaks ACME (RFC 8555), and which
// proxies are believed when they say for whom they ask. It never listens and
// never answers a request by itself.
package ingress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Files are a certificate with its chain and its key, in PEM.
type Files struct{ Certificate, Key string }

// ACME is an authority that gives certificates for names, proved over the TLS
// port itself (tls-alpn-01, RFC 8737): it must be reached at port 443.
type ACME struct {
	Domains   []string
	Email     string
	Directory string // empty: Let's Encrypt
	Cache     string // folder of keys and certificates
	Files     vfs.FS // that it is in
	HTTP      *http.Client
}

// Certificates gives the certificate of each connection.
type Certificates struct {
	config *tls.Config
	clock  clock.Clock
	files  Files

	mu      sync.Mutex
	current *tls.Certificate
	stamp   string
	looked  clock.Instant
	failed  error
}

// How often files are looked at for newer ones.
const refresh = 10 * time.Second

// FromFiles answers with the certificate of files. A newer one in their place is
// taken over within seconds; where it cannot be read the one before stays.
func FromFiles(f Files, now clock.Clock) (*Certificates, error) {
	c := &Certificates{files: f, clock: now}
	c.config = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: c.ofFiles}
	if err := c.read(); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_certificate", "the certificate %s with the key %s cannot be read: %v: check tls.cert_file and tls.key_file", f.Certificate, f.Key, err)
	}
	return c, nil
}

// FromAuthority answers with certificates of an authority, got when a name is
// first asked for and renewed a month before they end.
func FromAuthority(a ACME, now clock.Clock) *Certificates {
	c := &Certificates{clock: now}
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: cache{a.Files, a.Cache}, HostPolicy: autocert.HostWhitelist(a.Domains...), Email: a.Email,
		Client: &acme.Client{DirectoryURL: a.Directory, HTTPClient: a.HTTP, UserAgent: "rapport"},
	}
	if a.Directory == "" {
		m.Client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	c.config = m.TLSConfig()
	c.config.MinVersion = tls.VersionTLS12
	c.config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := m.GetCertificate(hello)
		if !slices.Contains(hello.SupportedProtos, acme.ALPNProto) && slices.Contains(a.Domains, strings.ToLower(hello.ServerName)) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.failed = err; err == nil {
				c.current = cert
			}
		}
		return cert, err
	}
	return c
}

// TLS is the configuration of a server.
func (c *Certificates) TLS() *tls.Config { return c.config }

// Watch looks for newer files until the context ends, so that trouble is noticed
// though nobody connects. For an authority there is nothing to look at.
func (c *Certificates) Watch(ctx context.Context) {
	if c.files.Certificate == "" {
		return
	}
	every := time.NewTicker(refresh)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			c.renew()
		}
	}
}

func (c *Certificates) ofFiles(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.renew()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current, nil
}

// renew reads the files where they changed since they were looked at last.
func (c *Certificates) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if age := now.Sub(c.looked); age >= 0 && age < refresh {
		return
	}
	c.failed = c.read()
}

func (c *Certificates) read() error {
	c.looked = c.clock.Now()
	stamp := stampOf(c.files.Certificate) + stampOf(c.files.Key)
	if stamp == c.stamp && c.failed == nil && c.current != nil {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return err
	}
	c.current, c.stamp = &cert, stamp
	return nil
}

func stampOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano(), " ")
}

// State is what is known of the certificate in use; ok is false where none was
// needed yet. trouble says why a newer one cannot be had.
func (c *Certificates) State() (names []string, ends clock.Instant, trouble error, ok bool) { //nolint:revive // the trouble is no error of the call
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return nil, 0, c.failed, c.failed != nil
	}
	leaf := c.current.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(c.current.Certificate[0]); err != nil {
			return nil, 0, errors.Join(c.failed, err), true
		}
	}
	return leaf.DNSNames, clock.From(leaf.NotAfter), c.failed, true
}
