package experiment

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Link forces a variant for whoever opens it, to look at it before others do.
type Link struct {
	Experiment string        `json:"e"`
	Variant    string        `json:"v"`
	Until      clock.Instant `json:"u"`
}

// signed is how many bytes of a link's signature are kept.
const signed = 16

// Token writes the link so that only who has the key can make one.
func (l *Link) Token(key []byte) string {
	text, _ := json.Marshal(l) //nolint:errchkjson // strings and a time
	return base64.RawURLEncoding.EncodeToString(append(sign(key, text), text...))
}

func sign(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("experiment qa\x00"))
	h.Write(text)
	return h.Sum(nil)[:signed]
}

// ReadLink reads a token that was made with the key and still holds.
func ReadLink(token string, key []byte, now clock.Instant) (*Link, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) <= signed || len(b) > 1024 || !hmac.Equal(b[:signed], sign(key, b[signed:])) {
		return nil, fault.Errorf(fault.Invalid, "invalid_qa_link", "the QA token is not one that this instance gave: ask for a new one")
	}
	l := &Link{}
	if err := json.Unmarshal(b[signed:], l); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_qa_link", "the QA token cannot be read: ask for a new one")
	}
	if l.Until < now {
		return nil, fault.Errorf(fault.Invalid, "qa_link_expired", "the QA token held until %s: ask for a new one", l.Until)
	}
	return l, nil
}
