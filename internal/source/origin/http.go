package origin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"

	"rapport/internal/fault"
	"rapport/internal/feed"
)

// page is one file at an address.
type page struct {
	Deps
	of     *feed.HTTPOrigin
	secret string
	name   string
}

// List asks for nothing but the head; where that is refused, Fetch finds out
// whether the file is another one.
func (p *page) List(ctx context.Context) ([]feed.Remote, error) {
	r := feed.Remote{Name: p.nameOf(nil), Size: -1}
	res, err := p.ask(ctx, http.MethodHead)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close() // a head has none
	if res.StatusCode/100 == 2 {
		r.Name, r.Size = p.nameOf(res.Header), res.ContentLength
		if r.Mark = res.Header.Get("ETag"); r.Mark == "" {
			r.Mark = res.Header.Get("Last-Modified")
		}
	}
	return []feed.Remote{r}, nil
}

// nameOf is the name of the file: what the server says, or the end of the address.
func (p *page) nameOf(h http.Header) string {
	if _, params, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return path.Base(params["filename"])
	}
	u, err := url.Parse(p.of.URL)
	if err != nil {
		return "file"
	}
	if base := path.Base(u.Path); base != "/" && base != "." {
		return base
	}
	return u.Hostname()
}

// Fetch writes what the address gives. A body that ends early is an error.
func (p *page) Fetch(ctx context.Context, f feed.Remote, to io.Writer) (string, error) {
	res, err := p.ask(ctx, http.MethodGet)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	if res.StatusCode/100 != 2 {
		return "", fault.Errorf(fault.Unavailable, "origin_refused", "the address answers %d: check it, and the secret", res.StatusCode)
	}
	sum := sha256.New()
	if err := copied(ctx, io.MultiWriter(to, sum), res.Body); err != nil {
		return "", unreachable("the address", err)
	}
	if f.Mark != "" {
		return f.Mark, nil
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

func (p *page) ask(ctx context.Context, method string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.of.URL, http.NoBody)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_pull", "the address cannot be asked").At("http/url")
	}
	r.Header.Set("User-Agent", "Rapport")
	// Bytes are wanted as they are: a packed file must not be unpacked on the way.
	r.Header.Set("Accept-Encoding", "identity")
	switch p.of.Auth {
	case "basic":
		r.SetBasicAuth(p.of.User, p.secret)
	case "bearer":
		r.Header.Set("Authorization", "Bearer "+p.secret)
	case "header":
		r.Header.Set(p.of.Header, p.secret)
	}
	res, err := p.HTTP.Do(r)
	switch {
	case err != nil:
		return nil, unreachable("the address", err)
	case res.StatusCode/100 == 3:
		return nil, errors.Join(fault.Errorf(fault.Unavailable, "origin_refused", "the address answers with a redirect, which is not followed: give the address it leads to"), res.Body.Close())
	}
	return res, nil
}

// Close does nothing: connections are shared.
func (p *page) Close() error { return nil }
