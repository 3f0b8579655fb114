package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/store"
)

func rebuildCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Throw derived state away and fold it again from the log",
		Long: "Throw the derived state of an instance that is not running away and fold it again from the\n" +
			"log of facts. The log itself is not changed. One that is cut off is finished by the next start.\n" +
			"Profiles, segments and counts are as they were. What was told of entries into segments and exits\n" +
			"is kept; where it was wrong, a correction is told.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			begin := time.Now()
			err = app.Rebuild(cmd.Context(), c, app.Parts{Log: logger(c), Version: version()}, progress(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "rebuilt in %s\n", time.Since(begin).Round(time.Millisecond))
			return nil
		},
	}
	settingFlags(cmd, "data", "store", "log_store", "memory", "log.level", "log.format", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

// progress tells how far a replay is, at most once a second.
func progress(out io.Writer) func(done, end store.Position) {
	var last time.Time
	return func(done, end store.Position) {
		if time.Since(last) < time.Second || end == 0 {
			return
		}
		last = time.Now()
		fmt.Fprintf(out, "folded %d of %d (%.0f %%)\n", done, end, 100*float64(done)/float64(end))
	}
}
