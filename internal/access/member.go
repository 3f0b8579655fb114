package access

import (
	"cmp"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Member is a person who may sign in.
type Member struct {
	ID    string `yaml:"id"`
	Name  string `yaml:"name"`
	Email string `yaml:"email"` // lower case
	Roles []Role `yaml:"roles"`
	// Hidden are traits that the member never sees, also unmasked.
	Hidden []string `yaml:"hidden_traits,omitempty"`
	// Password is a PHC string; empty until the member has set one.
	Password string `yaml:"password,omitempty"`
	// Link lets whoever has it set the password: an invitation, or the way back
	// in.
	Link *Link `yaml:"link,omitempty"`
	// Identities are the accounts at OpenID providers that the member signs in with.
	Identities []Account `yaml:"identities,omitempty"`
	Passkeys   []Passkey `yaml:"passkeys,omitempty"`
	Disabled   bool      `yaml:"disabled,omitempty"`
	Created    string    `yaml:"created_at"`
}

// Link is a secret that is good once and for a while.
type Link struct {
	Hash    string `yaml:"sha256"`
	Expires string `yaml:"expires_at"`
}

// LinkLife is how long a link is good.
const LinkLife = 24 * time.Hour

func (l *Link) good(token string, now clock.Instant) bool {
	var until clock.Instant
	return l != nil && token != "" && l.Hash == hashKey(token) && until.UnmarshalText([]byte(l.Expires)) == nil && now < until
}

// newLink makes a link; the token is shown once and kept as its hash.
func (r *Register) newLink() (token string, l *Link, err error) {
	if token, err = r.random(24); err != nil {
		return "", nil, err
	}
	return token, &Link{Hash: hashKey(token), Expires: stamp(r.clock.Now().Add(LinkLife))}, nil
}

// Welcome makes a link with which the first member signs up as admin; an empty
// token where there is a member who can sign in.
func (r *Register) Welcome() (token string, err error) {
	if slices.ContainsFunc(r.Index().Document().Members, func(m Member) bool { return m.CanSignIn() && m.is(Admin) }) {
		return "", nil
	}
	token, l, err := r.newLink()
	if err != nil {
		return "", err
	}
	return token, r.change("rapport", func(d *Document) error {
		d.Welcome = l
		return nil
	})
}

// CanSignIn tells whether the member has a way to sign in, and may.
func (m *Member) CanSignIn() bool {
	return !m.Disabled && (m.Password != "" || len(m.Identities) > 0 || len(m.Passkeys) > 0)
}

func (m *Member) is(role Role) bool { return slices.Contains(m.Roles, role) }

// PutMember makes a member, or changes name, roles and the like of the one with
// this id. A new one gets a link to set a password with, shown this once.
func (r *Register) PutMember(author string, m Member) (out Member, token string, err error) {
	m.Email = strings.ToLower(strings.TrimSpace(m.Email))
	if err := m.check(); err != nil {
		return Member{}, "", err
	}
	made := m.ID == ""
	if made {
		id, err := r.random(6)
		if err != nil {
			return Member{}, "", err
		}
		m.ID = "mem_" + id
		m.Created = stamp(r.clock.Now())
		if token, m.Link, err = r.newLink(); err != nil {
			return Member{}, "", err
		}
	}
	err = r.change(author, func(d *Document) error {
		old := d.member(m.ID)
		switch {
		case made:
			d.Members = append(d.Members, m)
		case old == nil:
			return noMember(m.ID)
		default:
			old.Name, old.Email, old.Roles, old.Hidden, old.Disabled = m.Name, m.Email, m.Roles, m.Hidden, m.Disabled
		}
		return d.keepsAdmin(made)
	})
	if err != nil {
		return Member{}, "", err
	}
	return *r.Index().Document().member(m.ID), token, nil
}

// DropMember takes a member away; the sessions end with them.
func (r *Register) DropMember(author, id string) error {
	return r.change(author, func(d *Document) error {
		at := slices.IndexFunc(d.Members, func(m Member) bool { return m.ID == id })
		if at < 0 {
			return noMember(id)
		}
		d.remember(&d.Members[at])
		d.Members = slices.Delete(d.Members, at, at+1)
		return d.keepsAdmin(false)
	})
}

// keepsAdmin refuses a change that leaves nobody to manage members. An instance
// that never had a member has none to lose.
func (d *Document) keepsAdmin(adding bool) error {
	if adding || slices.ContainsFunc(d.Members, func(m Member) bool { return !m.Disabled && m.is(Admin) }) {
		return nil
	}
	return fault.Errorf(fault.Conflict, "last_admin", "this is the last member with the role admin: give the role to another one first")
}

// MemberLink makes a new link for a member, which ends the one before: the way
// back in for somebody who forgot their password.
func (r *Register) MemberLink(author, ref string) (token string, m Member, err error) {
	token, l, err := r.newLink()
	if err != nil {
		return "", Member{}, err
	}
	err = r.change(author, func(d *Document) error {
		found := d.member(ref)
		if found == nil {
			return noMember(ref)
		}
		found.Link = l
		m = *found
		return nil
	})
	return token, m, err
}

// Enter uses up a link: the member's own, whose password is set, or the welcome
// of an instance, with which the first admin is made by that name and address.
func (r *Register) Enter(token, name, email, password string) (Member, error) {
	if err := checkPassword(password); err != nil {
		return Member{}, err
	}
	// Anybody may come with a token: hashing is for those who have one.
	if !r.Index().Document().opens(token, r.clock.Now()) {
		return Member{}, badLink()
	}
	hash, err := r.hash(password)
	if err != nil {
		return Member{}, err
	}
	random, err := r.random(6)
	if err != nil {
		return Member{}, err
	}
	now, id := r.clock.Now(), ""
	err = r.change("rapport", func(d *Document) error {
		m := d.linked(token, now)
		switch {
		case m != nil:
			id, m.Password, m.Link = m.ID, hash, nil
			m.Name = cmp.Or(name, m.Name)
		case d.Welcome.good(token, now):
			m := Member{
				ID: "mem_" + random, Name: cmp.Or(name, email), Email: strings.ToLower(strings.TrimSpace(email)), Roles: []Role{Admin},
				Password: hash, Created: stamp(now),
			}
			if err := m.check(); err != nil {
				return err
			}
			id, d.Welcome = m.ID, nil
			d.Members = append(d.Members, m)
		default:
			return badLink()
		}
		return nil
	})
	if err != nil {
		return Member{}, err
	}
	if r.Index().Document().Welcome == nil {
		os.Remove(filepath.Join(r.dir, welcomeFile)) //nolint:errcheck // used up: the token in it opens nothing
	}
	return *r.Index().Document().member(id), nil
}

func badLink() error {
	return fault.Errorf(fault.Unauthenticated, "invalid_link", "the link was used or is over: ask an admin for a new one, or make one with rapport members link")
}

// opens tells whether a token is good for something now.
func (d *Document) opens(token string, now clock.Instant) bool {
	return d.Welcome.good(token, now) || d.linked(token, now) != nil
}

// linked is the member whose link a token is; nil: nobody's.
func (d *Document) linked(token string, now clock.Instant) *Member {
	for i := range d.Members {
		if m := &d.Members[i]; !m.Disabled && m.Link.good(token, now) {
			return m
		}
	}
	return nil
}

// SetPassword changes a member's own password, which the old one allows.
func (r *Register) SetPassword(id, old, password string) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	m := r.Index().Document().member(id)
	if m == nil {
		return noMember(id)
	}
	if m.Password != "" && !r.fits(m.Password, old) {
		return fault.Errorf(fault.Forbidden, "wrong_password", "the old password is another one").At("/old")
	}
	hash, err := r.hash(password)
	if err != nil {
		return err
	}
	return r.change(id, func(d *Document) error {
		m := d.member(id)
		if m == nil {
			return noMember(id)
		}
		m.Password = hash
		return nil
	})
}

// Member finds a member by id or address; nil where there is none.
func (x *Index) Member(ref string) *Member { return x.doc.member(ref) }

func (d *Document) member(ref string) *Member {
	for i := range d.Members {
		if d.Members[i].ID == ref || strings.EqualFold(d.Members[i].Email, ref) {
			return &d.Members[i]
		}
	}
	return nil
}

func (m *Member) check() error {
	at, err := mail.ParseAddress(m.Email)
	switch {
	case err != nil || at.Address != m.Email || len(m.Email) > 200:
		return invalid("/email", "%q is no e-mail address: give one such as ada@example.com", m.Email)
	case m.Name == "" || len(m.Name) > 200:
		return invalid("/name", "the name has %d bytes: give 1 to 200", len(m.Name))
	case len(m.Hidden) > 200:
		return invalid("/hidden_traits", "%d hidden traits are too many: give at most 200", len(m.Hidden))
	}
	return checkRoles(m.Roles)
}

func noMember(id string) error {
	return fault.Errorf(fault.NotFound, "unknown_member", "no member %q: list the members to see who there is", id)
}
