package access_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

func keyPair(t testing.TB) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func assertion(t *testing.T, alg jose.SignatureAlgorithm, key any, c jwt.Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExchange_OnlyAGoodAssertionGetsAToken(t *testing.T) {
	t.Parallel()
	key, public := keyPair(t)
	stranger, _ := keyPair(t)
	r := open(t, t.TempDir())
	source := access.Source{Key: "shop", Name: "Shop", Kind: "server", Clients: []access.OAuthClient{{ID: "app-1", PublicKey: public}}}
	if _, _, err := r.PutSource("x", source); err != nil {
		t.Fatal(err)
	}
	now := clock.From(start)
	at := func(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(start.Add(d)) }
	good := jwt.Claims{Issuer: "app-1", Subject: "app-1", Expiry: at(time.Minute), IssuedAt: at(0)}

	token, err := r.Index().Exchange(assertion(t, jose.RS256, key, good), now)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Index().Token(token, now.Add(access.TokenLife-time.Second)); s == nil || s.Key != "shop" {
		t.Errorf("token names %v", s)
	}
	if r.Index().Token(token, now.Add(access.TokenLife)) != nil {
		t.Error("a token that is over was taken")
	}
	damaged := []byte(token)
	damaged[10] ^= 1
	for _, bad := range []string{"", "rp_at_", "rp_at_AAAA", string(damaged), token + "A", "x" + token} {
		if r.Index().Token(bad, now) != nil {
			t.Errorf("took %q", bad)
		}
	}

	for name, a := range map[string]string{
		"no token":        "x.y.z",
		"stranger's key":  assertion(t, jose.RS256, stranger, good),
		"other algorithm": assertion(t, jose.PS256, key, good),
		"public as HMAC":  assertion(t, jose.HS256, []byte(public), good),
		"unknown client":  assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-2", Expiry: at(time.Minute)}),
		"over":            assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Expiry: at(-time.Hour)}),
		"no end":          assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1"}),
		"for ever":        assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Expiry: at(1000 * time.Hour)}),
		"not yet":         assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Expiry: at(time.Hour), NotBefore: at(30 * time.Minute)}),
	} {
		if token, err := r.Index().Exchange(a, now); fault.KindOf(err) != fault.Unauthenticated || token != "" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}

	source.Disabled = true
	if _, _, err := r.PutSource("x", source); err != nil {
		t.Fatal(err)
	}
	if r.Index().Token(token, now) != nil {
		t.Error("the token of a disabled source was taken")
	}
}
