package segment

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// What holds for tokens.
const (
	tokenLife     = time.Hour
	assertionLife = 10 * time.Minute // between issue and expiry, at most
	leeway        = time.Minute      // between the client's clock and ours
	trackingScope = "tracking_api:write"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	tokenPrefix   = "rp_at_"
	maxForm       = 64 << 10
)

// Clients knows the OAuth clients of the sources.
type Clients interface {
	Client(id string) (Client, bool)
}

// Client is a program that proves itself with a key of its own.
type Client struct {
	Source Source
	Keys   map[string]*rsa.PublicKey // by key id
}

func (d *Door) oauth() bool { return d.Clients != nil && len(d.TokenKey) >= 32 }

// token changes a client's signed assertion into an access token.
func (d *Door) token(w http.ResponseWriter, r *http.Request, _ route) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	now := d.Now.Now()
	h.Set("Date", now.Time().Format(http.TimeFormat)) // by which clients set their clock
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuseToken(w, http.StatusBadRequest, "invalid_request", "the body is not a form")
		return
	}
	form := r.PostForm
	switch {
	case !d.oauth():
		refuseToken(w, http.StatusBadRequest, "unauthorized_client", "this server has no OAuth clients; use a write key")
		return
	case form.Get("grant_type") != "client_credentials":
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials")
		return
	case form.Get("client_assertion_type") != assertionType:
		refuseToken(w, http.StatusBadRequest, "invalid_request", "client_assertion_type must be "+assertionType)
		return
	case form.Get("scope") != "" && form.Get("scope") != trackingScope:
		refuseToken(w, http.StatusBadRequest, "invalid_scope", "the only scope is "+trackingScope)
		return
	}
	id, err := d.verify(form.Get("client_assertion"), r, now)
	if err != nil {
		refuseToken(w, http.StatusUnauthorized, "invalid_client", err.Error())
		return
	}
	b := append(make([]byte, 0, 256), `{"access_token":`...)
	b = jsondoc.AppendString(b, d.sign(id, now.Add(tokenLife)))
	b = append(b, `,"token_type":"Bearer","expires_in":3600,"scope":"`+trackingScope+`"}`...)
	answerJSON(w, http.StatusOK, b)
}

// refuseToken answers in OAuth's shape, which is also ours where it can be.
func refuseToken(w http.ResponseWriter, status int, code, message string) {
	b := append(make([]byte, 0, 256), `{"success":false,"error":`...)
	b = append(jsondoc.AppendString(b, code), `,"error_description":`...)
	b = append(jsondoc.AppendString(b, message), `,"code":`...)
	b = append(jsondoc.AppendString(b, code), `,"message":`...)
	answerJSON(w, status, append(jsondoc.AppendString(b, message), '}'))
}

// verify checks an assertion and gives the client it is from. Its messages
// are shown to the caller, who holds nothing but the assertion.
func (d *Door) verify(assertion string, r *http.Request, now clock.Instant) (string, error) {
	signed, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", fault.Errorf(fault.Unauthenticated, "", "client_assertion is not a JWT signed with RS256")
	}
	var claimed jwt.Claims
	if err = signed.UnsafeClaimsWithoutVerification(&claimed); err != nil {
		return "", fault.Errorf(fault.Unauthenticated, "", "client_assertion has no claims")
	}
	client, ok := d.Clients.Client(claimed.Issuer)
	key := client.Keys[signed.Headers[0].KeyID]
	var claims jwt.Claims
	if !ok || key == nil || signed.Claims(key, &claims) != nil {
		return "", fault.Errorf(fault.Unauthenticated, "", "client_assertion is not signed by a registered key of the client")
	}
	switch {
	case claims.Subject != claims.Issuer:
		return "", fault.Errorf(fault.Unauthenticated, "", "iss and sub of client_assertion must both be the client's id")
	case !d.meantForUs(claims.Audience, r):
		return "", fault.Errorf(fault.Unauthenticated, "", "aud of client_assertion must be the address of this server")
	case claims.Expiry == nil || claims.IssuedAt == nil || claims.Expiry.Time().Sub(claims.IssuedAt.Time()) > assertionLife:
		return "", fault.Errorf(fault.Unauthenticated, "", "client_assertion must have iat and exp at most %s apart", assertionLife)
	}
	if err = claims.ValidateWithLeeway(jwt.Expected{Time: now.Time()}, leeway); err != nil {
		return "", fault.Errorf(fault.Unauthenticated, "", "client_assertion is expired or not yet valid; compare the clocks")
	}
	return claims.Issuer, nil
}

// meantForUs compares hosts only: a client names the address with or without
// the path of the token endpoint.
func (d *Door) meantForUs(audience jwt.Audience, r *http.Request) bool {
	_, host := d.reachedAt(r)
	for _, a := range audience {
		if u, err := url.Parse(a); err == nil && u.Host != "" && strings.EqualFold(u.Host, host) {
			return true
		}
	}
	return false
}

// sign makes an access token: expiry and client id under a MAC, so that
// nothing must be kept to know it again.
func (d *Door) sign(client string, until clock.Instant) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(until))
	b = append(b, client...)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(b, d.mac(b)...))
}

func (d *Door) mac(b []byte) []byte {
	h := hmac.New(sha256.New, d.TokenKey)
	h.Write([]byte("segment access token\x00"))
	h.Write(b)
	return h.Sum(nil)
}

// byToken gives the source of an access token.
func (d *Door) byToken(token string) (Source, error) {
	refused := fault.Errorf(fault.Unauthenticated, "invalid_token", "the access token is not valid; ask for one at /token")
	text, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || !d.oauth() {
		return Source{}, refused
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) <= 8+sha256.Size {
		return Source{}, refused
	}
	body, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, d.mac(body)) {
		return Source{}, refused
	}
	if d.Now.Now() >= clock.Instant(binary.BigEndian.Uint64(body)) {
		return Source{}, fault.Errorf(fault.Unauthenticated, "expired_token", "the access token has expired; ask for another at /token")
	}
	client, ok := d.Clients.Client(string(body[8:]))
	if !ok {
		return Source{}, refused
	}
	return client.Source, nil
}
