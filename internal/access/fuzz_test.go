package access_test

import (
	"testing"

	"rapport/internal/access"
	"rapport/internal/clock"
)

func FuzzToken_NothingForgedIsTaken(f *testing.F) {
	for _, seed := range []string{"", "rp_at_", "rp_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "rp_at_!", "rp_sk_x"} {
		f.Add(seed)
	}
	_, public := keyPair(f)
	r := open(f, f.TempDir())
	source := access.Source{Key: "shop", Name: "Shop", Kind: "server", Clients: []access.OAuthClient{{ID: "c", PublicKey: public}}}
	if _, _, err := r.PutSource("x", source); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if r.Index().Token(token, clock.From(start)) != nil {
			t.Errorf("took %q", token)
		}
		if _, err := r.Exchange(token, "cdp.example", clock.From(start)); err == nil {
			t.Errorf("exchanged %q", token)
		}
	})
}
