package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/config"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run an instance",
		Long: "Run an instance until SIGINT or SIGTERM. It prints one line \"listening on http://HOST:PORT\"\n" +
			"when it is ready, on a database also while another node holds the data and this one passes\n" +
			"requests on. A second signal stops it at once; nothing acknowledged is lost either way.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			explain, err := cmd.Flags().GetBool("explain")
			if err != nil {
				return err
			}
			return serve(cmd, explain)
		},
	}
	settingFlags(cmd)
	cmd.Flags().Bool("explain", false, "print every setting and where it came from, and end")
	return cmd
}

func serve(cmd *cobra.Command, explain bool) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if explain {
		fmt.Fprint(out, c.Explain())
		return nil
	}
	log := logger(c)
	budget := config.NewBudget(c.Memory)
	app.LimitMemory(budget)
	log.Info("memory divided", "shares", budget.String())
	told := false
	tell := func(url string) {
		if !told {
			fmt.Fprintln(out, "listening on "+url)
		}
		told = true
	}
	for first := true; ; first = false {
		a, err := app.Open(cmd.Context(), c, app.Parts{Log: log, Version: version(), Standby: tell})
		if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
			return nil //nolint:nilerr // stopped before it held the data
		}
		if err != nil {
			return err
		}
		if first {
			tellKeys(out, a.Setup())
			tellWelcome(out, a)
			tell(a.URL())
		}
		c.Listen = a.Addr() // the same port, whichever it was
		again, err := run(cmd.Context(), a, log)
		if err != nil || !again {
			return err
		}
		log.Info("starting anew: the state is folded again from the log")
	}
}

// run waits for the end of an instance, and tells whether it is to be opened
// again.
func run(ctx context.Context, a *app.App, log *slog.Logger) (again bool, err error) {
	var failed error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case failed = <-a.Failed():
		switch {
		case errors.Is(failed, app.ErrTaken):
			return false, failed
		case errors.Is(failed, app.ErrRestart):
			again, failed = true, nil
		}
	}
	return again, errors.Join(failed, a.Close(context.WithoutCancel(ctx)))
}

// tellKeys prints what the first start made: the write key, and the secret key
// once where a person looks on, else the file it is in.
func tellKeys(out io.Writer, s access.Setup) {
	if s.SecretKey == "" {
		return
	}
	fmt.Fprintln(out, "write key (public, for sending events): "+s.WriteKey)
	if isTerminal(out) && os.Remove(s.SecretFile) == nil {
		fmt.Fprintln(out, "secret key (shown this once, keep it): "+s.SecretKey)
		return
	}
	fmt.Fprintln(out, "secret key (move it to where you keep secrets): in "+s.SecretFile)
}

// tellWelcome prints how the first member signs up: the link where a person
// looks on, else the file it is in.
func tellWelcome(out io.Writer, a *app.App) {
	switch {
	case a.Welcome() == "":
	case isTerminal(out):
		fmt.Fprintln(out, "console (sign up with this link, good for a day): "+a.Welcome())
	default:
		fmt.Fprintln(out, "console (sign up with the link, good for a day): in "+a.Setup().WelcomeFile)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull && !isNull(info)
}

// isNull tells the null device, which is a character device too.
func isNull(info os.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}
