package access

import (
	"cmp"
	"slices"

	"rapport/internal/fault"
)

// DefaultSource is the key of the source that a new instance has.
const DefaultSource = "default"

// shortestSecret is how many characters a secret key has at least.
const shortestSecret = 16

// hint is what is shown of a secret key, to tell it from others.
func hint(secret string) string { return secret[len(secret)-4:] }

// NewKey is a key that was just made, shown here and never again.
type NewKey struct {
	SecretKey
	Secret string `json:"secret"`
}

// PutSource makes or replaces a source; its write keys and clients are
// replaced too where given, and kept where nil. created tells a new one, which
// gets a write key where it has none. Each check sees the source as it is, nil
// where there is none, and may refuse.
func (r *Register) PutSource(author string, s Source, checks ...func(old *Source) error) (out Source, created bool, err error) {
	err = r.change(author, func(d *Document) error {
		old := d.Source(s.Key)
		for _, check := range checks {
			if err := check(old); err != nil {
				return err
			}
		}
		created = old == nil
		if created {
			if s.WriteKeys == nil {
				key, err := r.random(16)
				if err != nil {
					return err
				}
				s.WriteKeys = []WriteKey{{Key: key, Created: stamp(r.clock.Now())}}
			}
			s.Version, s.Changed = 0, ""
			d.Sources = append(d.Sources, s)
			return nil
		}
		if s.WriteKeys == nil {
			s.WriteKeys = old.WriteKeys
		}
		if s.Clients == nil {
			s.Clients = old.Clients
		}
		s.Version, s.Changed = 0, ""
		*old = s
		return nil
	})
	if err != nil {
		return Source{}, false, err
	}
	return *r.Index().Source(s.Key), created, nil
}

// AddWriteKey gives a source one more write key; key may be empty and is then
// made. Pages may only send with it from its origins, where some are given. A key
// that the source has already gets these origins and limits.
func (r *Register) AddWriteKey(author, source string, added WriteKey) (WriteKey, error) {
	if added.Key == "" {
		var err error
		if added.Key, err = r.random(16); err != nil {
			return WriteKey{}, err
		}
	}
	added.Created, added.Limits = stamp(r.clock.Now()), added.Limits.set()
	return added, r.change(author, func(d *Document) error {
		s := d.Source(source)
		if s == nil {
			return noSource(source)
		}
		if at := slices.IndexFunc(s.WriteKeys, func(k WriteKey) bool { return k.Key == added.Key }); at >= 0 {
			added.Created = s.WriteKeys[at].Created
			s.WriteKeys[at] = added
		} else {
			s.WriteKeys = append(s.WriteKeys, added)
		}
		s.Version = 0
		return nil
	})
}

// RevokeWriteKey takes a write key of a source away: requests with it are
// refused at once. An empty source means whichever has the key.
func (r *Register) RevokeWriteKey(author, source, key string) error {
	return r.change(author, func(d *Document) error {
		for i := range d.Sources {
			s := &d.Sources[i]
			at := slices.IndexFunc(s.WriteKeys, func(k WriteKey) bool { return k.Key == key })
			if at >= 0 && (source == "" || source == s.Key) {
				s.WriteKeys = slices.Delete(s.WriteKeys, at, at+1)
				s.Version = 0
				return nil
			}
		}
		return fault.Errorf(fault.NotFound, "unknown_key", "no such write key: list the keys to see which there are")
	})
}

// CreateSecretKey makes a secret key; secret may be given (at least 16
// characters) and is made otherwise.
func (r *Register) CreateSecretKey(author, secret string, terms KeyTerms) (NewKey, error) {
	k, err := r.newSecret(terms, secret)
	if err != nil {
		return NewKey{}, err
	}
	return k, r.change(author, func(d *Document) error {
		for _, other := range d.SecretKeys {
			if other.Hash == k.Hash {
				return fault.Errorf(fault.Conflict, "key_exists", "this secret key exists already as %s: use that one", other.ID)
			}
		}
		d.SecretKeys = append(d.SecretKeys, k.SecretKey)
		d.own(k.ID, author, "")
		return nil
	})
}

// own notes whose a new key is: of the member who makes it, with a key of their own
// or without, else of whom the key is that it takes the place of.
func (d *Document) own(key, author, before string) {
	owner := d.Owners[author]
	if m := d.member(author); owner == "" && m != nil && m.ID == author {
		owner = author
	}
	if owner = cmp.Or(owner, d.Owners[before]); owner == "" {
		return
	}
	if d.Owners == nil {
		d.Owners = map[string]string{}
	}
	d.Owners[key] = owner
}

// Person is who stands behind the id that a change is signed with: a member, also
// where it is that of a key of theirs, and be it revoked; else the id itself.
func (x *Index) Person(id string) string { return cmp.Or(x.doc.Owners[id], id) }

func (r *Register) newSecret(terms KeyTerms, secret string) (NewKey, error) {
	if err := checkScopes(terms.Scopes); err != nil {
		return NewKey{}, err
	}
	if len(terms.Name) > 200 {
		return NewKey{}, invalid("/name", "name has %d bytes: give at most 200", len(terms.Name))
	}
	random, err := r.random(24)
	if err != nil {
		return NewKey{}, err
	}
	id, err := r.random(6)
	if err != nil {
		return NewKey{}, err
	}
	secret = cmp.Or(secret, SecretPrefix+random)
	if len(secret) < shortestSecret {
		return NewKey{}, invalid("/secret", "the secret key has %d characters: give at least %d", len(secret), shortestSecret)
	}
	return NewKey{Secret: secret, SecretKey: SecretKey{
		ID: "key_" + id, Name: cmp.Or(terms.Name, "unnamed"), Hash: hashKey(secret), Hint: hint(secret),
		Scopes: slices.Compact(slices.Sorted(slices.Values(terms.Scopes))), Created: stamp(r.clock.Now()),
		Expires: stamp(terms.Expires), Networks: terms.networks(), Limits: terms.Limits.set(),
	}}, nil
}

// RevokeSecretKey takes a secret key away. The last one that may administer for
// ever stays: without it nobody could make another over the API.
func (r *Register) RevokeSecretKey(author, id string) error {
	return r.change(author, func(d *Document) error {
		at := slices.IndexFunc(d.SecretKeys, func(k SecretKey) bool { return k.ID == id })
		if at < 0 {
			return noKey(id)
		}
		lasting := func(k SecretKey) bool { return k.May(ScopeAdmin) && k.Expires == "" }
		needed := lasting(d.SecretKeys[at])
		d.SecretKeys = slices.Delete(d.SecretKeys, at, at+1)
		if needed && !slices.ContainsFunc(d.SecretKeys, lasting) {
			return fault.Errorf(fault.Conflict, "last_admin_key", "%s is the last key with the scope admin that has no end: make another one first", id)
		}
		return nil
	})
}

func noSource(key string) error {
	return fault.Errorf(fault.NotFound, "unknown_source", "no source %q: list the sources to see which there are", key)
}
