package connection

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Store gives the document as it is stored: with the secret sealed. A masked
// or absent secret takes that of before, the stored document of the version in
// force, which may be nil.
func (c *Connection) Store(seal func(secret []byte) ([]byte, error), before *Connection) ([]byte, error) {
	d := c.Definition
	d.Auth.SecretSealed = nil // nobody hands in what is sealed
	switch {
	case d.Auth.Kind == "none":
	case d.Auth.Secret != "" && d.Auth.Secret != Mask:
		sealed, err := seal([]byte(d.Auth.Secret))
		if err != nil {
			return nil, err
		}
		d.Auth.SecretSealed = sealed
	case before != nil && sameTarget(&before.Definition, &d):
		d.Auth.SecretSealed = before.Auth.SecretSealed
	}
	if d.Auth.Kind != "none" && len(d.Auth.SecretSealed) == 0 {
		return nil, invalid("auth/secret", "the secret is masked and there is none that it could stand for at this address: give it anew")
	}
	d.Auth.Secret = ""
	return json.Marshal(&d)
}

// sameTarget tells whether a secret that was given for one definition may be
// sent by another: only to the hosts that it was given for. Otherwise whoever
// may change an address could have the secret sent to it.
func sameTarget(before, after *Definition) bool {
	return before.Auth.Kind == after.Auth.Kind && host(before.URL) == host(after.URL) && host(before.Auth.TokenURL) == host(after.Auth.TokenURL)
}

// Shown is the definition as it is shown to people.
func (c *Connection) Shown() Definition {
	d := c.Definition
	if len(d.Auth.SecretSealed) > 0 || d.Auth.Secret != "" {
		d.Auth.Secret = Mask
	}
	d.Auth.SecretSealed = nil
	return d
}

// host is the scheme and host of an address.
func host(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	at := strings.IndexAny(rest, "/?#")
	if at >= 0 {
		rest = rest[:at]
	}
	return strings.ToLower(scheme + "://" + rest)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
