package access

import (
	"crypto/sha256"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

const (
	clockLeeway = 5 * time.Minute
	maxLife     = 24 * time.Hour
	// maxSpent bounds the assertions that are remembered, about 10 MiB. Only
	// registered clients get so far, and each needs two an hour.
	maxSpent = 100_000
)

// segmentAudience is what Segment's client for Python says whatever server it
// is pointed at.
const segmentAudience = "oauth2.segment.io"

// Exchange gives an access token, good for TokenLife, for an assertion that a
// client of a source signed: RS256; claims iss or sub = the client's id, aud =
// this server, whose host is given, and exp. Each assertion is taken once; which
// were is not remembered across a restart. Any doubt is a fault of kind
// Unauthenticated.
func (r *Register) Exchange(assertion, host string, now clock.Instant) (string, error) {
	x := r.Index()
	source, claims, err := x.verify(assertion, now)
	if err != nil {
		return "", err
	}
	if !aimedAt(claims.Audience, host) {
		return "", refuse("the assertion's aud is %q, this server is %q: give the client this server's address as its auth server, "+
			"or the server the address that clients use as http.public_url", claims.Audience, host)
	}
	name := claims.ID
	if name == "" {
		name = assertion
	}
	mark := sha256.Sum256([]byte(claims.Issuer + "\x00" + claims.Subject + "\x00" + name))
	if err := r.spent.spend(mark, clock.From(claims.Expiry.Time().Add(clockLeeway)), now); err != nil {
		return "", err
	}
	return x.sign(source.Key, now.Add(TokenLife)), nil
}

// verify reads an assertion and finds the source of its client.
func (x *Index) verify(assertion string, now clock.Instant) (*Source, jwt.Claims, error) {
	var claims jwt.Claims
	parsed, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, claims, refuse("the assertion is not a JWT signed with RS256: %w", err)
	}
	var unsafe jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unsafe); err != nil {
		return nil, claims, refuse("the assertion's claims cannot be read: %w", err)
	}
	name := unsafe.Issuer
	if _, known := x.clients[name]; !known {
		name = unsafe.Subject
	}
	c, known := x.clients[name]
	if !known {
		return nil, claims, refuse("unknown client: register its public key at the source and give its id as iss")
	}
	if err := parsed.Claims(c.key, &claims); err != nil {
		return nil, claims, refuse("the signature does not fit the client's public key: %w", err)
	}
	if claims.Expiry == nil {
		return nil, claims, refuse("the assertion has no exp: give one at most a day ahead")
	}
	if claims.Expiry.Time().Sub(now.Time()) > maxLife {
		return nil, claims, refuse("the assertion's exp is more than a day ahead: give an earlier one")
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{Time: now.Time()}, clockLeeway); err != nil {
		return nil, claims, refuse("the assertion is not good now, check the client's clock: %w", err)
	}
	return c.source, claims, nil
}

// aimedAt tells whether an assertion was made for this server: one of its
// audiences is an address with this host, or the host itself.
func aimedAt(audiences []string, host string) bool {
	for _, a := range audiences {
		if u, err := url.Parse(a); err == nil && u.Host != "" {
			a = u.Host
		}
		if strings.EqualFold(a, host) || strings.EqualFold(a, segmentAudience) {
			return true
		}
	}
	return false
}

// spent are the assertions that were exchanged, until they are over anyway.
// The zero value is ready.
type spent struct {
	mu    sync.Mutex
	until map[[sha256.Size]byte]clock.Instant
}

// spend takes an assertion if nobody has brought it before.
func (s *spent) spend(mark [sha256.Size]byte, until, now clock.Instant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, used := s.until[mark]; used {
		return refuse("the assertion was used before: sign a new one, with a jti of its own, for every token")
	}
	if len(s.until) >= maxSpent {
		for m, end := range s.until {
			if end < now {
				delete(s.until, m)
			}
		}
	}
	if len(s.until) >= maxSpent {
		return fault.Errorf(fault.Limited, "too_many_assertions", "the clients bring too many assertions: use each token for its hour, and give assertions an exp of a minute")
	}
	if s.until == nil {
		s.until = map[[sha256.Size]byte]clock.Instant{}
	}
	s.until[mark] = until
	return nil
}

func refuse(format string, args ...any) error {
	return fault.Errorf(fault.Unauthenticated, "invalid_client", format, args...)
}

func forbidden(id, scope string) error {
	return fault.Errorf(fault.Forbidden, "invalid_scope", "the key %s lacks the scope %s", id, scope)
}
