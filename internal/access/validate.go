package access

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

var (
	keyShape      = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	writeKeyShape = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
	clientShape   = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)
)

func invalid(field, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_access", format, args...).At(field)
}

// validate tells the first thing that cannot be.
func (d *Document) validate() error {
	sources, write, clients := map[string]bool{}, map[string]string{}, map[string]bool{}
	for i := range d.Sources {
		s := &d.Sources[i]
		if err := s.validate(); err != nil {
			return err
		}
		if sources[s.Key] {
			return invalid("/key", "source %q is there twice: keep one", s.Key)
		}
		sources[s.Key] = true
		if err := s.claim(write, clients); err != nil {
			return err
		}
	}
	if err := d.validateMembers(); err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, k := range d.SecretKeys {
		if b, err := hex.DecodeString(k.Hash); err != nil || len(b) != 32 {
			return invalid("/secret_keys", "secret key %q has no SHA-256: make it again", k.ID)
		}
		if ids[k.ID] {
			return invalid("/secret_keys", "secret key %q is there twice: keep one", k.ID)
		}
		if err := k.validate(); err != nil {
			return err
		}
		ids[k.ID] = true
	}
	if b, err := hex.DecodeString(d.TokenKey); err != nil || len(b) != 32 {
		return invalid("/token_key", "the token key is not 32 bytes in hexadecimal: restore the file")
	}
	return nil
}

// claim refuses keys and clients that another source has.
func (s *Source) claim(write map[string]string, clients map[string]bool) error {
	for _, k := range s.WriteKeys {
		if other, taken := write[k.Key]; taken {
			return invalid("/write_keys", "write key of source %q belongs to source %q: a key has one source", s.Key, other)
		}
		write[k.Key] = s.Key
	}
	for _, c := range s.Clients {
		if clients[c.ID] {
			return invalid("/oauth_clients", "client %q of source %q exists already: choose another id", c.ID, s.Key)
		}
		clients[c.ID] = true
	}
	return nil
}

func (s *Source) validate() error {
	if !keyShape.MatchString(s.Key) {
		return invalid("/key", "source key %q will not do: give 1 to 64 lower-case letters, digits, - or _", s.Key)
	}
	if s.Name == "" || len(s.Name) > 200 {
		return invalid("/name", "source %q: name has %d bytes: give 1 to 200", s.Key, len(s.Name))
	}
	if !slices.Contains(Kinds(), s.Kind) {
		return invalid("/kind", "source %q: unknown kind %q: give one of %s", s.Key, s.Kind, strings.Join(Kinds(), ", "))
	}
	for _, k := range s.WriteKeys {
		if !writeKeyShape.MatchString(k.Key) {
			return invalid("/write_keys", "source %q: a write key has 1 to 128 letters, digits, - _ or .", s.Key)
		}
	}
	for _, k := range s.WriteKeys {
		if err := checkOrigins(k.Origins); err != nil {
			return err
		}
	}
	if err := s.Rules.validate(s.Key); err != nil {
		return err
	}
	for i, c := range s.Clients {
		if !clientShape.MatchString(c.ID) {
			return invalid(fmt.Sprintf("/oauth_clients/%d/id", i), "client id %q will not do: give 1 to 128 letters, digits or ._:-", c.ID)
		}
		if _, err := parsePublicKey(c.PublicKey); err != nil {
			return invalid(fmt.Sprintf("/oauth_clients/%d/public_key", i), "public key of client %q: %s", c.ID, err.Error())
		}
	}
	return nil
}

// parsePublicKey reads an RSA public key of at least 2048 bits in PEM.
func parsePublicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("not PEM: give the text from -----BEGIN PUBLIC KEY----- on")
	}
	any, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
			any = key
		}
	}
	key, ok := any.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("not an RSA public key")
	}
	if key.N.BitLen() < 2048 {
		return nil, fmt.Errorf("%d bits are too few: make one of at least 2048", key.N.BitLen())
	}
	return key, nil
}

func checkScopes(scopes []string) error {
	if len(scopes) == 0 {
		return invalid("/scopes", "no scopes: give some of %s", strings.Join(Scopes(), ", "))
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return invalid("/scopes", "unknown scope %q: give some of %s", s, strings.Join(Scopes(), ", "))
		}
	}
	return nil
}

func (d *Document) validateMembers() error {
	ids, emails, identities, passkeys := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range d.Members {
		m := &d.Members[i]
		if err := m.check(); err != nil {
			return err
		}
		if ids[m.ID] || emails[m.Email] {
			return invalid("/email", "there is a member with the address %s already: change that one", m.Email)
		}
		if err := m.checkPasskeys(passkeys); err != nil {
			return err
		}
		ids[m.ID], emails[m.Email] = true, true
		for _, i := range m.Identities {
			if i.Issuer == "" || i.Subject == "" || identities[i.Issuer+"\x00"+i.Subject] {
				return otherIdentity()
			}
			identities[i.Issuer+"\x00"+i.Subject] = true
		}
	}
	return nil
}

func (k *SecretKey) validate() error {
	if k.Expires != "" {
		var at clock.Instant
		if at.UnmarshalText([]byte(k.Expires)) != nil {
			return invalid("/expires_at", "%q is no time: give RFC 3339, such as 2027-01-01T00:00:00Z", k.Expires)
		}
	}
	for i, n := range k.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			return invalid(fmt.Sprintf("/networks/%d", i), "%q is no network: give CIDR, such as 192.0.2.0/24 or 2001:db8::1/128", n)
		}
	}
	return nil
}
