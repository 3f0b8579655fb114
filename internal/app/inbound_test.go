package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/app"
	"rapport/internal/health"
)

func TestInbound_SpeaksTLSWithACertificateOfFiles(t *testing.T) {
	t.Parallel()
	// The certificate of httptest is made out to example.com and 127.0.0.1.
	lender := httptest.NewTLSServer(http.NotFoundHandler())
	defer lender.Close()
	lent := lender.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(lent.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c := settings(t, t.TempDir())
	c.TLS.CertFile, c.TLS.KeyFile = filepath.Join(c.Data, "c.pem"), filepath.Join(c.Data, "k.pem")
	for path, block := range map[string]*pem.Block{c.TLS.CertFile: {Type: "CERTIFICATE", Bytes: lent.Certificate[0]}, c.TLS.KeyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The certificate ends two days after the instance's now.
	a := openWith(t, c, app.Parts{Version: "test", Clock: func() time.Time { return lender.Certificate().NotAfter.Add(-48 * time.Hour) }})
	if !strings.HasPrefix(a.URL(), "https://") {
		t.Fatal(a.URL())
	}
	ask := func(client *http.Client, url string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err == nil {
			_ = res.Body.Close() // its status is all that counts
		}
		return res, err
	}
	if res, err := ask(lender.Client(), a.URL()+"/readyz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%+v %v", res, err)
	}
	if h := a.Health(t.Context()); h.Certificate == nil || !slices.ContainsFunc(h.Findings, func(f health.Finding) bool { return f.Code == "certificate" && f.Severity == health.Critical }) {
		t.Errorf("of a certificate that ends it is found: %+v", h.Findings)
	}
	if _, err := ask(&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}}, a.URL()+"/readyz"); err == nil {
		t.Error("a certificate that nobody knows is taken")
	}
	c.Listen = a.Addr()
	base, local := app.Local(&c)
	if res, err := ask(local, base+"/healthz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("a command on the machine: %+v %v", res, err)
	}
	if got := said(t, c, app.Parts{}, "port"); got.Severity != "" {
		t.Errorf("%+v", got)
	}
}

func TestReadOnly_NothingIsTakenInAndNothingChanged(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	c.ReadOnly = true
	a := open(t, c)
	for _, r := range [][3]string{
		{"POST", "/v1/track", `{"userId":"1","event":"Seen","writeKey":"` + writeKey + `"}`},
		{"PUT", "/api/v1/segments/x", `{"name":"X","condition":{"event":"Seen"}}`},
		{"POST", "/api/v1/keys", `{"name":"x","scopes":["read"]}`},
		{"DELETE", "/api/v1/sources/default", ""},
	} {
		with := bearer()
		if strings.HasPrefix(r[1], "/v1/") {
			with = nil // it brings its write key
		}
		if status, headers, text := call(t, r[0], a.URL()+r[1], r[2], with...); status != 503 || headers.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s", r[0], r[1], status, text)
		}
	}
	for _, r := range [][3]string{
		{"GET", "/api/v1/segments", ""},
		{"POST", "/api/v1/segments/preview", `{"condition":{"event":"Seen"}}`},
		{"GET", "/api/v1/health", ""},
	} {
		if status, _, text := call(t, r[0], a.URL()+r[1], r[2], bearer()...); status != 200 || r[1] == "/api/v1/health" && !strings.Contains(text, `"read_only":true`) {
			t.Errorf("%s %s: %d %s", r[0], r[1], status, text)
		}
	}
}
