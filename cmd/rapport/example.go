package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rapport/examples"
	"rapport/internal/fault"
)

func exampleCommand() *cobra.Command {
	to := examples.Server{}
	cmd := &cobra.Command{
		Use:   "example [NAME]",
		Short: "Apply a set-up that runs to a server, or list them",
		Long:  "Apply a set-up that runs to a server, through its API. Without a name: list them. What has\nthe same key there gets another version.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 0 {
				for _, name := range examples.Names() {
					e, err := examples.Setup(name)
					if err != nil {
						return err
					}
					fmt.Fprintf(out, "%s\n%s\n\n", e.Name, e.About)
				}
				return nil
			}
			e, err := examples.Setup(args[0])
			if err != nil {
				return err
			}
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			if to.Key = c.SecretKey; to.Key == "" {
				return fault.Errorf(fault.Invalid, "missing_key", "give a secret key of the server with --secret-key or RAPPORT_SECRET_KEY: rapport keys create makes one")
			}
			if err := e.Apply(cmd.Context(), to); err != nil {
				return err
			}
			for _, r := range e.Request {
				fmt.Fprintln(out, r.Method, r.Path)
			}
			fmt.Fprintf(out, "%s is there.\n", e.Name)
			return nil
		},
	}
	cmd.Flags().StringVar(&to.URL, "url", "http://127.0.0.1:8080", "address of the server")
	settingFlags(cmd, "secret_key")
	return cmd
}
