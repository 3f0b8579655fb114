package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/backup"
	"rapport/internal/config"
	"rapport/internal/fault"
)

func backupSettings(cmd *cobra.Command) {
	settingFlags(cmd, "data", "listen", "tls.cert_file", "tls.key_file", "tls.acme_domains", "store", "egress.allow", "log.level", "log.format",
		"backup.url", "backup.keep", "backup.s3_endpoint", "backup.s3_region", "backup.s3_access_key", "backup.s3_secret_key", "encryption.key_file", "encryption.former_key_file")
}

func backupCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copy the data to a folder or an S3 bucket, also while it is in use",
		Long: "Copy the data to a folder or an S3 bucket, also while a server uses it: only what changed since\n" +
			"the last backup there travels, every piece is read back, and backups that are over are removed.\n" +
			"It holds the keys of the data: without encryption.key_file whoever reads the place reads everything.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, to, err := backupPlace(cmd, to)
			if err != nil {
				return err
			}
			if !c.Postgres() && app.Running(&c) {
				return backupRunning(cmd, &c, to)
			}
			s, err := app.Backup(cmd.Context(), c, to, app.Parts{Log: logger(c), Version: version()}, bytesDone(cmd.ErrOrStderr(), "looked at"))
			if err != nil {
				return err
			}
			tellBackup(cmd.OutOrStdout(), s, to)
			return nil
		},
	}
	cmd.PersistentFlags().StringVar(&to, "to", "", "folder or s3://BUCKET/PREFIX; left out: the setting backup.url")
	backupSettings(cmd)
	cmd.AddCommand(backupListCommand(&to), backupVerifyCommand(&to))
	return cmd
}

func backupPlace(cmd *cobra.Command, place string) (config.Config, string, error) {
	c, err := settings(cmd)
	if err != nil {
		return c, "", err
	}
	place = cmp.Or(place, c.Backup.URL)
	if place != "" && !strings.HasPrefix(place, "s3://") {
		// A server that makes the backup stands in another folder.
		place, err = filepath.Abs(place)
		return c, place, err
	}
	if place == "" {
		return c, "", fault.Errorf(fault.Invalid, "no_backup_target", "where? Give --to a folder or s3://BUCKET/PREFIX, or set RAPPORT_BACKUP_URL")
	}
	return c, place, nil
}

func tellBackup(out io.Writer, s *backup.Snapshot, to string) {
	fmt.Fprintf(out, "backup %s in %s: %s, of which %s are new; checksum %s\n", s.ID, to, config.Size(s.Bytes), config.Size(s.Fresh), s.Sum)
}

// bytesDone tells how far a copy is, at most once a second.
func bytesDone(out io.Writer, what string) backup.Progress {
	begin, last := time.Now(), time.Now()
	return func(done int64) {
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		fmt.Fprintf(out, "%s %s in %s\n", what, config.Size(done), time.Since(begin).Round(time.Second))
	}
}

// backupRunning has the server that uses the data make the backup: it alone
// knows what belongs together at one moment.
func backupRunning(cmd *cobra.Command, c *config.Config, to string) error {
	if err := app.OpenFolder(c, app.Parts{}); err != nil {
		return err
	}
	r, _, err := access.Open(c.Files, c.Data, time.Now, rand.Reader)
	if err != nil {
		return err
	}
	key, err := r.MachineKey("rapport backup")
	if err != nil {
		return err
	}
	defer r.RevokeSecretKey("rapport backup", key.ID) //nolint:errcheck // it ends by itself within the hour
	b := besideOf(c, key.Secret)
	var job struct {
		ID, State, Error string
		Done             int64
		Result           *struct {
			backup.Snapshot
			To string
		}
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "a server uses the data: it makes the backup")
	begin := time.Now()
	for {
		// The server takes the key over within a second or two.
		err = b.ask(cmd.Context(), http.MethodPost, "/api/v1/backups", map[string]string{"to": to}, &job)
		if fault.KindOf(err) != fault.Unauthenticated || time.Since(begin) > 10*time.Second {
			break
		}
		if err := pause(cmd.Context()); err != nil {
			return err
		}
	}
	tell := bytesDone(cmd.ErrOrStderr(), "looked at")
	for err == nil && (job.State == "queued" || job.State == "running") {
		if err = pause(cmd.Context()); err == nil {
			err = b.ask(cmd.Context(), http.MethodGet, "/api/v1/jobs/"+job.ID, nil, &job)
		}
		tell(job.Done)
	}
	switch {
	case err != nil:
		return err
	case job.State != "done" || job.Result == nil:
		return fault.Errorf(fault.Internal, "backup_failed", "the backup is %s: %s", job.State, job.Error)
	}
	tellBackup(cmd.OutOrStdout(), &job.Result.Snapshot, to)
	return nil
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(500 * time.Millisecond):
		return nil
	}
}

