package dialect

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"

	"rapport/internal/fault"
)

// maxUserAgent is in bytes.
const maxUserAgent = 512

// UserAgent is stored with every event, so a long one is cut.
func UserAgent(r *http.Request) string {
	agent := r.UserAgent()
	return strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "")
}

// FromBrowser tells that a page sends the request, so that the address it comes
// from is that of a person.
func FromBrowser(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || strings.HasPrefix(r.UserAgent(), "Mozilla/")
}

// CallerIP is the address of the caller as find knows it; nil takes that of the
// connection.
func CallerIP(r *http.Request, find func(*http.Request) string) string {
	if find != nil {
		return find(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// drained is how much of a body that is refused is still read, so that the
// client gets to read the answer instead of a broken connection.
const drained = 16 << 20

// Drain reads what is left of a body that is refused.
func Drain(r *http.Request) { _, _ = io.CopyN(io.Discard, r.Body, drained) } // the answer does not depend on it

// ReadBody reads a body of at most so many bytes as it comes; tooLong makes the
// fault of a longer one. The bytes belong to the caller.
func ReadBody(r *http.Request, most int, tooLong func(most int) error) ([]byte, error) {
	if r.ContentLength > int64(most) {
		Drain(r)
		return nil, tooLong(most)
	}
	b := make([]byte, 0, max(int(r.ContentLength), 512)+1)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > most:
			Drain(r)
			return nil, tooLong(most)
		case err == io.EOF:
			return Unmarked(b), nil
		case err != nil:
			return nil, Broken(err)
		}
	}
}

// Unmarked is a body without the byte order mark that some programs begin UTF-8
// with: JSON knows none, and lets a reader pass over it.
func Unmarked(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }

// Broken is the fault of a body that stopped in the middle: the client is gone
// or slow, so nothing was received.
func Broken(err error) error {
	return fault.Errorf(fault.Unavailable, "body_incomplete", "reading the body: %w", err)
}

// Origins tells whether a page of an origin may send with a key; nil: any may.
type Origins func(origin string) bool

// MayCome tells whether a request may use a key: where a page sends it, the
// page's origin must be one of the key's. A request without an origin comes
// from no page of another site.
func MayCome(r *http.Request, may Origins) error {
	if may == nil || may(r.Header.Get("Origin")) {
		return nil
	}
	return fault.Errorf(fault.Forbidden, "origin_not_allowed", "pages of %.200q may not send with this key: add the origin to the key", r.Header.Get("Origin"))
}
