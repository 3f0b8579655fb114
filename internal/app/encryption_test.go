package app_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/fault"
)

// unreadable looks for what a person left behind in every file of a folder.
func unreadable(t *testing.T, when, dir string, c map[string]string) {
	t.Helper()
	for place, where := range shallow(t, dir, c) {
		t.Errorf("%s: %s lies readable in %v", when, place, where)
	}
}

// known tells the plan of the person of canaries, as the API answers.
func known(t *testing.T, a *app.App, c map[string]string) {
	t.Helper()
	p, _ := asker{t, a}.api("GET", "/profiles/"+url.PathEscape("email:"+c["email"]), "", 200)
	if traits, _ := p["traits"].(map[string]any); traits["plan"] != c["trait"] {
		t.Errorf("the person is %v", p)
	}
}

// refusal starts an instance that must not start, and tells why it does not.
func refusal(t *testing.T, c config.Config) string {
	t.Helper()
	a, err := app.Open(t.Context(), c, app.Parts{})
	if err == nil {
		return errors.Join(errors.New("it started"), a.Close(context.Background())).Error()
	}
	if f := fault.Of(err); f != nil {
		return f.Code
	}
	return err.Error()
}

// TestEncryption_NothingOfAPersonIsReadableAnywhere leaves every kind of trace,
// and looks into the data folder, the backups, what is restored of them and a copy.
func TestEncryption_NothingOfAPersonIsReadableAnywhere(t *testing.T) {
	t.Parallel()
	c := canaries()
	c["source"], c["member"] = "canary-source-x7q", "canary-member-x7q@example.com"
	h := &house{T: t, dir: t.TempDir(), to: filepath.Join(t.TempDir(), "backups"), key: strings.Repeat("a1", 32)}
	a := h.start(h.dir)
	leave(t, a, c)
	ask := asker{t, a}
	ask.api("PUT", "/sources/"+c["source"], `{"name":"Shop","kind":"other"}`, 201)
	ask.api("POST", "/members", `{"email":"`+c["member"]+`","name":"M","roles":["admin"]}`, 201)
	h.backUp(a)
	unreadable(t, "while it runs", h.dir, c)
	h.stop(a)
	unreadable(t, "when it stopped", h.dir, c)
	unreadable(t, "in the backup", h.to, c)

	for want, key := range map[string]string{"encryption_key_missing": "", "encryption_key_wrong": strings.Repeat("b2", 32)} {
		s := h.settings(h.dir)
		s.Encryption.Key = key
		if got := refusal(t, s); got != want {
			t.Errorf("with the key %q: %s, want %s", key, got, want)
		}
	}
	if err := app.Rebuild(t.Context(), h.settings(h.dir), app.Parts{}, nil); err != nil {
		t.Fatal(err)
	}
	unreadable(t, "after a rebuild", h.dir, c)
	restored := h.restore()
	unreadable(t, "restored", restored, c)
	a = h.start(restored)
	known(t, a, c)
	h.stop(a)
}

// TestEncryption_AFolderBegunWithoutAKeyIsCopiedIntoOneWithAKey, and back.
func TestEncryption_AFolderBegunWithoutAKeyIsCopiedIntoOneWithAKey(t *testing.T) {
	t.Parallel()
	c := canaries()
	h := &house{T: t, dir: t.TempDir()}
	a := h.start(h.dir)
	leave(t, a, c)
	h.stop(a)
	if len(shallow(t, h.dir, c)) == 0 {
		t.Fatal("the search finds nothing")
	}
	key := strings.Repeat("a1", 32)
	plain := h.settings(h.dir)
	plain.Encryption.Key = key
	if got := refusal(t, plain); got != "not_enciphered" {
		t.Errorf("it is %s", got)
	}
	with := h.settings(filepath.Join(t.TempDir(), "with"))
	with.Encryption.Key = key
	if _, err := app.Copy(t.Context(), app.CopyTerms{From: plain, To: with}); err != nil {
		t.Fatal(err)
	}
	unreadable(t, "copied", with.Data, c)
	h.key = key
	a = h.start(with.Data)
	known(t, a, c)
	h.stop(a)

	// Another key from now on; what lies there is read under the one before.
	h.key = strings.Repeat("c3", 32)
	changed := h.settings(with.Data)
	changed.Encryption.FormerKeyFile = keyFileOf(t, key)
	a, err := app.Open(t.Context(), changed, app.Parts{})
	if err != nil {
		t.Fatal(err)
	}
	h.stop(a)
	a = h.start(with.Data)
	known(t, a, c)
	h.stop(a)
	if got := refusal(t, with); got != "encryption_key_wrong" {
		t.Errorf("the former key: %s", got)
	}
}

func keyFileOf(t *testing.T, key string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
