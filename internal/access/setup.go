package access

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/disk"
)

// Setup is what the first start made.
type Setup struct {
	WriteKey   string
	SecretKey  string // empty where it was given: whoever gave it knows it
	SecretFile string // where SecretKey stands with mode 0600; empty where it was given
	// Welcome is the token with which the first member signs up; empty where
	// somebody can sign in already.
	Welcome     string
	WelcomeFile string // where it stands with mode 0600
}

// secretFile holds the first secret key until its reader moves it away.
const secretFile = "secret-key"

// welcomeFile holds the token of the welcome until somebody signs up.
const welcomeFile = "console-link"

// Prepare makes what a register lacks to be of use: a default source with a
// write key and a secret key with all scopes. Keys given are added where the
// register does not know them, at every start; a write key given before stays
// good, since clients in the field have it, a secret key given before does not.
func (r *Register) Prepare(writeKey, secretKey string) (Setup, error) {
	var s Setup
	if err := r.prepareWriteKey(writeKey); err != nil {
		return s, err
	}
	if err := r.prepareWelcome(&s); err != nil {
		return s, err
	}
	if source := r.Index().Source(DefaultSource); source != nil && len(source.WriteKeys) > 0 {
		s.WriteKey = source.WriteKeys[0].Key
	}
	if secretKey != "" {
		return s, r.prepareSecretKey(secretKey)
	}
	if len(r.Index().Document().SecretKeys) > 0 {
		return s, nil
	}
	random, err := r.random(24)
	if err != nil {
		return s, err
	}
	s.SecretKey, s.SecretFile = SecretPrefix+random, filepath.Join(r.dir, secretFile)
	// It is for a person to read, and in clear whatever the folder is.
	// The file comes first: a crash between the two makes another key at the
	// next start, where the other order would leave one that nobody knows.
	if err := disk.WriteFile(vfs.Default, s.SecretFile, []byte(s.SecretKey+"\n")); err != nil {
		return s, fmt.Errorf("keeping the first secret key: %w", err)
	}
	_, err = r.CreateSecretKey("rapport", s.SecretKey, KeyTerms{Name: "first key", Scopes: Scopes()})
	return s, err
}

// WelcomePath is where the console takes a link; the token stands behind the #,
// which browsers keep to themselves.
const WelcomePath = "/console/start#"

// prepareWelcome says the link that is good still, or makes another.
func (r *Register) prepareWelcome(s *Setup) error {
	path := filepath.Join(r.dir, welcomeFile)
	text, err := os.ReadFile(path)
	if token, ok := strings.CutPrefix(strings.TrimSpace(string(text)), WelcomePath); err == nil && ok &&
		r.Index().Document().Welcome.good(token, r.clock.Now()) {
		s.Welcome, s.WelcomeFile = token, path
		return nil
	}
	if s.Welcome, err = r.Welcome(); err != nil || s.Welcome == "" {
		return err
	}
	s.WelcomeFile = path
	if err := disk.WriteFile(vfs.Default, path, []byte(WelcomePath+s.Welcome+"\n")); err != nil {
		return fmt.Errorf("keeping the link of the first member: %w", err)
	}
	return nil
}

// configuredKey is the id of the secret key that the configuration gives: a
// new one takes the place of the one before, so that it can be changed there.
const configuredKey = "key_configured"

func (r *Register) prepareSecretKey(secret string) error {
	if r.Index().Secret(secret) != nil {
		return nil
	}
	if len(secret) < shortestSecret {
		return invalid("/secret", "the secret key has %d characters: give at least %d", len(secret), shortestSecret)
	}
	return r.change("rapport", func(d *Document) error {
		d.SecretKeys = slices.DeleteFunc(d.SecretKeys, func(k SecretKey) bool { return k.ID == configuredKey })
		d.SecretKeys = append(d.SecretKeys, SecretKey{
			ID: configuredKey, Name: "from the configuration", Hash: hashKey(secret), Hint: hint(secret),
			Scopes: Scopes(), Created: stamp(r.clock.Now()),
		})
		return nil
	})
}

func (r *Register) prepareWriteKey(key string) error {
	if r.Index().Source(DefaultSource) == nil {
		s := Source{Key: DefaultSource, Name: "Default", Kind: "other", Priority: DefaultPriority}
		if key != "" && r.Index().WriteKey(key) == nil {
			s.WriteKeys = []WriteKey{{Key: key, Created: stamp(r.clock.Now())}}
		}
		_, _, err := r.PutSource("rapport", s)
		return err
	}
	if key == "" || r.Index().WriteKey(key) != nil {
		return nil
	}
	_, err := r.AddWriteKey("rapport", DefaultSource, WriteKey{Key: key})
	return err
}

// fileStamp is what a watcher compares before it reads: size and time.
func (r *Register) fileStamp() string {
	info, err := os.Stat(filepath.Join(r.dir, documentFile))
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// Watcher tells whether the document changed on disk since it last told so.
type Watcher struct {
	r    *Register
	last string
}

// Watch makes a watcher.
func (r *Register) Watch() *Watcher { return &Watcher{r, r.fileStamp()} }

// Check takes over the document where another process changed it.
func (w *Watcher) Check() error {
	now := w.r.fileStamp()
	if now == w.last {
		return nil
	}
	w.last = now
	return w.r.Reload()
}
