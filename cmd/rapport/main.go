// Command rapport is the whole product in one program: the server and the
// tools around its data. It never does more itself than read settings and hand
// them on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // where the machine has no time zones: an image from scratch, Windows

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // where the machine knows no authorities

	"rapport/internal/fault"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop() // the first signal: finish what is under way
		<-signals
		os.Exit(130) // the second: at once; whatever was acknowledged is on disk
	}()
	err := rootCommand().ExecuteContext(ctx)
	switch f, ok := errors.AsType[*fault.Fault](err); {
	case err == nil:
		return
	case errors.Is(err, errDiffers):
		os.Exit(3)
	case ok && f.Kind != fault.Internal:
		fmt.Fprintln(os.Stderr, "rapport:", f.Message)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "rapport:", err)
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "rapport",
		Short:         "A customer data platform in one program",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.Errorf(fault.Invalid, "invalid_flag", "%w; %s --help lists the flags", err, cmd.CommandPath())
	})
	root.AddCommand(serveCommand(), rebuildCommand(), keysCommand(), membersCommand(), backupCommand(), restoreCommand(), copyCommand(), demoCommand(), importCommand(), lakeCommand(), exampleCommand(), exportCommand(), applyCommand(), diffCommand(), doctorCommand(), configCommand(), versionCommand())
	return root
}
