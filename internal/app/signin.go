package app

import (
	"crypto/rand"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/access/openid"
	"rapport/internal/fault"
	"rapport/internal/httpapi"
)

// openSignIn reads how members sign in at an OpenID provider, where the settings
// name one. It is reached by the rules of the egress like all that is outside.
func (a *App) openSignIn() (err error) {
	if a.tickets, err = access.NewTickets(a.access); err != nil {
		return err
	}
	c := &a.config.OIDC
	if c.Issuer == "" {
		return nil
	}
	by := access.Admission{
		Domains: c.DomainList(), Provision: c.Provision, Follow: c.RoleClaim != "", Roles: map[string]access.Role{}, Default: access.Role(c.DefaultRole),
	}
	for value, role := range c.RoleMap() {
		by.Roles[value] = access.Role(role)
	}
	if by.Default != "" && !slices.Contains(access.Roles(), by.Default) {
		return unknownRole("oidc.default_role", by.Default)
	}
	for _, role := range by.Roles {
		if !slices.Contains(access.Roles(), role) {
			return unknownRole("oidc.roles", role)
		}
	}
	name := c.Name
	if u, err := url.Parse(c.Issuer); err == nil && name == "" {
		name = u.Host
	}
	a.openID = &httpapi.OpenID{
		Name: name, Admission: by, SignOut: c.SignOut,
		Provider: openid.New(openid.Config{
			Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scopes: strings.Fields(strings.ReplaceAll(c.Scopes, ",", " ")),
			RoleClaim: c.RoleClaim, HTTP: a.egress.Transport(), Clock: a.parts.Clock, Random: rand.Text,
		}),
	}
	return nil
}

func unknownRole(key string, role access.Role) error {
	return fault.Errorf(fault.Invalid, "invalid_config", "setting %s: there is no role %q: give viewer, analyst, marketer, developer, privacy or admin", key, role).At(key)
}
