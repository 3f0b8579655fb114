// Package access says who may do what: the sources that send events with
// their public write keys, the secret keys of the own API with their scopes, and the
// members who sign in, with their roles. It never keeps a secret key or a
// password, only its hash, and never shows one again after it was made.
package access

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"rapport/internal/clock"
)

// SecretPrefix begins every secret key that is made here, so that programs
// that look for leaked keys find it.
const SecretPrefix = "rp_sk_"

// Document is everything this package keeps, in one file. Every change makes
// a new version; the former ones are kept beside it.
type Document struct {
	Version    int         `yaml:"version" json:"version"`
	Changed    string      `yaml:"changed_at" json:"changed_at"`
	Author     string      `yaml:"author" json:"author"`
	Sources    []Source    `yaml:"sources" json:"sources"`
	SecretKeys []SecretKey `yaml:"secret_keys" json:"secret_keys"`
	Members    []Member    `yaml:"members,omitempty" json:"-"`
	// Owners are the members whose secret keys are, by the ids of the keys. They stay
	// when a key goes: what was written with it remains theirs.
	Owners map[string]string `yaml:"key_owners,omitempty" json:"-"`
	// Former are marks of members who were removed.
	Former []string `yaml:"former_members,omitempty" json:"-"`
	// Welcome lets the first member in.
	Welcome *Link `yaml:"welcome,omitempty" json:"-"`
	// TokenKey signs access tokens; hexadecimal, 32 bytes.
	TokenKey string `yaml:"token_key" json:"-"`
}

// Source is where events come from: a site, an app, a server, a load of the
// past.
type Source struct {
	Key      string `yaml:"key" json:"key"`   // never changes
	Name     string `yaml:"name" json:"name"` // for people
	Kind     string `yaml:"kind" json:"kind"` // one of Kinds
	Priority uint8  `yaml:"priority" json:"priority"`
	// Historical says that the source loads the past: its events change state
	// and cause no effects.
	Historical bool `yaml:"historical" json:"historical"`
	// Verified says that the source's own servers vouch for its identifiers.
	Verified bool `yaml:"verified" json:"verified"`
	Disabled bool `yaml:"disabled" json:"disabled"`
	// Rules are what becomes of its events on their way in.
	Rules `yaml:",inline"`
	// ItemActions overrides the item-action mapping for this source; its form
	// is the catalog's. Empty: the reserved mapping.
	ItemActions string        `yaml:"item_actions,omitempty" json:"-"`
	WriteKeys   []WriteKey    `yaml:"write_keys" json:"write_keys"`
	Clients     []OAuthClient `yaml:"oauth_clients,omitempty" json:"oauth_clients"`
	Version     int           `yaml:"version" json:"version"` // of the document that last changed it
	Changed     string        `yaml:"changed_at" json:"changed_at"`
}

// DefaultPriority is that of a source of which nobody said another.
const DefaultPriority = 100

// Kinds are what a source may be.
func Kinds() []string { return []string{"web", "mobile", "server", "import", "other"} }

// WriteKey may append events and nothing else. It is public.
type WriteKey struct {
	Key     string `yaml:"key" json:"key"`
	Created string `yaml:"created_at" json:"created_at"`
	// Origins are the web origins that pages may send from with this key, such
	// as https://shop.example.com or https://*.example.com; empty: any. A
	// request without an origin comes from no page and is not held against it.
	Origins []string `yaml:"origins,omitempty" json:"origins,omitempty"`
	// Limits bound the events that come with it; nil: those of its source alone do.
	Limits *Limits `yaml:"limits,omitempty" json:"limits,omitempty"`
}

// OAuthClient is a client of a source that signs assertions with a private
// key of its own (RS256).
type OAuthClient struct {
	ID        string `yaml:"id" json:"id"`
	PublicKey string `yaml:"public_key" json:"public_key"` // PEM
}

