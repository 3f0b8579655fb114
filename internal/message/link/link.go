// Package link makes and reads the links in messages that lead back to this
// server: an open, a click, leaving a list. What a link says is enciphered and
// cannot be forged or changed. It never knows a clock and never tells anybody
// that a link was used.
package link

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// Action is what using a link means.
type Action string

// The actions.
const (
	Open        Action = "open"
	Click       Action = "click"
	Unsubscribe Action = "unsubscribe"
	Preferences Action = "preferences"
)

// Path is where the links live on this server.
const Path = "/t/"

// Link is what a link says.
type Link struct {
	Action      Action `json:"a"`
	Destination string `json:"d,omitempty"` // the destination that sent the message
	Message     string `json:"m,omitempty"` // the delivery's id
	Namespace   string `json:"n,omitempty"` // of the recipient's identifier
	Identifier  string `json:"i,omitempty"` // whom the message went to
	Channel     string `json:"c,omitempty"` // of consent, such as email
	Purpose     string `json:"p,omitempty"` // of consent; empty: the whole channel
	Target      string `json:"t,omitempty"` // of a click: the address it leads to
}

// Maker makes and reads links. It is immutable and safe for concurrent use.
type Maker struct {
	base string
	aead cipher.AEAD
	mac  []byte
}

// ErrInvalid says that a link was not made here or was changed.
var ErrInvalid = errors.New("the link is not valid: it was not made by this server, or a part of it is missing")

// New makes a maker of links that begin with base, the address of this server
// without a path, from a secret of at least 16 bytes.
func New(base string, secret []byte) (*Maker, error) {
	if len(secret) < 16 {
		return nil, errors.New("the secret of links has less than 16 bytes")
	}
	block, err := aes.NewCipher(derive(secret, "link cipher"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Maker{base: strings.TrimRight(base, "/"), aead: aead, mac: derive(secret, "link nonce")}, nil
}

func derive(secret []byte, use string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(use))
	return h.Sum(nil)
}

// URL is the address of a link. The same link has the same address always, so
// that a message that is sent again has the same bytes.
func (m *Maker) URL(l Link) string {
	text, err := json.Marshal(l)
	if err != nil {
		return "" // texts alone can always be written
	}
	h := hmac.New(sha256.New, m.mac)
	h.Write(text)
	nonce := h.Sum(nil)[:m.aead.NonceSize()]
	return m.base + Path + base64.RawURLEncoding.EncodeToString(m.aead.Seal(nonce, nonce, text, nil))
}

// maxToken bounds what is deciphered.
const maxToken = 8 << 10

// Read reads the part of an address that comes after Path.
func (m *Maker) Read(token string) (Link, error) {
	if len(token) > maxToken {
		return Link{}, ErrInvalid
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(sealed) < m.aead.NonceSize() {
		return Link{}, ErrInvalid
	}
	n := m.aead.NonceSize()
	text, err := m.aead.Open(nil, sealed[:n], sealed[n:], nil)
	if err != nil {
		return Link{}, ErrInvalid
	}
	var l Link
	if err := json.Unmarshal(text, &l); err != nil {
		return Link{}, ErrInvalid
	}
	return l, nil
}

// Own tells whether an address is a link of this server's own.
func (m *Maker) Own(address string) bool { return strings.HasPrefix(address, m.base+Path) }
