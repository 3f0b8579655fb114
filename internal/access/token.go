package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

const (
	// TokenPrefix begins every access token.
	TokenPrefix = "rp_at_"
	// TokenLife is how long an access token is good.
	TokenLife = time.Hour
	// TokenScope is the one scope tokens are made for.
	TokenScope = "tracking_api:write"

	tokenBytes  = 8 + sha256.Size
	clockLeeway = 5 * time.Minute
	maxLife     = 24 * time.Hour
)

// Exchange gives an access token for an assertion that a client of a source
// signed (RS256; claims iss or sub = the client's id, exp). It is good for
// TokenLife. Any doubt is a fault of kind Unauthenticated.
func (x *Index) Exchange(assertion string, now clock.Instant) (string, error) {
	parsed, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", refuse("the assertion is not a JWT signed with RS256: %w", err)
	}
	var unsafe jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unsafe); err != nil {
		return "", refuse("the assertion's claims cannot be read: %w", err)
	}
	name := unsafe.Issuer
	if _, known := x.clients[name]; !known {
		name = unsafe.Subject
	}
	c, known := x.clients[name]
	if !known {
		return "", refuse("unknown client: register its public key at the source and give its id as iss")
	}
	var claims jwt.Claims
	if err := parsed.Claims(c.key, &claims); err != nil {
		return "", refuse("the signature does not fit the client's public key: %w", err)
	}
	if claims.Expiry == nil {
		return "", refuse("the assertion has no exp: give one at most a day ahead")
	}
	if claims.Expiry.Time().Sub(now.Time()) > maxLife {
		return "", refuse("the assertion's exp is more than a day ahead: give an earlier one")
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{Time: now.Time()}, clockLeeway); err != nil {
		return "", refuse("the assertion is not good now, check the client's clock: %w", err)
	}
	return x.sign(c.source.Key, now.Add(TokenLife)), nil
}

// Token finds the source an access token was made for; nil where it is forged,
// no longer good, or its source is gone or disabled.
func (x *Index) Token(token string, now clock.Instant) *Source {
	encoded, ok := strings.CutPrefix(token, TokenPrefix)
	if !ok {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(b) <= tokenBytes {
		return nil
	}
	signed, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, x.mac(signed)) {
		return nil
	}
	if clock.Instant(binary.BigEndian.Uint64(signed)) <= now {
		return nil
	}
	s := x.sources[string(signed[8:])]
	if s == nil || s.Disabled || len(s.Clients) == 0 {
		return nil
	}
	return s
}

func (x *Index) sign(source string, until clock.Instant) string {
	signed := append(binary.BigEndian.AppendUint64(nil, uint64(until)), source...)
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(append(signed, x.mac(signed)...))
}

func (x *Index) mac(b []byte) []byte {
	h := hmac.New(sha256.New, x.tokenKey)
	h.Write(b)
	return h.Sum(nil)
}

func refuse(format string, args ...any) error {
	return fault.Errorf(fault.Unauthenticated, "invalid_client", format, args...)
}