// SecretKey is a key of the own API, without the key.
type SecretKey struct {
	ID      string   `yaml:"id" json:"id"`
	Name    string   `yaml:"name" json:"name"`
	Hash    string   `yaml:"sha256" json:"-"`
	Hint    string   `yaml:"hint" json:"hint"` // its last four characters
	Scopes  []string `yaml:"scopes" json:"scopes"`
	Created string   `yaml:"created_at" json:"created_at"`
	// Expires is when it ends, RFC 3339; empty: never.
	Expires string `yaml:"expires_at,omitempty" json:"expires_at,omitempty"`
	// Networks are the addresses that may use it, as CIDR; empty: any.
	Networks []string `yaml:"networks,omitempty" json:"networks,omitempty"`
	// Limits bound the requests that come with it; nil: nothing does.
	Limits *Limits `yaml:"limits,omitempty" json:"limits,omitempty"`
}

// The scopes of secret keys. Admin holds all others.
const (
	ScopeRead  = "read"  // profiles, entities, accounting, dead letters
	ScopeWrite = "write" // entities, dead letters
	ScopeAdmin = "admin" // sources and keys
)

// ScopeMachine is of keys that a command makes for itself on the machine of the
// instance: it may name folders of the machine. The API gives it to nobody, and
// admin does not hold it.
const ScopeMachine = "machine"

// Scopes lists every scope that a key may be given.
func Scopes() []string { return []string{ScopeRead, ScopeWrite, ScopeAdmin} }

// May tells whether the key has a scope.
func (k *SecretKey) May(scope string) bool {
	return slices.Contains(k.Scopes, scope) || scope != ScopeMachine && slices.Contains(k.Scopes, ScopeAdmin)
}

// Source finds a source by its key; nil where there is none.
func (d *Document) Source(key string) *Source {
	for i := range d.Sources {
		if d.Sources[i].Key == key {
			return &d.Sources[i]
		}
	}
	return nil
}

// clone copies a document deeply, so that a change cannot reach an index.
func (d *Document) clone() *Document {
	c := *d
	c.Sources = slices.Clone(d.Sources)
	for i := range c.Sources {
		c.Sources[i].WriteKeys = slices.Clone(c.Sources[i].WriteKeys)
		for j := range c.Sources[i].WriteKeys {
			c.Sources[i].WriteKeys[j].Origins = slices.Clone(c.Sources[i].WriteKeys[j].Origins)
		}
		c.Sources[i].Clients = slices.Clone(c.Sources[i].Clients)
	}
	c.SecretKeys = slices.Clone(d.SecretKeys)
	for i := range c.SecretKeys {
		c.SecretKeys[i].Scopes = slices.Clone(c.SecretKeys[i].Scopes)
		c.SecretKeys[i].Networks = slices.Clone(c.SecretKeys[i].Networks)
	}
	c.Owners = maps.Clone(d.Owners)
	c.Members = slices.Clone(d.Members)
	for i := range c.Members {
		c.Members[i].Roles = slices.Clone(c.Members[i].Roles)
		c.Members[i].Hidden = slices.Clone(c.Members[i].Hidden)
		c.Members[i].Identities = slices.Clone(c.Members[i].Identities)
		c.Members[i].Passkeys = slices.Clone(c.Members[i].Passkeys)
	}
	c.Former = slices.Clone(d.Former)
	return &c
}

// sort puts sources and keys in the order in which they are listed.
func (d *Document) sort() {
	slices.SortFunc(d.Sources, func(a, b Source) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(d.SecretKeys, func(a, b SecretKey) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
}

// stamp is how times stand in the document.
func stamp(i clock.Instant) string { return i.String() }

// Mapping gives the item-action mapping as JSON; nil where the source has none.
func (s *Source) Mapping() json.RawMessage {
	if s.ItemActions == "" {
		return nil
	}
	return json.RawMessage(s.ItemActions)
}
