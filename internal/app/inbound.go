package app

import (
	"context"

	"rapport/internal/fault"
	"rapport/internal/health"
	"rapport/internal/ingress"
	"rapport/internal/pipeline"
)

// certificatesFolder keeps what an authority gave.
const certificatesFolder = "certificates"

// secure makes what the server answers with, and whom it believes.
func (a *App) secure() (err error) {
	if a.proxies, err = ingress.ReadProxies(a.config.HTTP.TrustedProxies); err != nil {
		return err
	}
	// The server was made before it was known who is believed.
	a.server.Handler = a.Handler()
	c := &a.config.TLS
	switch {
	case c.CertFile != "":
		if a.certificates, err = ingress.FromFiles(ingress.Files{Certificate: c.CertFile, Key: c.KeyFile}, a.parts.Clock); err != nil {
			return err
		}
	case c.ACMEDomains != "":
		a.certificates = ingress.FromAuthority(ingress.ACME{
			Domains: c.Domains(), Email: c.ACMEEmail, Directory: c.ACMEDirectory, Cache: a.config.Path(certificatesFolder), Files: a.config.Files, HTTP: a.egress.Client(),
		}, a.parts.Clock)
	default:
		return nil
	}
	a.server.TLSConfig = a.certificates.TLS()
	return nil
}

func (a *App) keepCertificates() {
	if a.certificates == nil {
		return
	}
	ctx, cancel := a.untilStop()
	defer cancel()
	a.certificates.Watch(ctx)
}

// certificate is what health knows of it; nil: the instance speaks plain HTTP, or
// nobody came yet for whom one would have been got.
func (a *App) certificate() *health.Certificate {
	if a.certificates == nil {
		return nil
	}
	names, ends, trouble, ok := a.certificates.State()
	if !ok {
		return nil
	}
	out := &health.Certificate{Names: append([]string{}, names...), Expires: ends}
	if trouble != nil {
		out.Error = trouble.Error()
	}
	return out
}

// take holds what comes in against the rules of its source; a read-only instance
// takes nothing.
func (a *App) take(ctx context.Context, s *pipeline.Submission) error {
	if a.config.ReadOnly {
		return fault.Errorf(fault.Unavailable, "read_only", "the instance is read-only for now: send this again later")
	}
	return a.intake.Take(ctx, s)
}
