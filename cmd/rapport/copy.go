package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/fault"
	"rapport/internal/store/transfer"
)

func copyCommand() *cobra.Command {
	var from, to, fromData, toData string
	cmd := &cobra.Command{
		Use:   "copy --from PLACE --to PLACE",
		Short: "Copy an instance between a folder and a database, in any direction",
		Long: "Copy an instance that is not running into an empty place. A place is the data folder of an\n" +
			"instance with the embedded engine, or a postgres:// address; a database needs a data folder\n" +
			"beside it for keys, settings and files: --from-data, --to-data. Positions, profile ids, history\n" +
			"and keys stay what they are. Everything is read back and compared. A copy that was cut off goes\n" +
			"on when the same command is given again; until then no instance starts on it.",
		Example: "  rapport copy --from ./rapport-data --to postgres://rapport@db/rapport --to-data ./node\n" +
			"  rapport copy --from postgres://rapport@db/rapport --from-data ./node --to ./rapport-data",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			terms := app.CopyTerms{Parts: app.Parts{Log: logger(c), Version: version()}, Tell: stagesDone(cmd.ErrOrStderr())}
			if terms.From, err = copyPlace(c, "from", from, fromData); err != nil {
				return err
			}
			if terms.To, err = copyPlace(c, "to", to, toData); err != nil {
				return err
			}
			begin := time.Now()
			done, err := app.Copy(cmd.Context(), terms)
			if err != nil {
				return err
			}
			tellCopy(cmd.OutOrStdout(), done, &terms.To, time.Since(begin))
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "data folder, or postgres:// address, that is copied")
	cmd.Flags().StringVar(&to, "to", "", "empty data folder, or postgres:// address of an empty schema")
	cmd.Flags().StringVar(&fromData, "from-data", "", "data folder beside the database that is copied")
	cmd.Flags().StringVar(&toData, "to-data", "", "empty data folder for the first node on the database")
	settingFlags(cmd, "log_store", "memory", "log.level", "log.format", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

// copyPlace is where one of both keeps its data.
func copyPlace(c config.Config, flag, place, data string) (config.Config, error) {
	database := strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
	switch {
	case place == "":
		return c, fault.Errorf(fault.Invalid, "invalid_copy", "give --%s a data folder or a postgres:// address", flag)
	case database && data == "":
		return c, fault.Errorf(fault.Invalid, "invalid_copy", "give --%s-data the data folder of a node on that database", flag)
	case !database && data != "":
		return c, fault.Errorf(fault.Invalid, "invalid_copy", "--%s-data is for a database; --%s is a folder already", flag, flag)
	}
	c.Store, c.Data = config.Embedded, cmp.Or(data, place)
	if database {
		c.Store = place
	} else {
		c.LogStore = ""
	}
	return c, nil
}

func tellCopy(out io.Writer, done *app.Copied, to *config.Config, took time.Duration) {
	verb := "copied"
	if done.Resumed {
		verb = "copied, from where an earlier copy was cut off,"
	}
	fmt.Fprintf(out, "%s in %s: %d records of the log (%s), %d data keys, %d rows of state, %d files; read back and the same\n",
		verb, took.Round(time.Millisecond), done.Records.Count, config.Size(done.Records.Bytes), done.Keys.Count, done.Rows(), done.Files)
	fmt.Fprintf(out, "checksum of the log %s\n", done.Records)
	if to.Postgres() {
		fmt.Fprintf(out, "start it:  RAPPORT_STORE='postgres://…' rapport serve --data %s\n", to.Data)
		return
	}
	fmt.Fprintf(out, "start it:  rapport serve --data %s\n", to.Data)
}

// stagesDone tells how far a copy is, at most once a second.
func stagesDone(out io.Writer) func(stage transfer.Stage, bytes uint64) {
	begin, last := time.Now(), time.Now()
	return func(stage transfer.Stage, bytes uint64) {
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		fmt.Fprintf(out, "%s: %s after %s\n", stage, config.Size(bytes), time.Since(begin).Round(time.Second))
	}
}
