package console

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// framePath shows what the console's own page sends it: a message as its reader
// sees it. A frame that has its text from the page has the page's policy too, under
// which no e-mail looks as it should.
const framePath = "/frame"

const (
	// maxFrame bounds a message.
	maxFrame = 4 << 20
	// maxFrames bounds how many are in memory at once: nobody has to sign in, and a
	// program says of itself what it likes.
	maxFrames = 4
)

// framePolicy allows styles and pictures that are part of the message, and nothing
// else: no script, no form, no way to any host, no origin of its own.
const framePolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// frame sends back the message that was posted. Other sites are refused: nobody
// else's words stand under our name.
func (h *handler) frame(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", framePolicy)
	header.Set("Cache-Control", "no-store")
	header.Set("X-DNS-Prefetch-Control", "off")
	if !ownPage(r) {
		http.Error(w, "only the console's own page shows messages here", http.StatusForbidden)
		return
	}
	select {
	case h.frames <- struct{}{}:
		defer func() { <-h.frames }()
	default:
		header.Set("Retry-After", "1")
		http.Error(w, "many messages are shown right now: look at this one again in a moment", http.StatusServiceUnavailable)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFrame)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the message cannot be read, or is larger than 4 MiB", http.StatusBadRequest)
		return
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, r.PostForm.Get("html")) //nolint:errcheck // the client is gone
}

// ownPage tells whether a page of this very host sent the form. Browsers say where
// a request comes from over secure connections, and the origin of forms always.
func ownPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
