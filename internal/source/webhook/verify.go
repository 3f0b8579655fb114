package webhook

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	_ "crypto/sha1" // Mailchimp signs with it
	"crypto/sha256"
	_ "crypto/sha512" // some sign with it
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event/hook"
	"rapport/internal/fault"
)

// usualTolerance is how old a signed time may be, where nobody said.
const usualTolerance = 300 * time.Second

// live is a webhook whose secret is known.
type live struct{ *hook.Hook }

func refused(format string, args ...any) error {
	return fault.Errorf(fault.Unauthenticated, "invalid_signature", format, args...)
}

// verify checks who sent a request. The fault says which part does not fit, and
// nothing of what would.
func (h live) verify(r *http.Request, body []byte, now clock.Instant) error {
	switch h.Verify.Kind {
	case "none":
		return nil
	case "token":
		return h.token(r)
	case "basic":
		user, password, ok := r.BasicAuth()
		if !ok || !same(user, h.Verify.User) || !same(password, string(h.Secret)) {
			return refused("the user or the password is not the webhook's")
		}
		return nil
	case "hmac":
		return h.hmac(r, body, now)
	case "standard":
		return h.standard(r, body, now)
	case "ecdsa":
		return h.ecdsa(r, body, now)
	case "mailgun":
		return h.mailgun(body, now)
	default: // mailchimp: Read has checked
		return h.mailchimp(r, body)
	}
}

// proves tells whether a header is there to prove who sends, or somebody else's
// secret: no mapping sees it and it is kept nowhere.
func (h live) proves(header string) bool {
	header = strings.ToLower(header)
	switch header {
	case "authorization", "proxy-authorization", "cookie":
		return true
	}
	own := (h.Verify.Kind == "token" || h.Verify.Kind == "hmac") && strings.EqualFold(header, h.Verify.Header)
	return own || strings.HasSuffix(header, "-signature") // the others that verify reads, and that of hmac where nobody names one
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (h live) token(r *http.Request) error {
	given := ""
	if h.Verify.Query != "" {
		given = r.URL.Query().Get(h.Verify.Query)
	} else {
		name := h.Verify.Header
		if name == "" {
			name = "Authorization"
		}
		given = strings.TrimPrefix(r.Header.Get(name), "Bearer ")
	}
	if !same(given, string(h.Secret)) {
		return refused("the token is not the webhook's")
	}
	return nil
}

func (h live) fresh(seconds string, now clock.Instant) error {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return refused("the signed time is not there")
	}
	most := usualTolerance
	if h.Verify.Tolerance > 0 {
		most = time.Duration(h.Verify.Tolerance) * time.Second
	}
	if d := now.Time().Sub(time.Unix(n, 0)); d > most || d < -most {
		return refused("the signed time is more than %s away: check the clocks", most)
	}
	return nil
}

func (h live) hmac(r *http.Request, body []byte, now clock.Instant) error {
	name := h.Verify.Header
	if name == "" {
		name = "X-Signature"
	}
	given, ok := strings.CutPrefix(strings.TrimSpace(r.Header.Get(name)), h.Verify.Prefix)
	if !ok || given == "" {
		return refused("the header %s has no signature of the form that the webhook says", name)
	}
	message := body
	if at := h.Verify.TimestampHeader; at != "" {
		stamp := r.Header.Get(at)
		if err := h.fresh(stamp, now); err != nil {
			return err
		}
		message = slices.Concat([]byte(stamp), []byte("."), body)
	}
	algorithm := map[string]crypto.Hash{"": crypto.SHA256, "sha256": crypto.SHA256, "sha512": crypto.SHA512, "sha1": crypto.SHA1}[h.Verify.Algorithm]
	mac := hmac.New(algorithm.New, h.Secret)
	mac.Write(message)
	decode := hex.DecodeString
	if h.Verify.Encoding == "base64" {
		decode = base64.StdEncoding.DecodeString
	}
	if sum, err := decode(given); err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return refused("the signature does not fit the body")
	}
	return nil
}

// standard is the signature of Standard Webhooks: over id, time and body.
func (h live) standard(r *http.Request, body []byte, now clock.Instant) error {
	id, stamp := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
	if id == "" {
		return refused("the header webhook-id is missing")
	}
	if err := h.fresh(stamp, now); err != nil {
		return err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(h.Secret), "whsec_"))
	if err != nil {
		return fault.Errorf(fault.Internal, "invalid_webhook", "the secret of Standard Webhooks is not base64: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(slices.Concat([]byte(id+"."+stamp+"."), body))
	want := mac.Sum(nil)
	for part := range strings.FieldsSeq(r.Header.Get("webhook-signature")) {
		if given, ok := strings.CutPrefix(part, "v1,"); ok {
			if sum, err := base64.StdEncoding.DecodeString(given); err == nil && hmac.Equal(sum, want) {
				return nil
			}
		}
	}
	return refused("the signature does not fit id, time and body")
}

// ecdsa is how SendGrid signs its reports: over time and body.
func (h live) ecdsa(r *http.Request, body []byte, now clock.Instant) error {
	key, err := hook.PublicKey(h.Secret)
	if err != nil {
		return fault.Errorf(fault.Internal, "invalid_webhook", "the public key: %w", err)
	}
	stamp := r.Header.Get("X-Twilio-Email-Event-Webhook-Timestamp")
	if err := h.fresh(stamp, now); err != nil {
		return err
	}
	given, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Twilio-Email-Event-Webhook-Signature"))
	sum := sha256.Sum256(slices.Concat([]byte(stamp), body))
	if err != nil || !ecdsa.VerifyASN1(key, sum[:], given) {
		return refused("the signature does not fit time and body")
	}
	return nil
}

// mailgun signs a time and a token, and not the rest of its reports.
func (h live) mailgun(body []byte, now clock.Instant) error {
	var b struct {
		Signature struct {
			Timestamp, Token, Signature string
		}
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return refused("the body has no signature")
	}
	if err := h.fresh(b.Signature.Timestamp, now); err != nil {
		return err
	}
	mac := hmac.New(sha256.New, h.Secret)
	mac.Write([]byte(b.Signature.Timestamp + b.Signature.Token))
	if sum, err := hex.DecodeString(b.Signature.Signature); err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return refused("the signature does not fit time and token")
	}
	return nil
}

// mailchimp signs the address of the webhook and the fields of its form.
func (h live) mailchimp(r *http.Request, body []byte) error {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return refused("the body is no form")
	}
	mac := hmac.New(crypto.SHA1.New, h.Secret)
	mac.Write([]byte(h.Verify.URL))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(name + form.Get(name)))
	}
	if sum, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Mandrill-Signature")); err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return refused("the signature does not fit address and form")
	}
	return nil
}
