package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/fault"
	"rapport/internal/manifest"
)

// errDiffers ends a command that looked, where what it found is told already: diff
// that something differs, doctor that something is critical.
var errDiffers = errors.New("something differs")

// instance says how a command of definitions reaches one.
type instance struct {
	server string
	only   []string
}

func (i *instance) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&i.server, "server", "", "address of the instance, such as https://rapport.example.com; left out: the one of --listen on this machine")
	cmd.Flags().StringSliceVar(&i.only, "kind", nil, "only these kinds: "+strings.Join(manifest.KindNames(), ", "))
	settingFlags(cmd, "data", "listen", "tls.cert_file", "tls.key_file", "tls.acme_domains", "secret_key", "encryption.key_file")
	if err := cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(manifest.KindNames(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is there
	}
}

// with does something with a client of the instance. On the instance's own
// machine it needs no key: one that ends with the command is made.
func (i *instance) with(cmd *cobra.Command, do func(ctx context.Context, c *manifest.Client) error) error {
	for _, k := range i.only {
		if !slices.Contains(manifest.KindNames(), k) {
			return fault.Errorf(fault.Invalid, "unknown_kind", "there is no kind %q: the kinds are %s", k, strings.Join(manifest.KindNames(), ", "))
		}
	}
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	client := &manifest.Client{Base: i.server, Key: c.SecretKey, HTTP: &http.Client{Timeout: 2 * time.Minute}}
	if client.Base == "" {
		client.Base, client.HTTP = app.Local(&c)
	}
	if client.Key != "" {
		return do(cmd.Context(), client)
	}
	if i.server != "" || !app.Running(&c) {
		return fault.Errorf(fault.Unauthenticated, "no_key", "no key: set RAPPORT_SECRET_KEY to a secret key of the instance (rapport keys create), or give --data and --listen of one that runs on this machine")
	}
	if err := app.OpenFolder(&c, app.Parts{}); err != nil {
		return err
	}
	r, _, err := access.Open(c.Files, c.Data, time.Now, rand.Reader)
	if err != nil {
		return err
	}
	key, err := r.MachineKey("rapport " + cmd.Name())
	if err != nil {
		return err
	}
	defer r.RevokeSecretKey("rapport "+cmd.Name(), key.ID) //nolint:errcheck // it ends by itself within the hour
	client.Key = key.Secret
	begin := time.Now()
	for {
		// The server takes the key over within a second or two.
		err := do(cmd.Context(), client)
		if fault.KindOf(err) != fault.Unauthenticated || time.Since(begin) > 10*time.Second {
			return err
		}
		if err := pause(cmd.Context()); err != nil {
			return err
		}
	}
}

func exportCommand() *cobra.Command {
	var at instance
	cmd := &cobra.Command{
		Use:   "export FOLDER",
		Short: "Write all definitions of an instance into a folder, one YAML file each",
		Long: "Write all definitions of an instance into a folder, one YAML file each: segments, decision models,\n" +
			"destinations and all others, of each the live version, else the newest draft. Files that say the\n" +
			"same already stay as they are; those of definitions that are gone are removed. Secrets are not\n" +
			"in the files: " + manifest.Mask + " leaves them as they are, ${env:NAME} takes them from the environment.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return at.with(cmd, func(ctx context.Context, c *manifest.Client) error {
				all, err := c.Fetch(ctx, at.only)
				if err != nil {
					return err
				}
				written, removed, err := manifest.Save(args[0], all, at.only)
				for _, name := range written {
					fmt.Fprintln(cmd.OutOrStdout(), "wrote "+name)
				}
				for _, name := range removed {
					fmt.Fprintln(cmd.OutOrStdout(), "removed "+name)
				}
				if err == nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "%d definitions, %d files written, %d removed\n", len(all), len(written), len(removed))
				}
				return err
			})
		},
	}
	at.flags(cmd)
	return cmd
}

func diffCommand() *cobra.Command {
	var at instance
	cmd := &cobra.Command{
		Use:   "diff FOLDER",
		Short: "Say where the definitions of a folder and of an instance differ",
		Long:  "Say where the definitions of a folder and of an instance differ. It ends with 0 where nothing does,\nwith 3 where something does, and with 1 or 2 where they could not be compared.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return at.with(cmd, func(ctx context.Context, c *manifest.Client) error {
				changes, err := at.compare(ctx, c, args[0], manifest.Options{})
				if err != nil {
					return err
				}
				for i := range changes {
					tellChange(cmd.OutOrStdout(), &changes[i])
				}
				if len(changes) > 0 {
					return errDiffers
				}
				fmt.Fprintln(cmd.ErrOrStderr(), "nothing differs")
				return nil
			})
		},
	}
	at.flags(cmd)
	return cmd
}

func (i *instance) compare(ctx context.Context, c *manifest.Client, folder string, o manifest.Options) ([]manifest.Change, error) {
	want, err := manifest.Load(folder)
	if err != nil {
		return nil, err
	}
	if len(i.only) > 0 {
		want = slices.DeleteFunc(want, func(o *manifest.Object) bool { return !slices.Contains(i.only, o.Kind) })
	}
	is, err := c.Fetch(ctx, i.only)
	if err != nil {
		return nil, err
	}
	return manifest.Compare(is, want, o), nil
}

var signs = map[string]string{manifest.Create: "+", manifest.Update: "~", manifest.Delete: "-", manifest.Keep: "="}

func tellChange(out io.Writer, ch *manifest.Change) {
	note := ""
	if ch.Verb == manifest.Keep {
		note = " (only on the instance)"
	}
	fmt.Fprintf(out, "%s %s%s\n", signs[ch.Verb], ch.Object.Name(), note)
	for _, line := range ch.Lines {
		fmt.Fprintln(out, "    "+line)
	}
}

func applyCommand() *cobra.Command {
	var at instance
	var options manifest.Options
	var dry bool
	var note string
	cmd := &cobra.Command{
		Use:   "apply FOLDER",
		Short: "Make an instance have the definitions of a folder",
		Long: "Make an instance have the definitions of a folder, in the order in which they need one another.\n" +
			"What the folder does not have stays, unless --delete is given. What differs becomes a new version;\n" +
			"who asked and --note stand beside it. A refusal leaves what was done before it; apply again goes on.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return at.with(cmd, func(ctx context.Context, c *manifest.Client) error {
				changes, err := at.compare(ctx, c, args[0], options)
				if err != nil {
					return err
				}
				out, n := cmd.OutOrStdout(), 0
				if dry {
					for i := range changes {
						tellChange(out, &changes[i])
					}
					return nil
				}
				err = c.Apply(ctx, changes, note, func(ch manifest.Change) {
					n++
					tellChange(out, &ch)
				})
				fmt.Fprintf(cmd.ErrOrStderr(), "%d changes\n", n)
				return err
			})
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&options.Delete, "delete", false, "archive or remove what the folder does not have")
	cmd.Flags().BoolVar(&options.Secrets, "secrets", false, "write again what takes secrets from the environment, as after a rotation")
	cmd.Flags().StringVar(&note, "note", "", "why, kept with each version")
	return cmd
}
