package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rapport/internal/access"
)

// memberAuthor signs what is changed from the command line.
const memberAuthor = "rapport members"

func membersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "members",
		Short: "List, invite and let back in those who sign in to the console",
		Long:  "List, invite and let back in those who sign in to the console. A running server takes changes\nover within a second or two.",
	}
	cmd.AddCommand(membersListCommand(), membersInviteCommand(), membersLinkCommand(), membersDropCommand())
	return cmd
}

func membersListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List who may sign in", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := register(cmd, false)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tADDRESS\tNAME\tROLES\tCAN SIGN IN\tMADE")
			for _, m := range r.Index().Document().Members {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%t\t%s\n", m.ID, m.Email, m.Name, joinRoles(m.Roles), m.CanSignIn(), m.Created)
			}
			return w.Flush()
		},
	}
	settingFlags(cmd, "data", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

func membersInviteCommand() *cobra.Command {
	var name string
	var roles []string
	cmd := &cobra.Command{
		Use: "invite ADDRESS", Short: "Invite somebody: prints the link with which they set a password", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := register(cmd, true)
			if err != nil {
				return err
			}
			m := access.Member{Name: name, Email: args[0]}
			if m.Name == "" {
				m.Name = args[0]
			}
			for _, role := range roles {
				m.Roles = append(m.Roles, access.Role(role))
			}
			_, token, err := r.PutMember(memberAuthor, m)
			if err != nil {
				return err
			}
			tellLink(cmd, token)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "their name")
	cmd.Flags().StringSliceVar(&roles, "role", []string{string(access.Viewer)}, "what they may do: "+joinRoles(access.Roles()))
	settingFlags(cmd, "data", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

func membersLinkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "link ADDRESS", Short: "A new link for somebody who forgot their password", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := register(cmd, false)
			if err != nil {
				return err
			}
			token, _, err := r.MemberLink(memberAuthor, args[0])
			if err != nil {
				return err
			}
			tellLink(cmd, token)
			return nil
		},
	}
	settingFlags(cmd, "data", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

func membersDropCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drop ADDRESS", Short: "Take a member away; their sessions end", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := register(cmd, false)
			if err != nil {
				return err
			}
			id := args[0]
			if m := r.Index().Member(id); m != nil {
				id = m.ID
			}
			if err := r.DropMember(memberAuthor, id); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "dropped")
			return nil
		},
	}
	settingFlags(cmd, "data", "encryption.key_file", "encryption.former_key_file")
	return cmd
}

func tellLink(cmd *cobra.Command, token string) {
	fmt.Fprintln(cmd.ErrOrStderr(), "put this behind the address of the instance; it is good for a day, and once:")
	fmt.Fprintln(cmd.OutOrStdout(), access.WelcomePath+token)
}

func joinRoles(roles []access.Role) string {
	names := make([]string, 0, len(roles))
	for _, r := range roles {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
