package access

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
)

// ViaPasskey is of sessions that began with a passkey.
const ViaPasskey = "passkey"

// maxPasskeys bounds those of a member.
const maxPasskeys = 20

// Passkey is a public key of a member's device, or of several that share it.
type Passkey struct {
	ID         string   `yaml:"id"`         // the credential's, base64url
	Public     string   `yaml:"public_key"` // COSE, base64url
	Party      string   `yaml:"party"`      // the host that it was made for
	Name       string   `yaml:"name"`
	Transports []string `yaml:"transports,omitempty"`
	Syncs      bool     `yaml:"syncs,omitempty"` // it may be on several devices
	Count      uint32   `yaml:"count,omitempty"` // of uses, when it was made
	Created    string   `yaml:"created_at"`
}

// Ref names a passkey in addresses, where its own id may be too long.
func (k *Passkey) Ref() string { return "pk_" + hashKey("passkey:" + k.ID)[:24] }

// AddPasskey gives a member one more.
func (r *Register) AddPasskey(member string, k Passkey) (Passkey, error) {
	k.Created = stamp(r.clock.Now())
	return k, r.change(member, func(d *Document) error {
		m := d.member(member)
		if m == nil {
			return noMember(member)
		}
		m.Passkeys = append(m.Passkeys, k)
		return nil
	})
}

// NamePasskey calls a passkey something else.
func (r *Register) NamePasskey(member, ref, name string) (k Passkey, err error) {
	err = r.change(member, func(d *Document) error {
		found, err := d.passkey(member, ref)
		if err != nil {
			return err
		}
		found.Name = name
		k = *found
		return nil
	})
	return k, err
}

// DropPasskey takes a passkey of a member away.
func (r *Register) DropPasskey(member, ref string) error {
	return r.change(member, func(d *Document) error {
		k, err := d.passkey(member, ref)
		if err != nil {
			return err
		}
		m, id := d.member(member), k.ID
		m.Passkeys = slices.DeleteFunc(m.Passkeys, func(k Passkey) bool { return k.ID == id })
		if m.Password == "" && len(m.Identities) == 0 && len(m.Passkeys) == 0 {
			return fault.Errorf(fault.Conflict, "last_way_in", "it is the only way in that you have: set a password first")
		}
		return nil
	})
}

// DropPasskeys takes all passkeys of a member away.
func (r *Register) DropPasskeys(author, member string) error {
	return r.change(author, func(d *Document) error {
		m := d.member(member)
		if m == nil {
			return noMember(member)
		}
		m.Passkeys = nil
		return nil
	})
}

func (d *Document) passkey(member, ref string) (*Passkey, error) {
	m := d.member(member)
	if m == nil {
		return nil, noMember(member)
	}
	at := slices.IndexFunc(m.Passkeys, func(k Passkey) bool { return k.Ref() == ref })
	if at < 0 {
		return nil, fault.Errorf(fault.NotFound, "unknown_passkey", "you have no passkey %q: list yours to see which there are", ref)
	}
	return &m.Passkeys[at], nil
}

// checkPasskeys tells what cannot be of a member's passkeys; seen are those of
// members before.
func (m *Member) checkPasskeys(seen map[string]bool) error {
	if len(m.Passkeys) > maxPasskeys {
		return fault.Errorf(fault.Conflict, "too_many_passkeys", "you have %d passkeys: take one away that you do not use", maxPasskeys)
	}
	for _, k := range m.Passkeys {
		if strings.TrimSpace(k.Name) == "" || len(k.Name) > 200 {
			return invalid("/name", "the name has %d bytes: give 1 to 200", len(k.Name))
		}
		if len(k.ID) > 1400 || len(k.Public) > 4000 || len(k.Transports) > 10 {
			return invalid("/credential", "the passkey has too much in it: make another one")
		}
		if k.ID == "" || seen[k.ID] {
			return fault.Errorf(fault.Conflict, "known_passkey", "this passkey belongs to a member already: make another one")
		}
		seen[k.ID] = true
	}
	return nil
}

// passkeysFile keeps how often passkeys were used, and when last. It is written
// with each use: a count that goes back tells of a copy.
const passkeysFile = "passkeys-used.json"

// PasskeyUse is how often a passkey was used, as its authenticator counts, and when
// last.
type PasskeyUse struct {
	Count uint32        `json:"count"`
	Last  clock.Instant `json:"last"`
}

// passkeyUses are those of all, by id. The zero value is ready.
type passkeyUses struct {
	mu  sync.Mutex
	all map[string]PasskeyUse
}

// PasskeyUsed tells of a passkey; zero: it was not used yet.
func (r *Register) PasskeyUsed(id string) PasskeyUse {
	r.passkeys.mu.Lock()
	defer r.passkeys.mu.Unlock()
	return r.passkeys.all[id]
}

// UsePasskey notes a use with the count that the authenticator gave. One that does
// not go up was given by a copy, where the authenticator counts at all.
func (r *Register) UsePasskey(k *Passkey, count uint32) error {
	r.passkeys.mu.Lock()
	defer r.passkeys.mu.Unlock()
	before := max(r.passkeys.all[k.ID].Count, k.Count)
	if count <= before && (count != 0 || before != 0) {
		return fault.Errorf(fault.Forbidden, "copied_passkey",
			"this passkey was used %d times and says %d: there may be a copy of it. Sign in another way, take it away and make a new one", before, count)
	}
	all := map[string]PasskeyUse{}
	for _, m := range r.Index().Document().Members {
		for _, own := range m.Passkeys {
			if use, ok := r.passkeys.all[own.ID]; ok {
				all[own.ID] = use // those that are gone are forgotten
			}
		}
	}
	all[k.ID] = PasskeyUse{count, r.clock.Now()}
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("keeping the uses of passkeys: %w", err)
	}
	if err := r.keepFile(passkeysFile, text); err != nil {
		return err
	}
	r.passkeys.all = all
	return nil
}

func (r *Register) loadPasskeyUses() error {
	all := map[string]PasskeyUse{}
	if _, err := disk.ReadDocument(r.files, filepath.Join(r.dir, passkeysFile), &all); err != nil {
		return err
	}
	r.passkeys.mu.Lock()
	defer r.passkeys.mu.Unlock()
	r.passkeys.all = all
	return nil
}
