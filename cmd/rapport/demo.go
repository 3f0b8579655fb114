package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/demo"
	"rapport/internal/fault"
)

// folderFlag stands for the setting data, whose own flag names the file here.
const folderFlag = "folder"

// demoFlags are the flags of the demo itself.
type demoFlags struct {
	file   string
	plan   demo.Plan
	rate   float64
	once   bool
	noLive bool
}

func demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run an instance on an empty folder and play a shop's traffic into it",
		Long: "Run an instance on an empty folder, play some weeks of a shop's traffic into it through its\n" +
			"HTTP door, say what to look at and go on live until SIGINT or SIGTERM. With --data it plays the\n" +
			"order lines of a real shop instead (the CSV of UCI Online Retail, may be gzipped).",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, f) },
	}
	settingFlags(cmd, "listen", "store", "log_store", "memory", "write_key", "secret_key", "log.level", "log.format")
	cmd.Flags().String(folderFlag, "", "Folder of all data; must be empty or not exist (RAPPORT_DATA)")
	cmd.Flags().Lookup(folderFlag).DefValue = "./rapport-data"
	cmd.Flags().StringVar(&f.file, "data", "", "play this file of order lines instead of made-up traffic")
	cmd.Flags().Uint64Var(&f.plan.Seed, "seed", 1, "equal seeds play the same traffic")
	cmd.Flags().IntVar(&f.plan.Events, "events", 100_000, "about how many events of history")
	cmd.Flags().IntVar(&f.plan.People, "people", 3_000, "how many people come to the shop")
	cmd.Flags().IntVar(&f.plan.Days, "days", 42, "how many days of history")
	cmd.Flags().Float64Var(&f.rate, "rate", 5, "live events a second")
	cmd.Flags().BoolVar(&f.once, "once", false, "end after the history")
	cmd.Flags().BoolVar(&f.noLive, "no-live", false, "keep serving after the history, without live traffic")
	return cmd
}

func runDemo(cmd *cobra.Command, f demoFlags) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	c, err := demoSettings(cmd)
	if err != nil {
		return err
	}
	if err := emptyFolder(c.Data); err != nil {
		return err
	}
	input, err := openFile(f.file)
	if err != nil {
		return err
	}
	defer func() { _ = input.Close() }() // it was only read
	log := logger(c)
	a, err := app.Open(ctx, c, app.Parts{Log: log, Version: version()})
	if err != nil {
		return err
	}
	app.LimitMemory(config.NewBudget(c.Memory))
	fmt.Fprintln(out, "listening on "+a.URL())
	to := demo.Target{
		URL: a.URL(), WriteKey: cmp.Or(c.WriteKey, a.Setup().WriteKey), SecretKey: cmp.Or(c.SecretKey, a.Setup().SecretKey),
	}
	playing := make(chan error, 1)
	go func() { playing <- f.play(ctx, to, a.Welcome(), input, out) }()
	for {
		select {
		case err = <-playing:
		case err = <-a.Failed():
		}
		if ctx.Err() != nil {
			err = nil // stopped by a person
		}
		again := errors.Is(err, app.ErrRestart)
		if again {
			err = nil
		}
		if err = errors.Join(err, a.Close(context.WithoutCancel(ctx))); err != nil || !again {
			return err
		}
		log.Info("starting anew: the state is folded again from the log")
		c.Listen = a.Addr() // the same port: what plays goes on
		if a, err = app.Open(ctx, c, app.Parts{Log: log, Version: version()}); err != nil {
			return err
		}
	}
}

// play fills the instance, says what to look at and goes on until it is stopped.
func (f *demoFlags) play(ctx context.Context, to demo.Target, welcome string, input io.Reader, out io.Writer) error {
	var looks []demo.Look
	var played *demo.Played
	begin := time.Now()
	if f.file != "" {
		report, err := demo.Retail(ctx, to, input, out)
		if err != nil {
			return err
		}
		if err := report.Define(ctx, to, out); err != nil {
			return err
		}
		looks = report.Looks()
	} else {
		var err error
		f.plan.Until = begin
		if played, err = demo.History(ctx, to, f.plan, out); err != nil {
			return err
		}
		if err := played.Define(ctx, out); err != nil {
			return err
		}
		looks = played.Looks()
	}
	fmt.Fprintf(out, "played, applied and evaluated in %s\n", time.Since(begin).Round(100*time.Millisecond))
	demo.Show(out, to, looks)
	if welcome != "" {
		fmt.Fprintln(out, "console, sign up with this link: "+welcome)
	}
	switch {
	case f.once:
		return nil
	case f.noLive || played == nil:
		fmt.Fprintln(out, "serving until it is stopped (ctrl-c)")
		<-ctx.Done()
		return nil
	}
	fmt.Fprintf(out, "going on live at %g events/s until it is stopped (ctrl-c)\n", f.rate)
	return played.Live(ctx, f.rate, time.Now, out)
}

// demoSettings are the settings but for data, whose flag is --folder.
func demoSettings(cmd *cobra.Command) (config.Config, error) {
	keys := map[string]string{folderFlag: "data"}
	for _, s := range config.Settings() {
		if s.Key != "data" {
			keys[s.Flag()] = s.Key
		}
	}
	flags := map[string]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if key, ok := keys[f.Name]; ok {
			flags[key] = f.Value.String()
		}
	})
	if f := cmd.Flags().Lookup("config"); f.Changed {
		flags["config"] = f.Value.String()
	}
	return config.Load(config.Input{Flags: flags, Environ: os.Environ()})
}

// emptyFolder keeps a demo out of data that somebody may want to keep.
func emptyFolder(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return fault.Errorf(fault.Invalid, "invalid_folder", "%s cannot be used: %s; name an empty folder with --%s", path, err, folderFlag)
	}
	return fault.Errorf(fault.Conflict, "folder_not_empty",
		"%s is not empty, and a demo starts from nothing: name another folder with --%s, or remove this one; "+
			"rapport serve goes on with what is in it", path, folderFlag)
}

// openFile opens what is to be played; without a file there is nothing in it.
func openFile(path string) (io.ReadCloser, error) {
	if path == "" {
		return io.NopCloser(eof{}), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Errorf(fault.NotFound, "no_file", "%s cannot be read: %s; --data names a CSV of order lines", path, err)
	}
	return f, nil
}

// eof is a file with nothing in it.
type eof struct{}

// Read gives nothing.
func (eof) Read([]byte) (int, error) { return 0, io.EOF }
