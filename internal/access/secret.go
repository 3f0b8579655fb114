package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
)

// KeyTerms are what a secret key is made with.
type KeyTerms struct {
	Name   string
	Scopes []string
	// Expires is when it ends; zero: never.
	Expires clock.Instant
	// Networks are the addresses that may use it, as CIDR or single addresses;
	// empty: any.
	Networks []string
	// Limits bound the requests that come with it; nil: nothing does.
	Limits *Limits
}

// networks writes single addresses as CIDR.
func (t *KeyTerms) networks() []string {
	out := make([]string, 0, len(t.Networks))
	for _, n := range t.Networks {
		if a, err := netip.ParseAddr(n); err == nil {
			n = netip.PrefixFrom(a, a.BitLen()).String()
		}
		out = append(out, n)
	}
	return out
}

// ended tells that the key was good until a time that is past.
func (k *SecretKey) ended(now clock.Instant) bool {
	if k.Expires == "" {
		return false
	}
	var until clock.Instant
	return until.UnmarshalText([]byte(k.Expires)) != nil || now >= until
}

// fits tells why a key is not good now, or from there; nil where it is.
func (k *SecretKey) fits(from string, now clock.Instant) error {
	if k.ended(now) {
		return fault.Errorf(fault.Unauthenticated, "expired_key", "the key %s ended at %s: use the one that took its place, or make one with rapport keys create", k.ID, k.Expires)
	}
	if len(k.Networks) == 0 {
		return nil
	}
	if host, _, err := net.SplitHostPort(from); err == nil {
		from = host
	}
	addr, err := netip.ParseAddr(from)
	if err == nil {
		addr = addr.Unmap().WithZone("")
		if slices.ContainsFunc(k.Networks, func(n string) bool {
			p, err := netip.ParsePrefix(n)
			return err == nil && p.Contains(addr)
		}) {
			return nil
		}
	}
	return fault.Errorf(fault.Forbidden, "wrong_network", "the key %s may not be used from %s: ask an admin to add the network to the key", k.ID, from)
}

// Admit finds the secret key or the access token that a request from an address
// shows, and notes its use. nil and no error: unknown.
func (r *Register) Admit(shown, from string) (*SecretKey, error) {
	now := r.clock.Now()
	x := r.Index()
	k := x.Secret(shown)
	if k == nil {
		k = x.SecretOfToken(shown, now)
	}
	if k == nil {
		return nil, nil //nolint:nilnil // documented: not known is no error
	}
	if err := k.fits(from, now); err != nil {
		return nil, err
	}
	r.uses.note(k.ID, now)
	return k, nil
}

// RotateSecretKey makes a key with the terms of another, which ends after the
// overlap: time to bring the new one to where the old one is used.
func (r *Register) RotateSecretKey(author, id string, overlap time.Duration) (NewKey, error) {
	if overlap < 0 || overlap > 90*24*time.Hour {
		return NewKey{}, invalid("/overlap", "the overlap is %s: give 0 to 90 days", overlap)
	}
	at := slices.IndexFunc(r.Index().Document().SecretKeys, func(k SecretKey) bool { return k.ID == id })
	if at < 0 {
		return NewKey{}, noKey(id)
	}
	old := r.Index().Document().SecretKeys[at]
	fresh, err := r.newSecret(KeyTerms{Name: old.Name, Scopes: old.Scopes, Networks: old.Networks, Limits: old.Limits, Expires: old.anew(r.clock.Now())}, "")
	if err != nil {
		return NewKey{}, err
	}
	return fresh, r.change(author, func(d *Document) error {
		at := slices.IndexFunc(d.SecretKeys, func(k SecretKey) bool { return k.ID == id })
		if at < 0 {
			return noKey(id)
		}
		ends := r.clock.Now().Add(overlap)
		var before clock.Instant
		if d.SecretKeys[at].Expires == "" || before.UnmarshalText([]byte(d.SecretKeys[at].Expires)) != nil || ends < before {
			d.SecretKeys[at].Expires = stamp(ends)
		}
		d.SecretKeys = append(d.SecretKeys, fresh.SecretKey)
		d.own(fresh.ID, author, id)
		return nil
	})
}

// anew is when a key ends that takes the place of another now: it is good for as
// long as the other was made for; zero: for ever.
func (k *SecretKey) anew(now clock.Instant) clock.Instant {
	var made, ends clock.Instant
	if k.Expires == "" || made.UnmarshalText([]byte(k.Created)) != nil || ends.UnmarshalText([]byte(k.Expires)) != nil {
		return 0
	}
	return now + ends - made
}

func noKey(id string) error {
	return fault.Errorf(fault.NotFound, "unknown_key", "no secret key %q: list the keys to see which there are", id)
}

// usesFile keeps when each key was last used, to the minute.
const usesFile = "key-uses.json"

// uses are when keys were last used. The zero value is ready.
type uses struct {
	mu      sync.Mutex
	last    map[string]clock.Instant
	changed bool
}

// useGrain is how exactly a use is noted.
const useGrain = clock.Instant(time.Minute / time.Microsecond)

func (u *uses) note(id string, now clock.Instant) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[string]clock.Instant{}
	}
	if now-u.last[id] >= useGrain {
		u.last[id], u.changed = now, true
	}
}

// LastUse is when a key was last used, to the minute; zero: never, as far as is
// known.
func (r *Register) LastUse(id string) clock.Instant {
	r.uses.mu.Lock()
	defer r.uses.mu.Unlock()
	return r.uses.last[id]
}

// KeepUses writes down when keys were used, where something changed. Of keys that
// are gone nothing stays: commands on the machine make one each.
func (r *Register) KeepUses() error {
	r.uses.mu.Lock()
	defer r.uses.mu.Unlock()
	if !r.uses.changed {
		return nil
	}
	there := map[string]bool{}
	for _, k := range r.Index().Document().SecretKeys {
		there[k.ID] = true
	}
	maps.DeleteFunc(r.uses.last, func(id string, _ clock.Instant) bool { return !there[id] })
	text, err := json.Marshal(r.uses.last)
	if err != nil {
		return fmt.Errorf("keeping the uses of keys: %w", err)
	}
	if err := disk.WriteFile(r.files, filepath.Join(r.dir, usesFile), text); err != nil {
		return err
	}
	r.uses.changed = false
	return nil
}

func (r *Register) loadUses() error {
	text, err := disk.ReadFile(r.files, filepath.Join(r.dir, usesFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("reading the uses of keys: %w", err)
	}
	r.uses.mu.Lock()
	defer r.uses.mu.Unlock()
	if json.Unmarshal(text, &r.uses.last) != nil {
		r.uses.last = nil // they are a help, no promise
	}
	return nil
}

// machineKeyLife bounds the key of a command that was cut off.
const machineKeyLife = time.Hour

// MachineKey makes a key for a command that runs beside the instance: it may do
// everything, only from this machine, for an hour at most.
func (r *Register) MachineKey(author string) (NewKey, error) {
	k, err := r.newSecret(KeyTerms{
		Name: author, Scopes: []string{ScopeAdmin}, Expires: r.clock.Now().Add(machineKeyLife), Networks: []string{"127.0.0.0/8", "::1"},
	}, "")
	if err != nil {
		return NewKey{}, err
	}
	k.Scopes = append(k.Scopes, ScopeMachine)
	return k, r.change(author, func(d *Document) error {
		d.SecretKeys = append(d.SecretKeys, k.SecretKey)
		return nil
	})
}
