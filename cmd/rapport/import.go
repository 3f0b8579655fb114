package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/fault"
)

// importFlags are the flags of an import.
type importFlags struct {
	url, key                      string
	source, mapping, kind, report string
	historical                    bool
}

// importView is an import as the instance shows it.
type importView struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Error string `json:"error"`
	Size  int64  `json:"size"`
	Read  int64  `json:"bytes_read"`
	Sums  struct {
		Rows      int64 `json:"rows"`
		Inserted  int64 `json:"inserted"`
		Updated   int64 `json:"updated"`
		Unchanged int64 `json:"unchanged"`
		Conflict  int64 `json:"conflict"`
		Failed    int64 `json:"failed"`
	} `json:"sums"`
	Rate      float64 `json:"rows_per_second"`
	Remaining float64 `json:"remaining_seconds"`
	Report    string  `json:"report"`
}

func importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Load a table into a running instance",
		Long: "Load a table into a running instance: CSV, JSON lines or a spreadsheet, plain or as gzip, zip or\n" +
			"zstd, or Parquet. The name of the file says what its rows are (user-*, product-*, transaction-* …)\n" +
			"unless --kind or --mapping does. Sending a file again changes nothing.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&f.url, "url", "http://127.0.0.1:8080", "address of the instance")
	cmd.Flags().StringVar(&f.key, "secret-key", "", "a secret key that may write (RAPPORT_SECRET_KEY)")
	cmd.Flags().StringVar(&f.source, "source", "", "key of the source that the rows belong to")
	cmd.Flags().StringVar(&f.mapping, "mapping", "", "key of the mapping; without one the columns say it")
	cmd.Flags().StringVar(&f.kind, "kind", "", "what the rows are about, where the name does not say it")
	cmd.Flags().BoolVar(&f.historical, "historical", false, "the rows are of the past and cause no effects")
	cmd.Flags().StringVar(&f.report, "report", "", "write the report on rows that were not simply taken to this file")
	return cmd
}

func (f *importFlags) run(cmd *cobra.Command, name string) error {
	if f.key == "" {
		f.key = os.Getenv("RAPPORT_SECRET_KEY")
	}
	if f.key == "" {
		return fault.Errorf(fault.Unauthenticated, "no_key", "an import needs a secret key: set RAPPORT_SECRET_KEY, or name one by --secret-key; serve showed it at its first start")
	}
	file, err := os.Open(name)
	if err != nil {
		return fault.Errorf(fault.NotFound, "no_file", "%s cannot be read: %s", name, err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	q := url.Values{"name": {filepath.Base(name)}}
	for key, value := range map[string]string{"source": f.source, "mapping": f.mapping, "kind": f.kind} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if f.historical {
		q.Set("historical", "true")
	}
	var v importView
	if err := f.ask(cmd.Context(), http.MethodPost, "/api/v1/imports?"+q.Encode(), file, &v); err != nil {
		return err
	}
	if err := f.follow(cmd.Context(), &v, cmd.ErrOrStderr()); err != nil {
		return err
	}
	s := &v.Sums
	fmt.Fprintf(cmd.OutOrStdout(), "%d rows: %d inserted, %d updated, %d unchanged, %d in conflict, %d not taken; %.0f rows/s\n",
		s.Rows, s.Inserted, s.Updated, s.Unchanged, s.Conflict, s.Failed, v.Rate)
	if err := f.save(cmd.Context(), &v); err != nil {
		return err
	}
	if v.State != "done" {
		return fault.Errorf(fault.Invalid, "import_"+v.State, "the import ended as %s: %s; the report is at %s%s", v.State, v.Error, f.url, v.Report)
	}
	if s.Failed+s.Conflict > 0 && f.report == "" {
		fmt.Fprintf(cmd.OutOrStdout(), "which rows, and why: %s%s, or --report FILE\n", f.url, v.Report)
	}
	return nil
}

// follow tells how far an import is until it has ended. Who stops looking does
// not stop it.
func (f *importFlags) follow(ctx context.Context, v *importView, out io.Writer) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for v.State != "done" && v.State != "failed" && v.State != "cancelled" {
		select {
		case <-ctx.Done():
			return fault.Errorf(fault.Unavailable, "not_followed", "the import goes on without you: GET %s/api/v1/imports/%s shows it", f.url, v.ID)
		case <-tick.C:
		}
		if err := f.ask(ctx, http.MethodGet, "/api/v1/imports/"+v.ID, nil, v); err != nil {
			return err
		}
		done := 0.0
		if v.Size > 0 {
			done = 100 * float64(v.Read) / float64(v.Size)
		}
		fmt.Fprintf(out, "%s: %d rows, %.0f %%, %.0f rows/s, %.0f s to go\n", v.State, v.Sums.Rows, done, v.Rate, v.Remaining)
	}
	return nil
}

// save writes the report where that was asked for.
func (f *importFlags) save(ctx context.Context, v *importView) error {
	if f.report == "" {
		return nil
	}
	out, err := os.OpenFile(f.report, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return errors.Join(f.ask(ctx, http.MethodGet, v.Report, nil, out), out.Close())
}

// ask calls the instance. The answer goes into a writer as it is, or is read.
func (f *importFlags) ask(ctx context.Context, method, path string, body io.Reader, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, f.url+path, body)
	if err != nil {
		return fault.Errorf(fault.Invalid, "invalid_url", "--url %s is no address: %s", f.url, err)
	}
	r.Header.Set("Authorization", "Bearer "+f.key)
	r.Header.Set("Content-Type", "application/octet-stream")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fault.Errorf(fault.Unavailable, "unreachable", "no instance answers at %s: start one with rapport serve, or name it with --url: %v", f.url, err)
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	if res.StatusCode >= 300 {
		var problem struct {
			Detail string `json:"detail"`
			Code   string `json:"code"`
		}
		if json.NewDecoder(res.Body).Decode(&problem) != nil || problem.Detail == "" {
			return fmt.Errorf("%s %s: %s", method, path, res.Status)
		}
		return fault.Errorf(fault.Invalid, problem.Code, "%s", problem.Detail)
	}
	if w, ok := into.(io.Writer); ok {
		_, err = io.Copy(w, res.Body)
		return err
	}
	return json.NewDecoder(res.Body).Decode(into)
}
