package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/fault"
	"rapport/internal/health"
)

func doctorCommand() *cobra.Command {
	var storeOnly, asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at all that an instance stands on, and say what mends it",
		Long: "Look at all that an instance stands on: disk and how fast it syncs, clock, keys, port, memory, store;\n" +
			"of one that runs also what is late, stuck or failing. Each finding comes with its mend. It ends\n" +
			"with 3 where something is critical. A database's password travels as in the setting store.",
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.Flags().Lookup("store"); at.Changed && at.Value.String() == asSet && len(args) == 1 {
				return at.Value.Set(args[0]) // the address stands apart from the flag
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			storeOnly = storeOnly || cmd.Flags().Lookup("store").Value.String() == asSet
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			checks := app.Examine(cmd.Context(), &c, app.Parts{})
			if storeOnly {
				checks = slices.DeleteFunc(checks, func(k app.Check) bool { return k.Name != "store" })
			} else if !c.Postgres() && app.Running(&c) {
				checks = append(checks, askHealth(cmd, &c)...)
			}
			return tellChecks(cmd.OutOrStdout(), checks, asJSON)
		},
	}
	cmd.Flags().BoolVar(&storeOnly, "store-only", false, "look at the store alone: which database it is, and whether its role is a superuser")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	settingFlags(cmd, "data", "listen", "tls.cert_file", "tls.key_file", "tls.acme_domains", "http.trusted_proxies", "store", "log_store", "tables.url", "tables.schema", "memory", "master_key", "encryption.key_file")
	at := cmd.Flags().Lookup("store")
	at.NoOptDefVal, at.Usage = asSet, at.Usage+". Without an address: the store that the settings name, alone"
	return cmd
}

// askHealth asks the instance that runs on the data.
func askHealth(cmd *cobra.Command, c *config.Config) []app.Check {
	bad := func(err error) []app.Check {
		return []app.Check{{Name: "health", Severity: health.Warning, Says: "the instance that uses the data does not say how it is: " + err.Error(), Mend: "Give its address with --listen."}}
	}
	if err := app.OpenFolder(c, app.Parts{}); err != nil {
		return bad(err)
	}
	r, _, err := access.Open(c.Files, c.Data, time.Now, rand.Reader)
	if err != nil {
		return bad(err)
	}
	key, err := r.MachineKey("rapport doctor")
	if err != nil {
		return bad(err)
	}
	defer r.RevokeSecretKey("rapport doctor", key.ID) //nolint:errcheck // it ends by itself within the hour
	b := besideOf(c, key.Secret)
	var report health.HealthReport
	for begin := time.Now(); ; {
		err = b.ask(cmd.Context(), http.MethodGet, "/api/v1/health", nil, &report)
		if fault.KindOf(err) != fault.Unauthenticated || time.Since(begin) > 10*time.Second {
			break
		}
		if err := pause(cmd.Context()); err != nil {
			return bad(err)
		}
	}
	if err != nil {
		return bad(err)
	}
	out := []app.Check{{Name: "health", Says: fmt.Sprintf("%d events late by %.0f s", report.Late.Events, report.Late.Seconds)}}
	for _, f := range report.Findings {
		out = append(out, app.Check{Name: f.Code, Severity: f.Severity, Says: f.Message, Mend: f.Mend})
	}
	return out
}

func tellChecks(out io.Writer, checks []app.Check, asJSON bool) error {
	critical := slices.ContainsFunc(checks, func(k app.Check) bool { return k.Severity == health.Critical })
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(checks); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		for _, k := range checks {
			level := string(k.Severity)
			if level == "" {
				level = "ok"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", level, k.Name, k.Says)
			if k.Mend != "" {
				fmt.Fprintf(w, "\t\t→ %s\n", k.Mend)
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if critical {
		return errDiffers
	}
	return nil
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Look at the settings"}
	explain := &cobra.Command{
		Use: "explain", Short: "Print every setting, its value and where that comes from; secrets are not shown", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), c.Explain())
			return err
		},
	}
	settingFlags(explain)
	cmd.AddCommand(explain)
	return cmd
}
