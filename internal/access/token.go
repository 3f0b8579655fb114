package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"rapport/internal/clock"
)

const (
	// TokenPrefix begins every access token.
	TokenPrefix = "rp_at_"
	// TokenLife is how long an access token is good.
	TokenLife = time.Hour
	// TokenScope is the one scope tokens are made for.
	TokenScope = "tracking_api:write"

	tokenBytes = 8 + sha256.Size
)

// Token finds the source an access token was made for; nil where it is forged,
// no longer good, or its source is gone or disabled.
func (x *Index) Token(token string, now clock.Instant) *Source {
	said, _, ok := x.opened(token, now)
	if !ok {
		return nil
	}
	s := x.sources[said]
	if s == nil || s.Disabled || len(s.Clients) == 0 {
		return nil
	}
	return s
}

// opened is what a token was signed for, and until when it is good; false where it is
// forged or no longer good.
func (x *Index) opened(token string, now clock.Instant) (said string, until clock.Instant, ok bool) {
	encoded, ok := strings.CutPrefix(token, TokenPrefix)
	if !ok {
		return "", 0, false
	}
	b, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(b) <= tokenBytes {
		return "", 0, false
	}
	signed, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	until = clock.Instant(binary.BigEndian.Uint64(signed))
	return string(signed[8:]), until, hmac.Equal(mac, x.mac(signed)) && until > now
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
