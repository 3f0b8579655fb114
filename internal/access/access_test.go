package access_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string) *access.Register {
	t.Helper()
	r, _, err := access.Open(vfs.Default, dir, func() time.Time { return start }, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPrepare_FirstStartMakesKeysOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := open(t, dir)
	s, err := r.Prepare("", "")
	if err != nil {
		t.Fatal(err)
	}
	if s.WriteKey == "" || !strings.HasPrefix(s.SecretKey, access.SecretPrefix) {
		t.Fatalf("made %+v", s)
	}
	info, err := os.Stat(s.SecretFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secret file: %v, %v", info, err)
	}
	text, _ := os.ReadFile(s.SecretFile)
	if strings.TrimSpace(string(text)) != s.SecretKey {
		t.Error("the file holds another key")
	}
	document, _ := os.ReadFile(filepath.Join(dir, "access.yaml"))
	if bytes.Contains(document, []byte(s.SecretKey)) || bytes.Contains(document, []byte(s.SecretKey[6:])) {
		t.Error("the document holds the secret key")
	}
	again, err := open(t, dir).Prepare("", "")
	if err != nil || again.SecretKey != "" || again.WriteKey != s.WriteKey {
		t.Errorf("second start made %+v, %v", again, err)
	}
}

func TestPrepare_KeysOfTheConfigurationWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := open(t, dir)
	s, err := r.Prepare("my-write-key", "my-own-secret-key")
	if err != nil || s.WriteKey != "my-write-key" || s.SecretKey != "" {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret-key")); err == nil {
		t.Error("a given secret key was written to a file")
	}
	again := open(t, dir)
	if _, err := again.Prepare("other-write-key", "my-other-secret-key"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"my-write-key", "other-write-key"} {
		if s := again.Index().WriteKey(key); s == nil || s.Key != access.DefaultSource {
			t.Errorf("%s: %v", key, s)
		}
	}
	if k := again.Index().Secret("my-other-secret-key"); k == nil || !k.May(access.ScopeRead) {
		t.Errorf("the new secret key: %v", k)
	}
	for _, key := range []string{"my-own-secret-key", "my-other-secret-kez", ""} {
		if again.Index().Secret(key) != nil {
			t.Errorf("%q is taken", key)
		}
	}
	if _, err := again.Prepare("", "short"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a short secret key: %v", err)
	}
}

