package access

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"rapport/internal/fault"
)

// Account is a member as an OpenID provider knows them.
type Account struct {
	Issuer  string `yaml:"issuer"`
	Subject string `yaml:"subject"`
	Since   string `yaml:"since"`
}

// Vouched is what an OpenID provider says of somebody who signed in there.
type Vouched struct {
	Issuer, Subject string
	Email           string
	// Verified says that the provider vouches for the address.
	Verified bool
	Name     string
	// Values are those of the claim that roles follow.
	Values []string
}

// Admission says who of those that a provider knows comes in, and as what.
type Admission struct {
	// Domains are those of addresses that come in; empty: all.
	Domains []string
	// Provision makes members of those who are none.
	Provision bool
	// Follow has the roles be those that the values of a claim give, by Roles.
	Follow bool
	Roles  map[string]Role
	// Default is the role of those who have no other; empty: they do not come in.
	Default Role
}

// Entered is how somebody came in whom a provider vouched for.
type Entered struct {
	Member Member
	// Made, Linked and Moved tell what is new: the member, that the provider's
	// account is theirs, or the roles of one who was there before.
	Made, Linked, Moved bool
}

// EnterVouched finds the member for whom a provider vouched. The provider's account
// leads to one member for good. The first time it is found by an address that the
// provider vouches for; then, where the admission says so, a member is made.
func (r *Register) EnterVouched(v Vouched, by Admission) (Entered, error) {
	v.Email = strings.ToLower(strings.TrimSpace(v.Email))
	if err := by.admits(&v); err != nil {
		return Entered{}, err
	}
	roles, err := by.roles(v.Values)
	if err != nil {
		return Entered{}, err
	}
	if m := r.Index().Document().identified(v.Issuer, v.Subject); m != nil && !m.Disabled && (roles == nil || slices.Equal(m.Roles, roles)) {
		return Entered{Member: *m}, nil
	}
	random, err := r.random(6)
	if err != nil {
		return Entered{}, err
	}
	var out Entered
	id := ""
	err = r.change("openid", func(d *Document) error {
		out = Entered{}
		m, err := d.vouchedFor(&v)
		switch {
		case err != nil:
			return err
		case m == nil:
			if m, err = d.provision("mem_"+random, &v, by, roles); err != nil {
				return err
			}
			m.Created = stamp(r.clock.Now())
			out.Made = true
		case m.Disabled:
			return fault.Errorf(fault.Forbidden, "member_blocked", "your account is switched off: ask an admin to switch it on")
		}
		if d.identified(v.Issuer, v.Subject) == nil {
			m.Identities = append(m.Identities, Account{v.Issuer, v.Subject, stamp(r.clock.Now())})
			m.Link, out.Linked = nil, true // an invitation is used up
		}
		if roles != nil {
			out.Moved = !slices.Equal(m.Roles, roles)
			m.Roles = roles
		}
		id = m.ID
		return d.keepsAdmin(out.Made)
	})
	if err != nil {
		return Entered{}, err
	}
	out.Member = *r.Index().Document().member(id)
	return out, nil
}

// LinkVouched makes a provider's account one with which a member, who signed in,
// signs in too. The address there need not be the member's.
func (r *Register) LinkVouched(member string, v Vouched) error {
	return r.change(member, func(d *Document) error {
		m := d.member(member)
		if m == nil {
			return noMember(member)
		}
		if other := d.identified(v.Issuer, v.Subject); other != nil && other.ID != m.ID {
			return otherIdentity()
		}
		m.Identities = slices.DeleteFunc(m.Identities, func(i Account) bool { return i.Issuer == v.Issuer })
		m.Identities = append(m.Identities, Account{v.Issuer, v.Subject, stamp(r.clock.Now())})
		return nil
	})
}

// DropIdentities parts a member from all accounts at providers.
func (r *Register) DropIdentities(author, id string) error {
	return r.change(author, func(d *Document) error {
		m := d.member(id)
		if m == nil {
			return noMember(id)
		}
		m.Identities = nil
		return nil
	})
}

// admits tells why an address does not come in.
func (a *Admission) admits(v *Vouched) error {
	if len(a.Domains) == 0 {
		return nil
	}
	_, domain, _ := strings.Cut(v.Email, "@")
	switch {
	case !v.Verified:
		return unverified()
	case !slices.Contains(a.Domains, domain):
		return fault.Errorf(fault.Forbidden, "foreign_domain", "addresses of %q do not come in here: sign in with another account, or ask whoever runs this instance to add the domain to oidc.domains", domain)
	}
	return nil
}

