package access

import "slices"

// Principal is who asks: a secret key, or a member who signed in.
type Principal struct {
	// ID is what the principal's changes are signed with.
	ID string
	// Key is the secret key that was shown; nil for members.
	Key *SecretKey
	// Member is who signed in; nil for keys.
	Member *Member
}

// OfKey is a secret key as a principal.
func OfKey(k *SecretKey) *Principal { return &Principal{ID: k.ID, Key: k} }

// OfMember is a member as a principal.
func OfMember(m *Member) *Principal { return &Principal{ID: m.ID, Member: m} }

// May tells whether the principal has a scope in an area. A key has its scopes
// everywhere but in Self, which is of members.
func (p *Principal) May(a Area, scope string) bool {
	if p.Key != nil {
		return a != Self && p.Key.May(scope)
	}
	return slices.ContainsFunc(p.Member.Roles, func(r Role) bool { return ofRole(r).may(a, scope) })
}

// Masked tells whether what is personal is masked for the principal until it
// asks for it. Keys are of programs, which were given them to read.
func (p *Principal) Masked() bool { return p.Member != nil }

// MayUnmask tells whether the principal may ask to see what is personal.
func (p *Principal) MayUnmask() bool {
	return p.Key != nil || slices.ContainsFunc(p.Member.Roles, Role.unmasks)
}

// Rights gives the highest scope for each area that is open to the principal.
func (p *Principal) Rights() map[Area]string {
	out := map[Area]string{}
	for _, a := range Areas() {
		for _, scope := range Scopes() {
			if p.May(a, scope) {
				out[a] = scope
			}
		}
	}
	return out
}
