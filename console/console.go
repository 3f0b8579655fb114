// Package console is the web console, built from the TypeScript beside it and
// embedded in the binary. It serves files to whoever asks: it never answers
// anything about a person, and knows nothing of the API that the console calls.
package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/base64"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// Prefix is where the console is served.
const Prefix = "/console/"

// files hold dist/ where the console was built, and dist.html in any case: it
// says how to build it.
//
//go:embed all:dist*
var files embed.FS

// noncePlace is where the page says which styles are its own.
const noncePlace = "{{nonce}}"

// Built tells whether the binary has the console in it.
func Built() bool {
	_, err := fs.Stat(files, "dist/index.html")
	return err == nil
}

// Handler serves the console below Prefix. Whatever is no file is the page
// itself, which finds its way by the address. The entropy makes nonces.
func Handler(entropy io.Reader) http.Handler {
	page, err := files.ReadFile("dist/index.html")
	if err != nil {
		page, err = files.ReadFile("dist.html")
	}
	if err != nil { // embedded: cannot be
		page = []byte(noncePlace)
	}
	return &handler{page: page, entropy: entropy, frames: make(chan struct{}, maxFrames)}
}

type handler struct {
	page    []byte
	entropy io.Reader
	frames  chan struct{} // one for each message that is in memory
}

// ServeHTTP does it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == strings.TrimSuffix(Prefix, "/")+framePath {
		h.frame(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the console is only read", http.StatusMethodNotAllowed)
		return
	}
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	name := strings.TrimPrefix(path.Clean(r.URL.Path), strings.TrimSuffix(Prefix, "/"))
	if asset, ok := strings.CutPrefix(name, "/assets/"); ok {
		h.asset(w, r, asset)
		return
	}
	h.index(w, r)
}

// index sends the page, with a new nonce each time.
func (h *handler) index(w http.ResponseWriter, r *http.Request) {
	var random [18]byte
	if _, err := io.ReadFull(h.entropy, random[:]); err != nil {
		http.Error(w, "no randomness for this page: try again", http.StatusInternalServerError)
		return
	}
	nonce := base64.RawURLEncoding.EncodeToString(random[:])
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Security-Policy", policy(nonce))
	header.Set("X-Frame-Options", "DENY")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	if r.Method == http.MethodHead {
		return
	}
	w.Write(bytes.ReplaceAll(h.page, []byte(noncePlace), []byte(nonce))) //nolint:errcheck // the client is gone
}

// watermark are the styles of the mark that dmn-js puts on its drawings, and of
// the picture of a row that is dragged. Its licence wants the mark left as it is,
// so the policy names its style attributes by their hashes, and allows no other.
// A test of the console compares them with what dmn-js brings.
var watermark = []string{
	"'sha256-9OIpRRx0bq4t4s2zyqbocMNwedniLDaxLB+FlLIjNgM='", "'sha256-CA/eh4+2R0J7cEQ14gBMtx834RIOjzMUqCM+evtrkp4='",
	"'sha256-GAdrtwahSjGXI0UQQnfyEVtPn+wfgQxvyrjyQuByfuU='", "'sha256-JpvvTIK7ulxf/3oA+AUuVbO9Labs8npGWGm9X9nGIWw='",
	"'sha256-T+dPSjRVHalDc/mwQm0/E2bredKPUxLfYOuU3MOV1BE='", "'sha256-ZG9bHUWWXDZyu7zfItuLwGK+cah/hweM0RfXpZpxZVM='",
	"'sha256-r3vOsuepBDg6tz/cOusiNJ9Y4Lp9hGQTT7pzDks1Xxc='",
}

// policy lets the page run its own scripts and talk to its own server, and
// nothing else: no inline script, no eval, no foreign host, no frame around it, and
// in it only the frame that shows messages.
func policy(nonce string) string {
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self' 'nonce-" + nonce + "'",
		"style-src-attr 'unsafe-hashes' " + strings.Join(watermark, " "),
		"img-src 'self' data:", "font-src 'self' data:", "connect-src 'self'", "worker-src 'self'", "frame-src 'self'",
		"base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
	}, "; ")
}

// asset sends a file whose name changes with what is in it: it may be kept for
// ever. It is embedded compressed; the few clients that cannot read that get it
// unpacked.
func (h *handler) asset(w http.ResponseWriter, r *http.Request, name string) {
	header := w.Header()
	header.Set("Vary", "Accept-Encoding")
	full := path.Join("dist/assets", name)
	packed, err := files.ReadFile(full + ".gz")
	isPacked := err == nil
	body := packed
	if !isPacked {
		if body, err = files.ReadFile(full); err != nil {
			header.Set("Cache-Control", "no-store")
			http.Error(w, "no such file: the console was updated, load the page again", http.StatusNotFound)
			return
		}
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		header.Set("Content-Type", kind)
	}
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	if isPacked && !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if body, err = unpack(packed); err != nil {
			http.Error(w, "the file cannot be unpacked", http.StatusInternalServerError)
			return
		}
	} else if isPacked {
		header.Set("Content-Encoding", "gzip")
	}
	if r.Method == http.MethodHead {
		return
	}
	w.Write(body) //nolint:errcheck // the client is gone
}

func unpack(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}
