package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rapport/internal/app"
)

func lakeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lake",
		Short: "Print SQL that makes views of the data lake in DuckDB",
		Long: "Print SQL that makes views of the data lake in DuckDB: each object, the present users, and\n" +
			"events with the users they are of. Run it again to see what came since:\n\n" +
			"  duckdb -init <(rapport lake --lake-url ./lake)",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			text, err := app.LakeViews(&c)
			if err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), text)
			return nil
		},
	}
	settingFlags(cmd, "lake.url")
	return cmd
}
