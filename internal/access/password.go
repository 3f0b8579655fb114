package access

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Argon2id with OWASP's second choice of parameters: 19 MiB, two passes, one
// lane. What is asked of a hash that was made before stands in it.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonSalt   = 16
	argonKey    = 32
)

// The lengths of a password. A long one is a phrase; the limit keeps hashing
// cheap.
const (
	shortestPassword = 10
	longestPassword  = 200
)

// hashers is how many passwords are hashed at once: each takes 19 MiB.
const hashers = 2

// hash gives the PHC string of a password, in its turn.
func (r *Register) hash(password string) (string, error) {
	r.hashing <- struct{}{}
	defer func() { <-r.hashing }()
	return hashPassword(password, r.entropy)
}

// fits compares a password with its PHC string, in its turn.
func (r *Register) fits(hash, password string) bool {
	r.hashing <- struct{}{}
	defer func() { <-r.hashing }()
	return fitsPassword(hash, password)
}

// hashPassword gives the PHC string of a password.
func hashPassword(password string, entropy io.Reader) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := io.ReadFull(entropy, salt); err != nil {
		return "", fmt.Errorf("drawing a salt: %w", err)
	}
	sum := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes,
		b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// fitsPassword compares in constant time. A string that is no hash fits none.
func fitsPassword(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || len(password) > longestPassword {
		return false
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
		return false
	}
	if memory == 0 || memory > 1<<20 || passes == 0 || passes > 64 || lanes == 0 {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(want) == 0 || len(want) > 128 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

func checkPassword(password string) error {
	switch n := len([]rune(password)); {
	case n < shortestPassword:
		return invalid("/password", "the password has %d characters: give at least %d, a few words for instance", n, shortestPassword)
	case len(password) > longestPassword:
		return invalid("/password", "the password has %d bytes: give at most %d", len(password), longestPassword)
	}
	return nil
}
