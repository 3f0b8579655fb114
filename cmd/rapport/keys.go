package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

// author signs what is changed from the command line.
const author = "rapport keys"

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "List, make and revoke keys",
		Long:  "List, make and revoke keys. A running server takes changes over within a second or two.",
	}
	cmd.AddCommand(keysListCommand(), keysCreateCommand(), keysRotateCommand(), keysRevokeCommand())
	return cmd
}

// register opens what an instance knows of keys and members. Only what is made
// may come before the instance's first start: of a folder that is not there a
// list would be empty, and whoever mistyped its name would believe it.
func register(cmd *cobra.Command, mayBegin bool) (*access.Register, error) {
	c, err := settings(cmd)
	if err != nil {
		return nil, err
	}
	if err := app.OpenFolder(&c, app.Parts{}); err != nil {
		return nil, err
	}
	if !mayBegin && !access.Kept(c.Files, c.Data) {
		return nil, fault.Errorf(fault.NotFound, "no_instance", "no instance has its data in %s: name its folder by --data or RAPPORT_DATA", c.Data)
	}
	r, _, err := access.Open(c.Files, c.Data, time.Now, rand.Reader)
	return r, err
}

func keysListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List write keys and, without the keys, secret keys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := register(cmd, false)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "KIND\tKEY\tNAME\tMAY\tMADE\tUSED\tENDS")
			doc := r.Index().Document()
			for _, s := range doc.Sources {
				for _, k := range s.WriteKeys {
					fmt.Fprintf(w, "write\t%s\t%s\tsend events\t%s\t\t\n", k.Key, s.Name, k.Created)
				}
			}
			for _, k := range doc.SecretKeys {
				fmt.Fprintf(w, "secret\t%s (…%s)\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Hint, k.Name, strings.Join(k.Scopes, ", "), k.Created, r.LastUse(k.ID), k.Expires)
			}
			return w.Flush()
		},
	}
	settingFlags(cmd, "data", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

func keysCreateCommand() *cobra.Command {
	var source string
	var life time.Duration
	var terms access.KeyTerms
	var limits access.Limits
	cmd := &cobra.Command{
		Use: "create", Short: "Make a secret key, or with --source a write key", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := register(cmd, true)
			if err != nil {
				return err
			}
			if source != "" {
				k, err := r.AddWriteKey(author, source, access.WriteKey{Limits: &limits})
				if err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), k.Key)
				return nil
			}
			if life > 0 {
				terms.Expires = clock.From(time.Now().Add(life))
			}
			terms.Limits = &limits
			k, err := r.CreateSecretKey(author, "", terms)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), k.ID+" is shown this once:")
			fmt.Fprintln(cmd.OutOrStdout(), k.Secret)
			return nil
		},
	}
	cmd.Flags().StringVar(&terms.Name, "name", "", "what it is used for")
	cmd.Flags().DurationVar(&life, "expires-in", 0, "when it ends, such as 2160h; left out: never")
	cmd.Flags().StringSliceVar(&terms.Networks, "network", nil, "address or network (CIDR) that may use it; left out: any")
	cmd.Flags().StringVar(&source, "source", "", "make a write key of this source instead")
	cmd.Flags().StringSliceVar(&terms.Scopes, "scope", access.Scopes(), "what it may do: "+strings.Join(access.Scopes(), ", "))
	cmd.Flags().IntVar(&limits.PerSecond, "per-second", 0, "requests (of a write key: events) per second on the long run; left out: any")
	cmd.Flags().IntVar(&limits.Burst, "burst", 0, "how many may come at once; left out: those of ten seconds")
	cmd.Flags().Int64Var(&limits.PerDay, "per-day", 0, "how many from midnight to midnight UTC; left out: any")
	settingFlags(cmd, "data", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

func keysRotateCommand() *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate KEY", Short: "Make a secret key with the terms of another, which ends after the overlap", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := register(cmd, false)
			if err != nil {
				return err
			}
			k, err := r.RotateSecretKey(author, args[0], overlap)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s takes the place of %s, which ends in %s; it is shown this once:\n", k.ID, args[0], overlap)
			fmt.Fprintln(cmd.OutOrStdout(), k.Secret)
			return nil
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key stays good")
	settingFlags(cmd, "data", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

func keysRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke KEY", Short: "Refuse a key from now on: the id of a secret key, or a write key", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := register(cmd, false)
			if err != nil {
				return err
			}
			err = r.RevokeSecretKey(author, args[0])
			if fault.KindOf(err) == fault.NotFound {
				err = r.RevokeWriteKey(author, "", args[0])
			}
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), "revoked")
			}
			return err
		},
	}
	settingFlags(cmd, "data", "encryption.key_file", "encryption.former_key_file")
	return cmd
}
