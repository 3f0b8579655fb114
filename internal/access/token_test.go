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
	here := jwt.Audience{"https://CDP.example/token"}
	good := jwt.Claims{Issuer: "app-1", Subject: "app-1", Audience: here, ID: "1", Expiry: at(time.Minute), IssuedAt: at(0)}

	token, err := r.Exchange(assertion(t, jose.RS256, key, good), "cdp.example", now)
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

	good.ID = "2"
	for name, a := range map[string]string{
		"no token":        "x.y.z",
		"stranger's key":  assertion(t, jose.RS256, stranger, good),
		"other algorithm": assertion(t, jose.PS256, key, good),
		"public as HMAC":  assertion(t, jose.HS256, []byte(public), good),
		"unknown client":  assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-2", Audience: here, Expiry: at(time.Minute)}),
		"over":            assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Audience: here, Expiry: at(-time.Hour)}),
		"no end":          assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Audience: here}),
		"for ever":        assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Audience: here, Expiry: at(1000 * time.Hour)}),
		"not yet":         assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Audience: here, Expiry: at(time.Hour), NotBefore: at(30 * time.Minute)}),
		"nobody's":        assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Expiry: at(time.Minute)}),
		"another's":       assertion(t, jose.RS256, key, jwt.Claims{Issuer: "app-1", Audience: jwt.Audience{"https://cdp.example.org", "cdp"}, Expiry: at(time.Minute)}),
	} {
		if token, err := r.Exchange(a, "cdp.example", now); fault.KindOf(err) != fault.Unauthenticated || token != "" {
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

func TestExchange_TakesAnAssertionOnce(t *testing.T) {
	t.Parallel()
	key, public := keyPair(t)
	r := open(t, t.TempDir())
	source := access.Source{Key: "shop", Name: "Shop", Kind: "server", Clients: []access.OAuthClient{{ID: "a", PublicKey: public}, {ID: "b", PublicKey: public}}}
	if _, _, err := r.PutSource("x", source); err != nil {
		t.Fatal(err)
	}
	now := clock.From(start)
	claims := func(client, id string, seconds int) jwt.Claims {
		return jwt.Claims{
			Issuer: client, ID: id, Audience: jwt.Audience{"https://oauth2.segment.io"},
			Expiry: jwt.NewNumericDate(start.Add(time.Duration(seconds) * time.Second)),
		}
	}
	for _, step := range []struct {
		what  string
		c     jwt.Claims
		taken bool
	}{
		{"the first", claims("a", "1", 60), true},
		{"the same id, signed anew", claims("a", "1", 61), false},
		{"another id", claims("a", "2", 60), true},
		{"another client's", claims("b", "1", 60), true},
		{"none that has an id", claims("a", "", 60), true},
		{"the same again", claims("a", "", 60), false},
		{"another without id", claims("a", "", 61), true},
	} {
		_, err := r.Exchange(assertion(t, jose.RS256, key, step.c), "cdp.example", now)
		if (err == nil) != step.taken || err != nil && fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", step.what, err)
		}
	}
}
