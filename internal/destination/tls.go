package destination

import (
	"crypto/tls"
	"crypto/x509"
)

// TLS is how a connection to a host is secured. ca is PEM of an authority of
// one's own, or empty for those that the machine trusts; at names its setting.
func TLS(at, host, ca string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if ca == "" {
		return c, nil
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM([]byte(ca)) {
		return nil, Invalid(at, "%s holds no certificate in PEM", at)
	}
	return c, nil
}
