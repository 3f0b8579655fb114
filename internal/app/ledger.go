package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"rapport/internal/backup"
	"rapport/internal/config"
	"rapport/internal/disk"
)

// keepLedger brings the ledger of erasures to where the backups are.
func keepLedger(ctx context.Context, c *config.Config, target backup.Target) error {
	ledger, err := disk.ReadFile(c.Files, c.Path(erasuresFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the ledger of erasures: %w", err)
	}
	return backup.KeepLedger(ctx, target, ledger)
}

// ledgerPatience is how long a target may take for the ledger, and how long it is
// left alone after it failed.
const ledgerPatience = 30 * time.Second

// followLedger brings the ledger to the backups after each erasure, so that none
// of them brings anybody back who was erased since. An erasure does not wait.
func (a *App) followLedger() {
	for {
		select {
		case <-a.erased:
		case <-a.stop:
			select {
			case <-a.erased:
				a.bringLedger(ledgerPatience / 3)
			default:
			}
			return
		}
		for !a.bringLedger(ledgerPatience) {
			select {
			case <-a.stop:
				return
			case <-time.After(ledgerPatience):
			}
		}
	}
}

func (a *App) bringLedger(patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a.ledger.Lock()
	defer a.ledger.Unlock()
	target, err := openBackups(ctx, &a.config, a.config.Backup.URL, a.egress, a.parts, false)
	if err == nil {
		err = keepLedger(ctx, &a.config, target)
	}
	if err != nil {
		a.parts.Log.Error("the ledger of erasures does not reach the backups; it is tried again", "error", err)
	}
	return err == nil
}

// tellLedger says that there is a new ledger.
func (a *App) tellLedger() {
	if a.config.Backup.URL == "" {
		return
	}
	select {
	case a.erased <- struct{}{}:
	default: // it was said already
	}
}
