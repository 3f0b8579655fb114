package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"rapport/internal/config"
	"rapport/internal/fault"
)

func FuzzLoad_AFileIsReadOrAFault(f *testing.F) {
	for _, seed := range []string{"", "listen: 127.0.0.1:1\n", "log:\n  level: warn\n", "a: [", "memory: 1e400", "log: 7", "- x", "wait: {timeout: -1s}", "&a [*a]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Input{Flags: map[string]string{"config": path}, Machine: 1 << 30})
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && c.Validate() != nil {
			t.Errorf("%q is loaded and not valid", text)
		}
	})
}