func TestRegister_ChangesOutliveTheProcessAndFormerVersionsStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := open(t, dir)
	first := r.Index().Document().Version
	s, created, err := r.PutSource("jane", access.Source{Key: "shop", Name: "Shop", Kind: "web", Priority: 7, ItemActions: `{"a":1}`})
	if err != nil || !created || len(s.WriteKeys) != 1 {
		t.Fatalf("%+v, %v, %v", s, created, err)
	}
	k, err := r.CreateSecretKey("jane", "", access.KeyTerms{Name: "reader", Scopes: []string{access.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	d := again.Index().Document()
	if d.Version != first+2 || d.Author != "jane" || d.Changed != clock.From(start).String() {
		t.Errorf("version %d by %q at %q", d.Version, d.Author, d.Changed)
	}
	got := again.Index().Source("shop")
	if got == nil || got.Priority != 7 || got.Version != first+1 || string(got.Mapping()) != `{"a":1}` {
		t.Errorf("source %+v", got)
	}
	if p := again.Index().Secret(k.Secret); p == nil || !p.May(access.ScopeRead) || p.May(access.ScopeWrite) {
		t.Errorf("key %+v", p)
	}
	former, err := os.ReadDir(filepath.Join(dir, "access-history"))
	if err != nil || len(former) != first+1 {
		t.Errorf("former versions %v, %v", former, err)
	}
}

func TestPutSource_ReplacingKeepsKeysUnlessGiven(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s, _, err := r.PutSource("x", access.Source{Key: "shop", Name: "Shop", Kind: "web"})
	if err != nil {
		t.Fatal(err)
	}
	again, created, err := r.PutSource("x", access.Source{Key: "shop", Name: "New name", Kind: "web", Disabled: true})
	if err != nil || created || again.WriteKeys[0].Key != s.WriteKeys[0].Key || again.Version <= s.Version {
		t.Fatalf("%+v, %v, %v", again, created, err)
	}
	if r.Index().WriteKey(s.WriteKeys[0].Key) != nil {
		t.Error("the write key of a disabled source works")
	}
	_, _, err = r.PutSource("x", access.Source{Key: "other", Name: "Other", Kind: "web", WriteKeys: s.WriteKeys})
	if fault.KindOf(err) != fault.Invalid || r.Index().Source("other") != nil {
		t.Errorf("a key of two sources: %v", err)
	}
}

func TestRegister_WhatCannotBeChangesNothing(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	before := r.Index()
	for name, s := range map[string]access.Source{
		"key":    {Key: "Shop!", Name: "x", Kind: "web"},
		"name":   {Key: "shop", Kind: "web"},
		"kind":   {Key: "shop", Name: "x", Kind: "toaster"},
		"write":  {Key: "shop", Name: "x", Kind: "web", WriteKeys: []access.WriteKey{{Key: "a b"}}},
		"client": {Key: "shop", Name: "x", Kind: "web", Clients: []access.OAuthClient{{ID: "c", PublicKey: "no"}}},
	} {
		if _, _, err := r.PutSource("x", s); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.CreateSecretKey("x", "", access.KeyTerms{Name: "n", Scopes: []string{"everything"}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("scope: %v", err)
	}
	if _, err := r.CreateSecretKey("x", "", access.KeyTerms{Name: "n"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no scope: %v", err)
	}
	if _, err := r.AddWriteKey("x", "nobody", access.WriteKey{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("source: %v", err)
	}
	if err := r.RevokeWriteKey("x", "", "nothing-such"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("write key: %v", err)
	}
	if r.Index() != before {
		t.Error("the index changed")
	}
}

func TestRevokeSecretKey_TheLastAdminStays(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	if _, err := r.Prepare("", ""); err != nil {
		t.Fatal(err)
	}
	first := r.Index().Document().SecretKeys[0].ID
	if err := r.RevokeSecretKey("x", first); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("revoked the last: %v", err)
	}
	k, err := r.CreateSecretKey("x", "", access.KeyTerms{Name: "second", Scopes: []string{access.ScopeAdmin}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.RevokeSecretKey("x", first); err != nil {
		t.Fatal(err)
	}
	if r.Index().Secret(k.Secret) == nil {
		t.Error("the other key is gone")
	}
	if err := r.RevokeSecretKey("x", first); fault.KindOf(err) != fault.NotFound {
		t.Errorf("revoked twice: %v", err)
	}
}

func TestWatcher_TakesOverWhatAnotherProcessWrote(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, tool := open(t, dir), open(t, dir)
	w := server.Watch()
	k, err := tool.CreateSecretKey("tool", "", access.KeyTerms{Name: "made beside", Scopes: access.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Check(); err != nil || server.Index().Secret(k.Secret) == nil {
		t.Errorf("not taken over: %v", err)
	}
	before := server.Index()
	if err := os.WriteFile(filepath.Join(dir, "access.yaml"), []byte("version: [broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.Check(); err == nil || server.Index() != before {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestRegister_TwoProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		r := open(t, dir)
		wg.Go(func() {
			for range 5 {
				if _, err := r.CreateSecretKey("x", "", access.KeyTerms{Name: "n", Scopes: access.Scopes()}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(open(t, dir).Index().Document().SecretKeys); n != 20 {
		t.Errorf("%d keys, want 20", n)
	}
}

func TestIndex_LookingUpAWriteKeyAllocatesNothing(t *testing.T) { //nolint:paralleltest // others would allocate meanwhile
	r := open(t, t.TempDir())
	s, err := r.Prepare("", "")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if r.Index().WriteKey(s.WriteKey) == nil {
			t.Fatal("unknown")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestRegister_WhatIsNotSharedDoesNotCount has the sharing of a change fail: the
// change is in force nowhere, then or later.
func TestRegister_WhatIsNotSharedDoesNotCount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := open(t, dir)
	if _, err := r.Prepare("", ""); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "access.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	down := errors.New("the database is away")
	var away error
	r.Share(func(name string) error {
		if name == "access.yaml" {
			return away
		}
		return nil
	})
	watcher := r.Watch()
	away = down
	if _, _, err := r.PutSource("a", access.Source{Key: "web", Name: "Web", Kind: "web"}); !errors.Is(err, down) {
		t.Fatalf("the change says %v", err)
	}
	if err := watcher.Check(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "access.yaml")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file holds the change: %v", err)
	}
	if err := r.Reload(); err != nil || r.Index().Source("web") != nil {
		t.Errorf("the change is in force: %v", err)
	}
	away = nil
	if _, _, err := r.PutSource("a", access.Source{Key: "app", Name: "App", Kind: "mobile"}); err != nil {
		t.Fatal(err)
	}
	if x := open(t, dir).Index(); x.Source("app") == nil || x.Source("web") != nil {
		t.Error("the next change is not the one change")
	}
}
