// Package hook says what an inbound webhook is: whose events come by it, how a
// request shows who sent it, and what becomes of a body. It never takes a request
// itself and keeps no secret in the clear for longer than it is read.
package hook

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/feel"
)

// Mask stands where a secret was.
const Mask = "********"

// Definition is an inbound webhook as people write it.
type Definition struct {
	Name     string `json:"name,omitempty" maxLength:"200" doc:"For people"`
	Source   string `json:"source" minLength:"1" maxLength:"64" doc:"Key of the source that the events are of"`
	Provider string `json:"provider,omitempty" enum:"sendgrid,mailgun,postmark,ses,sparkpost,mailchimp,brevo,mailjet" doc:"A provider of e-mail whose reports (delivery, bounce, complaint, open, click, unsubscription) become events; left out: mapping says what becomes of a body"`
	Mapping  string `json:"mapping,omitempty" maxLength:"20000" doc:"Expression in FEEL over body, headers (names in lower case), query and received_at: one event or a list of events as the tracking protocol has them, null for none"`
	Verify   Verify `json:"verify" doc:"How a request shows who sent it"`
}

// Verify is how a request shows who sent it.
type Verify struct {
	Kind string `json:"kind" enum:"none,token,basic,hmac,standard,ecdsa,mailgun,mailchimp" doc:"none: anybody may send, and identifiers are claims; token: a secret in a header or in the query; basic: user and secret; hmac: a signature over the body; standard: Standard Webhooks; ecdsa: a public key, as SendGrid signs; mailgun, mailchimp: as these sign"`
	// Secret is the token, the password, the key of the signature; for ecdsa the
	// public key.
	Secret          string `json:"secret,omitempty" maxLength:"4000" doc:"Kept encrypted and shown as ********; sending that back leaves it as it was. For ecdsa the public key in base64 or PEM"`
	SecretSealed    []byte `json:"secret_sealed,omitempty" hidden:"true" doc:"The secret as it is stored"`
	User            string `json:"user,omitempty" maxLength:"200" doc:"Of basic"`
	Header          string `json:"header,omitempty" maxLength:"100" doc:"Of token and hmac: where the token or the signature stands; left out: Authorization, X-Signature"`
	Query           string `json:"query,omitempty" maxLength:"100" doc:"Of token: the parameter that it stands in, instead of a header"`
	Algorithm       string `json:"algorithm,omitempty" enum:"sha256,sha512,sha1" doc:"Of hmac; left out: sha256"`
	Encoding        string `json:"encoding,omitempty" enum:"hex,base64" doc:"Of hmac; left out: hex"`
	Prefix          string `json:"prefix,omitempty" maxLength:"50" doc:"Of hmac: what stands before the signature, such as sha256="`
	TimestampHeader string `json:"timestamp_header,omitempty" maxLength:"100" doc:"Of hmac: a header with seconds since 1970; the signature is over it, a point and the body"`
	Tolerance       int    `json:"tolerance_s,omitempty" minimum:"1" maximum:"86400" doc:"How old a signed time may be, in seconds; left out: 300"`
	URL             string `json:"url,omitempty" maxLength:"2000" doc:"Of mailchimp: the address of the webhook as it is entered there, which is signed too"`
}

// Hook is a definition made ready. It never changes.
type Hook struct {
	Definition
	Program *feel.Program // nil: a provider's
	Secret  []byte        // in the clear, where it was opened
}

func invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_webhook", format, args...).At(at)
}

var scope = feel.NewScope(
	feel.Var{Name: "body"}, feel.Var{Name: "headers"}, feel.Var{Name: "query"}, feel.Var{Name: "received_at"},
)

// Read reads a definition and checks it. The secret is as it was sent or sealed.
func Read(document []byte) (*Hook, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	h := &Hook{}
	if err := d.Decode(&h.Definition); err != nil {
		return nil, invalid("", "the webhook cannot be read: %v", err)
	}
	if h.Source == "" {
		return nil, invalid("/source", "source is missing: name the source that the events are of")
	}
	if h.Provider != "" && !slices.Contains(Providers(), h.Provider) {
		return nil, invalid("/provider", "%q is no provider that is known: give one of %s, or a mapping", h.Provider, strings.Join(Providers(), ", "))
	}
	if (h.Provider == "") == (h.Mapping == "") {
		return nil, invalid("/mapping", "give either a provider or a mapping")
	}
	if h.Mapping != "" {
		p, err := feel.Compile(h.Mapping, scope, feel.CompileOptions{Strict: true})
		if err != nil {
			return nil, invalid("/mapping", "the mapping: %v", err)
		}
		h.Program = p
	}
	return h, h.Verify.check()
}

