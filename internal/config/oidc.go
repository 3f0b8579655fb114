package config

import (
	"net/url"
	"strings"
)

// OIDC is the OpenID provider at which members sign in.
type OIDC struct {
	Issuer       string `koanf:"issuer"` // empty: none
	ClientID     string `koanf:"client_id"`
	ClientSecret string `koanf:"client_secret"`
	Name         string `koanf:"name"`
	Scopes       string `koanf:"scopes"`
	RoleClaim    string `koanf:"role_claim"`
	Roles        string `koanf:"roles"`
	Domains      string `koanf:"domains"`
	Provision    bool   `koanf:"provision"`
	DefaultRole  string `koanf:"default_role"`
	SignOut      bool   `koanf:"sign_out"`
}

// DomainList are the domains whose addresses come in, in lower case.
func (o *OIDC) DomainList() []string {
	var out []string
	for d := range strings.SplitSeq(o.Domains, ",") {
		if d = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(d), "@")); d != "" {
			out = append(out, d)
		}
	}
	return out
}

// RoleMap are the roles by the value of the claim that gives them.
func (o *OIDC) RoleMap() map[string]string {
	between := ","
	if strings.Contains(o.Roles, ";") {
		between = ";" // values may hold commas, as names of directories do
	}
	out := map[string]string{}
	for pair := range strings.SplitSeq(o.Roles, between) {
		if at := strings.LastIndex(pair, "="); at > 0 {
			out[strings.TrimSpace(pair[:at])] = strings.TrimSpace(pair[at+1:])
		} else if pair = strings.TrimSpace(pair); pair != "" {
			out[pair] = ""
		}
	}
	return out
}

func (o *OIDC) validate(publicURL string) error {
	if o.Issuer == "" {
		return nil
	}
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !oneOf(u.Scheme, "https", "http"):
		return bad("oidc.issuer", o.Issuer, "give the issuer's address as the provider writes it, such as https://login.example.com")
	case u.Scheme == "http" && !oneOf(u.Hostname(), "localhost", "127.0.0.1", "::1"):
		return bad("oidc.issuer", o.Issuer, "give an https:// address; http:// is for this machine alone")
	case o.ClientID == "":
		return bad("oidc.client_id", o.ClientID, "give the id with which this instance is registered at the provider")
	case publicURL == "":
		return bad("http.public_url", publicURL, "oidc.issuer needs it: the provider sends people back to it")
	case o.RoleClaim != "" && len(o.RoleMap()) == 0:
		return bad("oidc.roles", o.Roles, "oidc.role_claim needs the roles that its values give, such as crm-admins=admin,crm=marketer")
	case o.RoleClaim == "" && o.Roles != "":
		return bad("oidc.role_claim", o.RoleClaim, "oidc.roles needs the claim that its values stand in, such as groups")
	case o.Provision && o.DefaultRole == "" && o.RoleClaim == "":
		return bad("oidc.default_role", o.DefaultRole, "oidc.provision needs a role for those who are made members, such as viewer, or oidc.role_claim")
	case o.Provision && o.Domains == "" && (o.RoleClaim == "" || o.DefaultRole != ""):
		// At a public provider this would be everybody in the world.
		return bad("oidc.domains", o.Domains, "oidc.provision needs the domains of those who come in, or oidc.role_claim without oidc.default_role")
	}
	return nil
}