// beside is the server that runs beside a command.
type beside struct {
	base, key string
	client    *http.Client
}

func besideOf(c *config.Config, key string) *beside {
	b := &beside{key: key}
	b.base, b.client = app.Local(c)
	return b
}

func (b *beside) ask(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, b.base+path, strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+b.key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := b.client.Do(r)
	if err != nil {
		return fault.Errorf(fault.Unavailable, "no_server", "the server that uses the data does not answer at %s: give its address with --listen: %w", b.base, err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		var p struct{ Detail, Code string }
		_ = json.Unmarshal(answer, &p) // what is no problem document is told by its status
		kind := fault.Internal
		if res.StatusCode == http.StatusUnauthorized {
			kind = fault.Unauthenticated
		}
		return fault.Errorf(kind, cmp.Or(p.Code, "refused"), "the server answers %d: %s", res.StatusCode, p.Detail)
	}
	return json.Unmarshal(answer, into)
}

// openPlace is the place that a flag or the settings name, with the settings.
func openPlace(cmd *cobra.Command, named string) (config.Config, backup.Target, error) {
	c, place, err := backupPlace(cmd, named)
	if err != nil {
		return c, nil, err
	}
	policy, err := app.Egress(&c)
	if err != nil {
		return c, nil, err
	}
	target, err := app.BackupsToRead(cmd.Context(), &c, place, policy)
	return c, target, err
}

func backupListCommand(to *string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the backups of a place, the oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, target, err := openPlace(cmd, *to)
			if err != nil {
				return err
			}
			all, err := backup.List(cmd.Context(), target)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "BACKUP\tMADE\tENDS\tSIZE\tNEW\tVERSION")
			for i := range all {
				s := &all[i]
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.Made, s.Expires, config.Size(s.Bytes), config.Size(s.Fresh), s.Version)
			}
			return w.Flush()
		},
	}
	backupSettings(cmd)
	return cmd
}

func backupVerifyCommand(to *string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify [BACKUP]", Short: "Read every piece of a backup, the newest where none is named, and check it", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, target, err := openPlace(cmd, *to)
			if err != nil {
				return err
			}
			s, err := oneBackup(cmd, target, args)
			if err != nil {
				return err
			}
			if err := backup.Verify(cmd.Context(), target, s, bytesDone(cmd.ErrOrStderr(), "read")); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "backup %s is whole: %s in %d files; checksum %s\n", s.ID, config.Size(s.Bytes), len(s.Files), s.Sum)
			return nil
		},
	}
	backupSettings(cmd)
	return cmd
}

// oneBackup is the one that is named, or the newest.
func oneBackup(cmd *cobra.Command, at backup.Target, named []string) (*backup.Snapshot, error) {
	if len(named) > 0 && named[0] != "" {
		return backup.Read(cmd.Context(), at, named[0])
	}
	all, err := backup.List(cmd.Context(), at)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fault.Errorf(fault.NotFound, "no_backup", "%s holds no backup", at.Root())
	}
	return backup.Read(cmd.Context(), at, all[len(all)-1].ID)
}

func restoreCommand() *cobra.Command {
	var from, ledger string
	cmd := &cobra.Command{
		Use:   "restore [BACKUP]",
		Short: "Write a backup, the newest where none is named, into an empty data folder",
		Long: "Write a backup, the newest where none is named, into an empty data folder. Whoever was erased\n" +
			"since the backup was made is erased again by the first start, before it serves: the ledger that\n" +
			"lies beside the backups says who, and --ledger names a newer one.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, target, err := openPlace(cmd, from)
			if err != nil {
				return err
			}
			s, err := oneBackup(cmd, target, args)
			if err != nil {
				return err
			}
			var ledgers [][]byte
			if ledger != "" {
				text, err := os.ReadFile(ledger)
				if err != nil {
					return errors.Join(fault.Errorf(fault.Invalid, "no_ledger", "the ledger %s cannot be read", ledger), err)
				}
				ledgers = append(ledgers, text)
			}
			erased, err := app.Restore(cmd.Context(), c, target, s, ledgers, app.Parts{}, bytesDone(cmd.ErrOrStderr(), "restored"))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "restored backup %s of %s into %s: %s in %d files; checksum %s\n", s.ID, s.Made, c.Data, config.Size(s.Bytes), len(s.Files), s.Sum)
			if erased > 0 {
				fmt.Fprintf(out, "%d identifiers were erased since: the first start erases them again before it serves\n", erased)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "folder or s3://BUCKET/PREFIX; left out: the setting backup.url")
	cmd.Flags().StringVar(&ledger, "ledger", "", "a ledger of erasures that is newer than the one beside the backups")
	backupSettings(cmd)
	return cmd
}
