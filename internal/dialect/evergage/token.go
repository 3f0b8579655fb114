package evergage

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strings"
	"sync"

	"rapport/internal/event"
)

// Key enciphers the user ids that a browser keeps for its next visits. It must
// stay the same as long as the log: mapping a stored event reads them again.
type Key [32]byte

// maxToken is how long an enciphered id may be: the longest identifier in it.
const maxToken = 1024

// vault seals with a key. It is safe for concurrent use.
type vault struct {
	block cipher.Block
	macs  sync.Pool
}

func newVault(k Key) *vault {
	block, err := aes.NewCipher(k[16:])
	if err != nil {
		panic(err) // 16 bytes are a key of AES-128
	}
	v := &vault{block: block}
	v.macs.New = func() any { return hmac.New(sha256.New, k[:16]) }
	return v
}

// seal enciphers an identifier. The same one always gives the same text, so
// that a browser's cookie does not change with each event; another key gives
// another.
func (v *vault) seal(i event.Identifier) string {
	n := len(i.Namespace) + 1 + len(i.Value)
	out := make([]byte, aes.BlockSize+n, aes.BlockSize+n+sha256.Size)
	plain := append(append(append(out[aes.BlockSize:aes.BlockSize], i.Namespace...), 0), i.Value...)
	v.sum(out[:0], plain)
	cipher.NewCTR(v.block, out[:aes.BlockSize]).XORKeyStream(plain, plain)
	return base64.RawURLEncoding.EncodeToString(out)
}

// open gives the identifier that was sealed, and false for anything that was
// not sealed with this key.
func (v *vault) open(text string) (event.Identifier, bool) {
	if len(text) > maxToken {
		return event.Identifier{}, false
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) <= aes.BlockSize {
		return event.Identifier{}, false
	}
	mac, plain := b[:aes.BlockSize], b[aes.BlockSize:]
	cipher.NewCTR(v.block, mac).XORKeyStream(plain, plain)
	var want [aes.BlockSize]byte
	v.sum(want[:0], plain)
	if !hmac.Equal(mac, want[:]) {
		return event.Identifier{}, false
	}
	namespace, value, ok := strings.Cut(string(plain), "\x00")
	return event.Identifier{Namespace: namespace, Value: value}, ok
}

// sum puts the first half of the authentication code of a text into a slice.
func (v *vault) sum(into, plain []byte) {
	h, _ := v.macs.Get().(hash.Hash)
	h.Reset()
	h.Write(plain)
	var full [sha256.Size]byte
	copy(into[:aes.BlockSize], h.Sum(full[:0]))
	v.macs.Put(h)
}
