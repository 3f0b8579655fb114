package dialect

import (
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
