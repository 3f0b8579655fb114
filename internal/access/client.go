package access

import (
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// keyMark begins what a token of a secret key is signed for. No source's key
// begins so.
const keyMark = ":key:"

// Grant is an access token, with what it may and how long it is good.
type Grant struct {
	Token  string
	Scopes []string // sorted
	Life   time.Duration
}

// ClientToken gives an access token, good for TokenLife, to whoever knows the id
// and the secret of a secret key: OAuth's client credentials. scopes may be
// fewer than the key's; none asks for all of them. Any doubt is a fault of kind
// Unauthenticated, a scope that the key lacks one of kind Forbidden. From where the
// key may be used is looked at when the token is.
func (x *Index) ClientToken(id, secret string, scopes []string, now clock.Instant) (Grant, error) {
	k := x.Secret(secret)
	if k == nil || k.ID != id || k.ended(now) {
		return Grant{}, refuse("the client is not known, its secret is another, or it has ended: give the id of a secret key as client_id and the key as client_secret")
	}
	if len(scopes) == 0 {
		scopes = k.Scopes
	}
	if err := checkScopes(scopes); err != nil {
		return Grant{}, err
	}
	for _, s := range scopes {
		if !k.May(s) {
			return Grant{}, forbidden(k.ID, s)
		}
	}
	return x.grant(k.ID, scopes, now.Add(TokenLife), now), nil
}

// ExchangeToken gives an access token for one of a secret key, with the same scopes
// and the same end. Any doubt is a fault of kind Unauthenticated.
func (x *Index) ExchangeToken(token string, now clock.Instant) (Grant, error) {
	k := x.SecretOfToken(token, now)
	_, until, _ := x.opened(token, now)
	if k == nil || k.ended(now) {
		return Grant{}, fault.Errorf(fault.Unauthenticated, "invalid_grant", "the subject_token is none that this service gave, or it has ended: ask for another with client credentials")
	}
	return x.grant(k.ID, k.Scopes, until, now), nil
}

func (x *Index) grant(id string, scopes []string, until, now clock.Instant) Grant {
	scopes = slices.Compact(slices.Sorted(slices.Values(scopes)))
	return Grant{x.sign(keyMark+id+" "+strings.Join(scopes, " "), until), scopes, until.Time().Sub(now.Time())}
}

// SecretOfToken finds the secret key that a token was given to, with the scopes
// of the token; nil where the token is forged or no longer good, or the key is
// gone.
func (x *Index) SecretOfToken(token string, now clock.Instant) *SecretKey {
	said, _, ok := x.opened(token, now)
	if !ok {
		return nil
	}
	if said, ok = strings.CutPrefix(said, keyMark); !ok {
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
