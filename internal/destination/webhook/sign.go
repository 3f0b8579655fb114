package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/destination"
)

// signer makes one signature of "id.timestamp.body".
type signer func(content []byte) string

// The sizes that the specification allows, in bytes.
const (
	minSecret = 24
	maxSecret = 64
)

// newSigner reads a secret. Base64 without whsec_ is a shared secret too, as
// other products hand them out.
func newSigner(secret string) (signer, error) {
	if text, ok := strings.CutPrefix(secret, "whsk_"); ok {
		key, err := base64.StdEncoding.DecodeString(text)
		if err == nil && len(key) == ed25519.SeedSize {
			key = ed25519.NewKeyFromSeed(key)
		}
		if err != nil || len(key) != ed25519.PrivateKeySize {
			return nil, destination.Invalid("secrets", "a secret that begins with whsk_ must be the base64 of an ed25519 private key: 64 bytes, or the 32 of its seed")
		}
		return func(content []byte) string {
			return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(key, content))
		}, nil
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < minSecret || len(key) > maxSecret {
		return nil, destination.Invalid("secrets", "a secret must be whsec_ and the base64 of %d to %d random bytes, such as `echo whsec_$(openssl rand -base64 32)` prints", minSecret, maxSecret)
	}
	return func(content []byte) string {
		h := hmac.New(sha256.New, key)
		h.Write(content)
		return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
	}, nil
}

// sign adds the three headers of Standard Webhooks.
func sign(h http.Header, signers []signer, id string, now time.Time, body []byte) {
	at := strconv.FormatInt(now.Unix(), 10)
	content := append([]byte(id+"."+at+"."), body...)
	signatures := make([]string, len(signers))
	for i, s := range signers {
		signatures[i] = s(content)
	}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", at)
	h.Set("webhook-signature", strings.Join(signatures, " "))
}
