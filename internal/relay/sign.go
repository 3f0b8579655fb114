package relay

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
)

// signHeader says for whom a node asks, and proves that it is one:
//
//	v1 MILLISECONDS CALLER PROTO HMAC-SHA256
//
// The HMAC is over version, time, caller, protocol, method and request target,
// with a line feed behind each.
const signHeader = "Rapport-Forwarded"

// fresh is how far the clocks of two nodes may be apart.
const fresh = 5 * time.Minute

func (r *Relay) mac(parts ...string) string {
	m := hmac.New(sha256.New, r.config.Secret)
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{'\n'})
	}
	return hex.EncodeToString(m.Sum(nil))
}

// sign has a request say for whom this node asks.
func (r *Relay) sign(out *http.Request, caller string) {
	at := strconv.FormatInt(r.config.Clock().UnixMilli(), 10)
	proto := out.Header.Get("X-Forwarded-Proto")
	if proto == "" || strings.ContainsAny(proto, " \n") {
		proto = "-"
	}
	out.Header.Set(signHeader, strings.Join([]string{
		"v1", at, caller, proto, r.mac("v1", at, caller, proto, out.Method, out.URL.RequestURI()),
	}, " "))
}

type forwardedKey struct{}

// Forwarded tells a request that another node passed on.
func Forwarded(req *http.Request) bool { return req.Context().Value(forwardedKey{}) != nil }

// Handler has requests that another node signed go inside, with the address of
// the caller that the node tells, and all others outside. A signature that is
// not good is refused: it is of a node with another master key, or of nobody.
func (r *Relay) Handler(inside, outside http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		signed, ok := req.Header[signHeader]
		if !ok {
			outside.ServeHTTP(w, req)
			return
		}
		caller, good := r.read(strings.Join(signed, ""), req)
		if !good {
			r.config.Refuse(w, fault.Errorf(fault.Unauthenticated, "not_a_node",
				"the header %s is not one of this instance's nodes: leave it out, or give all nodes the same master key and set their clocks", signHeader))
			return
		}
		req = req.WithContext(context.WithValue(req.Context(), forwardedKey{}, true))
		req.Header.Del(signHeader)
		req.RemoteAddr = caller
		inside.ServeHTTP(w, req)
	})
}

// read checks a signature and gives for whom a node asks.
func (r *Relay) read(text string, req *http.Request) (caller string, ok bool) {
	part := strings.Split(text, " ")
	if len(part) != 5 || part[0] != "v1" {
		return "", false
	}
	want := r.mac(part[0], part[1], part[2], part[3], req.Method, req.RequestURI)
	if !hmac.Equal([]byte(want), []byte(part[4])) {
		return "", false
	}
	at, err := strconv.ParseInt(part[1], 10, 64)
	if err != nil || r.config.Clock().Sub(time.UnixMilli(at)).Abs() > fresh {
		return "", false
	}
	if proto := req.Header.Get("X-Forwarded-Proto"); part[3] != "-" && proto != part[3] {
		return "", false
	}
	_, _, err = net.SplitHostPort(part[2])
	return part[2], err == nil
}
