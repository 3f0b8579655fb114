package main

import (
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rapport/internal/config"
	"rapport/internal/telemetry"
)

// settingFlags gives a command a flag for every setting, or for those named.
func settingFlags(cmd *cobra.Command, only ...string) {
	cmd.Flags().String("config", "", "file of settings, YAML (RAPPORT_CONFIG)")
	for _, s := range config.Settings() {
		if len(only) > 0 && !slices.Contains(only, s.Key) {
			continue
		}
		cmd.Flags().String(s.Flag(), "", s.Doc+" ("+s.Env()+")")
		if s.Default != "" {
			cmd.Flags().Lookup(s.Flag()).DefValue = s.Default
		}
	}
}

// asSet stands for the value of a flag that was given without one.
const asSet = "as set"

// settings reads the settings of a command.
func settings(cmd *cobra.Command) (config.Config, error) {
	keys := map[string]string{"config": "config"}
	for _, s := range config.Settings() {
		keys[s.Flag()] = s.Key
	}
	flags := map[string]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if key, ok := keys[f.Name]; ok && f.Value.String() != asSet {
			flags[key] = f.Value.String()
		}
	})
	return config.Load(config.Input{Flags: flags, Environ: os.Environ()})
}

func logger(c config.Config) *slog.Logger {
	return telemetry.NewLogger(os.Stderr, c.Log.Level, c.Log.Format)
}