// roles are those that a claim's values give; nil: roles do not follow it.
func (a *Admission) roles(values []string) ([]Role, error) {
	if !a.Follow {
		return nil, nil
	}
	var out []Role
	for _, role := range Roles() {
		if slices.ContainsFunc(values, func(v string) bool { return a.Roles[v] == role }) {
			out = append(out, role)
		}
	}
	if len(out) == 0 && a.Default != "" {
		out = []Role{a.Default}
	}
	if len(out) == 0 {
		return nil, fault.Errorf(fault.Forbidden, "no_role", "your account at the provider has no group or role that leads in: ask whoever keeps the accounts there, or an admin here")
	}
	return out, nil
}

// vouchedFor finds the member that a provider's account is, or the one with the
// address that it vouches for; nil: there is none.
func (d *Document) vouchedFor(v *Vouched) (*Member, error) {
	if m := d.identified(v.Issuer, v.Subject); m != nil {
		return m, nil
	}
	if !v.Verified || v.Email == "" {
		// Whoever can write an address into an account there would be that member.
		return nil, unverified()
	}
	at := slices.IndexFunc(d.Members, func(m Member) bool { return m.Email == v.Email })
	if at < 0 {
		return nil, nil //nolint:nilnil // documented: there is none
	}
	m := &d.Members[at]
	if slices.ContainsFunc(m.Identities, func(i Account) bool { return i.Issuer == v.Issuer }) {
		// The address was given to somebody else there.
		return nil, otherIdentity()
	}
	return m, nil
}

// provision makes a member of somebody who is none. Who was one and was removed
// does not come back this way.
func (d *Document) provision(id string, v *Vouched, by Admission, roles []Role) (*Member, error) {
	if !by.Provision {
		return nil, fault.Errorf(fault.Forbidden, "not_invited", "nobody with the address %s is a member: ask an admin to invite you", v.Email)
	}
	if slices.Contains(d.Former, d.formerMark(v.Email)) || slices.Contains(d.Former, d.formerMark(v.Issuer, v.Subject)) {
		return nil, fault.Errorf(fault.Forbidden, "member_removed", "you were a member and were removed: ask an admin to invite you")
	}
	if roles == nil && by.Default != "" {
		roles = []Role{by.Default}
	}
	m := Member{ID: id, Name: cmp.Or(clip(v.Name, 200), v.Email), Email: v.Email, Roles: roles}
	if err := m.check(); err != nil {
		return nil, err
	}
	d.Members = append(d.Members, m)
	return &d.Members[len(d.Members)-1], nil
}

// remember keeps marks of a member who goes: an account elsewhere does not bring
// them back by itself.
func (d *Document) remember(m *Member) {
	marks := []string{d.formerMark(m.Email)}
	for _, i := range m.Identities {
		marks = append(marks, d.formerMark(i.Issuer, i.Subject))
	}
	for _, mark := range marks {
		if !slices.Contains(d.Former, mark) {
			d.Former = append(d.Former, mark)
		}
	}
}

// formerMark tells whether somebody is the same, and nothing else.
func (d *Document) formerMark(parts ...string) string {
	h := hmac.New(sha256.New, []byte(d.TokenKey))
	h.Write([]byte("former:" + strings.Join(parts, "\x00")))
	return hex.EncodeToString(h.Sum(nil))
}

func (d *Document) identified(issuer, subject string) *Member {
	for i := range d.Members {
		if slices.ContainsFunc(d.Members[i].Identities, func(x Account) bool { return x.Issuer == issuer && x.Subject == subject }) {
			return &d.Members[i]
		}
	}
	return nil
}

func unverified() error {
	return fault.Errorf(fault.Forbidden, "email_unverified", "the provider does not vouch for your e-mail address: have it confirmed there, or sign in with your password and connect the account in the settings")
}

func otherIdentity() error {
	return fault.Errorf(fault.Conflict, "other_identity", "another account at the provider belongs to this member, or this account to another member: ask an admin to part them")
}

// clip cuts a text to so many bytes, at the end of a letter.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
