package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"

	"rapport/internal/clock"
)

// keyMark begins what a token of a secret key is signed for. No source's key
// begins so.
const keyMark = ":key:"

// ClientToken gives an access token, good for TokenLife, to whoever knows the id
// and the secret of a secret key: OAuth's client credentials. scopes may be
// fewer than the key's; none asks for all of them. Any doubt is a fault of kind
// Unauthenticated, a scope that the key lacks one of kind Forbidden.
func (x *Index) ClientToken(id, secret string, scopes []string, now clock.Instant) (token string, granted []string, err error) {
	k := x.Secret(secret)
	if k == nil || k.ID != id {
		return "", nil, refuse("the client is not known, or its secret is another: give the id of a secret key as client_id and the key as client_secret")
	}
	if len(scopes) == 0 {
		scopes = k.Scopes
	}
	if err := checkScopes(scopes); err != nil {
		return "", nil, err
	}
	for _, s := range scopes {
		if !k.May(s) {
			return "", nil, forbidden(k.ID, s)
		}
	}
	granted = slices.Compact(slices.Sorted(slices.Values(scopes)))
	return x.sign(keyMark+k.ID+" "+strings.Join(granted, " "), now.Add(TokenLife)), granted, nil
}

// SecretOfToken finds the secret key that a token was given to, with the scopes
// of the token; nil where the token is forged or no longer good, or the key is
// gone.
func (x *Index) SecretOfToken(token string, now clock.Instant) *SecretKey {
	encoded, ok := strings.CutPrefix(token, TokenPrefix)
	if !ok {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(b) <= tokenBytes {
		return nil
	}
	signed, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, x.mac(signed)) || clock.Instant(binary.BigEndian.Uint64(signed)) <= now {
		return nil
	}
	said, ok := strings.CutPrefix(string(signed[8:]), keyMark)
	if !ok {
		return nil
	}
	words := strings.Fields(said)
	if len(words) < 2 {
		return nil
	}
	at := slices.IndexFunc(x.doc.SecretKeys, func(k SecretKey) bool { return k.ID == words[0] })
	if at < 0 {
		return nil // revoked: its tokens end with it
	}
	k := x.doc.SecretKeys[at]
	k.Scopes = slices.DeleteFunc(slices.Clone(words[1:]), func(s string) bool { return !x.doc.SecretKeys[at].May(s) })
	return &k
}
