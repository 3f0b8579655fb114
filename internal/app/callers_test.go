package app

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/clock"
)

// TestCallers_AdmitAKeyByItsTerms asks who calls, as decisions and OFREP do: a
// key that ended, or is used from elsewhere, is nobody's.
func TestCallers_AdmitAKeyByItsTerms(t *testing.T) {
	t.Parallel()
	now := clock.Instant(1_800_000_000_000_000)
	r, _, err := access.Open(vfs.Default, t.TempDir(), func() time.Time { return now.Time() }, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := func(terms access.KeyTerms) (id, secret string) {
		t.Helper()
		k, err := r.CreateSecretKey("test", "", terms)
		if err != nil {
			t.Fatal(err)
		}
		return k.ID, k.Secret
	}
	read := []string{access.ScopeRead}
	id, good := made(access.KeyTerms{Scopes: read})
	_, writes := made(access.KeyTerms{Scopes: []string{access.ScopeWrite}})
	_, ended := made(access.KeyTerms{Scopes: read, Expires: now + 1})
	_, office := made(access.KeyTerms{Scopes: read, Networks: []string{"10.1.0.0/16"}})
	for key, verified := range map[string]bool{"page": false, "server": true} {
		if _, _, err := r.PutSource("test", access.Source{Key: key, Name: key, Kind: "web", Verified: verified}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.AddWriteKey("test", key, access.WriteKey{Key: "wk_" + key + "_0123456789"}); err != nil {
			t.Fatal(err)
		}
	}
	now += 2
	for name, c := range map[string]struct {
		key, from   string
		ok, trusted bool
	}{
		"a key that reads":       {good, "192.0.2.1:5", true, true},
		"a key that only writes": {writes, "192.0.2.1:5", false, false},
		"a key that ended":       {ended, "192.0.2.1:5", false, false},
		"from its network":       {office, "10.1.2.3:5", true, true},
		"from elsewhere":         {office, "192.0.2.1:5", false, false},
		"a page":                 {"wk_page_0123456789", "192.0.2.1:5", true, false},
		"servers of a source":    {"wk_server_0123456789", "192.0.2.1:5", true, true},
		"nobody":                 {"", "192.0.2.1:5", false, false},
	} {
		if got, ok := (callers{r}).Caller(c.key, c.from); ok != c.ok || got.Trusted != c.trusted {
			t.Errorf("%s: %+v %t", name, got, ok)
		}
	}
	if r.LastUse(id) == 0 {
		t.Error("the use of a key is not noted")
	}
}
