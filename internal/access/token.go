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
