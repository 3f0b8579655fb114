package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/backup"
	"rapport/internal/blob"
	"rapport/internal/config"
	"rapport/internal/disk"
	"rapport/internal/egress"
	"rapport/internal/fault"
	"rapport/internal/httpapi"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
	"rapport/internal/store/embedded"
)

// backupsFile lists the backups that were made, for the proofs of erasures.
const backupsFile = "backups.json"

// backupSetting is the group of settings of backups.
const backupSetting = "backup"

// notBackedUp are what a restored instance makes anew, or must not have.
func notBackedUp(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{
		storeFolder,     // copied by the engine, which knows what belongs together
		columnsFolder,   // made again from the state
		deliveredFolder, // was handed over
		disk.RingName,   // the place of backups has its own
		"sessions.json", "access.lock", nodeFile, backupsFile, healthFile,
		"secret-key", "console-link", // in clear, and good for the instance that runs
	}, first) || strings.HasPrefix(filepath.Base(name), disk.Unfinished) || strings.HasSuffix(name, ".tmp")
}

// backupTarget is where a setting, or somebody on the machine, wants backups.
func backupTarget(c *config.Config, url string, policy *egress.Policy) (backup.Target, error) {
	if strings.HasPrefix(url, "s3://") {
		b := &c.Backup
		return blob.NewBucket(blob.S3{
			URL: url, Endpoint: b.S3Endpoint, Region: b.S3Region, AccessKey: b.S3AccessKey, SecretKey: b.S3SecretKey,
			HTTP: policy.Client().Transport, Setting: backupSetting,
		})
	}
	root, err := filepath.Abs(url)
	if err != nil {
		return nil, fmt.Errorf("finding the folder of backups: %w", err)
	}
	data, err := filepath.Abs(c.Data)
	if err == nil && (root == data || strings.HasPrefix(root, data+string(filepath.Separator))) {
		return nil, fault.Errorf(fault.Invalid, "invalid_backup", "%s is in the data folder: give a folder elsewhere, on another disk at best", url).At("to")
	}
	return blob.NewFolder(vfs.Default, root, 0o700), err
}

// Egress is how commands reach the outside, by the instance's rules.
func Egress(c *config.Config) (*egress.Policy, error) {
	p, err := egress.New(egress.Options{Allow: strings.Split(c.Egress.Allow, ",")})
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_config", "the setting %s: %v", egress.Setting, err)
	}
	return p, nil
}

// backupParams are what a backup was asked for with.
type backupParams struct {
	To string `json:"to"`
}

// backupResult is what came of it.
type backupResult struct {
	backup.Snapshot
	To     string `json:"to"`
	Pruned int    `json:"pruned"`
}

// doBackup is the work of a backup.
func (a *App) doBackup(ctx context.Context, t *schedule.Task) error {
	var params backupParams
	if err := t.Params(&params); err != nil {
		return err
	}
	s, ok := a.store.(*embedded.Store)
	if !ok {
		return notEmbedded()
	}
	target, err := openBackups(ctx, &a.config, params.To, a.egress, a.parts, false)
	if err != nil {
		return err
	}
	t.SetTotal(int64(s.Log().Size()) + int64(s.State().Size()))
	r, err := makeBackup(ctx, &a.config, s, target, backup.Terms{
		Version: a.parts.Version, Now: a.parts.Clock.Now(), Rate: int64(a.config.Backup.Rate),
		Progress: func(done int64) { _ = t.Advance(ctx, done, struct{}{}) }, // progress alone: the job fails by itself where it must
	})
	if err != nil {
		return err
	}
	a.tellLedger() // somebody may have been erased since it was read
	r.To = target.Root()
	return t.SetResult(r)
}

func notEmbedded() error {
	return fault.Errorf(fault.Invalid, "not_embedded",
		"the data is in a database: back that up with its own means (pg_basebackup or pg_dump), and beside it master-key, instance-key, access.yaml, erasures and audit of the data folder")
}

// makeBackup copies everything that a restored instance needs, and removes what
// is over.
func makeBackup(ctx context.Context, c *config.Config, s *embedded.Store, target backup.Target, terms backup.Terms) (*backupResult, error) {
	terms.ID = terms.Now.Time().Format("20060102T150405.000Z")
	if c.Backup.Keep > 0 {
		terms.Expires = terms.Now.Add(c.Backup.Keep)
	}
	snapshot, err := backup.Make(ctx, target, backupSource(c, s), terms)
	if err != nil {
		return nil, err
	}
	pruned, _, err := backup.Prune(ctx, target, terms.Now)
	if err != nil {
		return nil, err
	}
	if err := keepLedger(ctx, c, target); err != nil {
		return nil, err
	}
	if err := listBackups(ctx, c, target); err != nil {
		return nil, err
	}
	out := &backupResult{Snapshot: *snapshot, Pruned: pruned}
	out.Files = nil
	return out, nil
}

