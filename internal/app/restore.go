package app

import (
	"context"

	"rapport/internal/backup"
	"rapport/internal/config"
	"rapport/internal/consent"
)

// Restore writes a backup into the empty data folder of the settings, with the
// newest ledger of erasures that is known: the first start erases whom it names
// before it serves. It tells how many the backup did not know of.
func Restore(ctx context.Context, c config.Config, from backup.Target, s *backup.Snapshot, ledgers [][]byte, parts Parts, progress backup.Progress) (erased int, err error) {
	if err := backup.EmptyFolder(c.Data); err != nil {
		return 0, err
	}
	if err := OpenFolder(&c, parts); err != nil {
		return 0, err
	}
	beside, err := backup.Ledger(ctx, from)
	if err != nil {
		return 0, err
	}
	if beside != nil {
		ledgers = append(ledgers, beside)
	}
	var later []consent.Erasure
	for _, text := range ledgers {
		more, err := consent.ReadLedger(text)
		if err != nil {
			return 0, err
		}
		later = append(later, more...)
	}
	err = backup.Restore(ctx, from, s, backup.Folder{Files: c.Files, Dir: c.Data}, progress, func() (err error) {
		erased, err = mergeLedger(erasures{files: c.Files, path: c.Path(erasuresFile)}, later)
		return err
	})
	return erased, err
}

// mergeLedger adds erasures to a ledger and tells how many it did not have.
func mergeLedger(own erasures, later []consent.Erasure) (added int, err error) {
	all, err := own.Load()
	if err != nil {
		return 0, err
	}
	have := make(map[consent.Erasure]bool, len(all))
	for _, e := range all {
		have[e] = true
	}
	for _, e := range later {
		if !have[e] {
			have[e], added = true, added+1
			all = append(all, e)
		}
	}
	if added == 0 {
		return 0, nil
	}
	return added, own.Keep(all)
}
