// Package passkey holds the two ceremonies of passkeys (Web Authentication Level 3):
// one is made, and one is shown to sign in. The authenticator has to find the member
// by itself and to verify the person. It never keeps anything.
package passkey

import (
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"rapport/internal/fault"
)

// Key is what is kept of a passkey: nothing of it is secret.
type Key struct {
	ID, Public []byte
	// Party is the name of the host that it was made for.
	Party      string
	Transports []string
	// Syncs says that it may be on several devices of the person.
	Syncs bool
	Count uint32 // of its uses, where the authenticator counts
}

// User is somebody who has passkeys.
type User struct {
	ID, Name, Email string
	Keys            []Key
}

// Party is who asks for passkeys: a host, by the address that browsers see.
type Party struct{ id, origin string }

// At gives the party of an address; false where browsers know no passkeys for it:
// an IP address, or a connection that is not secure.
func At(base string) (Party, bool) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return Party{}, false
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if u.Scheme != "https" && host != "localhost" {
		return Party{}, false
	}
	// As browsers write an origin: they leave out the port that goes without saying.
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return Party{host, u.Scheme + "://" + host}, true
	}
	return Party{host, u.Scheme + "://" + host + ":" + port}, true
}

// ID is the name of the host.
func (p Party) ID() string { return p.id }

func (p Party) open() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{RPID: p.id, RPDisplayName: "Rapport", RPOrigins: []string{p.origin}})
}

// Ceremony is one under way: what the browser is asked, and what its answer is held
// against.
type Ceremony struct {
	Options json.RawMessage
	Session json.RawMessage
}

func ceremony(options, session any) (Ceremony, error) {
	o, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, err
	}
	s, err := json.Marshal(session)
	return Ceremony{o, s}, err
}

// BeginMaking asks for a new passkey of somebody.
func (p Party) BeginMaking(u User) (Ceremony, error) {
	w, err := p.open()
	if err != nil {
		return Ceremony{}, err
	}
	mine := holder{u, p.id}
	options, session, err := w.BeginRegistration(mine,
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
		}),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation),
		webauthn.WithExclusions(webauthn.Credentials(mine.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return Ceremony{}, err
	}
	return ceremony(options.Response, session)
}

// FinishMaking gives the passkey that was made.
func (p Party) FinishMaking(u User, session, answer json.RawMessage) (Key, error) {
	w, s, err := p.under(session)
	if err != nil {
		return Key{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Key{}, bad(err)
	}
	c, err := w.CreateCredential(holder{u, p.id}, *s, parsed)
	if err != nil {
		return Key{}, bad(err)
	}
	k := Key{ID: c.ID, Public: c.PublicKey, Party: p.id, Syncs: c.Flags.BackupEligible, Count: c.Authenticator.SignCount}
	for _, t := range c.Transport {
		k.Transports = append(k.Transports, string(t))
	}
	return k, nil
}

// BeginShowing asks for a passkey of whoever is there.
func (p Party) BeginShowing() (Ceremony, error) {
	w, err := p.open()
	if err != nil {
		return Ceremony{}, err
	}
	options, session, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, err
	}
	return ceremony(options.Response, session)
}

// Shown is a passkey that signed a challenge.
type Shown struct {
	User  string
	Key   []byte // its id
	Count uint32
}

// FinishShowing tells whose passkey signed. find gives somebody by id; nil where
// there is nobody, or nobody who comes in.
func (p Party) FinishShowing(session, answer json.RawMessage, find func(id string) *User) (Shown, error) {
	w, s, err := p.under(session)
	if err != nil {
		return Shown{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Shown{}, bad(err)
	}
	var out Shown
	c, err := w.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
		u := find(string(handle))
		if u == nil {
			return nil, errors.New("nobody")
		}
		out.User = u.ID
		return holder{*u, p.id}, nil
	}, *s, parsed)
	if err != nil {
		return Shown{}, bad(err)
	}
	out.Key, out.Count = c.ID, parsed.Response.AuthenticatorData.Counter
	return out, nil
}

func (p Party) under(session json.RawMessage) (*webauthn.WebAuthn, *webauthn.SessionData, error) {
	w, err := p.open()
	if err != nil {
		return nil, nil, err
	}
	s := &webauthn.SessionData{}
	if err := json.Unmarshal(session, s); err != nil {
		return nil, nil, err
	}
	return w, s, nil
}

// bad does not tell why: whoever tries is told as little as with a password. The
// cause is for the log.
func bad(err error) error {
	var p *protocol.Error
	if errors.As(err, &p) && p.DevInfo != "" {
		err = errors.New(p.Details + ": " + p.DevInfo)
	}
	return fault.Errorf(fault.Unauthenticated, "wrong_passkey", "no member signs in with this passkey here: choose another one, or sign in with address and password: %w", err)
}

// holder is a user as the library sees one, at one party.
type holder struct {
	user  User
	party string
}

// WebAuthnID is what the authenticator knows the user by.
func (h holder) WebAuthnID() []byte { return []byte(h.user.ID) }

// WebAuthnName is what tells the user's accounts apart.
func (h holder) WebAuthnName() string { return h.user.Email }

// WebAuthnDisplayName is the user's name.
func (h holder) WebAuthnDisplayName() string { return h.user.Name }

// WebAuthnCredentials are the passkeys that were made for the party.
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	var out []webauthn.Credential
	for _, k := range h.user.Keys {
		if k.Party != h.party {
			continue
		}
		c := webauthn.Credential{
			ID: k.ID, PublicKey: k.Public, Flags: webauthn.CredentialFlags{BackupEligible: k.Syncs, UserVerified: true},
			Authenticator: webauthn.Authenticator{SignCount: k.Count},
		}
		for _, t := range k.Transports {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		out = append(out, c)
	}
	return out
}