// backupSource visits the engine's files and then the others of the data folder.
func backupSource(c *config.Config, s *embedded.Store) backup.Source {
	return func(ctx context.Context, visit func(backup.Piece) error) error {
		err := s.Copy(ctx, func(p embedded.Piece) error {
			p.Name = storeFolder + "/" + p.Name
			return visit(backup.Piece(p))
		})
		if err != nil {
			return err
		}
		return filepath.WalkDir(c.Data, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // tidied up meanwhile
			}
			if err != nil {
				return err
			}
			name, err := filepath.Rel(c.Data, path)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			switch {
			case notBackedUp(name) && d.IsDir():
				return filepath.SkipDir
			case notBackedUp(name), !d.Type().IsRegular():
				return ctx.Err()
			}
			return visitWhole(c.Files, path, name, visit)
		})
	}
}

// visitWhole reads a small file at once, so that it is what it was at one moment.
func visitWhole(files vfs.FS, path, name string, visit func(backup.Piece) error) error {
	f, err := files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > 64<<20 { // an uploaded table, which does not change
		return visit(backup.Piece{Name: name, Size: info.Size(), Changed: info.ModTime(), Content: f})
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	return visit(backup.Piece{Name: name, Size: int64(len(content)), Changed: info.ModTime(), Content: bytes.NewReader(content)})
}

// listBackups notes which backups there are, for the proofs of erasures.
func listBackups(ctx context.Context, c *config.Config, target backup.Target) error {
	all, err := backup.List(ctx, target)
	if err != nil {
		return err
	}
	known, err := knownBackups(c)
	if err != nil {
		return err
	}
	known[target.Root()] = all
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return disk.WriteFile(c.Files, c.Path(backupsFile), text)
}

func knownBackups(c *config.Config) (map[string][]backup.Snapshot, error) {
	known := map[string][]backup.Snapshot{}
	_, err := disk.ReadDocument(c.Files, c.Path(backupsFile), &known)
	return known, err
}

// olderBackups are those that an erasure of now does not reach.
func olderBackups(c *config.Config) func() ([]pipeline.BackupRow, error) {
	return func() ([]pipeline.BackupRow, error) {
		known, err := knownBackups(c)
		if err != nil {
			return nil, err
		}
		out := []pipeline.BackupRow{}
		for root, all := range known {
			for _, s := range all {
				out = append(out, pipeline.BackupRow{ID: root + "#" + s.ID, Made: s.Made, Expires: s.Expires})
			}
		}
		slices.SortFunc(out, func(x, y pipeline.BackupRow) int { return strings.Compare(x.ID, y.ID) })
		return out, nil
	}
}

// backupsDue asks for a backup where the settings want one by now.
func (a *App) backupsDue(ctx context.Context, now time.Time) []schedule.Request {
	c := &a.config.Backup
	if c.URL == "" || c.Every == 0 {
		return nil
	}
	turn := now.Unix() / int64(c.Every.Seconds())
	return []schedule.Request{{
		Kind: httpapi.JobBackup, Subject: c.URL, Author: "schedule", Key: fmt.Sprintf("backup-%d", turn), Params: backupParams{c.URL},
	}}
}

// Backup makes a backup of an instance that is not running.
func Backup(ctx context.Context, c config.Config, to string, parts Parts, progress backup.Progress) (*backup.Snapshot, error) {
	if c.Postgres() {
		return nil, notEmbedded()
	}
	parts = parts.filled()
	if _, err := os.Stat(c.Path(storeFolder)); err != nil {
		return nil, fault.Errorf(fault.NotFound, "no_data", "%s holds no data: give the folder with --data", c.Data)
	}
	if err := OpenFolder(&c, parts); err != nil {
		return nil, err
	}
	policy, err := Egress(&c)
	if err != nil {
		return nil, err
	}
	target, err := openBackups(ctx, &c, to, policy, parts, false)
	if err != nil {
		return nil, err
	}
	s, err := embedded.Open(c.Path(storeFolder), embedded.Options{FS: c.Files, WrittenOnce: disk.Enciphers(c.Files), Random: parts.Entropy})
	if err != nil {
		return nil, err
	}
	r, err := makeBackup(ctx, &c, s, target, backup.Terms{Version: parts.Version, Now: parts.Clock.Now(), Progress: progress})
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	return &r.Snapshot, nil
}

// Running tells whether an instance has the embedded data of a folder open.
func Running(c *config.Config) bool {
	if _, err := os.Stat(c.Path(storeFolder)); err != nil {
		return false
	}
	lock, err := vfs.Default.Lock(c.Path(storeFolder, "LOCK"))
	if err != nil {
		return true
	}
	_ = lock.Close() // it was taken to see whether it can be
	return false
}
