package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/backup"
	"rapport/internal/config"
	"rapport/internal/disk"
	"rapport/internal/egress"
	"rapport/internal/fault"
)

// OpenFolder opens the data folder of the settings, enciphered where they have a
// key, and refuses one that a newer version wrote. Whoever reads or writes there
// has called it before.
func OpenFolder(c *config.Config, p Parts) error {
	p = p.filled()
	keys, err := encryptionKeys(c, p.Entropy)
	if err != nil {
		return err
	}
	c.Files, err = disk.Open(vfs.Default, c.Data, keys, formatFile, storeFolder, "access.yaml")
	if err != nil {
		return err
	}
	return CheckFormat(c)
}

// openToRead opens a data folder as it is, and changes no key of it.
func openToRead(c *config.Config, p Parts) error {
	keys, err := encryptionKeys(c, p.Entropy)
	if err != nil {
		return err
	}
	keys.Present, keys.Look = cmp.Or(keys.Present, keys.Former), true
	c.Files, err = disk.Open(vfs.Default, c.Data, keys)
	return err
}

// encryptionKeys reads the keys that the operator keeps.
func encryptionKeys(c *config.Config, random io.Reader) (k disk.Keys, err error) {
	k.Random = random
	if k.Present, err = encryptionKey("encryption.key_file", c.Encryption.Key, c.Encryption.KeyFile); err == nil {
		k.Former, err = encryptionKey("encryption.former_key_file", "", c.Encryption.FormerKeyFile)
	}
	return k, err
}

func encryptionKey(setting, text, file string) (*disk.Key, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_config", "setting %s: %s cannot be read: %w", setting, file, err).At(setting)
		}
		text = string(b)
	}
	if text == "" && file == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	k, err := disk.ParseKey(text)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_config", "setting %s: %v", setting, err).At(setting)
	}
	return k, nil
}

// BackupsToRead is a place where backups lie.
func BackupsToRead(ctx context.Context, c *config.Config, url string, policy *egress.Policy) (backup.Target, error) {
	return openBackups(ctx, c, url, policy, Parts{}, true)
}

// openBackups opens a place of backups, enciphered where the settings have a key:
// one that is empty begins so.
func openBackups(ctx context.Context, c *config.Config, url string, policy *egress.Policy, p Parts, look bool) (backup.Target, error) {
	target, err := backupTarget(c, url, policy)
	if err != nil {
		return nil, err
	}
	keys, err := encryptionKeys(c, p.filled().Entropy)
	if err != nil {
		return nil, err
	}
	if keys.Look = look; look {
		keys.Present = cmp.Or(keys.Present, keys.Former)
	}
	target, err = disk.OpenBlobs(ctx, target, keys)
	if err != nil && fault.Of(err) == nil {
		err = fmt.Errorf("opening the place of backups: %w", err)
	}
	return target, err
}