// Providers lists the providers of e-mail whose reports are known.
func Providers() []string {
	return []string{"brevo", "mailchimp", "mailgun", "mailjet", "postmark", "sendgrid", "ses", "sparkpost"}
}

func (v *Verify) check() error {
	kinds := []string{"none", "token", "basic", "hmac", "standard", "ecdsa", "mailgun", "mailchimp"}
	switch {
	case !slices.Contains(kinds, v.Kind):
		return invalid("/verify/kind", "%q is no way to verify: give one of %s", v.Kind, strings.Join(kinds, ", "))
	case v.Kind != "none" && v.Secret == "" && len(v.SecretSealed) == 0:
		return invalid("/verify/secret", "%s needs a secret", v.Kind)
	case v.Kind == "basic" && v.User == "":
		return invalid("/verify/user", "basic needs a user")
	case v.Kind == "mailchimp" && v.URL == "":
		return invalid("/verify/url", "mailchimp signs the address of the webhook: give it as it is entered there")
	case v.Algorithm != "" && !slices.Contains([]string{"sha256", "sha512", "sha1"}, v.Algorithm):
		return invalid("/verify/algorithm", "%q is not known: give sha256, sha512 or sha1", v.Algorithm)
	case v.Encoding != "" && v.Encoding != "hex" && v.Encoding != "base64":
		return invalid("/verify/encoding", "%q is not known: give hex or base64", v.Encoding)
	case v.Tolerance < 0 || v.Tolerance > 86400:
		return invalid("/verify/tolerance_s", "give 1 to 86400 seconds")
	}
	if v.Kind == "ecdsa" && v.Secret != "" && v.Secret != Mask {
		if _, err := PublicKey([]byte(v.Secret)); err != nil {
			return invalid("/verify/secret", "the public key cannot be read: %v", err)
		}
	}
	return nil
}

// Store gives the document as it is kept: with the secret sealed. A masked or
// absent secret takes that of before, which may be nil.
func (h *Hook) Store(seal func(secret []byte) ([]byte, error), before *Hook) ([]byte, error) {
	d := h.Definition
	d.Verify.SecretSealed = nil // nobody hands in what is sealed
	switch {
	case d.Verify.Kind == "none":
	case d.Verify.Secret != "" && d.Verify.Secret != Mask:
		sealed, err := seal([]byte(d.Verify.Secret))
		if err != nil {
			return nil, err
		}
		d.Verify.SecretSealed = sealed
	case before != nil && before.Verify.Kind == d.Verify.Kind:
		d.Verify.SecretSealed = before.Verify.SecretSealed
	}
	if d.Verify.Kind != "none" && len(d.Verify.SecretSealed) == 0 {
		return nil, invalid("/verify/secret", "the secret is masked and there is none that it could stand for: give it anew")
	}
	d.Verify.Secret = ""
	return json.Marshal(&d)
}

// Shown is the document as it is shown to people.
func (h *Hook) Shown() ([]byte, error) {
	d := h.Definition
	if len(d.Verify.SecretSealed) > 0 || d.Verify.Secret != "" {
		d.Verify.Secret = Mask
	}
	d.Verify.SecretSealed = nil
	return json.Marshal(&d)
}

// Open makes a stored definition ready to be used.
func Open(document []byte, open func(sealed []byte) ([]byte, error)) (*Hook, error) {
	h, err := Read(document)
	if err != nil || h.Verify.Kind == "none" {
		return h, err
	}
	h.Secret, err = open(h.Verify.SecretSealed)
	return h, err
}

// PublicKey reads a public key on a NIST curve, in PEM or base64 of DER.
func PublicKey(text []byte) (*ecdsa.PublicKey, error) {
	der := []byte(nil)
	if block, _ := pem.Decode(text); block != nil {
		der = block.Bytes
	} else {
		var err error
		if der, err = base64.StdEncoding.DecodeString(strings.TrimSpace(string(text))); err != nil {
			return nil, errors.New("it is neither PEM nor base64")
		}
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	if k, ok := key.(*ecdsa.PublicKey); ok {
		return k, nil
	}
	return nil, errors.New("it is no ECDSA key")
}
